"""Flow matching (Lipman et al., 2022, arXiv:2210.02747) on points in the plane."""

from typing import Literal

import keras
import numpy as np
from keras import ops

from keras_genmod import FlowMatching, callbacks, data, evaluation, networks
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
EMA_MOMENTUM = 0.995  # of the averaged weights, which all figures are of
SIDE = 4.5  # the pictures show [-4.5, 4.5] on both axes
NUM_BINS = 64
FEW, MANY = 2, 50  # Euler steps of the samples


def main(
    dataset: Literal[
        "two_moons", "pinwheel", "checkerboard", "eight_gaussians"
    ] = "two_moons",
    epochs: int = 60,
    batch_size: int = 256,
    pairs: Literal["independent", "transport"] = "independent",
    hidden_dim: int = 128,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/flow_matching",
):
    """Trains a flow of straight ways and draws its density.

    Args:
        dataset: The points.
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step.
        pairs: How noise and points are paired: "independent", or by optimal
            "transport" of each batch, which needs fewer steps.
        hidden_dim: Units of each of three hidden layers.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    x_train, x_test = (data.load(dataset, s)[0][:limit] for s in ("train", "test"))

    network = networks.time_mlp(2, 3 * (hidden_dim,))
    model = FlowMatching(network, (2,), seed=seed)
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE, use_ema=True, ema_momentum=EMA_MOMENTUM)
    )

    batches = data.TransportPairs(x_train, batch_size, seed)
    if pairs == "transport":
        given = {"x": batches, "shuffle": False}  # the batches are shuffled already
    else:
        given = {"x": x_train, "batch_size": batch_size}
    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        **given,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test,),
        callbacks=[
            # A run that resumes goes on with the draws of its epoch.
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
            ),
            callbacks.ExponentialMovingAverage(),
            board,
        ],
    )
    model.save(f"{log_dir}/model.keras")

    z = np.random.default_rng(seed).standard_normal((len(x_train), 2), "float32")
    few, many = (
        ops.convert_to_numpy(model.decode(z, sampler="euler", num_steps=n))
        for n in (FEW, MANY)
    )
    edges = np.linspace(-SIDE, SIDE, NUM_BINS + 1)
    centres = ((edges[1:] + edges[:-1]) / 2).astype("float32")
    grid = np.stack(np.meshgrid(centres, centres, indexing="ij"), axis=-1)
    log_prob = ops.convert_to_numpy(
        model.log_prob(grid.reshape(-1, 2), batch_size=2048)
    )
    pictures = np.stack(
        [
            np.histogram2d(*x_train.T, bins=edges)[0],
            np.exp(log_prob).reshape(NUM_BINS, NUM_BINS),
            np.histogram2d(*few.T, bins=edges)[0],
            np.histogram2d(*many.T, bins=edges)[0],
        ]
    )  # (4, x, y)
    tops = np.quantile(pictures, 0.99, axis=(1, 2), keepdims=True)
    pictures = pictures / np.maximum(tops, 1e-9)
    pictures = pictures.swapaxes(1, 2)[:, ::-1]  # x to the right, y upwards
    board.add_images("density", pictures, step=epochs, num_columns=4)
    caption = (
        f"{dataset}, epoch {epochs}; from the left: training points, "
        f"the model's density, points of {FEW} and of {MANY} Euler steps"
    )
    callbacks.save_png(
        f"{log_dir}/flow_matching.png",
        callbacks.image_grid(pictures, num_columns=4, scale=4),
        caption,
    )

    density = evaluation.evaluate_likelihood(
        model, x_test, dataset=dataset, split="test", seed=seed, batch_size=2048
    )
    print(density)
    gaussian = -np.log(2 * np.pi) - 0.5 * np.log(np.linalg.det(np.cov(x_train.T))) - 1
    moved = np.sqrt(np.mean(np.sum((few - many) ** 2, axis=1)))
    print(
        f"Held-out {dataset}, {len(x_test)} points: log p(x) = {density.mean:.3f} nats "
        f"(exact, by the equation); about {gaussian:.3f} for one normal distribution. "
        f"{FEW} Euler steps end {moved:.3f} (root mean square) from where {MANY} do."
    )
    print(
        f"Picture: {log_dir}/flow_matching.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
