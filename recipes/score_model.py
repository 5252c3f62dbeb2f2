"""Score model (Song and Ermon, 2019, arXiv:1907.05600) on points in the plane."""

from typing import Literal

import keras
import numpy as np
from keras import ops
from PIL import Image, ImageDraw

from keras_genmod import ScoreModel, callbacks, data, evaluation, networks
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
EMA_MOMENTUM = 0.995  # of the averaged weights, which all figures are of
SIDE = 4.5  # the pictures show [-4.5, 4.5] on both axes
NUM_BINS = 64
LEVELS = (0.3, 0.5, 0.7)  # times at which the field is shown
NUM_ARROWS = 18  # a side
SIZE = 256  # pixels a side, of a field


def main(
    dataset: Literal[
        "two_moons", "pinwheel", "checkerboard", "eight_gaussians"
    ] = "two_moons",
    epochs: int = 60,
    batch_size: int = 256,
    hidden_dim: int = 128,
    num_steps: int = 100,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/score_model",
):
    """Trains a model of scores, and draws its field, its density and its samples.

    Args:
        dataset: The points.
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step.
        hidden_dim: Units of each of three hidden layers.
        num_steps: Noise levels of the samplers.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals(), may_change=["num_steps"])
    x_train, x_test = (data.load(dataset, s)[0][:limit] for s in ("train", "test"))

    network = networks.time_mlp(2, 3 * (hidden_dim,))
    model = ScoreModel(network, (2,), sigma_max=10.0, seed=seed)
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE, use_ema=True, ema_momentum=EMA_MOMENTUM)
    )
    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        x_train,
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test,),
        callbacks=[callbacks.ExponentialMovingAverage(), board],
    )
    model.save(f"{log_dir}/model.keras")

    edges = np.linspace(-SIDE, SIDE, NUM_BINS + 1)
    centres = ((edges[1:] + edges[:-1]) / 2).astype("float32")
    grid = np.stack(np.meshgrid(centres, centres, indexing="ij"), axis=-1)
    log_prob = ops.convert_to_numpy(
        model.log_prob(grid.reshape(-1, 2), batch_size=2048)
    )
    drawn = [
        ops.convert_to_numpy(
            model.sample(
                len(x_train), seed=seed, sampler=sampler, num_steps=num_steps, **how
            )
        )
        for sampler, how in (
            ("predictor_corrector", {}),
            ("annealed_langevin", {"num_corrections": 20}),
        )
    ]
    points = [np.histogram2d(*x.T, bins=edges)[0] for x in (x_train, *drawn)]
    maps = [points[0], np.exp(log_prob).reshape(NUM_BINS, NUM_BINS), *points[1:]]
    pictures = [_bright(m.T[::-1]) for m in maps]  # x to the right, y upwards
    pictures = np.stack(pictures + [field(model, t) for t in LEVELS])
    board.add_images("density and field", pictures, step=epochs, num_columns=4)
    sigmas = ", ".join(f"{model.schedule.sigma(t):.2f}" for t in LEVELS)
    caption = (
        f"{dataset}, epoch {epochs}; above, from the left: training points, the "
        "model's density, points by predictor-corrector and by annealed Langevin; "
        f"below: directions of the score at noise of deviation {sigmas}"
    )
    callbacks.save_png(
        f"{log_dir}/score_model.png",
        callbacks.image_grid(pictures, num_columns=4),
        caption,
    )

    density = evaluation.evaluate_likelihood(
        model, x_test, dataset=dataset, split="test", seed=seed, batch_size=2048
    )
    print(density)
    gaussian = -np.log(2 * np.pi) - 0.5 * np.log(np.linalg.det(np.cov(x_train.T))) - 1
    print(
        f"Held-out {dataset}, {len(x_test)} points: log p(x) = {density.mean:.3f} nats "
        f"(exact, by the equation); about {gaussian:.3f} for one normal distribution."
    )
    print(
        f"Picture: {log_dir}/score_model.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


def _bright(density):
    """Returns a map as a picture of `SIZE` pixels a side, 1 at its 99th percentile."""
    picture = np.clip(density / max(np.quantile(density, 0.99), 1e-9), 0, 1)
    return np.kron(picture, np.ones(2 * (SIZE // NUM_BINS,)))


def field(model, t):
    """Returns a picture of the score's direction at noisy points of time `t`."""
    places = np.linspace(-SIDE, SIDE, NUM_ARROWS + 2)[1:-1].astype("float32")
    x = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)
    score = ops.convert_to_numpy(model.score(x, t))
    length = 0.8 * (places[1] - places[0])
    ends = x + length * score / np.linalg.norm(score, axis=1, keepdims=True)
    picture = Image.new("L", (SIZE, SIZE))
    draw = ImageDraw.Draw(picture)
    for start, end in zip(_pixels(x), _pixels(ends), strict=True):
        draw.line([*start, *end], fill=160)
        draw.ellipse([*(end - 1), *(end + 1)], fill=255)  # the arrow's head
    return np.asarray(picture) / 255


def _pixels(x):
    return (np.array([1, -1]) * x / SIDE + 1) / 2 * SIZE


if __name__ == "__main__":
    command_line(main)()
