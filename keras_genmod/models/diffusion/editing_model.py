"""Noisy data of one level, and samples that start from given data."""

from typing import Any

import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Seeds, compiled, normal, seed_state
from keras_genmod.models.diffusion import repaint
from keras_genmod.models.diffusion.latent_noise_model import LatentNoiseModel
from keras_genmod.models.diffusion.time_grid import make_grid

_LEAST = 0.01  # of a schedule's first time: soon below it float32 knows of no noise


class EditingModel(LatentNoiseModel):
    """A model that denoises, edits and completes data."""

    # One noise level.

    def add_noise(self, x: Any, t: Any, seed: int | None = None) -> Any:
        """Returns alpha(t) x + sigma(t) noise, on the scale of the data.

        Images are noisy inside, on [-1, 1]; what is returned is brought back to where
        they were in [0, 1], and goes beyond that.

        Args:
            x: Data of shape `(batch, *data_shape)`.
            t: Number in [0, 1], or one for each example.
            seed: Int for repeatable noise, or `None`.

        Returns:
            Float32 tensor of the shape of `x`.

        Raises:
            ValueError: If an argument is out of range.
        """
        self.check_examples(x)
        t = self._check_times(t, len(x))
        return self._add_noise(seed_state(seed, self.seed_generator), x, t)

    def _check_times(self, t, number, minimum=0.0):
        times = np.asarray(t, "float32") if not ops.is_tensor(t) else checks.as_numpy(t)
        if times.shape not in ((), (number,)) or not np.all(
            (times >= minimum) & (times <= 1)
        ):
            low = "[0" if minimum == 0 else "(0"
            raise ValueError(
                f"`t` must be a number in {low}, 1], or {number}, one for each "
                f"example. Received: t={t!r}"
            )
        return np.broadcast_to(times, (number,)).astype("float32")

    @compiled()
    def _add_noise(self, state, x, t):
        x = self._inside(ops.cast(x, "float32"))
        alpha, sigma = self._levels(t)
        noise = normal(ops.shape(x), Seeds(state))
        return self._outside(alpha * x + sigma * noise)

    def denoise(self, x: Any, t: Any, condition: Any = None) -> Any:
        """Returns the mean of the data that noisy ones come from, E[x_0 | x_t].

        Args:
            x: Noisy data of shape `(batch, *data_shape)`, as `add_noise` returns them.
            t: Number in (0, 1], or one for each example, at least a hundredth of
                `schedule.first_time`.
            condition: For a conditional model, one label an example, or one for all.

        Returns:
            Float32 tensor of the shape of `x`.

        Raises:
            ValueError: If an argument is out of range.
        """
        return self._outside(self._seen(x, t, condition)[0])

    def score(self, x: Any, t: Any, condition: Any = None) -> Any:
        """Returns the gradient of the log-density of noisy data, of the shape of `x`.

        d log p_t(x) / dx = (alpha E[x_0 | x] - x) / sigma^2, on the scale of the data:
        for images, twice what it is inside, on [-1, 1].

        Args:
            x: Noisy data of shape `(batch, *data_shape)`, as `add_noise` returns them.
            t: Number in (0, 1], or one for each example, at least a hundredth of
                `schedule.first_time`.
            condition: For a conditional model, one label an example, or one for all.

        Returns:
            Float32 tensor of the shape of `x`.

        Raises:
            ValueError: If an argument is out of range.
        """
        return self._seen(x, t, condition)[1]

    def _seen(self, x, t, condition):
        checks.shape("x", x, self.data_shape)
        t = self._check_times(t, len(x), np.finfo("float32").tiny)
        first = self.schedule.first_time
        if np.any(t < _LEAST * first):
            raise ValueError(
                f"`t` must be at least {_LEAST * first:g}, a hundredth of "
                "`schedule.first_time`: before that data have no noise to speak of. "
                f"Received: t={t.min():g}"
            )
        return self._see(x, t, self.standardize_condition(condition, len(x)))

    @compiled()
    def _see(self, x, t, condition):
        x = self._inside(ops.cast(x, "float32"))
        alpha, sigma = self._levels(t)
        labels = None if condition is None else self.one_hot(condition)
        data, _ = self._denoise(x, (t, alpha, sigma), labels)
        score = (alpha * data - x) / ops.square(sigma)
        return data, (2 * score if self.is_of_images else score)

    # Given data.

    def edit(
        self,
        x: Any,
        strength: float,
        condition: Any = None,
        seed: int | None = None,
        sampler: str = "ddim",
        num_steps: int | None = None,
        eta: float | None = None,
        guidance: float = 1.0,
        spacing: str = "uniform",
        clip: bool | None = None,
    ) -> Any:
        """Returns data of the model that are like given ones, such as strokes (SDEdit).

        Noise is added up to t = `strength`, and a sampler takes it away.

        Args:
            x: Data of shape `(batch, *data_shape)`.
            strength: Number in (0, 1], the time to start from: at 1 little is left of
                `x`; a middle one keeps what is coarse.
            condition: For a conditional model, one label an example, or one for all.
            seed: Int for repeatable noise, or `None`.
            sampler: One of those of `DiffusionModel.sample`.
            num_steps: Positive int, steps from there to the data.
            eta: As in `sample`.
            guidance: As in `sample`.
            spacing: As in `sample`.
            clip: As in `sample`.

        Returns:
            Float32 tensor of the shape of `x`.

        Raises:
            ValueError: If an argument is out of range.

        References:
            - Meng et al., SDEdit, 2022, arXiv:2108.01073.
        """
        checks.positive("strength", checks.fraction("strength", strength))
        x, condition = self._checked(x, condition)
        start, steps = float(strength), self.schedule.num_steps
        if steps is not None:
            start = max(1, round(start * steps)) / steps
        way, guidance = self._way(
            sampler, num_steps, eta, spacing, clip, guidance, start
        )
        state = seed_state(seed, self.seed_generator)
        return self._edit(state, x, condition, guidance, way=way)

    @compiled(xla=True)
    def _edit(self, state, x, condition, guidance, *, way):
        seeds = Seeds(state)
        grid = make_grid(self.schedule, way.num_steps, way.spacing, way.start)
        x = self._inside(ops.cast(x, "float32"))
        noise = normal(ops.shape(x), seeds)
        start = float(grid.alphas[0]) * x + float(grid.sigmas[0]) * noise
        return self._finished(self._solve(start, condition, guidance, seeds, way))

    def inpaint(
        self,
        x: Any,
        mask: Any,
        condition: Any = None,
        seed: int | None = None,
        num_steps: int | None = None,
        num_resamplings: int = 10,
        jump_length: int | None = None,
        guidance: float = 1.0,
        spacing: str = "uniform",
        clip: bool | None = None,
    ) -> Any:
        """Returns data that agree with known values, which stay as they are (RePaint).

        DDPM steps, after each of which the known part is put in, noised to that level.
        So that the rest comes to fit, every `jump_length` steps are gone back, with
        new noise, and taken again. More resamplings fit better: the result goes to a
        draw given what is known.

        Args:
            x: Data of shape `(batch, *data_shape)`; what is not known is not read.
            mask: True, or 1, where `x` is known: an array of the shape of `x` or of one
                example, of images also with one channel.
            condition: For a conditional model, one label an example, or one for all.
            seed: Int for repeatable noise, or `None`.
            num_steps: Positive int; `None` takes 250, or all that a schedule has.
            num_resamplings: Positive int, how often each step is taken, but the last
                one, to the data.
            jump_length: Positive int below `num_steps`, steps that are gone back at a
                time; `None` takes a tenth of them, from 1 to 10.
            guidance: As in `sample`.
            spacing: As in `sample`.
            clip: As in `sample`.

        Returns:
            Float32 tensor of the shape of `x`, equal to it where it is known.

        Raises:
            ValueError: If an argument is out of range.

        References:
            - Lugmayr et al., RePaint, 2022, arXiv:2201.09865.

        Note:
            As in the paper, known values are exact at the end. In its official code
            they are the network's, since it puts them in before a step alone.
        """
        checks.shape("x", x, self.data_shape)
        mask = repaint.standardize_mask(mask, len(x), self.data_shape)
        x = np.where(mask, checks.as_numpy(x), 0).astype("float32")
        unknown = np.count_nonzero(~np.isfinite(x))
        if unknown:
            raise ValueError(
                "`x` must be finite where `mask` says that it is known. Received: "
                f"{unknown} NaN or infinite of {np.count_nonzero(mask)} such values"
            )
        x, condition = self._checked(x, condition)
        if num_steps is None:
            num_steps = min(250, self.schedule.num_steps or 250)
        way, guidance = self._way("ddpm", num_steps, None, spacing, clip, guidance)
        jumps = repaint.standardize_jumps(num_resamplings, jump_length, way.num_steps)
        state = seed_state(seed, self.seed_generator)
        return self._inpaint(state, x, mask, condition, guidance, way=way, jumps=jumps)

    @compiled(xla=True)
    def _inpaint(self, state, x, mask, condition, guidance, *, way, jumps):
        known, seeds = self._inside(x), Seeds(state)
        grid = make_grid(self.schedule, way.num_steps, way.spacing)
        start = self.schedule.prior_std * normal(ops.shape(x), seeds)
        predict = self._predictor(condition, guidance, way)
        end = repaint.solve(predict, start, known, mask, grid, jumps, seeds)
        return ops.where(mask, x, self._finished(end))
