"""DDPM steps that agree with known values: RePaint."""

from typing import Any

import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import fori_loop, normal
from keras_genmod.models.diffusion import samplers
from keras_genmod.models.diffusion.time_grid import TimeGrid

_LONGEST_JUMP = 10  # unless one says

_WIDTH = 9  # of a row of coefficients; then come four more columns
KNOWN_ALPHA, KNOWN_SIGMA, BACK, BACK_NOISE = range(_WIDTH, _WIDTH + 4)


def standardize_mask(mask: Any, number: int, data_shape) -> np.ndarray:
    """Returns what is known as booleans `(number, *data_shape)`.

    Raises:
        ValueError: If the mask is of another shape, or holds other values.
    """
    given = checks.numeric("mask", checks.as_numpy(mask, "mask"))
    shapes = [data_shape, (number, *data_shape)]
    if len(data_shape) == 3:
        shapes += [(*shape[:-1], 1) for shape in shapes]
    shapes = list(dict.fromkeys(shapes))  # images of one channel have two of them
    if given.shape not in [tuple(shape) for shape in shapes]:
        raise ValueError(
            "`mask` must have the shape of `x`, or of one example, "
            f"{' or '.join(map(str, shapes))}. Received: mask.shape={given.shape}"
        )
    if not np.isin(given, (0, 1)).all():
        raise ValueError(
            "`mask` must hold True or 1 where `x` is known, and False or 0 elsewhere. "
            f"Received values from {given.min()} to {given.max()}"
        )
    return np.broadcast_to(given.astype(bool), (number, *data_shape))


def standardize_jumps(
    num_resamplings: Any, jump_length: Any, num_steps: int
) -> tuple[int, int]:
    """Returns how often steps are taken, and how many are gone back at a time.

    Args:
        num_resamplings: Positive int.
        jump_length: Positive int, or `None` for a tenth of the steps, from 1 to 10:
            jumps to levels of much more noise keep little of what they start from.
        num_steps: Positive int, checked.

    Raises:
        ValueError: If one is no such number, or no step would be taken again.
    """
    num_resamplings = checks.positive_int("num_resamplings", num_resamplings)
    if jump_length is None:
        return num_resamplings, max(1, min(_LONGEST_JUMP, num_steps // 10))
    jump_length = checks.positive_int("jump_length", jump_length)
    if num_resamplings > 1 and jump_length >= num_steps:
        raise ValueError(
            "`jump_length` must be below `num_steps`, or no step is taken again: take "
            "a smaller `jump_length`, or more steps. "
            f"Received: jump_length={jump_length}, num_steps={num_steps}"
        )
    return num_resamplings, jump_length


def visits(num_steps: int, num_resamplings: int, jump_length: int):
    """Returns the steps that are taken, in turn, and how far each is gone back then.

    Args:
        num_steps: Positive int.
        num_resamplings: Positive int.
        jump_length: Positive int.

    Returns:
        List of pairs `(step, back)`; steps count from 0, at the noise. The last step,
        to the data, is gone back from never.
    """
    # Levels from which to go back, counted from 0 at the data.
    left = {
        level: num_resamplings - 1
        for level in range(1, num_steps - jump_length + 1, jump_length)
    }
    taken, level = [], num_steps
    while level > 0:
        level -= 1
        back = jump_length if left.get(level, 0) > 0 else 0
        taken.append((num_steps - level - 1, back))
        if back:
            left[level] -= 1
            level += back
    return taken


def plan(grid: TimeGrid, num_resamplings: int, jump_length: int) -> np.ndarray:
    """Returns a row for each step taken, its coefficients and those of what follows."""
    rows = samplers.coefficients(grid, "ddpm", 1.0)
    planned = []
    for step, back in visits(len(rows), num_resamplings, jump_length):
        alpha, sigma = grid.alphas[step + 1], grid.sigmas[step + 1]
        # x at the noisier level given x at this one: all steps back are one draw.
        ratio = grid.alphas[step + 1 - back] / alpha
        added = grid.sigmas[step + 1 - back] ** 2 - (ratio * sigma) ** 2
        noise = np.sqrt(max(added, 0.0)) if back else 0.0
        planned.append([*rows[step], alpha, sigma, ratio, noise])
    return np.array(planned)


def solve(predict, x, known, mask, grid: TimeGrid, jumps, seeds):
    """Returns data whose masked values are the known ones.

    Args:
        predict: As in `samplers.solve`.
        x: Float32 tensor `(batch, ...)`, noise.
        known: Tensor of the shape of `x`.
        mask: Boolean tensor of the shape of `x`.
        grid: `TimeGrid`.
        jumps: Pair `(num_resamplings, jump_length)`.
        seeds: `Seeds` that no other draw is taken from.
    """
    table = plan(grid, *jumps).astype("float32")
    rows = ops.convert_to_tensor(table)

    def step(i, x):
        row, draws, shape = ops.take(rows, i, axis=0), seeds.at(i), ops.shape(x)
        data, fraction = predict(x, row)
        scale = samplers.noise_scale(row, fraction)
        new = row[samplers.OF_X] * x + row[samplers.OF_DATA] * data
        new = new + scale * normal(shape, draws)
        given = row[KNOWN_ALPHA] * known + row[KNOWN_SIGMA] * normal(shape, draws)
        new = ops.where(mask, given, new)
        return row[BACK] * new + row[BACK_NOISE] * normal(shape, draws)

    return fori_loop(len(table), step, x)
