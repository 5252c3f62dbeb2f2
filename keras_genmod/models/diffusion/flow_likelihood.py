"""Densities under the probability-flow equation.

With z = x / sqrt(alpha^2 + sigma^2) and the angle phi of sigma to alpha,

    dz / dphi = cos(phi) noise - sin(phi) x_0,

the network's v, which is smooth from data, phi = 0, to noise, phi = pi / 2.
"""

import math

import numpy as np
from keras import ops

from keras_genmod.engine import fori_loop, input_gradient, uniform
from keras_genmod.models.diffusion import adaptive_steps
from keras_genmod.models.diffusion.noise_schedule import NoiseSchedule

_LOWEST = -14.0  # log SNR from which one step leads to nothing of the data
_PLACES = 4096  # steps of log SNR between which what is known is all but linear
# Columns: what the network is asked at, sqrt(alpha^2 + sigma^2), and cos and sin.
TIME, ALPHA, SIGMA, NORM, COS, SIN = range(6)
# And of a stage: its weight in the step, and how far from its start the next one is.
ADDS, AHEAD = 6, 7


def angles(schedule: NoiseSchedule, num_steps: int) -> np.ndarray:
    """Returns the ends of steps, float64 `(num_steps + 1,)`, even in log SNR."""
    first = schedule.log_snr(np.float64(schedule.first_time))
    last = schedule.log_snr(np.float64(1.0))
    num_even = _num_even(schedule, num_steps)
    logs = np.linspace(first, max(last, _LOWEST), num_even + 1)
    phi = np.arctan(np.exp(-logs / 2))
    if num_even < num_steps:
        phi = np.append(phi, np.arctan(np.exp(-last / 2)))
    return phi


def _num_even(schedule, num_steps):
    return num_steps - int(schedule.log_snr(np.float64(1.0)) < _LOWEST)


def table(schedule: NoiseSchedule, phi: np.ndarray) -> np.ndarray:
    """Returns what is known at some angles, float64 `(..., 6)`."""
    with np.errstate(divide="ignore"):
        times = schedule.time_of(-2 * np.log(np.tan(phi)))
    alpha, sigma = schedule.alpha(times), schedule.sigma(times)
    columns = (times, alpha, sigma, np.hypot(alpha, sigma), np.cos(phi), np.sin(phi))
    return np.stack(columns, axis=-1)


def _known_at(schedule: NoiseSchedule, like):
    """Returns a function of angles `(batch,)`, the columns of `table` as a list.

    All but the time may be multiplied with data.
    """
    phi = angles(schedule, _PLACES)
    rows = table(schedule, phi)
    columns = np.stack([rows[:, TIME], np.log(rows[:, NORM])]).astype("float32")
    times, log_norms = map(ops.convert_to_tensor, columns)
    # Even in log SNR, but for a last one to nothing of the data.
    num_even = _num_even(schedule, _PLACES)
    first, last = (-2 * np.log(np.tan(phi[i])) for i in (0, num_even))

    def known(phi):
        cos, sin = ops.cos(phi), ops.sin(phi)
        log_snr = 2 * (ops.log(ops.maximum(cos, 1e-6)) - ops.log(sin))
        place = (log_snr - first) * (num_even / (last - first))
        place = ops.clip(place, 0.0, float(_PLACES))
        below = ops.clip(ops.floor(place), 0.0, _PLACES - 1.0)
        index, share = ops.cast(below, "int32"), place - below
        time, log_norm = (
            ops.take(c, index) + share * (ops.take(c, index + 1) - ops.take(c, index))
            for c in (times, log_norms)
        )
        norm = ops.exp(log_norm)
        columns = (norm * cos, norm * sin, norm, cos, sin)
        per_example = (-1, *(1,) * (len(like.shape) - 1))
        return [time, *(ops.reshape(c, per_example) for c in columns)]

    return known


