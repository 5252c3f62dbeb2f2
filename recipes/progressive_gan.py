"""Progressive GAN (Karras, Aila, Laine and Lehtinen, 2018, arXiv:1710.10196)."""

import keras
import numpy as np
from keras import ops

from keras_genmod import ProgressiveGAN, callbacks, data, metrics, networks
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
BETAS = (0.0, 0.99)
EMA_MOMENTUM = 0.999
NUM_COLUMNS = 10
NUM_JUDGED = 1000


def main(
    dataset: str = "digits",
    image_size: int = 8,
    epochs: int = 40,
    batch_size: int = 16,
    latent_dim: int = 32,
    filters_base: int = 64,
    max_filters: int = 128,
    images_per_phase: int = 12_000,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/progressive_gan",
):
    """Trains a GAN whose images grow from 4x4 to their whole size.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        image_size: Pixels a side to which images are resized: 4, 8, 16, 32, ...
        epochs: Passes over the training images; more than last time goes on with that
            run, inside a fade too.
        batch_size: Examples a step, at each level.
        latent_dim: Size of the latents; 512 in the paper.
        filters_base: Level l has `filters_base / 2 ** (l + 1)` feature maps, 4096 for
            CIFAR-10 in the paper.
        max_filters: And at most so many.
        images_per_phase: Images for which a level fades in, and then is trained whole.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    x_train, x_test = (
        data.resize(data.load(dataset, split)[0][:limit], image_size)
        for split in ("train", "test")
    )
    shape = x_train.shape[1:]
    model = ProgressiveGAN(
        networks.ProgressiveGenerator(shape, latent_dim, filters_base, max_filters),
        networks.ProgressiveCritic(shape, filters_base, max_filters),
        images_per_phase=images_per_phase,
        seed=seed,
    )
    critic, generator = (
        keras.optimizers.Adam(LEARNING_RATE, *BETAS, epsilon=1e-8, **average)
        for average in ({}, {"use_ema": True, "ema_momentum": EMA_MOMENTUM})
    )
    model.compile({"critic": critic, "generator": generator})

    board = callbacks.TensorBoard(log_dir)
    # The same latents each time: one sees them grow.
    grid = callbacks.SampleGrid(
        log_dir, 4 * NUM_COLUMNS, seed=seed, num_columns=NUM_COLUMNS, every=5
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
            callbacks.GrowNetworks(),
            callbacks.ExponentialMovingAverage(["generator"]),
            grid,
            board,
        ],
    )

    real = x_test[:NUM_COLUMNS]
    images = np.concatenate([ops.convert_to_numpy(grid.draw(model)), real])
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-4 samples of the level that is reached; "
        "5 held-out images"
    )
    callbacks.save_png(
        f"{log_dir}/progressive_gan.png",
        callbacks.image_grid(images, NUM_COLUMNS),
        caption,
    )
    model.save(f"{log_dir}/model.keras")

    judged = x_test[:NUM_JUDGED]
    samples = ops.convert_to_numpy(model.sample(len(judged), seed=seed))
    flat = (x.reshape(len(x), -1) for x in (judged, samples))
    distance = metrics.kernel_distance(*flat, num_subsets=None)
    print(
        f"Held-out {dataset}, {len(judged)} images: kernel distance (features: pixels) "
        f"of as many samples {distance.value:.4g} +- {distance.standard_error:.2g}, at "
        f"level {model.level} of {model.num_resolutions - 1}, faded in to "
        f"{model.fade:.2f}, after {epochs * len(x_train)} images."
    )
    print(
        f"Picture: {log_dir}/progressive_gan.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
