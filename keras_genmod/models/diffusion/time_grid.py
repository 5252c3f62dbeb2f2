"""The times at which samplers look at the network."""

import dataclasses
import math

import numpy as np

from keras_genmod import checks
from keras_genmod.models.diffusion.noise_schedule import NoiseSchedule

SPACINGS = ("uniform", "quadratic", "leading", "karras")
_RHO = 7.0


@dataclasses.dataclass(frozen=True)
class TimeGrid:
    """Times in falling order, with what the schedule says of them, in float64.

    Args:
        times: Array `(num_steps + 1,)`, from `start` to 0.
        alphas: Array `(num_steps + 1,)`.
        sigmas: Array `(num_steps + 1,)`.
    """

    times: np.ndarray
    alphas: np.ndarray
    sigmas: np.ndarray

    def reversed(self) -> "TimeGrid":
        """Returns the grid from its last positive time to its first time."""
        return TimeGrid(*(x[-2::-1] for x in (self.times, self.alphas, self.sigmas)))


def grid_of(schedule: NoiseSchedule, times) -> TimeGrid:
    """Returns a grid of given times."""
    times = np.asarray(times, "float64")
    return TimeGrid(times, schedule.alpha(times), schedule.sigma(times))


def check_num_steps(schedule, num_steps, default=50, start=1.0) -> int:
    """Returns the steps of a sampler, at most those of the schedule.

    Raises:
        ValueError: If it is no such number.
    """
    most = checks.LARGEST_INT
    if schedule.num_steps is not None:
        most = max(1, round(start * schedule.num_steps))
    if num_steps is None:
        return min(default, most)
    why = "the steps that its schedule has from there to the data; "
    why += "a schedule with num_steps=None serves any number"
    return checks.integer("num_steps", num_steps, 1, most, why)


def make_grid(
    schedule: NoiseSchedule, num_steps: int, spacing="uniform", start: float = 1.0
) -> TimeGrid:
    """Returns the grid of `num_steps` looks at the network, and the end at t = 0.

    Args:
        schedule: `NoiseSchedule`.
        num_steps: Positive int, checked.
        spacing: "uniform" takes even times, with both ends; "quadratic" is denser
            near the data; "karras" takes sigma / alpha even in its 7th root; "leading"
            leaves out the noisiest times, as older code did: of T steps it takes each
            T / num_steps-th from the first on, so that `num_steps` must divide T.
        start: The first time, in (0, 1].

    Raises:
        ValueError: If the spacing is of times that the schedule has not, or `num_steps`
            do not divide the steps for "leading".
    """
    if spacing == "karras":  # also between the steps of discrete time
        times = _karras(schedule, num_steps, schedule.first_time, start)
    elif schedule.num_steps is None:
        times = _continuous(num_steps, spacing, start)
    else:
        top = max(1, round(start * schedule.num_steps))
        times = whole(_steps(num_steps, spacing, top)) / schedule.num_steps
    return grid_of(schedule, [*times, 0.0])


def whole(steps: np.ndarray) -> np.ndarray:
    """Returns falling numbers of steps made whole, no two of them alike."""
    index = np.arange(len(steps) - 1, -1, -1)
    return np.maximum.accumulate((np.round(steps) - index)[::-1])[::-1] + index


def _continuous(num_steps, spacing, start):
    fractions = np.arange(num_steps, 0, -1) / num_steps
    if spacing == "uniform":
        return start * fractions
    if spacing == "quadratic":
        return start * fractions**2
    return start * np.arange(num_steps, 0, -1) / (num_steps + 1)


def _steps(num_steps, spacing, top):
    if spacing == "uniform":
        return np.linspace(top, 1, num_steps) if num_steps > 1 else np.array([top])
    if spacing == "quadratic":
        roots = np.linspace(math.sqrt(top - 1), 0, num_steps)
        return 1 + roots**2 if num_steps > 1 else np.array([top])
    if top % num_steps:  # whole strides would end far from the noise
        raise ValueError(
            f"`num_steps` must divide {top}, the steps of the schedule from there to "
            'the data, for spacing="leading"; spacing="uniform" takes any number. '
            f"Received: num_steps={num_steps}"
        )
    return 1 + top // num_steps * np.arange(num_steps - 1, -1, -1)


def _karras(schedule, num_steps, last, first):
    """Times of sigma / alpha with even 7th roots, from a first time to a last one."""
    if num_steps == 1:
        return np.array([first])
    ends = np.array([first, last])
    if schedule.alpha(ends[:1])[0] == 0:
        raise ValueError(
            '`spacing` must not be "karras" for a schedule that leaves nothing of the '
            'data at t = 1, where sigma / alpha is infinite: use "uniform".'
        )
    high, low = np.exp(-schedule.log_snr(ends) / 2 / _RHO)
    roots = np.linspace(high, low, num_steps)
    times = schedule.time_of(-2 * _RHO * np.log(roots))
    times[0], times[-1] = first, last
    return times
