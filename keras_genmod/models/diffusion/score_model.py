"""The score of noisy data of all levels, and Langevin dynamics along it."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Seeds, compiled, normal, seed_state, uniform
from keras_genmod.models.diffusion import samplers
from keras_genmod.models.diffusion.denoising_model import DenoisingModel
from keras_genmod.models.diffusion.geometric_schedule import GeometricSchedule
from keras_genmod.models.diffusion.time_grid import TimeGrid, make_grid
from keras_genmod.models.valid_data import in_range, nan_unless

LANGEVIN_SAMPLERS = ("predictor_corrector", "annealed_langevin")
_NUM_CORRECTIONS, _STEP_SIZE = 1, 0.1  # unless one says


@keras.saving.register_keras_serializable("keras_genmod")
class ScoreModel(DenoisingModel):
    """s(x, t) = d log p_t(x) / dx of data with noise, x = x_0 + sigma(t) noise.

    With s(x, t) = -network(x / sqrt(1 + sigma^2), t) / sigma, it is trained by
    denoising score matching,

        mean sigma^2 (s(x_0 + sigma noise, t) + noise / sigma)^2,

    the mean over all values of an example, at levels of all sizes. `score(x, t)`
    returns s.

    Args:
        network: Keras model or layer, called with `[x, t]`: float32 of shapes
            `(batch, *data_shape)` and `(batch,)`, with t in [0, 1] and x of
            deviations of about 1. With `num_classes`, one-hot labels are a third,
            zeros for any label. It returns the shape of `x`. No normalization over the
            batch.
        data_shape: Shape of one example. Images, `(height, width, channels)`, lie in
            [0, 1]; other data are taken as they are: scale them to deviations of
            about 1.
        sigma_min: Positive float, see `GeometricSchedule`.
        sigma_max: Float above `sigma_min`, the noise that samplers start from: about
            the largest distance of two examples (of images, on [-1, 1]).
        num_classes: Int for a model conditional on class labels, or `None`.
        drop_rate: Number in [0, 1), how often the label of an example is left out in
            training, which `guidance` needs; callbacks may set it, to a number above 0
            where samples are to be guided.
        num_levels: Int of at least 2, the levels k / (num_levels - 1) of images whose
            probability `log_prob` bounds, or `None` for a density. Other data have a
            density.
        **kwargs: `of_images`, whether data of three axes are images in [0, 1], which
            they are by default; `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range, or the network does not fit.

    References:
        - Song and Ermon, Generative modeling by estimating gradients of the data
          distribution, 2019, arXiv:1907.05600 (annealed Langevin dynamics).
        - Song et al., Score-based generative modeling through stochastic differential
          equations, 2021, arXiv:2011.13456 (predictor-corrector).

    Note:
        Levels are drawn anew for each example, not from a list. The paper's step of a
        corrector depends on the norm of the batch's scores; here it is `step_size`
        sigma^2, which is the same on average (0.1 for its ratio 0.16) and leaves the
        examples of a batch independent. Samples end with the mean of the data given
        the last level.

    Example:
    ```python
    network = keras_genmod.networks.time_mlp(2)
    model = ScoreModel(network, (2,), sigma_max=10.0)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(points, epochs=50, batch_size=128)
    new_points = model.sample(100, num_steps=200, seed=0)
    field = model.score(new_points, 0.5)
    ```
    """

    def __init__(
        self,
        network: Any,
        data_shape: Sequence[int],
        sigma_min: float = 0.01,
        sigma_max: float = 50.0,
        num_classes: int | None = None,
        drop_rate: float = 0.1,
        num_levels: int | None = 256,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            network,
            data_shape,
            GeometricSchedule(sigma_min, sigma_max),
            "noise",
            num_classes,
            drop_rate,
            num_levels,
            **kwargs,
        )
        self.finish_construction()

    def _predict(self, x, t, condition, training=False):
        _, sigma = self._levels(t)
        scaled = x * ops.rsqrt(1 + ops.square(sigma))
        return super()._predict(scaled, t, condition, training)

    def call(self, inputs, training=False):
        """Returns the loss of each example at a level and a noise drawn for it."""
        x, condition = self.data_and_condition(inputs)
        x = self._inside(x)
        first = self.schedule.first_time
        t = first + (1 - first) * uniform((ops.shape(x)[0],), self.seed_generator)
        noise = normal(ops.shape(x), self.seed_generator)
        condition = self._dropped(condition, self.seed_generator, training)
        losses = self._example_losses(x, t, noise, condition, training)
        if self.is_of_images:  # a stream's later batches come unseen
            losses = nan_unless(in_range(x, -1.0, 1.0), losses)
        return losses

    def _example_losses(self, x, t, noise, condition, training):
        """Returns the loss of each example, `(batch,)`."""
        _, sigma = self._levels(t)
        found = self._predict(x + sigma * noise, t, condition, training)
        errors = ops.reshape(found - noise, (-1, math.prod(self.data_shape)))
        return ops.mean(ops.square(errors), axis=1)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        return self.mean_loss(y_pred, sample_weight)

    # Samples.

    def sample(
        self,
        num_samples: int,
        condition: Any = None,
        seed: int | None = None,
        sampler: str = "predictor_corrector",
        num_steps: int | None = None,
        eta: float | None = None,
        guidance: float = 1.0,
        spacing: str = "uniform",
        clip: bool | None = None,
        num_corrections: int = _NUM_CORRECTIONS,
        step_size: float = _STEP_SIZE,
    ) -> Any:
        """Draws samples from noise, in one loop that is compiled once.

        At each level "annealed_langevin" takes `num_corrections` Langevin steps

            x' = x + step_size sigma^2 / 2 s(x) + sqrt(step_size) sigma noise,

        and then goes on at the next level as it is; "predictor_corrector" also takes a
        step of "ddpm" to the next level.

        Args:
            num_samples: Positive int.
            condition: For a conditional model, int class labels of shape
                `(num_samples,)`, or one label for all.
            seed: Int for repeatable samples; `None` draws new ones each call.
            sampler: One of these two, or one of `DiffusionModel.sample`.
            num_steps: Positive int, the levels; `None` takes 50.
            eta: As in `DiffusionModel.sample`.
            guidance: As in `DiffusionModel.sample`.
            spacing: As in `DiffusionModel.sample`.
            clip: As in `DiffusionModel.sample`.
            num_corrections: Positive int, Langevin steps a level, of these two alone.
                "annealed_langevin" needs more than one, or many levels.
            step_size: Number in (0, 2), see above, of these two alone.

        Returns:
            Float32 tensor of shape `(num_samples, *data_shape)` in the range of the
            data.

        Raises:
            ValueError: If an argument is out of range.
        """
        if sampler not in LANGEVIN_SAMPLERS:
            checks.choice("sampler", sampler, (*LANGEVIN_SAMPLERS, *samplers.SAMPLERS))
            if (num_corrections, step_size) != (_NUM_CORRECTIONS, _STEP_SIZE):
                raise ValueError(
                    "`num_corrections` and `step_size` must be left out for a sampler "
                    "without Langevin steps. Received: num_corrections="
                    f"{num_corrections}, step_size={step_size}, sampler={sampler!r}"
                )
            return super().sample(
                num_samples,
                condition,
                seed,
                sampler,
                num_steps,
                eta,
                guidance,
                spacing,
                clip,
            )
        num_samples = checks.positive_int("num_samples", num_samples)
        num_corrections = checks.positive_int("num_corrections", num_corrections)
        step_size = checks.positive("step_size", step_size)
        if step_size >= 2:
            raise ValueError(
                "`step_size` must be below 2, or the steps leave the level's density. "
                f"Received: step_size={step_size}"
            )
        if eta is not None:
            raise ValueError(
                f'`eta` must be None for sampler="{sampler}". Received: eta={eta}'
            )
        way, guidance = self._way("ddpm", num_steps, None, spacing, clip, guidance)
        return self._sample_by_langevin(
            seed_state(seed, self.seed_generator),
            self.standardize_condition(condition, num_samples),
            guidance,
            num_samples=num_samples,
            way=way,
            sampler=sampler,
            num_corrections=num_corrections,
            step_size=step_size,
        )

    @compiled(xla=True)
    def _sample_by_langevin(
        self, state, condition, guidance, *, num_samples, way, sampler, **corrections
    ):
        seeds = Seeds(state)
        grid = make_grid(self.schedule, way.num_steps, way.spacing)
        rows = langevin_rows(grid, sampler, **corrections)
        start = self._start_noise(num_samples, seeds)
        predict = self._predictor(condition, guidance, way)
        return self._finished(samplers.follow(predict, start, rows, seeds))

    def get_config(self):
        config = super().get_config()
        for fixed in ("schedule", "prediction"):
            config.pop(fixed)
        return {**config, **self.schedule.get_config()}


def langevin_rows(
    grid: TimeGrid, sampler: str, num_corrections: int, step_size: float
) -> np.ndarray:
    """Returns the coefficients of all steps, as `samplers.coefficients` does.

    Args:
        grid: `TimeGrid`.
        sampler: One of `LANGEVIN_SAMPLERS`.
        num_corrections: Positive int, Langevin steps at each level.
        step_size: Number in (0, 2).
    """
    moves = samplers.coefficients(grid, "ddpm", 1.0)
    # s = (alpha x_0 - x) / sigma^2
    stays = moves.copy()
    stays[:, samplers.OF_X] = 1 - step_size / 2
    stays[:, samplers.OF_DATA] = step_size / 2 * stays[:, samplers.ALPHA]
    stays[:, samplers.OF_NOISE] = math.sqrt(step_size) * stays[:, samplers.SIGMA]
    rows = []
    for i in range(len(moves)):
        rows += [stays[i]] * num_corrections
        if sampler == "predictor_corrector" or i == len(moves) - 1:
            rows.append(moves[i])
    return np.stack(rows)
