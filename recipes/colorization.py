"""Colours of grey images (Zhang, Isola and Efros, 2016, arXiv:1603.08511)."""

import pathlib

import keras
import numpy as np
import typer

from keras_genmod import Colorization, Pix2Pix, callbacks, colors, data, metrics
from keras_genmod.networks import (
    colorization_network,
    patchgan_discriminator,
    unet_generator,
)
from recipes._run import begin, command_line, fit, later_stage

NUM_SCENES, NUM_HELD_OUT = 4000, 500
GAN_LEARNING_RATE, BETA_1 = 2e-4, 0.5
LARGEST = 128.0  # of a and b
NUM_COLUMNS = 10
AT_A_TIME = 500  # images, where colours are converted


def coloured(dataset, split, image_size, seed, limit):
    """Returns coloured images: generated scenes, or those of a data set."""
    if dataset == "scenes":
        number = NUM_SCENES if split == "train" else NUM_HELD_OUT
        number, of = number if limit is None else limit, seed + (split != "train")
        return data.shape_scenes(number, image_size, of).images
    images = data.load(dataset, split)[0][:limit]
    if images.ndim != 4 or images.shape[-1] != 3:
        raise typer.BadParameter(f"--dataset {dataset} has no colours")
    return data.resize(images, image_size)


def lab(images):
    """Returns lightness in [0, 1] and, scaled to it, (a, b)."""
    values = in_batches(colors.rgb_to_lab, images, AT_A_TIME)
    return values[..., :1] / 100.0, np.clip(values[..., 1:] / (2 * LARGEST) + 0.5, 0, 1)


def rgb(lightness, ab):
    """Returns the images of what `lab` returns."""
    values = np.concatenate([lightness * 100.0, (ab - 0.5) * 2 * LARGEST], axis=-1)
    return in_batches(colors.lab_to_rgb, values, AT_A_TIME)


def in_batches(function, images, batch_size):
    """Returns what is made of any number of images; each depends on itself."""
    batches = range(0, len(images), batch_size)
    return np.concatenate(
        [
            keras.ops.convert_to_numpy(function(images[i : i + batch_size]))
            for i in batches
        ]
    )


def figures(real, made):
    """Returns PSNR of all channels, and how far (a, b) are apart, in words."""
    psnr = metrics.peak_signal_to_noise_ratio(real, made, luma=False)
    apart = (lab(real)[1] - lab(made)[1]) * 2 * LARGEST
    return f"{psnr.value:.2f} dB, {np.linalg.norm(apart, axis=-1).mean():.2f}"


def main(
    dataset: str = "scenes",
    image_size: int = 32,
    epochs: int = 10,
    pix2pix_epochs: int = 0,
    batch_size: int = 32,
    filters: int = 16,
    num_downsamplings: int = 2,
    uniform: float = 0.5,
    temperature: float = 0.38,
    learning_rate: float = 1e-3,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/colorization",
):
    """Trains a network that gives grey images colours.

    Args:
        dataset: "scenes", generated ones, or a set of coloured images: "cifar10",
            another TFDS name, a .npz file, or "folder:PATH@SIZE".
        image_size: Pixels a side to which images are resized, divisible by 2 to the
            power of `num_downsamplings`.
        epochs: Passes over the data; more than last time goes on with that run.
        pix2pix_epochs: Passes of Pix2Pix, from lightness to (a, b), after that; 0 for
            none.
        batch_size: Images a step.
        filters: Channels of the first block; 64 in the paper.
        num_downsamplings: Halvings of the image; 3 in the paper. Colours are those of
            places half as wide as the last one makes them.
        uniform: In (0, 1], 1 weighs all colours alike, less rare ones more; 0.5 in
            the paper.
        temperature: Of the mean of colours: near 0 the likeliest one.
        learning_rate: Of Adam; 3e-5 in the paper.
        seed: Of the scenes, the weights and the batches.
        limit: Use at most so many training and so many held-out images.
        log_dir: Folder of this run.
    """
    begin(locals(), may_change=["pix2pix_epochs", "temperature"])
    images, held_out = (
        coloured(dataset, split, image_size, seed, limit) for split in ("train", "test")
    )
    sides = images.shape[1:3]
    network = colorization_network(
        sides, Colorization.num_bins(), filters, num_downsamplings
    )
    model = Colorization(network, seed=seed)
    model.rebalance(images, uniform)
    model.compile(keras.optimizers.Adam(learning_rate))
    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        images,
        log_dir=log_dir,
        epochs=epochs,
        batch_size=batch_size,
        validation_data=(held_out,),
        callbacks=[board],
    )
    model.save(f"{log_dir}/model.keras")
    lightness, ab = lab(held_out)
    grey = rgb(lightness, np.full_like(ab, 0.5))
    made = {"grey": grey}
    made["classification"] = in_batches(
        lambda x: model.colorize(x, temperature), grey, batch_size
    )

    if pix2pix_epochs:
        folder = later_stage(log_dir, "pix2pix", epochs)
        depth = 1 if min(sides) < 32 else 2 if min(sides) < 128 else 3
        game = Pix2Pix(
            unet_generator((*sides, 1), filters, output_channels=2),
            patchgan_discriminator((*sides, 3), filters, depth),
            seed=seed,
        )
        game.compile(keras.optimizers.Adam(GAN_LEARNING_RATE, beta_1=BETA_1))
        fit(
            game,
            *lab(images),
            log_dir=folder,
            epochs=pix2pix_epochs,
            batch_size=batch_size,
            validation_data=(lightness, ab),
        )
        found = in_batches(lambda x: game.translate(x, seed), lightness, batch_size)
        made["Pix2Pix"] = rgb(lightness, found)
        game.save(f"{folder}/model.keras")

    columns = min(NUM_COLUMNS, len(held_out))
    grid = np.concatenate([x[:columns] for x in (*made.values(), held_out)])
    board.add_images("coloured", grid, step=epochs, num_columns=columns)
    names = ["grey held-out images", *(f"coloured by {name}" for name in [*made][1:])]
    names.append("the originals")
    words = "; ".join(f"{i} {name}" for i, name in enumerate(names, 1))
    caption = f"{pathlib.Path(dataset).name}, epoch {epochs}; rows: {words}"
    callbacks.save_png(
        f"{log_dir}/colorization.png", callbacks.image_grid(grid, columns), caption
    )
    scores = "; ".join(f"{k} {figures(held_out, x)}" for k, x in made.items())
    print(
        f"Held-out {dataset}, {len(held_out)} images, PSNR of red, green and blue and "
        f"mean distance in (a, b) of Lab: {scores}."
    )
    print(
        f"Picture: {log_dir}/colorization.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
