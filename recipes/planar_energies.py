"""Planar flows on four energies (Rezende and Mohamed, 2015, arXiv:1505.05770)."""

import math

import keras
import numpy as np
from keras import ops

from keras_genmod import NormalizingFlow, callbacks
from keras_genmod.bijectors import Affine, Chain, Planar
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-2
ANNEALING = 15  # epochs in which the factor of the log-density rises to 1
NUM_DRAWS = 12_800  # of an epoch
SIDE = 4.5  # the pictures show [-4.5, 4.5] on both axes
NUM_BINS = 128

# Table 1 of the paper: potentials U, densities proportional to exp(-U). The last three
# have no end along the first axis there; here they fall off beyond the paper's picture.


def wave(z):
    """Returns w_1."""
    return ops.sin(2 * math.pi * z[:, 0] / 4)


def wall(z):
    """Returns a log-density that is 0 up to |z_1| = 4 and falls steeply beyond."""
    return -0.5 * ops.square(ops.relu(ops.abs(z[:, 0]) - 4) / 0.2)


def bump(distance, width):
    """Returns the log of an unnormalised normal density."""
    return -0.5 * ops.square(distance / width)


@keras.saving.register_keras_serializable("planar_energies")
def ring(z):
    """Returns -U_1: two arcs of a ring of radius 2."""
    radius = ops.sqrt(ops.sum(ops.square(z), axis=1) + 1e-12)
    sides = ops.logaddexp(bump(z[:, 0] - 2, 0.6), bump(z[:, 0] + 2, 0.6))
    return bump(radius - 2, 0.4) + sides


@keras.saving.register_keras_serializable("planar_energies")
def sine(z):
    """Returns -U_2: a band along a sine wave."""
    return bump(z[:, 1] - wave(z), 0.4) + wall(z)


@keras.saving.register_keras_serializable("planar_energies")
def split_sine(z):
    """Returns -U_3: a band that splits and joins again."""
    y, gap = z[:, 1] - wave(z), 3 * ops.exp(bump(z[:, 0] - 1, 0.6))
    return ops.logaddexp(bump(y, 0.35), bump(y + gap, 0.35)) + wall(z)


@keras.saving.register_keras_serializable("planar_energies")
def forked_sine(z):
    """Returns -U_4: a band that splits for good."""
    y, gap = z[:, 1] - wave(z), 3 * ops.sigmoid((z[:, 0] - 1) / 0.3)
    return ops.logaddexp(bump(y, 0.4), bump(y + gap, 0.35)) + wall(z)


def main(
    epochs: int = 30,
    batch_size: int = 256,
    num_layers: int = 32,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/planar_energies",
):
    """Trains a planar flow on each energy by reverse KL and draws both densities.

    Args:
        epochs: Of 12,800 draws each; more than last time goes on with that run.
        batch_size: Draws a step.
        num_layers: Number of planar layers; 2, 8 and 32 in the paper.
        seed: Of the weights and the draws.
        limit: Make at most so many draws an epoch.
        log_dir: Folder of this run; each energy has one in it.
    """
    begin(locals())
    nothing = np.zeros((min(NUM_DRAWS, limit or NUM_DRAWS), 2), "float32")
    edges = np.linspace(-SIDE, SIDE, NUM_BINS + 1)
    centres = ((edges[1:] + edges[:-1]) / 2).astype("float32")
    grid = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
    grid = ops.convert_to_tensor(grid)
    cell = (edges[1] - edges[0]) ** 2
    densities, figures = [], []
    for energy in (ring, sine, split_sine, forked_sine):
        keras.utils.set_random_seed(seed)
        folder = f"{log_dir}/{energy.__name__}"
        layers = [Planar(2) for _ in range(num_layers)]
        model = NormalizingFlow(Chain([Affine((2,)), *layers]), seed=seed)
        num_steps = epochs * -(-len(nothing) // batch_size)
        rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, num_steps)
        model.compile(keras.optimizers.Adam(rate), target_log_prob=energy)

        def anneal(epoch, logs=None, model=model):
            model.inverse_temperature.assign(min(0.01 + epoch / ANNEALING, 1.0))

        board = callbacks.TensorBoard(folder)
        fit(
            model,
            nothing,
            batch_size=batch_size,
            log_dir=folder,
            epochs=epochs,
            validation_data=(nothing[: 10 * batch_size],),
            validation_batch_size=batch_size,
            callbacks=[
                keras.callbacks.LambdaCallback(on_epoch_begin=anneal),
                board,
            ],
        )
        model.inverse_temperature.assign(1.0)

        true, found = (
            np.exp(ops.convert_to_numpy(log_density).astype("float64"))
            for log_density in (energy(grid), model.log_prob(grid, batch_size=1_000))
        )
        integral = true.sum() * cell
        pair = np.stack([true / true.max(), found / np.quantile(found, 0.999)])
        pair = pair.reshape(2, NUM_BINS, NUM_BINS)[:, ::-1]  # the second axis upwards
        board.add_images("density", pair, step=epochs, num_columns=2)
        densities.append(pair)
        model.save(f"{folder}/model.keras")
        # The loss falls to -log of the integral: what is left of it is the divergence.
        logs = model.evaluate(nothing, verbose=0, return_dict=True)
        figures.append(f"{energy.__name__} {logs['loss'] + np.log(integral):.3f}")

    picture = np.stack(densities, axis=1).reshape(-1, NUM_BINS, NUM_BINS)
    caption = (
        f"epoch {epochs}; a column an energy; above the density, below that of the flow"
    )
    callbacks.save_png(
        f"{log_dir}/planar_energies.png",
        callbacks.image_grid(picture, num_columns=len(densities), scale=1),
        caption,
    )
    print(
        f"KL(q, p) of flows of {num_layers} planar layers, in nats over {len(nothing)} "
        f"draws, log Z on a grid: {', '.join(figures)}."
    )
    print(
        f"Picture: {log_dir}/planar_energies.png. Models: {log_dir}/*/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
