"""Ways from noise to data, and deterministic ones back, as one loop on the device.

Each step is linear in the noisy data x, in what the network says of the data, x0, and
in fresh noise. Its coefficients follow from the grid alone, and are made on the host in
float64. The noise that x0 stands for is (x - alpha x0) / sigma: where x0 is clipped,
that noise is another one, too.
"""

import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import fori_loop, normal, scan
from keras_genmod.models.diffusion.time_grid import TimeGrid

SAMPLERS = ("ddpm", "ddim", "euler", "heun", "dpm_solver_2m")
_FEW = 15  # below so many steps, the last of 2M is of first order
_LOST = 100.0  # sigma / alpha above which data are lost in noise

# Columns of the coefficients: what the network is asked at, and x' of x, of x0, of the
# x0 of the step before, and of noise; the last two tell how learned variances count.
TIME, ALPHA, SIGMA, OF_X, OF_DATA, OF_PREVIOUS, OF_NOISE, LOG_SMALL, LOG_LARGE = range(
    9
)


def standardize_eta(sampler: str, eta: float | None) -> float:
    """Returns how much noise steps add, 0 for none and 1 for as much as DDPM.

    Raises:
        ValueError: If `sampler` or `eta` is none that can be.
    """
    checks.choice("sampler", sampler, SAMPLERS)
    if eta is None:
        return float(sampler == "ddpm")
    checks.fraction("eta", eta)
    if sampler != "ddim":
        raise ValueError(
            '`eta` is an argument of sampler="ddim" alone; it must be None here. '
            f'Received: eta={eta}, sampler="{sampler}"'
        )
    return float(eta)


def solve(predict, x, grid: TimeGrid, sampler: str, eta: float, seeds, path=False):
    """Returns what comes of noisy data at the end of a grid.

    Args:
        predict: Function `(x, row)` that returns x0, and how much of the larger
            variance a learned one takes, or `None`: tensors of the shape of `x`. `row`
            is a row of coefficients.
        x: Float32 tensor `(batch, ...)` at the grid's first time.
        grid: `TimeGrid`.
        sampler: One of `SAMPLERS`.
        eta: Number in [0, 1], as `standardize_eta` returns it.
        seeds: `Seeds` that no other draw is taken from; `None` where eta is 0.
        path: Whether to return all steps.

    Returns:
        Tensor of the shape of `x`, or `(num_steps, batch, ...)` with `path`.
    """
    if sampler == "heun":
        return _heun(predict, x, grid, path)
    return follow(predict, x, coefficients(grid, sampler, eta), seeds, path)


def follow(predict, x, rows: np.ndarray, seeds, path=False):
    """Returns what comes of noisy data by given steps, as `solve` does.

    Args:
        predict: As in `solve`.
        x: As in `solve`.
        rows: Coefficients of each step, `(num_steps, 9)`.
        seeds: As in `solve`.
        path: As in `solve`.
    """
    adds_noise = bool(rows[:, OF_NOISE].any())
    table = ops.convert_to_tensor(rows.astype("float32"))

    def step(i, carry):
        x, previous = carry
        row = ops.take(table, i, axis=0)
        data, fraction = predict(x, row)
        new = row[OF_X] * x + row[OF_DATA] * data + row[OF_PREVIOUS] * previous
        if adds_noise:
            noise = normal(ops.shape(x), seeds.at(i))
            new = new + noise_scale(row, fraction) * noise
        return new, data

    return _run(step, (x, ops.zeros_like(x)), len(rows), path)


def noise_scale(row, fraction):
    """Returns the standard deviation of a step's noise, learned or not."""
    if fraction is None:
        return row[OF_NOISE]
    # log variance = fraction log beta + (1 - fraction) log of the posterior's
    log_var = fraction * row[LOG_LARGE] + (1 - fraction) * row[LOG_SMALL]
    return ops.where(row[OF_NOISE] > 0, ops.exp(0.5 * log_var), 0.0)


def _run(step, carry, length, path):
    if not path:
        return fori_loop(length, step, carry)[0]
    indices = ops.arange(length, dtype="int32")
    return scan(lambda carry, i: step(i, carry), carry, indices)[0]


def transition(grid: TimeGrid):
    """Returns what one step of a grid adds and what it takes back, in variances.

    Returns:
        `(added, posterior)`, each `(num_steps,)`: the variance of x at a step given x
        at the next one, and of x at the next one given that and the data.
    """
    alpha, sigma = grid.alphas[:-1], grid.sigmas[:-1]
    after, sigma_after = grid.alphas[1:], grid.sigmas[1:]
    added = sigma**2 - (alpha / after) ** 2 * sigma_after**2
    return added, sigma_after**2 / sigma**2 * added


