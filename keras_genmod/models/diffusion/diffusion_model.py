"""Denoising diffusion: a network that undoes noise of all levels."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import fori_loop, normal, uniform
from keras_genmod.models.diffusion import variational_bound
from keras_genmod.models.diffusion.denoising_model import DenoisingModel
from keras_genmod.models.diffusion.loss_weights import (
    LOSS_WEIGHTS,
    loss_weight,
    vanishes_at_the_start,
)
from keras_genmod.models.diffusion.predictions import PREDICTIONS
from keras_genmod.models.diffusion.time_grid import make_grid
from keras_genmod.models.valid_data import in_range, nan_unless

_BOUND_STEPS = 1000  # of a schedule of continuous time


@keras.saving.register_keras_serializable("keras_genmod")
class DiffusionModel(DenoisingModel):
    """x_t = alpha(t) x_0 + sigma(t) noise, undone by a network.

    It is trained on

        weight(t) mean (target - network(x_t, t))^2,

    the mean over all values of an example, with t and the noise drawn anew in each
    step. The target is the noise, the data x_0, or v = alpha noise - sigma x_0.

    Args:
        network: Keras model or layer, called with `[x_t, t]`: float32 of shapes
            `(batch, *data_shape)` and `(batch,)`, with t in [0, 1]. With
            `num_classes`, one-hot labels are a third, with `embedding_dim` vectors,
            zeros for any. It returns the shape of `x_t`. No normalization over the
            batch.
        data_shape: Shape of one example. Images, `(height, width, channels)`, lie in
            [0, 1]; other data are taken as they are: scale them to deviations of
            about 1.
        schedule: "cosine" or "linear", both of 1,000 steps, or a `NoiseSchedule`:
            `CosineSchedule`, `LinearSchedule`, `DiscreteSchedule` or one's own.
        prediction: "v", "noise" or "data".
        loss_weight: "constant" is 1; "min_snr" is min(s, 5) on the error of the data,
            s = alpha^2 / sigma^2, and what is equal to it for the other targets;
            "likelihood" is that of the variational bound. Times are drawn uniformly,
            not by their importance as in Nichol and Dhariwal's option.
        num_classes: Int for a model conditional on class labels, or `None`.
        drop_rate: Number in [0, 1), how often the label of an example is left out in
            training, which `guidance` needs; callbacks may set it, to a number above 0
            where samples are to be guided.
        learned_variance: Whether the variance of DDPM's steps is learned, too, between
            the posterior's and what a step adds: the network returns twice as many
            channels, the prediction and then what the variance is made of.
        num_levels: Int of at least 2, the levels k / (num_levels - 1) of images that
            `log_prob` gives a probability, or `None` for a density. Other data have a
            density.
        embedding_dim: Int, the length of vectors that are conditions, such as captions'
            embeddings, or `None`. Not together with `num_classes`.
        caption_encoder: `layers.CaptionEncoder` to vectors of this length, with which
            conditions of `sample` may be strings; or `None`. The model keeps a copy,
            which trains no more.
        **kwargs: `of_images`, whether data of three axes are images in [0, 1], which
            they are by default; `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range, the network does not fit, or the
            weight of the loss is 0 or infinite at t = 1, where samplers begin.

    References:
        - Ho, Jain and Abbeel, Denoising diffusion probabilistic models, 2020,
          arXiv:2006.11239.
        - Nichol and Dhariwal, Improved denoising diffusion probabilistic models, 2021,
          arXiv:2102.09672 (learned variance).
        - Song, Meng and Ermon, Denoising diffusion implicit models, 2021,
          arXiv:2010.02502.
        - Salimans and Ho, Progressive distillation, 2022, arXiv:2202.00512 (v).
        - Hang et al., Efficient diffusion training via min-SNR weighting, 2023,
          arXiv:2303.09556.
        - Ho and Salimans, Classifier-free diffusion guidance, 2022, arXiv:2207.12598
          (there w is one less than here).

    Note:
        t = i / T stands for step i of T = 1,000, also in what the network gets. The
        embedding of no label is what the network makes of a row of zeros. Where the
        variance is not learned, samples take the posterior's, and the bound what a
        step adds ("fixed large"): for normal data of deviation 0.5 that costs 0.001
        nats a value, and the posterior's 0.46. The bound of levels ends its steps
        where noise no longer hides them (two deviations in half their distance), the
        paper's at the schedule's first time, which is the same for 256 levels: going
        on from there costs a perfect network 1.6 bits a value, of 17 levels in 100
        even steps.

    Example:
    ```python
    inputs = [keras.Input((2,)), keras.Input(())]
    x = keras.layers.Concatenate()([inputs[0], keras.ops.expand_dims(inputs[1], -1)])
    x = keras.layers.Dense(128, activation="swish")(x)
    x = keras.layers.Dense(128, activation="swish")(x)
    model = DiffusionModel(keras.Model(inputs, keras.layers.Dense(2)(x)), (2,))
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(points, epochs=50, batch_size=128)
    new_points = model.sample(100, sampler="heun", num_steps=20, seed=0)
    ```
    """

    likelihood_methods = ("bound", "ode")
    likelihood_kind = "lower_bound"

    def __init__(
        self,
        network: Any,
        data_shape: Sequence[int],
        schedule: Any = "cosine",
        prediction: str = "v",
        loss_weight: str = "constant",
        num_classes: int | None = None,
        drop_rate: float = 0.1,
        learned_variance: bool = False,
        num_levels: int | None = 256,
        embedding_dim: int | None = None,
        caption_encoder: Any = None,
        **kwargs: Any,
    ) -> None:
        checks.choice("prediction", prediction, ("v", "noise", "data"))
        checks.choice("loss_weight", loss_weight, LOSS_WEIGHTS)
        checks.boolean("learned_variance", learned_variance)
        super().__init__(
            network,
            data_shape,
            schedule,
            prediction,
            num_classes,
            drop_rate,
            num_levels,
            outputs_per_value=1 + learned_variance,
            embedding_dim=embedding_dim,
            caption_encoder=caption_encoder,
            **kwargs,
        )
        if learned_variance and self.schedule.num_steps is None:
            raise ValueError(
                "`learned_variance` must be False in continuous time, where a step "
                "has no length: give a schedule with `num_steps`. "
                f"Received: learned_variance={learned_variance}, schedule={schedule!r}"
            )
        if vanishes_at_the_start(loss_weight, prediction, self.schedule):
            raise ValueError(
                f'`loss_weight` must not be "{loss_weight}" for this schedule: at '
                "t = 1, where samplers begin, the weight of the loss must be finite "
                'and not 0, or nothing is learned there. Use "constant", or a schedule '
                f"that leaves some of the data. Received: loss_weight={loss_weight!r}, "
                f"prediction={prediction!r}, schedule={schedule!r}"
            )
        self.loss_weight = loss_weight
        self.learned_variance = learned_variance
        self.finish_construction()

    # Training.

    def call(self, inputs, training=False):
        """Returns the loss of each example at a time and a noise drawn for it."""
        x, condition = self.data_and_condition(inputs)
        x = self._inside(x)
        t = self._draw_times(ops.shape(x)[0])
        noise = normal(ops.shape(x), self.seed_generator)
        condition = self._dropped(condition, self.seed_generator, training)
        losses = self._example_losses(x, t, noise, condition, training)
        if self.is_of_images:  # a stream's later batches come unseen
            losses = nan_unless(in_range(x, -1.0, 1.0), losses)
        return losses

    def _draw_times(self, number):
        """Draws times that training looks at, float32 `(number,)`."""
        coin, steps = uniform((number,), self.seed_generator), self.schedule.num_steps
        if steps is None:
            first = self.schedule.first_time
            return first + (1 - first) * coin
        return ops.minimum(ops.floor(coin * steps) + 1, steps) / steps

    def _example_losses(self, x, t, noise, condition, training):
        """Returns the weighted loss of each example, `(batch,)`."""
        alpha, sigma = self._levels(t)
        target = PREDICTIONS[self.prediction].target(x, noise, alpha, sigma)
        noisy = alpha * x + sigma * noise
        outputs = self._predict(noisy, t, condition, training)
        prediction, beside = self._split(outputs, x)
        weight = loss_weight(self.loss_weight, self.prediction, self.schedule, t)
        losses = weight * ops.mean(self._flat(ops.square(prediction - target)), axis=1)
        if not self.learned_variance:
            return losses
        kind, fixed = PREDICTIONS[self.prediction], ops.stop_gradient(prediction)
        data = kind.data(fixed, noisy, alpha, sigma)
        bound = self._bound_terms(x, data, self._variance_fraction(beside), t)
        # 0.001 of all terms' sum, in bits a value, as in the official code.
        share = 0.001 * self.schedule.num_steps / math.log(2.0)
        return losses + share * ops.mean(self._flat(bound), axis=1)

    def _flat(self, values):
        return ops.reshape(values, (-1, math.prod(self.data_shape)))

    def _variance_fraction(self, beside):
        return None if beside is None else (beside + 1) / 2

    def _bound_terms(self, x, data, fraction, t):
        """Returns the term of each value in the bound, at times of the schedule."""
        num_steps = self.schedule.num_steps
        rows = variational_bound.steps(make_grid(self.schedule, num_steps))[::-1]
        table = ops.convert_to_tensor(rows.astype("float32"))
        step = ops.cast(ops.round(t * num_steps), "int32") - 1
        columns = ops.take(table, step, axis=0)  # (batch, 6)
        per_example = (-1, *(1,) * len(self.data_shape))
        weight, log_small, span = (
            ops.reshape(columns[:, i], per_example)
            for i in range(variational_bound.WEIGHT, 6)
        )
        between = variational_bound.divergences(data - x, fraction, weight, span)
        last = -variational_bound.log_of_data(
            x, data, fraction, log_small, span, self.num_levels
        )
        return ops.where(ops.reshape(step == 0, per_example), last, between)

    # Densities.

    def _default_steps(self, method):
        if method == "bound":
            return self._most_steps() or _BOUND_STEPS
        return super()._default_steps(method)

    def _ends_early(self):
        """Whether a bound's last step is none that training has seen."""
        last = variational_bound.last_time(self.schedule, self.num_levels)
        return last > self.schedule.first_time

    def _most_steps(self):
        """Returns how many steps a bound can have, `None` for any number."""
        total = self.schedule.num_steps
        if total is None:
            return None
        last = variational_bound.last_time(self.schedule, self.num_levels)
        return total + 1 - round(last * total)

    def _likelihood_options(
        self, method=None, num_steps=None, num_probes=None, tolerance=None
    ):
        options = super()._likelihood_options(method, num_steps, num_probes, tolerance)
        if options["method"] == "bound":
            why = "the steps of its schedule, less those that "
            why += "begin where levels are told apart already"
            most = self._most_steps() or checks.LARGEST_INT
            checks.integer("num_steps", options["num_steps"], 1, most, why)
        return options

    def _log_likelihood(
        self, x, labels, seeds, method, num_steps, tolerance, num_probes
    ):
        if method == "ode":
            return super()._log_likelihood(
                x, labels, seeds, method, num_steps, tolerance, num_probes
            )
        log_scale = 0.0
        if self.is_of_images and self.num_levels is None:
            log_scale = math.prod(self.data_shape) * math.log(2.0)
        grid = variational_bound.make_bound_grid(
            self.schedule, num_steps, self.num_levels
        )
        return log_scale - self._bound(self._inside(x), labels, grid, seeds)

    def _bound(self, x, labels, grid, seeds):
        """Returns the bound on -log p(x), inside, `(batch,)`."""
        rows = variational_bound.steps(grid)
        table = ops.convert_to_tensor(rows.astype("float32"))
        prior = variational_bound.prior_divergence(x, grid, self.schedule.prior_std)

        total, last = ops.sum(self._flat(prior), axis=1), len(rows) - 1

        def step(i, total):
            noise = normal(ops.shape(x), seeds.at(i))
            row = ops.take(table, i, axis=0)
            return total + self._bound_term(x, labels, row, noise, False)

        total = fori_loop(last, step, total) if last else total
        noise = normal(ops.shape(x), seeds.at(last))
        return total + self._bound_term(x, labels, table[-1], noise, True)

    def _bound_term(self, x, labels, row, noise, is_last):
        noisy = row[variational_bound.ALPHA] * x + row[variational_bound.SIGMA] * noise
        data, beside = self._denoise(noisy, row, labels)
        fraction = ops.ones_like(x)  # what is not learned is the larger variance
        if self.learned_variance and not (is_last and self._ends_early()):
            fraction = self._variance_fraction(beside)
        weight, small, span = (row[i] for i in range(variational_bound.WEIGHT, 6))
        if is_last:
            terms = -variational_bound.log_of_data(
                x, data, fraction, small, span, self.num_levels
            )
        else:
            terms = variational_bound.divergences(data - x, fraction, weight, span)
        return ops.sum(self._flat(terms), axis=1)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        return self.mean_loss(y_pred, sample_weight)

    def get_config(self):
        return {
            **super().get_config(),
            "loss_weight": self.loss_weight,
            "learned_variance": self.learned_variance,
        }
