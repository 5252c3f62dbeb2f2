"""Visible units of a restricted Boltzmann machine, by what data they take.

Given the hidden units, a layer of visible units with biases a is a product of
exponential families in the field f = a + W h. All that depends on the family is here;
tensors are flat, `(batch, size)`.
"""

import abc
import math
from collections.abc import Callable

import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions.bernoulli import draw_binary
from keras_genmod.engine import normal, uniform
from keras_genmod.models.valid_data import in_range

_MEAN, _VARIANCE = 1.0, (0.1, 10.0)  # of data that count as standardized
_ENOUGH = 10  # examples whose mean and variance say something
_RATES = (0.01, 0.99)  # base-rate models keep off certain units
_SUM_TOLERANCE = 1e-3  # of the probabilities of a unit's categories


class VisibleUnits(abc.ABC):
    """A layer of visible units: their energy, means, draws and sums over states.

    Args:
        num_units: Positive int.
        num_categories: Positive int, values of a categorical unit; else `None`.
    """

    num_levels: int | None = 2

    def __init__(self, num_units, num_categories=None):
        self.num_units = num_units
        self.num_categories = num_categories
        self.data_shape: tuple[int, ...] = (num_units,)
        if num_categories is not None:
            self.data_shape = (num_units, num_categories)
        self.size = math.prod(self.data_shape)

    @property
    def enumerated_units(self) -> float:
        """Number of binary units whose states may be gone through; inf where none."""
        return math.inf

    @abc.abstractmethod
    def energy(self, v, bias):
        """Returns the part of E that the biases make, `(batch,)`."""

    @abc.abstractmethod
    def mean(self, field):
        """Returns the means given the hidden units, `(batch, size)`."""

    @abc.abstractmethod
    def draw(self, field, seed):
        """Draws the units given the hidden units, float32 `(batch, size)`."""

    @abc.abstractmethod
    def log_sum(self, field, bias):
        """Returns log sum_v exp(-energy(v, bias) + v.(field - bias)), `(batch,)`.

        With `field` equal to `bias` it is log Z of a layer without couplings.
        """

    @abc.abstractmethod
    def biases(self, means):
        """Returns the biases, flat NumPy, of units with these means."""

    @abc.abstractmethod
    def check(self, name, x):
        """Raises a `ValueError` unless all values are what the units take."""

    @abc.abstractmethod
    def valid(self, v):
        """Returns whether the units take all values of an example, bool `(batch,)`."""

    def start(self, num_chains, seed):
        """Draws states to start chains from, of units without biases."""
        return self.draw(ops.zeros((num_chains, self.size), dtype="float32"), seed)


def visible_units(name, num_units, num_categories=None) -> VisibleUnits:
    """Returns the layer of a name: "bernoulli", "normal" or "categorical".

    Raises:
        ValueError: If there is none of that name, or `num_categories` does not go
            with it.
    """
    checks.choice("visible", name, tuple(_LAYERS))
    if name != "categorical" and num_categories is not None:
        raise ValueError(
            '`num_categories` must be None unless visible="categorical". Received: '
            f"num_categories={num_categories}"
        )
    if name == "categorical":
        num_categories = checks.positive_int("num_categories", num_categories)
    return _LAYERS[name](num_units, num_categories)


def log_odds(means: np.ndarray) -> np.ndarray:
    """Returns the biases of binary units with these means, kept off 0 and 1."""
    means = np.clip(means, *_RATES)
    return np.log(means) - np.log1p(-means)


class _BernoulliUnits(VisibleUnits):
    """-a.v, v in {0, 1}."""

    @property
    def enumerated_units(self):
        return self.num_units

    def energy(self, v, bias):
        return -ops.matmul(v, bias)

    def mean(self, field):
        return ops.sigmoid(field)

    def draw(self, field, seed):
        return draw_binary(ops.sigmoid(field), uniform(ops.shape(field), seed))

    def log_sum(self, field, bias):
        return ops.sum(ops.softplus(field), axis=-1)

    def biases(self, means):
        return log_odds(means)

    def check(self, name, x):
        checks.unit_range(name, x)

    def valid(self, v):
        return in_range(v, 0.0, 1.0)