def log_variances(grid: TimeGrid):
    """Returns logs of the smaller and the larger variance a learned one is between.

    The smaller is the posterior's, that of the second-last step at the last one,
    where the posterior's is 0; the larger is what the step adds.
    """
    added, posterior = transition(grid)
    if grid.sigmas[-1] == 0:
        posterior = np.append(
            posterior[:-1], posterior[-2] if len(added) > 1 else added
        )
    return np.log(posterior), np.log(added)


def coefficients(grid: TimeGrid, sampler: str, eta: float) -> np.ndarray:
    """Returns the coefficients of each step, float64 `(num_steps, 9)`."""
    alpha, sigma = grid.alphas[:-1], grid.sigmas[:-1]
    after, sigma_after = grid.alphas[1:], grid.sigmas[1:]
    rows = np.zeros((len(alpha), 9))
    rows[:, TIME], rows[:, ALPHA], rows[:, SIGMA] = grid.times[:-1], alpha, sigma
    variance = 0.0
    if eta > 0:
        variance = eta**2 * transition(grid)[1]
        rows[:, LOG_SMALL], rows[:, LOG_LARGE] = log_variances(grid)
        rows[:, OF_NOISE] = np.sqrt(variance)
    # x' = alpha' x0 + sqrt(sigma'^2 - variance) noise + ...
    rows[:, OF_X] = np.sqrt(np.maximum(sigma_after**2 - variance, 0)) / sigma
    rows[:, OF_DATA] = after - rows[:, OF_X] * alpha
    if sampler == "dpm_solver_2m":
        _correct_to_second_order(rows, grid)
    return rows


def _correct_to_second_order(rows, grid):
    # x0 at the middle of the step, from its last two values.
    with np.errstate(divide="ignore"):
        lengths = np.diff(np.log(grid.alphas) - np.log(grid.sigmas))
    for i in range(1, len(rows)):
        last_of_few = len(rows) < _FEW and i == len(rows) - 1
        if last_of_few or not np.isfinite(lengths[i - 1 : i + 1]).all():
            continue
        share = lengths[i] / (2 * lengths[i - 1]) * rows[i, OF_DATA]
        rows[i, OF_DATA] += share
        rows[i, OF_PREVIOUS] = -share


def _heun(predict, x, grid, path):
    """Euler's step, and the mean of the slopes at both its ends.

    dy / ds = noise for y = x / alpha and s = sigma / alpha, the equation of Karras et
    al. To s = 0 the step is Euler's, and from s above 100 or infinite, where x0 hardly
    changes: Euler's step is exact for a constant x0, and slopes' means are not stable.
    """
    rows = coefficients(grid, "euler", 0.0)
    last = int(grid.sigmas[-1] == 0)  # steps that are Euler's
    num_corrected = len(rows) - last
    table = ops.convert_to_tensor(rows.astype("float32"))
    ends = np.stack([grid.times, grid.alphas, grid.sigmas], axis=1)[1:]
    ends = ops.convert_to_tensor(ends.astype("float32"))
    corrections = ops.convert_to_tensor(_heun_rows(grid).astype("float32"))

    def euler(i, x):
        row = ops.take(table, i, axis=0)
        data, _ = predict(x, row)
        return row[OF_X] * x + row[OF_DATA] * data, data

    def step(i, carry):
        (x,) = carry
        new, data = euler(i, x)
        later, _ = predict(new, ops.take(ends, i, axis=0))
        row = ops.take(corrections, i, axis=0)
        return (row[0] * x + row[1] * data + row[2] * new + row[3] * later,)

    if num_corrected == 0:
        x = euler(0, x)[0]
        return x[None] if path else x
    corrected = _run(step, (x,), num_corrected, path)
    if not last:
        return corrected
    end = euler(num_corrected, corrected[-1] if path else corrected)[0]
    return ops.concatenate([corrected, end[None]]) if path else end


def _heun_rows(grid):
    """Coefficients of x, x0, Euler's x' and the x0 there, in what Heun makes of them.

    x' = alpha' (y + (s' - s) (noise + noise') / 2)
    """
    rows = np.zeros((len(grid.times) - 1, 4))
    for i in range(len(rows)):
        alpha, sigma = grid.alphas[i], grid.sigmas[i]
        after, sigma_after = grid.alphas[i + 1], grid.sigmas[i + 1]
        lost = max(sigma - _LOST * alpha, sigma_after - _LOST * after) > 0
        if lost or min(sigma, sigma_after) == 0:
            rows[i] = 0, 0, 1, 0
            continue
        half = after * (sigma_after / after - sigma / alpha) / 2
        rows[i] = (
            after / alpha + half / sigma,
            -half * alpha / sigma,
            half / sigma_after,
            -half * after / sigma_after,
        )
    return rows