def log_prob(denoise, x, schedule, num_steps, tolerance, num_probes, seeds):
    """Returns the log-density of data, float32 `(batch,)`.

    Args:
        denoise: Function `(x, row)` that returns x_0; a row starts with the time, alpha
            and sigma.
        x: Float32 tensor `(batch, ...)`.
        schedule: `NoiseSchedule`.
        num_steps: Positive int, or `None` for steps of adaptive length.
        tolerance: Positive number, of adaptive steps; else `None`.
        num_probes: Int, vectors of a divergence's estimate; 0 for the exact one.
        seeds: `Seeds`, of the probes.
    """
    probes = _probes(x, num_probes, seeds)
    share = 1 / max(num_probes, 1)

    def slope(z, row):
        """Returns dz / dphi and its divergence, `(batch,)`."""

        def velocity(z):
            # Copies that autograd may keep, on torch.
            at = [1.0 * row[i] for i in range(SIN + 1)]
            x = at[NORM] * z
            data = denoise(x, at)
            noise = (x - at[ALPHA] * data) / at[SIGMA]
            return at[COS] * noise - at[SIN] * data

        return velocity(z), share * _divergence(velocity, z, probes)

    size = math.prod(x.shape[1:])
    phi = angles(schedule, num_steps or 1)
    norms = [float(row[NORM]) for row in table(schedule, phi[[0, -1]])]
    if num_steps is None:
        known = _known_at(schedule, x)
        z, total = adaptive_steps.integrate(
            lambda z, at: slope(z, known(at)), x / norms[0], phi[0], phi[-1], tolerance
        )
    else:
        z, total = _even_steps(slope, x / norms[0], schedule, phi)
    std = schedule.prior_std / norms[1]
    squares = ops.sum(ops.square(ops.reshape(z, (-1, size)) / std), axis=1)
    log_base = -0.5 * squares - size * (0.5 * math.log(2 * math.pi) + math.log(std))
    return log_base + total - size * math.log(norms[0])


def _even_steps(slope, z, schedule, phi):
    """Returns z, and the integral of its divergence, by Runge-Kutta of fourth order.

    The loop is over stages, so that the network is compiled for one of them.
    """
    middles = (phi[1:] + phi[:-1]) / 2
    places = np.stack([phi[:-1], middles, middles, phi[1:]], axis=1).ravel()
    lengths = np.diff(phi)[:, None]
    adds = (lengths * [1 / 6, 1 / 3, 1 / 3, 1 / 6]).ravel()
    ahead = (lengths * [1 / 2, 1 / 2, 1.0, 0.0]).ravel()  # 0 ends the step
    rows = np.column_stack([table(schedule, places), adds, ahead])
    rows = ops.convert_to_tensor(rows.astype("float32"))  # (4 num_steps, 8)

    def stage(i, carry):
        start, there, end, total = carry
        row = ops.take(rows, i, axis=0)
        v, d = slope(there, row)
        end, total = end + row[ADDS] * v, total + row[ADDS] * d
        is_last = row[AHEAD] == 0.0
        there = ops.where(is_last, end, start + row[AHEAD] * v)
        return ops.where(is_last, end, start), there, end, total

    carry = (z, z, z, ops.zeros((ops.shape(z)[0],), "float32"))
    return fori_loop(len(places), stage, carry)[2:]


def _probes(x, num_probes, seeds):
    """Returns vectors of signs, or one of each axis for exact divergences."""
    if num_probes:
        return [
            2.0 * ops.floor(2 * uniform(ops.shape(x), seeds)) - 1.0
            for _ in range(num_probes)
        ]
    size = math.prod(x.shape[1:])
    axes = np.eye(size, dtype="float32").reshape(size, 1, *x.shape[1:])
    return [ops.convert_to_tensor(axis) * ops.ones_like(x) for axis in axes]


def _divergence(velocity, z, probes):
    """Returns the sum of p^T (dv / dz) p over probes, `(batch,)`."""
    total = 0.0
    for probe in probes:

        def directional(z, probe=probe):
            return velocity(z) * (1.0 * probe)

        gradient = input_gradient(directional, z, differentiable=False)
        products = ops.reshape(gradient * probe, (ops.shape(z)[0], -1))
        total = total + ops.sum(products, axis=1)
    return total
