"""What schedules of steps share."""

from typing import Any

import numpy as np
from keras import ops

from keras_genmod.models.diffusion.noise_schedule import library
from keras_genmod.models.diffusion.variance_preserving import VariancePreserving

_NOTHING = -100.0  # log alpha^2 of a signal that is none


class StepSchedule(VariancePreserving):
    """The part that schedules with `betas` of each step share.

    Between two steps log alpha is linear, as if noise came in evenly. Step `i` from 1
    to T ends at t = i / T, with alpha^2 the product of its and the earlier 1 - beta.
    """

    def _set_betas(self, betas: np.ndarray) -> None:
        # log alpha^2 at t = 0, 1 / T, ..., 1
        with np.errstate(divide="ignore"):
            logs = np.cumsum(np.log1p(-betas))
        self._logs = np.maximum(np.concatenate([[0.0], logs]), _NOTHING) / 2
        self.num_steps = len(betas)
        self.first_time = 1 / len(betas)

    def log_alpha(self, t: Any) -> Any:
        xp, last = library(t), len(self._logs) - 1
        if xp is np:
            logs, place = self._logs, np.asarray(t, "float64") * last
        else:
            logs = ops.convert_to_tensor(self._logs.astype("float32"))
            place = ops.cast(t, "float32") * last
            # Whole numbers of steps stay such in float32.
            nearest = ops.round(place)
            place = ops.where(ops.abs(place - nearest) < 1e-3, nearest, place)
        below = xp.clip(xp.floor(place), 0, last - 1)
        index = below.astype("int64") if xp is np else ops.cast(below, "int32")
        start, stop = xp.take(logs, index), xp.take(logs, index + 1)
        return start + (place - below) * (stop - start)
