"""From strokes to images: SDEdit (Meng et al., 2022, arXiv:2108.01073)."""

import keras
import numpy as np
from keras import ops

from keras_genmod import DiffusionModel, callbacks, data, metrics, networks
from recipes._run import begin, command_line, fit, integers

LEARNING_RATE = 1e-3
EMA_MOMENTUM = 0.995  # of the averaged weights, which all figures are of
STRENGTHS = (0.3, 0.5, 0.7)
NUM_COLUMNS = 10
NUM_JUDGED = 500  # held-out images, at most
EVERY = 20  # epochs from one picture to the next


def strokes(images: np.ndarray, size: int = 2, num_greys: int = 3) -> np.ndarray:
    """Returns what is left of images in coarse strokes of a few colours."""
    n, height, width, channels = images.shape
    rows, columns = height // size * size, width // size * size
    blocks = images[:, :rows, :columns].reshape(
        n, rows // size, size, columns // size, size, channels
    )
    coarse = np.round(blocks.mean(axis=(2, 4)) * (num_greys - 1)) / (num_greys - 1)
    painted = np.zeros_like(images)
    painted[:, :rows, :columns] = coarse.repeat(size, axis=1).repeat(size, axis=2)
    return painted


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
    stroke_size: int = 2,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/sdedit",
):
    """Trains a diffusion model, which then makes images of strokes.

    Args:
        dataset: "digits", "mnist", "cifar10", another TFDS name, a .npz file, or
            "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        filters: Channels of the U-Net's first level; 64 for MNIST, 128 for CIFAR-10.
        multipliers: A number for each level, how many times as many channels it has;
            1,2,2 for MNIST, 1,2,2,2 for CIFAR-10.
        num_blocks: Residual blocks of a level; 2 for MNIST.
        num_levels: Grey or colour levels a pixel; 17 are all that digits has, 256
            those of other sets.
        num_steps: Steps of an edit.
        stroke_size: Pixels a side of a stroke's blocks; 4 for MNIST.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals(), may_change=["num_steps", "stroke_size"])
    steps = num_levels - 1
    x_train, x_test = (
        (np.round(data.load(dataset, split)[0][:limit] * steps) / steps).astype(
            "float32"
        )
        for split in ("train", "test")
    )

    image_shape, factors = x_train.shape[1:], integers("multipliers", multipliers)
    smallest = max(image_shape[:2]) // 2 ** (len(factors) - 1)  # the lowest level
    network = networks.unet(
        image_shape, filters, tuple(factors), num_blocks, (smallest,)
    )
    model = DiffusionModel(
        network,
        image_shape,
        loss_weight="min_snr",
        num_levels=num_levels,
        seed=seed,
    )
    optimizer = keras.optimizers.Adam(
        LEARNING_RATE, clipnorm=1.0, use_ema=True, ema_momentum=EMA_MOMENTUM
    )
    model.compile(optimizer)

    samples = callbacks.SampleGrid(
        log_dir, 2 * NUM_COLUMNS, seed=seed, num_columns=NUM_COLUMNS, every=EVERY
    )
    fit(
        model,
        x_train,
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test,),
        validation_batch_size=batch_size,
        callbacks=[
            callbacks.ExponentialMovingAverage(),
            samples,
            callbacks.TensorBoard(log_dir),
        ],
    )
    model.save(f"{log_dir}/model.keras")

    x = x_test[:NUM_JUDGED]
    given = strokes(x, stroke_size)
    rows, lines = [x, given], []
    lines.append(f"strokes {distance(x, given):.4g}")
    for strength in STRENGTHS:
        edited = model.edit(given, strength, seed=seed, num_steps=num_steps)
        rows.append(ops.convert_to_numpy(edited))
        lines.append(f"strength {strength} {distance(x, rows[-1]):.4g}")
    n = NUM_COLUMNS
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1 held-out images; 2 strokes made of them; "
        f"3-5 edits of strength {', '.join(map(str, STRENGTHS))}"
    )
    images = np.concatenate([row[:n] for row in rows])
    callbacks.save_png(
        f"{log_dir}/sdedit.png", callbacks.image_grid(images, n), caption
    )
    print(
        f"Held-out {dataset}, {len(x)} images, Frechet distance to them (features: "
        f"pixels) of: {', '.join(lines)}."
    )
    print(
        f"Picture: {log_dir}/sdedit.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