class _NormalUnits(VisibleUnits):
    """|v - a|^2 / 2, of unit variance given the hidden units."""

    num_levels = None

    def energy(self, v, bias):
        return 0.5 * ops.sum(ops.square(v - bias), axis=-1)

    def mean(self, field):
        return field

    def draw(self, field, seed):
        return field + normal(ops.shape(field), seed)

    def log_sum(self, field, bias):
        # Completing the square: exponent (|f|^2 - |a|^2) / 2, times (2 pi)^(n/2).
        exponent = 0.5 * ops.sum((field - bias) * (field + bias), axis=-1)
        return exponent + 0.5 * self.size * math.log(2 * math.pi)

    def biases(self, means):
        return means

    def check(self, name, x):
        x = ops.convert_to_numpy(x)
        if not np.isfinite(x).all():
            raise ValueError(f"`{name}` must be finite. Received NaN or infinity.")

    def valid(self, v):
        return ops.all(ops.isfinite(v), axis=1)


class _CategoricalUnits(VisibleUnits):
    """-a.v, v of groups of which one value is 1 and the others 0."""

    def _groups(self, x):
        return ops.reshape(x, (-1, self.num_units, self.num_categories))

    def energy(self, v, bias):
        return -ops.matmul(v, bias)

    def mean(self, field):
        means = ops.softmax(self._groups(field), axis=-1)
        return ops.reshape(means, (-1, self.size))

    def draw(self, field, seed):
        # The first category whose cumulative probability exceeds the noise.
        # Of softmax, NaN in one field makes NaN of its whole group.
        levels = ops.cumsum(ops.softmax(self._groups(field), axis=-1), axis=-1)
        noise = uniform((ops.shape(levels)[0], self.num_units, 1), seed)
        passed = ops.cast(levels[..., :-1] <= noise, "int32")
        drawn = ops.one_hot(ops.sum(passed, axis=-1), self.num_categories)
        drawn = ops.where(ops.isnan(levels), levels, ops.cast(drawn, "float32"))
        return ops.reshape(ops.stop_gradient(drawn), (-1, self.size))

    def log_sum(self, field, bias):
        return ops.sum(ops.logsumexp(self._groups(field), axis=-1), axis=-1)

    def biases(self, means):
        return np.log(np.clip(means, *_RATES)).reshape(-1)

    def check(self, name, x):
        checks.unit_range(name, x)
        sums = ops.convert_to_numpy(x).sum(axis=-1)
        if not np.all(np.abs(sums - 1.0) <= _SUM_TOLERANCE):
            raise ValueError(
                f"`{name}` must hold one-hot vectors, or probabilities, over the "
                f"{self.num_categories} categories of the last axis. Received sums "
                f"from {sums.min():.3g} to {sums.max():.3g}"
            )

    def valid(self, v):
        off = ops.abs(ops.sum(self._groups(v), axis=-1) - 1.0)
        sums = ops.all(off <= _SUM_TOLERANCE, axis=1)
        return ops.logical_and(sums, in_range(v, 0.0, 1.0))


_LAYERS: dict[str, Callable[..., VisibleUnits]] = {
    "bernoulli": _BernoulliUnits,
    "categorical": _CategoricalUnits,
    "normal": _NormalUnits,
}


def check_standardized(name, x) -> None:
    """Raises a `ValueError` where mean and variance are far from 0 and 1.

    A few examples say nothing of them.
    """
    x = checks.as_numpy(x).astype("float64")
    if len(x) < _ENOUGH:
        return
    mean, variance = x.mean(), x.var(axis=0).mean()
    low, high = _VARIANCE
    if not (abs(mean) <= _MEAN and low <= variance <= high):
        raise ValueError(
            f"`{name}` must be scaled to mean 0 and variance 1: subtract the mean and "
            "divide by the standard deviation of the training data. Received: mean "
            f"{mean:.3g}, variance {variance:.3g}"
        )
