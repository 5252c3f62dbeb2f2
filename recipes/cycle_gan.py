"""CycleGAN (Zhu, Park, Isola and Efros, 2017, arXiv:1703.10593)."""

import keras
import numpy as np
import typer
from keras import ops
from scipy.ndimage import maximum_filter

from keras_genmod import CycleGAN, callbacks, data, evaluation, networks
from recipes._run import begin, command_line, fit

LEARNING_RATE = 2e-4
BETA_1 = 0.5
MARGIN = 286 / 256  # of photographs, before a window is cut out
CYCLE_WEIGHT = 20.0  # for pixels in [0, 1]; the paper's 10 is for [-1, 1]
NUM_COLUMNS = 10
NUM_LANDSCAPES = 1000  # of each domain of day_and_night, to train with
BOLD = (1, 1, 2, 1)  # strokes become a pixel wider


def learning_rate(epoch, epochs):
    """Returns the rate of an epoch: the same for half of them, then linearly to 0."""
    return LEARNING_RATE * min(1.0, 2.0 * (epochs - epoch) / epochs)


def domains(dataset, dataset_b, split):
    """Returns images of A and of B, right translations of A and labels of B, if known.

    What is not known is `None`.
    """
    if dataset == "day_and_night":
        number, seed = (NUM_LANDSCAPES, 0) if split == "train" else (200, 1)
        day, night = data.day_and_night(2 * number, 32, seed)
        return day[:number], night[number:], night[:number], None
    a, labels = data.load(dataset, split)
    if dataset_b is not None:
        b, labels = data.load(dataset_b, split)
        return a, b, None, labels
    a, others = np.array_split(a, 2)  # B is made of other images than A: no pairs
    if labels is not None:
        labels = labels[len(a) :]
    return a, maximum_filter(others, BOLD), maximum_filter(a, BOLD), labels


def main(
    dataset: str = "digits",
    dataset_b: str | None = None,
    image_size: int = 8,
    epochs: int = 20,
    batch_size: int = 16,
    filters: int = 16,
    num_blocks: int = 2,
    augment: bool = False,
    classifier: str | None = None,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/cycle_gan",
):
    """Trains two translators between two sets of images that are not paired.

    Args:
        dataset: Domain A: "digits", "mnist", another TFDS name, or a .npz file. Or
            "day_and_night" for generated landscapes: A by day, others, B, by night.
        dataset_b: Domain B, the same. If not given, B is half of A's images with bold
            strokes. Then, as for landscapes, the right translation is known.
        image_size: Both sets are resized to it, in pixels; 32 for MNIST and USPS.
        epochs: Passes over the larger set; in the second half of them the learning
            rate falls. More than last time goes on with that run, at the new rates.
        batch_size: Examples a step.
        filters: Feature maps next to the image; 64 for photographs.
        num_blocks: Residual blocks; 6 for photographs of 128 pixels, 9 for 256.
        augment: Whether photographs are flipped and cropped.
        classifier: A model.keras of recipes.feature_classifier for the labels of A and
            B: it reads images of B as they are, and translated to A.
        seed: Of the weights and the batches.
        limit: Use at most so many training and so many held-out examples of each set.
        log_dir: Folder of this run.
    """
    begin(locals(), may_change=["classifier"])
    (a, b, *_), (a_test, b_test, right, labels) = (
        domains(dataset, dataset_b, split) for split in ("train", "test")
    )
    if classifier is not None:
        if labels is None:
            raise typer.BadParameter("--classifier needs labels of B, which has none")
        read = evaluation.FeatureExtractor(keras.saving.load_model(classifier))
    large = round(image_size * MARGIN) if augment else image_size
    a, b = (data.resize(x[:limit], large) for x in (a, b))
    a_test, b_test = (data.resize(x[:limit], image_size) for x in (a_test, b_test))
    num_test = min(len(a_test), len(b_test))
    a_test, b_test = a_test[:num_test], b_test[:num_test]

    shape = a_test.shape[1:]
    depth = 1 if image_size < 32 else 2 if image_size < 128 else 3
    model = CycleGAN(
        networks.resnet_generator(shape, filters, num_blocks, min(depth, 2)),
        networks.resnet_generator(shape, filters, num_blocks, min(depth, 2)),
        networks.patchgan_discriminator(shape, filters, depth),
        networks.patchgan_discriminator(shape, filters, depth),
        cycle_weight=CYCLE_WEIGHT,
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE, beta_1=BETA_1))

    pairs = data.UnpairedDataset(
        a,
        b,
        batch_size,
        seed=seed,
        crop_size=image_size if augment else None,
        flip=augment,
    )
    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        pairs,
        shuffle=False,  # the batches are shuffled already
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(a_test, b_test),
        validation_batch_size=batch_size,
        callbacks=[
            # A run that resumes goes on with the pairs of its epoch.
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs: setattr(pairs, "epoch", epoch)
            ),
            keras.callbacks.LearningRateScheduler(
                lambda epoch: learning_rate(epoch, epochs)
            ),
            board,
        ],
    )

    rows = []
    for shown, there, back in ((a_test, "b", "a"), (b_test, "a", "b")):
        translated = model.translate(shown[:NUM_COLUMNS], to=there)
        returned = model.translate(translated, to=back)
        rows += [shown[:NUM_COLUMNS], translated, returned]
    images = np.concatenate([ops.convert_to_numpy(row) for row in rows])
    board.add_images("translations", images, step=epochs, num_columns=NUM_COLUMNS)
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1 held-out images of A; 2 translated "
        "to B; 3 and back; 4-6 the same from B"
    )
    callbacks.save_png(
        f"{log_dir}/cycle_gan.png", callbacks.image_grid(images, NUM_COLUMNS), caption
    )
    model.save(f"{log_dir}/model.keras")

    logs = model.evaluate(a_test, b_test, batch_size, verbose=0, return_dict=True)
    line = f"distance after a cycle {logs['cycle'] / 2:.4f} a pixel"
    if right is not None:
        translated = ops.convert_to_numpy(model.translate(a_test, to="b"))
        right = data.resize(right[:limit], image_size)[:num_test]
        error, untouched = (np.abs(x - right).mean() for x in (translated, a_test))
        line += f"; to the right translation {error:.4f} ({untouched:.4f} before)"
    if classifier is not None:
        labels = labels[:limit][:num_test]
        translated = ops.convert_to_numpy(model.translate(b_test, to="a"))
        before, after = (
            np.mean(read(x).argmax(1) == labels) for x in (b_test, translated)
        )
        line += f"; read right of B {before:.2%}, translated to A {after:.2%}"
    print(f"Held-out {dataset}, {len(a_test)} images of each domain: {line}.")
    print(
        f"Picture: {log_dir}/cycle_gan.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
