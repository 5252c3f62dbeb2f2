"""Completing images by diffusion: RePaint (Lugmayr et al., 2022, arXiv:2201.09865)."""

import keras
import numpy as np
from keras import ops

from keras_genmod import DiffusionModel, callbacks, data, networks
from recipes._run import begin, command_line, fit, integers

LEARNING_RATE = 1e-3
EMA_MOMENTUM = 0.995  # of the averaged weights, which all figures are of
NUM_COLUMNS = 10
NUM_DRAWS = 4  # completions of each image, whose mean is judged, too
NUM_SHOWN = 2  # of them
NUM_JUDGED = 100  # held-out images, at most
EVERY = 20  # epochs from one picture to the next


def main(
    dataset: str = "digits",
    epochs: int = 100,
    batch_size: int = 64,
    filters: int = 32,
    multipliers: str = "1,2",
    num_blocks: int = 1,
    num_levels: int = 17,
    num_steps: int = 50,
    num_resamplings: int = 5,
    jump_length: int = 5,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/inpainting",
):
    """Trains a diffusion model, which then completes images from their upper halves.

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
        num_steps: Steps of a completion; 250 in the paper.
        num_resamplings: How often each is taken; 10 in the paper.
        jump_length: Steps that are gone back at a time; 10 in the paper.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals(), may_change=["num_steps", "num_resamplings", "jump_length"])
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
    known = np.zeros(x.shape[1:], bool)
    known[: x.shape[1] // 2] = True
    completed = [
        ops.convert_to_numpy(
            model.inpaint(
                x,
                known,
                seed=seed + i,
                num_steps=num_steps,
                num_resamplings=num_resamplings,
                jump_length=jump_length,
            )
        )
        for i in range(NUM_DRAWS)
    ]
    n = NUM_COLUMNS
    images = np.concatenate(
        [x[:n], np.where(known, x[:n], 0.5), *(c[:n] for c in completed[:NUM_SHOWN])]
    )
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1 held-out images; 2 what is known of them; "
        "3-4 completions"
    )
    callbacks.save_png(
        f"{log_dir}/inpainting.png", callbacks.image_grid(images, n), caption
    )
    rest = ~np.broadcast_to(known, x.shape)

    def error(guess):
        return f"{np.mean((guess - x)[rest] ** 2):.4f}"

    mean_image = np.broadcast_to(x_train.mean(axis=0), x.shape)
    print(
        f"Held-out {dataset}, {len(x)} images completed from their upper halves "
        f"({num_steps} steps, {num_resamplings} resamplings): mean squared error of "
        f"the lower halves {error(completed[0])}, of the mean of {NUM_DRAWS} "
        f"completions {error(np.mean(completed, axis=0))}, which compares with the "
        f"training images' mean, {error(mean_image)}; of other held-out images "
        f"{error(np.roll(x, 1, axis=0))}."
    )
    print(
        f"Picture: {log_dir}/inpainting.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
