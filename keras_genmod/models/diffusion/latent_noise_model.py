"""Ways from noise to data and back, and what lies on them."""

from typing import Any

from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Seeds, compiled, seed_state
from keras_genmod.models.diffusion.noise_model import NoiseModel
from keras_genmod.models.diffusion.time_grid import make_grid


class LatentNoiseModel(NoiseModel):
    """A model whose latents are the noise that a deterministic sampler starts from."""

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of the latents of one example, which is that of the data."""
        return self.data_shape

    def encode(
        self,
        x: Any,
        condition: Any = None,
        sampler: str = "ddim",
        num_steps: int | None = None,
        spacing: str = "uniform",
    ) -> Any:
        """Returns the noise that `decode` makes data of, by a sampler run backwards.

        Args:
            x: Data of shape `(batch, *data_shape)`.
            condition: For a conditional model, one label an example, or one for all.
            sampler: "ddim", "euler", "heun" or "dpm_solver_2m".
            num_steps: Int of at least 2, as in `sample`; errors of both ways fall with
                it.
            spacing: As in `sample`.

        Returns:
            Float32 tensor of shape `(batch, *data_shape)`, close to N(0, I) for data
            of the model.

        Raises:
            ValueError: If an argument is out of range, or the sampler draws noise.
        """
        way = self._way_of_latents(sampler, num_steps, spacing)
        return self._encode(*self._checked(x, condition), way=way)

    def _way_of_latents(self, sampler, num_steps, spacing):
        if sampler == "ddpm":
            raise ValueError(
                '`sampler` must be one without noise, such as "ddim" or "heun", for '
                f"latents: each has one example. Received: sampler={sampler!r}"
            )
        way, _ = self._way(sampler, num_steps, None, spacing, False, 1.0)
        checks.integer("num_steps", way.num_steps, 2)
        return way

    @compiled(xla=True)
    def _encode(self, x, condition, *, way):
        x = self._inside(ops.cast(x, "float32"))
        grid = make_grid(self.schedule, way.num_steps, way.spacing)
        alpha = float(grid.alphas[-2])
        row = (float(grid.times[-2]), alpha, float(grid.sigmas[-2]))
        labels = None if condition is None else self.one_hot(condition)
        # The last step of the way there, x0 = what the network sees, to first order.
        data, _ = self._denoise(alpha * x, row, labels)
        start = alpha * (2 * x - data)
        end = self._solve(start, condition, None, None, way, backwards=True)
        return end / self.schedule.prior_std

    def decode(
        self,
        z: Any,
        condition: Any = None,
        sampler: str = "ddim",
        num_steps: int | None = None,
        spacing: str = "uniform",
    ) -> Any:
        """Returns the data that a sampler without noise makes of latents.

        Args:
            z: Latents of shape `(batch, *data_shape)`.
            condition: For a conditional model, one label an example, or one for all.
            sampler: As in `encode`.
            num_steps: As in `encode`.
            spacing: As in `sample`.

        Returns:
            Float32 tensor of shape `(batch, *data_shape)` in the range of the data.

        Raises:
            ValueError: If an argument is out of range, or the sampler draws noise.
        """
        checks.shape("z", z, self.data_shape)
        way = self._way_of_latents(sampler, num_steps, spacing)
        return self._decode(z, self.standardize_condition(condition, len(z)), way=way)

    @compiled(xla=True)
    def _decode(self, z, condition, *, way):
        start = self.schedule.prior_std * ops.cast(z, "float32")
        return self._finished(self._solve(start, condition, None, None, way))

    def sample_path(
        self,
        num_samples: int,
        condition: Any = None,
        seed: int | None = None,
        num_steps: int = 10,
        **way: Any,
    ) -> Any:
        """Draws samples, and returns them after each step.

        Args:
            num_samples: Positive int.
            condition: As in `sample`.
            seed: Int for repeatable samples; `None` draws new ones each call.
            num_steps: Positive int.
            **way: `sampler`, one of those of `DiffusionModel.sample` and "ddim" unless
                one says; `eta`, `guidance`, `spacing` and `clip` as in `sample`.

        Returns:
            Float32 tensor of shape `(num_samples, num_steps, *data_shape)`; the last
            of each are what `sample` returns with the same sampler.

        Raises:
            ValueError: As `sample`.
        """
        num_samples = checks.positive_int("num_samples", num_samples)
        defaults = {
            "sampler": "ddim",
            "eta": None,
            "spacing": "uniform",
            "clip": None,
            "guidance": 1.0,
        }
        if not set(way) <= set(defaults):
            raise ValueError(
                f"Arguments of `sample_path` must be some of {sorted(defaults)}. "
                f"Received: {sorted(way)}"
            )
        checked, guidance = self._way(num_steps=num_steps, **{**defaults, **way})
        return self._sample_path(
            seed_state(seed, self.seed_generator),
            self.standardize_condition(condition, num_samples),
            guidance,
            num_samples=num_samples,
            way=checked,
        )

    @compiled(xla=True)
    def _sample_path(self, state, condition, guidance, *, num_samples, way):
        seeds = Seeds(state)
        start = self._start_noise(num_samples, seeds)
        steps = self._solve(start, condition, guidance, seeds, way, path=True)
        return ops.swapaxes(self._finished(steps), 0, 1)
