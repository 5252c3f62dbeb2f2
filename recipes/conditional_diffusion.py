"""Diffusion with guidance (Ho and Salimans, 2022, arXiv:2207.12598)."""

import keras
import numpy as np
import typer
from keras import ops
from sklearn.neighbors import KNeighborsClassifier

from keras_genmod import DiffusionModel, callbacks, data, metrics, networks
from recipes._run import begin, command_line, fit, integers

LEARNING_RATE = 1e-3
EMA_MOMENTUM = 0.995  # of the averaged weights, which all figures are of
GUIDANCE = (0.0, 1.0, 2.0, 4.0)
NUM_ROWS = 4
EVERY = 20  # epochs from one picture to the next


def distance(real: np.ndarray, fake: np.ndarray) -> float:
    """Returns the Frechet distance of two sets of images, of their pixels."""
    rows = (x.reshape(len(x), -1) for x in (real, fake))
    return metrics.frechet_distance(*rows).value


def main(
    dataset: str = "digits",
    epochs: int = 100,
    batch_size: int = 64,
    filters: int = 32,
    multipliers: str = "1,2",
    num_blocks: int = 1,
    num_levels: int = 17,
    num_steps: int = 50,
    num_scored: int = 400,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/conditional_diffusion",
):
    """Trains a diffusion model that draws the class it is asked for, more or less.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        filters: Channels of the U-Net's first level; 64 for MNIST, 128 for CIFAR-10.
        multipliers: A number for each level, how many times as many channels it has;
            1,2,2 for MNIST, 1,2,2,2 for CIFAR-10.
        num_blocks: Residual blocks of a level; 2 for MNIST.
        num_levels: Grey or colour levels a pixel; 17 are all that digits has, 256
            those of other sets.
        num_steps: Steps of a sample.
        num_scored: Samples that are judged, of each guidance.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals(), may_change=["num_steps", "num_scored"])
    (x_train, y_train), (x_test, y_test) = (
        data.load(dataset, split) for split in ("train", "test")
    )
    if y_train is None:
        raise typer.BadParameter(f"--dataset {dataset} has no labels")
    num_classes = int(y_train.max()) + 1
    y_train, y_test = y_train[:limit], y_test[:limit]
    x_train, x_test = (
        (np.round(x[:limit] * (num_levels - 1)) / (num_levels - 1)).astype("float32")
        for x in (x_train, x_test)
    )

    image_shape, factors = x_train.shape[1:], integers("multipliers", multipliers)
    smallest = max(image_shape[:2]) // 2 ** (len(factors) - 1)  # the lowest level
    network = networks.unet(
        image_shape, filters, tuple(factors), num_blocks, (smallest,), num_classes
    )
    model = DiffusionModel(
        network,
        image_shape,
        loss_weight="min_snr",
        num_classes=num_classes,
        num_levels=num_levels,
        seed=seed,
    )
    optimizer = keras.optimizers.Adam(
        LEARNING_RATE, clipnorm=1.0, use_ema=True, ema_momentum=EMA_MOMENTUM
    )
    model.compile(optimizer)

    samples = callbacks.SampleGrid(  # a column is a class
        log_dir,
        NUM_ROWS * num_classes,
        seed=seed,
        num_columns=num_classes,
        every=EVERY,
    )
    fit(
        model,
        x_train,
        y_train,
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test, y_test),
        validation_batch_size=batch_size,
        callbacks=[
            callbacks.ExponentialMovingAverage(),
            samples,
            callbacks.TensorBoard(log_dir),
        ],
    )
    model.save(f"{log_dir}/model.keras")

    # Does it draw what it is asked for? The nearest training image is the judge.
    judge = KNeighborsClassifier(1).fit(x_train.reshape(len(x_train), -1), y_train)
    labels = np.arange(num_scored) % num_classes
    rows, lines = [], []
    for guidance in GUIDANCE:
        drawn = ops.convert_to_numpy(
            model.sample(
                num_scored, labels, seed=seed, guidance=guidance, num_steps=num_steps
            )
        )
        rows.append(drawn[:num_classes])
        accuracy = judge.score(drawn.reshape(num_scored, -1), labels)
        lines.append(f"{guidance:g}: {accuracy:.1%}, {distance(x_test, drawn):.4g}")
    caption = (
        f"{dataset}, epoch {epochs}; a column is the class asked for; rows: guidance "
        f"{', '.join(f'{w:g}' for w in GUIDANCE)}, the same noise"
    )
    images = callbacks.image_grid(np.concatenate(rows), num_classes)
    callbacks.save_png(f"{log_dir}/conditional_diffusion.png", images, caption)
    held_out = judge.score(x_test.reshape(len(x_test), -1), y_test)
    print(
        f"{dataset}, {num_scored} samples (DDIM, {num_steps} steps) of each guidance: "
        f"nearest training image has the class asked for ({held_out:.1%} of "
        f"{len(x_test)} held-out ones), Frechet distance to these (features: pixels): "
        f"{'; '.join(lines)}."
    )
    print(
        f"Picture: {log_dir}/conditional_diffusion.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
