"""Densities under the probability-flow equation.

With z = x / sqrt(alpha^2 + sigma^2) and the angle phi of sigma to alpha,

    dz / dphi = cos(phi) noise - sin(phi) x_0,

the network's v, which is smooth from data, phi = 0, to noise, phi = pi / 2.
"""

import math

import numpy as np
from keras import ops

from keras_genmod.engine import fori_loop, input_gradient, uniform
from keras_genmod.models.diffusion.noise_schedule import NoiseSchedule

_LOWEST = -14.0  # log SNR from which one step leads to nothing of the data
# Columns: what the network is asked at, sqrt(alpha^2 + sigma^2), and cos and sin.
TIME, ALPHA, SIGMA, NORM, COS, SIN = range(6)


def angles(schedule: NoiseSchedule, num_steps: int) -> np.ndarray:
    """Returns the ends of steps, float64 `(num_steps + 1,)`, even in log SNR."""
    first = schedule.log_snr(np.float64(schedule.first_time))
    last = schedule.log_snr(np.float64(1.0))
    num_even = num_steps - int(last < _LOWEST)
    logs = np.linspace(first, max(last, _LOWEST), num_even + 1)
    phi = np.arctan(np.exp(-logs / 2))
    if num_even < num_steps:
        phi = np.append(phi, np.arctan(np.exp(-last / 2)))
    return phi


def table(schedule: NoiseSchedule, phi: np.ndarray) -> np.ndarray:
    """Returns what is known at some angles, float64 `(..., 6)`."""
    with np.errstate(divide="ignore"):
        times = schedule.time_of(-2 * np.log(np.tan(phi)))
    alpha, sigma = schedule.alpha(times), schedule.sigma(times)
    columns = (times, alpha, sigma, np.hypot(alpha, sigma), np.cos(phi), np.sin(phi))
    return np.stack(columns, axis=-1)


def log_prob(denoise, x, schedule, num_steps, num_probes, seeds):
    """Returns the log-density of data, float32 `(batch,)`.

    Args:
        denoise: Function `(x, row)` that returns x_0; a row starts with the time, alpha
            and sigma.
        x: Float32 tensor `(batch, ...)`.
        schedule: `NoiseSchedule`.
        num_steps: Positive int.
        num_probes: Int, vectors of a divergence's estimate; 0 for the exact one.
        seeds: `Seeds`, of the probes.
    """
    phi = angles(schedule, num_steps)
    lengths = ops.convert_to_tensor(np.diff(phi).astype("float32"))
    middles = (phi[1:] + phi[:-1]) / 2
    stages = np.stack(
        [table(schedule, p) for p in (phi[:-1], middles, phi[1:])], axis=1
    )
    rows = ops.convert_to_tensor(stages.astype("float32"))  # (num_steps, 3, 6)
    probes = _probes(x, num_probes, seeds)
    share = 1 / max(num_probes, 1)

    def slope(z, row):
        """Returns dz / dphi and its divergence, `(batch,)`."""

        def velocity(z):
            at = 1.0 * row  # a copy that autograd may keep, on torch
            x = at[NORM] * z
            data = denoise(x, at)
            noise = (x - at[ALPHA] * data) / at[SIGMA]
            return at[COS] * noise - at[SIN] * data

        return velocity(z), share * _divergence(velocity, z, probes)

    def step(i, carry):
        z, total = carry
        length, stage = ops.take(lengths, i), ops.take(rows, i, axis=0)
        v1, d1 = slope(z, stage[0])
        v2, d2 = slope(z + length / 2 * v1, stage[1])
        v3, d3 = slope(z + length / 2 * v2, stage[1])
        v4, d4 = slope(z + length * v3, stage[2])
        z = z + length / 6 * (v1 + 2 * v2 + 2 * v3 + v4)
        return z, total + length / 6 * (d1 + 2 * d2 + 2 * d3 + d4)

    size = math.prod(x.shape[1:])
    norms = [float(stages[i, j, NORM]) for i, j in ((0, 0), (-1, 2))]
    start = (x / norms[0], ops.zeros((ops.shape(x)[0],), "float32"))
    z, total = fori_loop(num_steps, step, start)
    std = schedule.prior_std / norms[1]
    squares = ops.sum(ops.square(ops.reshape(z, (-1, size)) / std), axis=1)
    log_base = -0.5 * squares - size * (0.5 * math.log(2 * math.pi) + math.log(std))
    return log_base + total - size * math.log(norms[0])


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
