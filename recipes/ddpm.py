"""Denoising diffusion (Ho, Jain and Abbeel, 2020, arXiv:2006.11239)."""

import keras
import numpy as np
from keras import ops

from keras_genmod import DiffusionModel, callbacks, data, evaluation, networks
from recipes._run import begin, check_held_out, command_line, fit, integers

LEARNING_RATE = 1e-3
EMA_MOMENTUM = 0.995  # of the averaged weights, which all figures are of
METRICS = ("frechet_distance", "kernel_distance", "precision", "recall")
NUM_JUDGED = 1000  # samples, and held-out images, at most
NUM_COLUMNS = 10
EVERY = 20  # epochs from one picture or judgement to the next


def main(
    dataset: str = "digits",
    epochs: int = 100,
    batch_size: int = 64,
    filters: int = 32,
    multipliers: str = "1,2",
    num_blocks: int = 1,
    num_levels: int = 17,
    bound_steps: int = 100,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/ddpm",
):
    """Trains a diffusion model on images, draws from it and bounds their probability.

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
        bound_steps: Steps of the model that the bound is of, 987 at most for 17 levels;
            more are tighter.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals(), may_change=["bound_steps"])
    steps = num_levels - 1
    x_train, x_test = (
        (np.round(data.load(dataset, split)[0][:limit] * steps) / steps).astype(
            "float32"
        )
        for split in ("train", "test")
    )
    check_held_out(x_test)

    image_shape, factors = x_train.shape[1:], integers("multipliers", multipliers)
    smallest = max(image_shape[:2]) // 2 ** (len(factors) - 1)  # the lowest level
    network = networks.unet(
        image_shape, filters, tuple(factors), num_blocks, (smallest,)
    )
    model = DiffusionModel(
        network,
        image_shape,
        num_levels=num_levels,
        seed=seed,
    )
    optimizer = keras.optimizers.Adam(
        LEARNING_RATE, clipnorm=1.0, use_ema=True, ema_momentum=EMA_MOMENTUM
    )
    model.compile(optimizer)

    judged = x_test[:NUM_JUDGED]
    samples = callbacks.SampleGrid(
        log_dir, 4 * NUM_COLUMNS, seed=seed, num_columns=NUM_COLUMNS, every=EVERY
    )
    path = callbacks.DenoisingPath(
        log_dir, num_steps=NUM_COLUMNS, seed=seed, every=EVERY
    )
    quality = callbacks.EvaluateSamples(
        judged, METRICS, EVERY, len(judged), split="test", log_dir=log_dir
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
            quality,
            samples,
            path,
            callbacks.TensorBoard(log_dir),
        ],
    )
    model.save(f"{log_dir}/model.keras")

    shown = [p.draw(model) for p in (samples, path)]
    images = np.concatenate([ops.convert_to_numpy(x) for x in shown])
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-4 samples, DDIM of 50 steps; 5-8 four of "
        f"{NUM_COLUMNS} steps, each on its way from noise"
    )
    callbacks.save_png(
        f"{log_dir}/ddpm.png", callbacks.image_grid(images, NUM_COLUMNS), caption
    )
    bound = evaluation.evaluate_likelihood(
        model, judged, dataset=dataset, split="test", seed=seed, num_steps=bound_steps
    )
    print(bound)
    print(
        f"Held-out {dataset}, {len(judged)} images of {num_levels} levels: log p(x) >= "
        f"{bound.mean:.2f} nats ({bound_steps} steps), {bound.bits_per_dim:.4f} bits a "
        f"dimension. As many samples, DDIM of 50 steps, beside them "
        f"(features: pixels): Frechet distance "
        f"{quality.judge()['frechet_distance']:.4g}."
    )
    print(
        f"Picture: {log_dir}/ddpm.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
