"""Pix2Pix (Isola, Zhu, Zhou and Efros, 2017, arXiv:1611.07004)."""

import pathlib

import keras
import numpy as np

from keras_genmod import Pix2Pix, callbacks, data, metrics, networks
from recipes._run import begin, command_line, fit

LEARNING_RATE = 2e-4
BETA_1 = 0.5
MARGIN = 286 / 256  # of photographs, before a window is cut out
NUM_COLUMNS = 10
INK = 0.5
NUM_LANDSCAPES = 1000  # of day_and_night, to train with


def pairs(dataset, split, size):
    """Returns sources and targets, resized to `size` pixels.

    Of a folder of pairs the right half is the source, as facades have it; of generated
    landscapes the one by day. Other sets become their own sources: what is left of an
    image in black and white.
    """
    if dataset == "day_and_night":
        number, seed = (NUM_LANDSCAPES, 0) if split == "train" else (200, 1)
        drawn = data.day_and_night(number, max(size, 32), seed)
        sources, targets = (data.resize(x, size) for x in drawn)
    elif pathlib.Path(dataset).is_dir():
        targets, sources = data.load_pairs(dataset, split, size)
    else:
        targets = data.resize(data.load(dataset, split)[0], size)
        sources = (targets > INK).astype("float32")
    return sources, targets


def with_holes(images, seed):
    """Returns images that lack a square of half their sides, and where it is.

    The hole is grey; a last channel is 1 in it and 0 elsewhere (Pathak et al., 2016,
    arXiv:1604.07379, at a place of its own for each image).
    """
    height, width = images.shape[1:3]
    rng = np.random.RandomState(seed)
    top = rng.randint(0, height - height // 2 + 1, (len(images), 1, 1, 1))
    left = rng.randint(0, width - width // 2 + 1, (len(images), 1, 1, 1))
    rows, columns = np.arange(height)[:, None, None], np.arange(width)[:, None]
    down, across = rows - top, columns - left
    inside = (down >= 0) & (down < height // 2) & (across >= 0) & (across < width // 2)
    grey = np.where(inside, np.float32(0.5), images)
    return np.concatenate([grey, inside.astype("float32")], axis=-1)


def translated(model, sources, batch_size, seed):
    """Returns the translations of any number of images; each depends on itself."""
    batches = range(0, len(sources), batch_size)
    return np.concatenate(
        [
            keras.ops.convert_to_numpy(
                model.translate(sources[start : start + batch_size], seed)
            )
            for start in batches
        ]
    )


def figures(targets, images):
    """Returns mean absolute error a pixel and mean PSNR in decibels."""
    difference = images.astype("float64") - targets
    squares = (difference**2).mean(axis=(1, 2, 3))
    return np.abs(difference).mean(), np.mean(-10 * np.log10(squares))


def main(
    dataset: str = "digits",
    image_size: int = 8,
    epochs: int = 30,
    batch_size: int = 16,
    filters: int = 16,
    reconstruction_weight: float = 200.0,
    augment: bool = False,
    holes: bool = False,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/pix2pix",
):
    """Trains a translator of images on pairs of them.

    Args:
        dataset: Folder with `train/` and `test/` of pairs side by side, target left,
            source right, such as facades. Or "day_and_night", generated landscapes,
            from day to night. Or "digits", "mnist", another TFDS name, a .npz file:
            grey levels are then to be found from black and white.
        image_size: Pixels a side to which images are resized, divisible by 2: at 256
            the networks are the paper's.
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Pairs a step; 1 in the paper.
        filters: Feature maps next to the image; 64 in the paper.
        reconstruction_weight: Of the mean absolute error, for pixels in [0, 1]: the
            paper's 100 is for [-1, 1].
        augment: Whether photographs are flipped and cropped.
        holes: Whether to complete the targets, each without a square of half its sides,
            in place of translating sources.
        seed: Of the weights, the batches and the noise.
        limit: Use at most so many training and so many held-out pairs.
        log_dir: Folder of this run.
    """
    begin(locals())
    large = round(image_size * MARGIN) if augment else image_size
    source, target = (x[:limit] for x in pairs(dataset, "train", large))
    source_test, target_test = (x[:limit] for x in pairs(dataset, "test", image_size))
    if holes:
        source, source_test = with_holes(target, seed), with_holes(target_test, seed)

    shape, channels = source_test.shape[1:], target_test.shape[-1]
    depth = 1 if image_size < 32 else 2 if image_size < 128 else 3
    model = Pix2Pix(
        networks.unet_generator(shape, filters, output_channels=channels),
        networks.patchgan_discriminator(
            (*shape[:2], shape[2] + channels), filters, depth
        ),
        reconstruction_weight=reconstruction_weight,
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE, beta_1=BETA_1))

    batches = data.PairedDataset(
        source,
        target,
        batch_size,
        seed=seed,
        crop_size=image_size if augment else None,
        flip=augment,
    )
    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        batches,
        shuffle=False,  # the batches are shuffled already
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(source_test, target_test),
        validation_batch_size=batch_size,
        callbacks=[
            # A run that resumes goes on with the pairs of its epoch.
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
            ),
            board,
        ],
    )

    images, others = (
        translated(model, source_test, batch_size, noise) for noise in (seed, seed + 1)
    )
    shown = [
        x[..., :channels]
        if x.shape[-1] >= channels
        else np.repeat(x[..., :1], channels, axis=-1)
        for x in (source_test, images, others, target_test)
    ]
    grid = np.concatenate([x[:NUM_COLUMNS] for x in shown])
    columns = min(NUM_COLUMNS, len(images))
    board.add_images("translations", grid, step=epochs, num_columns=columns)
    caption = (
        f"{pathlib.Path(dataset).name}, epoch {epochs}; rows: 1 held-out sources; 2 "
        "translated; 3 the same with other noise; 4 their targets"
    )
    callbacks.save_png(
        f"{log_dir}/pix2pix.png", callbacks.image_grid(grid, columns), caption
    )
    model.save(f"{log_dir}/model.keras")

    error, psnr = figures(target_test, images)
    blank, blank_psnr = figures(target_test, target.mean((0, 1, 2)))
    hidden = ""
    if holes:
        inside = source_test[..., -1] > 0
        of_hole = np.abs(images - target_test)[inside].mean()
        of_colour = np.abs(target.mean((0, 1, 2)) - target_test)[inside].mean()
        hidden = f"L1 in the holes {of_hole:.4f} ({of_colour:.4f}), "
    flat = (x.reshape(len(x), -1) for x in (target_test, images))
    distance = metrics.kernel_distance(*flat, num_subsets=None)
    print(
        f"Held-out {dataset}, {len(images)} pairs: L1 {error:.4f} a pixel "
        f"({blank:.4f} for the mean colour), PSNR {psnr:.2f} dB ({blank_psnr:.2f}), "
        f"{hidden}kernel distance (features: pixels) {distance.value:.4g} +- "
        f"{distance.standard_error:.2g}."
    )
    print(
        f"Picture: {log_dir}/pix2pix.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
