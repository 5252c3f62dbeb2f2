"""Consistency models (Song et al., 2023, arXiv:2303.01469) on points in the plane."""

from typing import Literal

import keras
import numpy as np
from keras import ops

from keras_genmod import (
    ConsistencyModel,
    CosineSchedule,
    DiffusionModel,
    callbacks,
    data,
    metrics,
    networks,
)
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
TAUGHT_RATE = 3e-3  # a target moves by one level's step at a time: it takes long
EMA_MOMENTUM = 0.995  # of the averaged weights, which all figures are of
SIGMA_MAX = 20.0  # noise that points are lost in
SIDE = 4.5  # the pictures show [-4.5, 4.5] on both axes
NUM_BINS = 64
NUM_JUDGED = 1000  # samples, and held-out points, at most


def main(
    dataset: Literal[
        "two_moons", "pinwheel", "checkerboard", "eight_gaussians"
    ] = "two_moons",
    epochs: int = 120,
    batch_size: int = 256,
    teach: bool = True,
    hidden_dim: int = 128,
    num_scales: int = 18,
    teacher_steps: int = 40,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/consistency",
):
    """Trains a diffusion model and distils it into one that samples in a step or two.

    Args:
        dataset: The points.
        epochs: Passes over the data, of each model; more than last time goes on with
            that run.
        batch_size: Examples a step.
        teach: Whether the diffusion model leads; without, the other learns alone.
        hidden_dim: Units of each of three hidden layers, of both networks.
        num_scales: Noise levels of the consistency model.
        teacher_steps: Heun's steps of the diffusion model's samples.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run; its `teacher/` is that of the diffusion model.
    """
    begin(locals(), may_change=["teacher_steps"])
    x_train, x_test = (data.load(dataset, s)[0][:limit] for s in ("train", "test"))

    def train(model, folder, rate):
        """Trains a model in a folder, and returns what writes there."""
        optimizer = keras.optimizers.Adam(rate, use_ema=True, ema_momentum=EMA_MOMENTUM)
        model.compile(optimizer)
        board = callbacks.TensorBoard(folder)
        fit(
            model,
            x_train,
            batch_size=batch_size,
            log_dir=folder,
            epochs=epochs,
            validation_data=(x_test,),
            callbacks=[callbacks.ExponentialMovingAverage(), board],
        )
        model.save(f"{folder}/model.keras")
        return board

    units = 3 * (hidden_dim,)
    schedule = CosineSchedule(num_steps=None)
    teacher = DiffusionModel(networks.time_mlp(2, units), (2,), schedule, seed=seed)
    train(teacher, f"{log_dir}/teacher", LEARNING_RATE)
    model = ConsistencyModel(
        networks.time_mlp(2, units),
        (2,),
        teacher if teach else None,
        num_scales,
        sigma_max=SIGMA_MAX,
        data_std=float(x_train.std()),
        seed=seed,
    )
    board = train(model, log_dir, TAUGHT_RATE if teach else LEARNING_RATE)

    number = len(x_train)
    drawn = {
        f"Heun's {teacher_steps} steps": teacher.sample(
            number, seed=seed, sampler="heun", num_steps=teacher_steps
        ),
        "1 step": model.sample(number, seed=seed),
        "2 steps": model.sample(number, seed=seed, num_steps=2),
    }
    drawn = {name: ops.convert_to_numpy(x) for name, x in drawn.items()}
    edges = np.linspace(-SIDE, SIDE, NUM_BINS + 1)
    pictures = np.stack(
        [np.histogram2d(*x.T, bins=edges)[0] for x in (x_train, *drawn.values())]
    )  # (4, x, y)
    tops = np.quantile(pictures, 0.99, axis=(1, 2), keepdims=True)
    pictures = pictures / np.maximum(tops, 1e-9)
    pictures = pictures.swapaxes(1, 2)[:, ::-1]  # x to the right, y upwards
    board.add_images("points", pictures, step=epochs, num_columns=4)
    callbacks.save_png(
        f"{log_dir}/consistency.png",
        callbacks.image_grid(pictures, num_columns=4, scale=4),
        f"{dataset}, epoch {epochs}; from the left: training points, the diffusion "
        "model's, the consistency model's in 1 and in 2 steps",
    )

    real, scores = x_test[:NUM_JUDGED], {}
    for name, x in {"training points": x_train, **drawn}.items():
        found = metrics.precision_recall_density_coverage(real, x[:NUM_JUDGED])
        scores[name] = f"{found.precision:.3f}, {found.recall:.3f}"
    print(
        f"Held-out {dataset}, {len(real)} points beside as many, precision and "
        f"recall: {'; '.join(f'{name} {value}' for name, value in scores.items())}."
    )
    print(
        f"Picture: {log_dir}/consistency.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
