"""Mixtures of logistic distributions, rounded to the levels of an image.

Salimans, Karpathy, Chen and Kingma, PixelCNN++, 2017, arXiv:1701.05517.

Departure: the probability of an inner level is a product of three bounded factors,
sigmoid(a) sigmoid(-b) (1 - exp(b - a)), instead of a difference of sigmoids with an
approximation where that underflows. It is exact for every scale, and nothing in it has
an infinite gradient.
"""

import math
import numbers
from typing import Any

from keras import ops

from keras_genmod import checks
from keras_genmod.distributions.categorical import Categorical
from keras_genmod.distributions.distribution import (
    Distribution,
    nan_where_nan,
    parameters,
    sum_over_events,
)
from keras_genmod.engine import clip, uniform

_SMALLEST, _LARGEST = -7.0, 7.0  # log-scales of 256 levels; the paper's is -7
_SMALLEST_NOISE = 2.0**-25  # stands for the 0 of U[0, 1), whose logit is infinite


class DiscretizedLogisticMixture(Distribution):
    """Pixels of k / (num_levels - 1), from a mixture with dependent channels.

    p(x) = sum_m softmax(logits)[m] prod_c P(x_c | mean_mc, scale_mc), where P is the
    probability that a logistic variable on [-1, 1] rounds to the level x_c; the first
    and the last level also get all that lies beyond. In component m the mean of
    channel c is means[c, m] + sum_(j < c) coefficients[cj, m] (2 x_j - 1).

    Log-scales below -7 count as -7 (with more than 256 levels, as so much lower that a
    level is no narrower), log-scales above 7 as 7.

    Args:
        logits: Float tensor `(batch, ..., num_mixtures)`.
        means: Float tensor `(batch, ..., channels, num_mixtures)`, in [-1, 1] where
            the data are in [0, 1].
        log_scales: Float tensor of the shape of `means`, in the same unit.
        coefficients: Float tensor `(batch, ..., channels (channels - 1) / 2,
            num_mixtures)` in the order 10, 20, 21, ..., or `None` for independent
            channels.
        num_levels: Int of at least 2.
        temperature: Positive float or tensor of shape `()`. `logits` are divided by
            it, scales multiplied by it: towards 0 a draw is the mean of the heaviest
            component.

    References:
        Salimans, Karpathy, Chen and Kingma, PixelCNN++, 2017, arXiv:1701.05517.

    Example:
    ```python
    zeros = ops.zeros((2, 3, 5))  # two pixels, three channels, five components
    mixture = DiscretizedLogisticMixture(zeros[:, 0], zeros, zeros)
    mixture.log_prob(ops.ones((2, 3)))  # 3 log(1 - sigmoid(254 / 255)) each
    ```
    """

    def __init__(
        self,
        logits: Any,
        means: Any,
        log_scales: Any,
        coefficients: Any = None,
        num_levels: int = 256,
        temperature: Any = 1.0,
    ) -> None:
        self.num_levels = checks.integer("num_levels", num_levels, 2)
        means = parameters("means", means, 3)
        logits = parameters("logits", logits, 2)
        if isinstance(temperature, numbers.Real):
            temperature = float(checks.positive("temperature", temperature))
        else:
            temperature = checks.float32("temperature", temperature)
            if len(temperature.shape) > 0:
                raise ValueError(
                    "`temperature` must be one number. Received: "
                    f"temperature.shape={tuple(temperature.shape)}"
                )
        self.num_channels = means.shape[-2]
        # One unit is one level from here on: level k reaches from k - 1/2 to k + 1/2.
        unit = (num_levels - 1) / 2
        smallest = _SMALLEST - max(0.0, math.log((num_levels - 1) / 255))
        log_scales = parameters("log_scales", log_scales, 3)
        log_scales = ops.clip(log_scales, smallest, _LARGEST)
        self._scales = ops.exp(log_scales) * unit * temperature
        self._means = (means + 1.0) * unit
        self._coefficients = None
        if coefficients is not None:
            self._coefficients = parameters("coefficients", coefficients, 3) * unit
        self._log_weights = ops.log_softmax(logits / temperature, axis=-1)

    @classmethod
    def from_outputs(
        cls,
        outputs: Any,
        num_channels: int,
        num_levels: int = 256,
        temperature: Any = 1.0,
    ) -> Any:
        """Returns the mixture that a network's outputs stand for.

        Args:
            outputs: Float tensor `(batch, ..., num_outputs)`, that is, for each
                component a logit, the means, the log-scales, and numbers whose tanh
                are the coefficients: `num_parameters` times the components.
            num_channels: Positive int.
            num_levels: As above.
            temperature: As above.
        """
        num_parameters = cls.num_parameters(num_channels)
        outputs = ops.cast(outputs, "float32")
        outputs = ops.reshape(outputs, (*ops.shape(outputs)[:-1], num_parameters, -1))
        scales = 1 + num_channels
        return cls(
            outputs[..., 0, :],
            outputs[..., 1:scales, :],
            outputs[..., scales : scales + num_channels, :],
            ops.tanh(outputs[..., scales + num_channels :, :]),
            num_levels,
            temperature,
        )

    @staticmethod
    def num_parameters(num_channels: int) -> int:
        """Returns how many parameters a component has."""
        return 1 + 2 * num_channels + num_channels * (num_channels - 1) // 2

    def _means_of(self, channel, levels):
        """Returns the means of a channel, `(batch, ..., num_mixtures)`, in levels.

        Args:
            channel: Int.
            levels: List of the levels of the channels before, `(batch, ..., 1)`.
        """
        means = self._means[..., channel, :]
        if self._coefficients is None:
            return means
        first = channel * (channel - 1) // 2
        middle = (self.num_levels - 1) / 2
        for i, level in enumerate(levels[:channel]):
            means = means + self._coefficients[..., first + i, :] * (level / middle - 1)
        return means

    def _log_chances(self, channel, levels):
        """Returns log P of a channel's level in each component."""
        level = levels[channel]
        means = self._means_of(channel, levels)
        inverse = 1.0 / self._scales[..., channel, :]
        # k + 1/2 is exact, so that neighbours agree on the edge between them.
        upper = ops.log_sigmoid((level + 0.5 - means) * inverse)
        lower = ops.log_sigmoid((means - (level - 0.5)) * inverse)
        width = ops.log(-ops.expm1(-inverse))
        first, last = level < 0.5, level > self.num_levels - 1.5
        inner = ops.logical_not(ops.logical_or(first, last))
        # All three are finite, so that `where` leaves their gradients so.
        return (
            ops.where(last, 0.0, upper)
            + ops.where(first, 0.0, lower)
            + ops.where(inner, width, 0.0)
        )

    def _levels_of(self, value):
        levels = ops.round(ops.cast(value, "float32") * (self.num_levels - 1))
        return [levels[..., c : c + 1] for c in range(self.num_channels)]

    def log_prob(self, value: Any) -> Any:
        """Returns log p(value) in nats, summed over all pixels, shape `(batch,)`.

        Args:
            value: Float tensor `(batch, ..., channels)` of k / (num_levels - 1).
        """
        levels = self._levels_of(value)
        log_weights = self._log_weights
        for c in range(self.num_channels):
            log_weights = log_weights + self._log_chances(c, levels)
        return sum_over_events(ops.logsumexp(log_weights, axis=-1))

    def sample(self, seed: Any) -> Any:
        shape = (*self._log_weights.shape[:-1], self.num_channels + 1)
        return self.from_noise(uniform(shape, seed))

    def from_noise(self, noise: Any) -> Any:
        """Returns the draw that numbers of U[0, 1) stand for.

        Args:
            noise: Float tensor `(batch, ..., channels + 1)`: the first chooses the
                component, the others the channels in turn.

        Returns:
            Float32 tensor `(batch, ..., channels)` of k / (num_levels - 1).
        """
        return self._draw(noise)[0]

    def complete(self, value: Any, keep: Any, noise: Any) -> Any:
        """Draws the channels that are not known, each given all before it.

        The number of a known channel chooses the component anew, with the weights
        that the channels up to there leave it: w_m p(x_1, ..., x_c | m).

        Args:
            value: Float tensor `(batch, ..., channels)`.
            keep: Bool tensor of that shape, true where `value` stays, or `None` where
                nothing is known.
            noise: As in `from_noise`.

        Returns:
            `(value, log_prob)`: the completed values, and the log-probability of what
            was drawn in nats, summed over all pixels, `(batch,)`.
        """
        drawn, terms = self._draw(noise, self._levels_of(value), keep)
        if keep is not None:
            drawn = ops.where(keep, value, drawn)
        return drawn, sum_over_events(sum(terms))

    def _draw(self, noise, known=None, keep=None):
        """Returns values, and a list of each channel's log-probability, 0 if kept."""
        noise = ops.cast(noise, "float32")
        log_weights, before, top = self._log_weights, 0.0, self.num_levels - 1.0
        component = self._choose(log_weights, noise[..., 0])
        levels: list[Any] = []
        terms: list[Any] = []
        for c in range(self.num_channels):
            numbers = noise[..., c + 1]
            clipped = ops.maximum(numbers, _SMALLEST_NOISE)[..., None]
            logit = ops.log(clipped) - ops.log1p(-clipped)
            mean, scale = (
                ops.sum(component * parameter, axis=-1, keepdims=True)
                for parameter in (self._means_of(c, levels), self._scales[..., c, :])
            )
            level = clip(ops.round(mean + scale * logit), 0.0, top)
            if keep is not None:
                level = ops.where(keep[..., c : c + 1], known[c], level)
            levels.append(level)
            log_weights = log_weights + self._log_chances(c, levels)
            total = ops.logsumexp(log_weights, axis=-1)
            term, before = total - before, total
            if keep is not None:
                term = ops.where(keep[..., c], 0.0, term)
                anew = self._choose(log_weights, numbers)
                component = ops.where(keep[..., c : c + 1], anew, component)
            terms.append(term)
        return ops.concatenate(levels, axis=-1) / (self.num_levels - 1), terms

    @staticmethod
    def _choose(log_weights, noise):
        """Returns one-hot components `(batch, ..., num_mixtures)`, NaN of NaN."""
        index = Categorical(log_weights).from_noise(noise)[..., None]
        components = ops.arange(log_weights.shape[-1], dtype="float32")
        return nan_where_nan(index, ops.cast(index == components, "float32"))

    def mean(self) -> Any:
        """Returns the expected value, shape `(batch, ..., channels)`.

        Note:
            It is exact where a channel depends on none before it. Else the expected
            values of those before stand for them, in each component, which neglects
            how the edges of the range bend the dependence.
        """
        edges = ops.arange(1, self.num_levels, dtype="float32") - 0.5
        expected: list[Any] = []
        means: list[Any] = []
        for c in range(self.num_channels):
            # In each component E[k] = sum_(k >= 1) P(K >= k).
            distance = self._means_of(c, expected)[..., None] - edges
            above = ops.sigmoid(distance / self._scales[..., c, :, None])
            expected.append(ops.sum(above, axis=-1))
            means.append(ops.sum(ops.exp(self._log_weights) * expected[-1], axis=-1))
        return ops.stack(means, axis=-1) / (self.num_levels - 1)
