"""PixelCNN (van den Oord, Kalchbrenner and Kavukcuoglu, 2016, arXiv:1601.06759)."""

from typing import Literal

import keras
import numpy as np
from keras import ops

from keras_genmod import PixelCNN, callbacks, data, evaluation
from recipes._run import begin, check_held_out, command_line, fit

LEARNING_RATE = 1e-3
METRICS = ("frechet_distance", "kernel_distance", "precision", "recall")
NUM_JUDGED = 1000  # samples, and held-out images, at most
EVERY = 10  # epochs from one judgement to the next
NUM_COLUMNS = 8


def main(
    dataset: str = "digits",
    epochs: int = 40,
    batch_size: int = 32,
    filters: int = 32,
    num_blocks: int = 5,
    binarization: Literal["dynamic", "static"] = "dynamic",
    classifier: str | None = None,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/pixel_cnn",
):
    """Trains a PixelCNN on binary images and gives their exact log-likelihood.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        filters: Feature maps of the trunk, an even number.
        num_blocks: Residual blocks; 15 for MNIST, where one sees 49 pixels far.
        binarization: "dynamic" draws training pixels anew in each epoch, "static" once.
        classifier: A model.keras of recipes.feature_classifier, whose features judge
            the samples; pixels do without.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals(), may_change=["classifier"])
    features = None  # the pixels
    if classifier is not None:
        judge = keras.saving.load_model(classifier)
        features = evaluation.FeatureExtractor(judge, "features")
    keras.utils.set_random_seed(seed)
    x_train, x_test = (data.load(dataset, s)[0][:limit] for s in ("train", "test"))
    check_held_out(x_test)
    x_test = data.binarize(x_test, "static", seed)
    if binarization == "static":  # then each later draw gives the same pixels
        x_train = data.binarize(x_train, "static", seed)
    batches = data.DynamicBinarization(x_train, batch_size=batch_size, seed=seed)

    model = PixelCNN(
        x_train.shape[1:], filters=filters, num_blocks=num_blocks, seed=seed
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE))

    samples = callbacks.SampleGrid(
        log_dir, 4 * NUM_COLUMNS, seed=seed, num_columns=NUM_COLUMNS
    )
    judged = x_test[:NUM_JUDGED]
    quality = callbacks.EvaluateSamples(
        judged, METRICS, EVERY, len(judged), features, split="test", log_dir=log_dir
    )
    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        batches,
        shuffle=False,  # the batches are shuffled already
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test,),
        validation_batch_size=batch_size,
        callbacks=[
            # A run that resumes goes on with the draws of its epoch.
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
            ),
            quality,
            samples,
            board,
        ],
    )

    shown = x_test[:NUM_COLUMNS]
    mask = np.zeros(shown.shape, bool)
    mask[:, : shown.shape[1] // 2] = True
    completed = model.sample(len(shown), seed=seed, known=shown, mask=mask)
    rows = [samples.draw(model), shown, completed]
    images = np.concatenate([ops.convert_to_numpy(row) for row in rows])
    board.add_images("completed", images, step=epochs, num_columns=NUM_COLUMNS)
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-4 samples; 5 held-out images; 6 the "
        "same with the lower half drawn anew"
    )
    callbacks.save_png(
        f"{log_dir}/pixel_cnn.png", callbacks.image_grid(images, NUM_COLUMNS), caption
    )
    model.save(f"{log_dir}/model.keras")

    likelihood = evaluation.evaluate_likelihood(
        model, x_test, dataset=dataset, split="test", binarization=f"static({seed})"
    )
    print(likelihood)
    print(
        f"Held-out {dataset}, {len(x_test)} images, {binarization} binarization "
        f"(tested on one draw, seed {seed}): log p(x) = {likelihood.mean:.2f} nats "
        f"(exact). {len(judged)} samples beside as many of them (features: "
        f"{classifier or 'pixels'}): Frechet distance "
        f"{quality.judge()['frechet_distance']:.4g}."
    )
    print(
        f"Picture: {log_dir}/pixel_cnn.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
