"""The function of consistency models, and samples by it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Seeds, compiled, fori_loop, normal, seed_state
from keras_genmod.models.diffusion.consistency_levels import ConsistencyLevels
from keras_genmod.models.diffusion.noise_model import NoiseModel


class ConsistencyFunction(NoiseModel):
    """f(x, t), which is x at t = 0 for any weights.

    The part of `ConsistencyModel` that knows nothing of training.

    Args:
        network: As there.
        data_shape: As there.
        sigma_min: Positive float.
        sigma_max: Float above it.
        data_std: Positive float.
        num_classes: Int or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range, or the network does not fit.
    """

    def __init__(
        self,
        network: Any,
        data_shape: Sequence[int],
        sigma_min: float,
        sigma_max: float,
        data_std: float,
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            network,
            data_shape,
            ConsistencyLevels(sigma_min, sigma_max),
            "data",
            num_classes,
            drop_rate=0.0,
            num_levels=None,
            **kwargs,
        )
        self.sigma_min, self.sigma_max = sigma_min, sigma_max
        self.data_std = checks.positive("data_std", data_std)

    def _function(self, x, t, predict):
        """Returns f(x, t); `predict` is the network of `(c_in x, t)`."""
        per_example = (-1, *(1,) * len(self.data_shape))
        sigma = ops.reshape(self.schedule.sigma(t), per_example)
        excess = ops.reshape(self.schedule.excess(t), per_example)
        variance = self.data_std**2
        scale = ops.rsqrt(ops.square(sigma) + variance)
        skip = variance / (ops.square(excess) + variance)
        return skip * x + self.data_std * excess * scale * predict(scale * x, t)

    def _online(self, x, t, condition, training=False):
        def predict(x, t):
            return self._predict(x, t, condition, training)

        return self._function(x, t, predict)

    def denoise(self, x: Any, t: Any, condition: Any = None) -> Any:
        """Returns f(x, t), where the ways of noisy data end: not the data's mean.

        Args:
            x: Noisy data of shape `(batch, *data_shape)`, x_0 + sigma(t) noise, with
                images and their noise on the scale of [0, 1], where it is half.
            t: Number in [0, 1], or one for each example.
            condition: For a conditional model, one label an example, or one for all.

        Returns:
            Float32 tensor of the shape of `x`.

        Raises:
            ValueError: If an argument is out of range.
        """
        checks.shape("x", x, self.data_shape)
        times = np.asarray(t, "float32")
        if times.shape not in ((), (len(x),)) or not np.all(
            (times >= 0) & (times <= 1)
        ):
            raise ValueError(
                f"`t` must be a number in [0, 1], or {len(x)}, one for each example. "
                f"Received: t={t!r}"
            )
        times = np.broadcast_to(times, (len(x),)).astype("float32")
        return self._end(x, times, self.standardize_condition(condition, len(x)))

    @compiled()
    def _end(self, x, t, condition):
        labels = None if condition is None else self.one_hot(condition)
        x = self._inside(ops.cast(x, "float32"))
        return self._outside(self._online(x, t, labels))

    # No solver goes along this function: no `sampler`, and what belongs to it.
    def sample(  # type: ignore[override]
        self,
        num_samples: int,
        condition: Any = None,
        seed: int | None = None,
        num_steps: int = 1,
    ) -> Any:
        """Draws samples from noise in one step, or a few.

        Each step after the first adds noise up to a lower level, t = 1 - i /
        `num_steps`, and takes it away.

        Args:
            num_samples: Positive int.
            condition: For a conditional model, int class labels of shape
                `(num_samples,)`, or one label for all.
            seed: Int for repeatable samples; `None` draws new ones each call.
            num_steps: Positive int, looks at the network.

        Returns:
            Float32 tensor of shape `(num_samples, *data_shape)` in the range of the
            data.

        Raises:
            ValueError: If an argument is out of range.
        """
        return self._sample(
            seed_state(seed, self.seed_generator),
            self.standardize_condition(
                condition, checks.positive_int("num_samples", num_samples)
            ),
            num_samples=num_samples,
            num_steps=checks.positive_int("num_steps", num_steps),
        )

    @compiled(xla=True)
    def _sample(self, state, condition, *, num_samples, num_steps):
        seeds = Seeds(state)
        labels = None if condition is None else self.one_hot(condition)
        times = 1 - np.arange(num_steps) / num_steps
        added = np.sqrt(self.schedule.sigma(times) ** 2 - self.sigma_min**2)
        table = ops.convert_to_tensor(np.stack([times, added], 1).astype("float32"))

        def step(i, x):
            row = ops.take(table, i, axis=0)
            x = x + row[1] * normal(ops.shape(x), seeds.at(i))
            ones = ops.ones((num_samples,), "float32")
            return self._online(x, row[0] * ones, labels)

        start = ops.zeros((num_samples, *self.data_shape), "float32")
        return self._finished(fori_loop(num_steps, step, start))

    def get_config(self):
        config = super().get_config()
        for fixed in ("schedule", "prediction", "drop_rate", "num_levels"):
            config.pop(fixed)
        return {
            **config,
            "sigma_min": self.sigma_min,
            "sigma_max": self.sigma_max,
            "data_std": self.data_std,
        }
