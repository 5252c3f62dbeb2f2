"""SRResNet and SRGAN (Ledig et al., 2017, arXiv:1609.04802)."""

import pathlib

import keras
import numpy as np

from keras_genmod import SRGAN, SuperResolution, callbacks, data, losses, metrics
from keras_genmod.networks import sr_resnet, srgan_discriminator
from recipes._run import begin, command_line, fit, later_stage

NUM_COLUMNS = 10
NUM_SCENES, NUM_HELD_OUT, SCENE_SIZE = 4000, 500, 32
WINDOW = 11  # of SSIM


def originals(dataset, split, seed, limit):
    """Returns large images: generated scenes, or those of a data set."""
    if dataset != "scenes":
        return data.load(dataset, split)[0][:limit]
    number = NUM_SCENES if split == "train" else NUM_HELD_OUT
    number, of = number if limit is None else limit, seed + (split != "train")
    return data.shape_scenes(number, SCENE_SIZE, of).images


def pairs(large, scale):
    """Returns images made small by bicubic interpolation, and the images."""
    height, width = (side - side % scale for side in large.shape[1:3])
    large = large[:, :height, :width]
    small = data.resize(large, (height // scale, width // scale), "bicubic")
    return small, large


def upscaled(model, small, batch_size):
    """Returns what is made of any number of images; each depends on itself."""
    batches = range(0, len(small), batch_size)
    return np.concatenate(
        [
            keras.ops.convert_to_numpy(model.upscale(small[i : i + batch_size]))
            for i in batches
        ]
    )


def figures(large, made, border):
    """Returns PSNR and, where the window fits, SSIM on the luma channel, in words."""
    border = border if min(large.shape[1:3]) > 2 * border + WINDOW else 0
    psnr = metrics.peak_signal_to_noise_ratio(large, made, border)
    words = f"{psnr.value:.2f} dB"
    if min(large.shape[1:3]) < WINDOW + 2 * border:
        return words
    similarity = metrics.structural_similarity(large, made, border)
    return f"{words}, SSIM {similarity.value:.3f}"


def main(
    dataset: str = "digits",
    scale: int = 2,
    epochs: int = 30,
    gan_epochs: int = 0,
    batch_size: int = 32,
    filters: int = 16,
    num_blocks: int = 3,
    learning_rate: float = 1e-3,
    classifier: str | None = None,
    layer: str = "conv2d_3",
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/super_resolution",
):
    """Trains a network that enlarges images, beside bicubic interpolation.

    Args:
        dataset: "digits", "mnist", "scenes", generated ones of 32x32 in colour,
            another TFDS name, a .npz file, or "folder:PATH@SIZE".
        scale: Power of 2, how many times as large images become.
        epochs: Passes over the data; more than last time goes on with that run.
        gan_epochs: Passes of SRGAN after that; 0 for none.
        batch_size: Images a step; 16 in the paper.
        filters: Channels of the network; 64 in the paper.
        num_blocks: Residual blocks; 16 in the paper.
        learning_rate: Of Adam for SRResNet; 1e-4 in the paper. SRGAN takes 1e-4.
        classifier: Saved classifier of such images, as `recipes.feature_classifier`
            makes one, whose features SRGAN compares; left out it compares pixels.
        layer: The classifier's layer.
        seed: Of the scenes, the weights and the batches.
        limit: Use at most so many training and so many held-out images.
        log_dir: Folder of this run.
    """
    begin(locals(), may_change=["gan_epochs", "classifier", "layer"])
    small, large = pairs(originals(dataset, "train", seed, limit), scale)
    small_test, large_test = pairs(originals(dataset, "test", seed, limit), scale)
    network = sr_resnet(large.shape[-1], scale, filters, num_blocks)
    model = SuperResolution(network, small.shape[1:], seed=seed)
    model.compile(keras.optimizers.Adam(learning_rate))
    board = callbacks.TensorBoard(log_dir)
    held_out = {"validation_data": (small_test, large_test), "batch_size": batch_size}
    fit(
        model,
        small,
        large,
        log_dir=log_dir,
        epochs=epochs,
        callbacks=[board],
        **held_out,
    )
    sides = large.shape[1:3]
    floor = data.resize(small_test, sides, "bicubic")
    made = {"bicubic interpolation": floor}
    made["SRResNet"] = upscaled(model, small_test, batch_size)
    model.save(f"{log_dir}/model.keras")

    if gan_epochs:
        folder = later_stage(log_dir, "gan", epochs)
        perceptual = None
        if classifier is not None:
            judge = keras.saving.load_model(classifier)
            perceptual = losses.PerceptualLoss(judge, layer, unit_length=False)
        game = SRGAN(
            network,
            srgan_discriminator(large.shape[1:], filters, 2, 8 * filters),
            small.shape[1:],
            perceptual,
            seed=seed,
        )
        game.compile()
        fit(game, small, large, log_dir=folder, epochs=gan_epochs, **held_out)
        made["SRGAN"] = upscaled(game, small_test, batch_size)
        game.save(f"{folder}/model.keras")

    columns = min(NUM_COLUMNS, len(small_test))
    pixels = small_test.repeat(scale, axis=1).repeat(scale, axis=2)
    rows = [pixels, *made.values(), large_test]
    grid = np.concatenate([x[:columns] for x in rows])
    board.add_images("upscaled", grid, step=epochs, num_columns=columns)
    names = ["small held-out images", *(f"by {name}" for name in made), "the originals"]
    words = "; ".join(f"{i} {name}" for i, name in enumerate(names, 1))
    caption = f"{pathlib.Path(dataset).name}, epoch {epochs}; rows: {words}"
    callbacks.save_png(
        f"{log_dir}/super_resolution.png", callbacks.image_grid(grid, columns), caption
    )
    found = "; ".join(f"{k} {figures(large_test, x, scale)}" for k, x in made.items())
    print(
        f"Held-out {dataset}, {len(small_test)} images, {scale} times, PSNR on luma: "
        f"{found}."
    )
    print(
        f"Picture: {log_dir}/super_resolution.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
