"""Planar flow (Rezende and Mohamed, 2015, arXiv:1505.05770) on points in the plane."""

from typing import Literal

import keras
import numpy as np
from keras import ops

from keras_genmod import NormalizingFlow, callbacks, data
from keras_genmod.bijectors import Chain, Planar
from recipes._run import begin, command_line, fit

LEARNING_RATE = 5e-3
SIDE = 4.5  # the pictures show [-4.5, 4.5] on both axes
NUM_BINS = 64


def main(
    dataset: Literal[
        "two_moons", "pinwheel", "checkerboard", "eight_gaussians"
    ] = "two_moons",
    epochs: int = 30,
    batch_size: int = 256,
    num_layers: int = 32,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/planar_flow",
):
    """Trains a planar flow by maximum likelihood and draws its density.

    Args:
        dataset: The points.
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step.
        num_layers: Number of planar layers.
        seed: Of the weights and the batches.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    x_train, x_test = (data.load(dataset, s)[0][:limit] for s in ("train", "test"))

    model = NormalizingFlow(Chain([Planar(2) for _ in range(num_layers)]), seed=seed)
    model.compile(keras.optimizers.Adam(LEARNING_RATE))

    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        x_train,
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test,),
        callbacks=[board],
    )

    samples = ops.convert_to_numpy(model.sample(len(x_train), seed=seed))
    edges = np.linspace(-SIDE, SIDE, NUM_BINS + 1)
    centres = ((edges[1:] + edges[:-1]) / 2).astype("float32")
    grid = np.stack(np.meshgrid(centres, centres, indexing="ij"), axis=-1)
    log_prob = ops.convert_to_numpy(model.log_prob(grid.reshape(-1, 2)))
    pictures = np.stack(
        [
            np.histogram2d(*x_train.T, bins=edges)[0],
            np.exp(log_prob).reshape(NUM_BINS, NUM_BINS),
            np.histogram2d(*samples.T, bins=edges)[0],
        ]
    )  # (3, x, y)
    pictures = pictures / np.quantile(pictures, 0.99, axis=(1, 2), keepdims=True)
    pictures = pictures.swapaxes(1, 2)[:, ::-1]  # x to the right, y upwards
    picture = callbacks.image_grid(pictures, num_columns=3, scale=4)
    board.add_images("density", pictures, step=epochs, num_columns=3)
    caption = (
        f"{dataset}, epoch {epochs}; from the left: training points, the model's "
        "density, points drawn from it"
    )
    callbacks.save_png(f"{log_dir}/planar_flow.png", picture, caption)
    model.save(f"{log_dir}/model.keras")

    logs = model.evaluate(x_test, batch_size=batch_size, verbose=0, return_dict=True)
    gaussian = -np.log(2 * np.pi) - 0.5 * np.log(np.linalg.det(np.cov(x_train.T))) - 1
    print(
        f"Held-out {dataset}, {len(x_test)} points: log p(x) = {-logs['loss']:.3f} "
        f"nats (exact); about {gaussian:.3f} for one normal distribution."
    )
    print(
        f"Picture: {log_dir}/planar_flow.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
