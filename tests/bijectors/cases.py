"""A row for every bijector; `test_every_bijector.py` holds them all to the contract."""

import dataclasses
import functools
import math
from collections.abc import Callable

import numpy as np
from keras import ops
from scipy.special import expit

from keras_genmod.bijectors import (
    ActNorm,
    AdditiveCoupling,
    Affine,
    AffineCoupling,
    Bijector,
    Chain,
    Invert,
    Invertible1x1Convolution,
    InvertibleLinear,
    LeakyReLU,
    Logit,
    MaskedAutoregressive,
    Permutation,
    Planar,
    Radial,
    RationalQuadraticSpline,
    Sigmoid,
    SplineCoupling,
    Split,
    Squeeze,
)
from keras_genmod.networks import coupling_cnn, coupling_mlp, made
from tests.autodiff import compiled_with_gradients
from tests.models.small_networks import small_network

NUM_POINTS = 8  # the batch of a compiled call is as many, times the size of an event


@dataclasses.dataclass(frozen=True)
class Case:
    """How to make a bijector of small events; its trainable weights become random.

    Attributes:
        make: Returns a new bijector, the same one each time but for its weights.
        deviation: Standard deviation of the random weights of ordinary size.
    """

    make: Callable[[], Bijector]
    deviation: float = 0.5

    def bijector(self, seed=0):
        """Returns a new bijector with random weights."""
        bijector = self.make()
        self.randomize(bijector, seed)
        return bijector

    def randomize(self, bijector, seed, scale=1.0):
        """Draws the trainable weights anew."""
        rng = np.random.default_rng(seed)
        for weight in bijector.trainable_variables:
            weight.assign(rng.normal(size=weight.shape) * scale * self.deviation)


CASES = {
    "act_norm": Case(lambda: ActNorm((2, 1, 3))),
    "additive_coupling": Case(
        lambda: AdditiveCoupling((2, 1, 2), coupling_cnn((2, 1, 2), 3, 1, 1), "channel")
    ),
    "affine": Case(lambda: Affine((3,))),
    "affine_coupling": Case(
        lambda: AffineCoupling(
            (3,), coupling_mlp(3, (4,), 2, 2, "tanh"), flip=True, condition_dim=2
        )
    ),
    "affine_coupling_of_images": Case(
        lambda: AffineCoupling(
            (2, 2, 1), coupling_cnn((2, 2, 1), 3, 0), "checkerboard"
        ),
    ),
    "chain": Case(lambda: Chain([Planar(2), Planar(2)])),
    "invert": Case(lambda: Invert(Chain([Planar(2), Sigmoid((2,), 0.05)]))),
    "invertible_1x1_convolution": Case(
        lambda: Invertible1x1Convolution((1, 2, 3), seed=0)
    ),
    "invertible_linear": Case(lambda: InvertibleLinear(3, seed=0)),
    "leaky_relu": Case(lambda: LeakyReLU((2, 2), slope=0.3)),
    "logit": Case(lambda: Logit((3,))),
    "masked_autoregressive": Case(
        lambda: MaskedAutoregressive(3, made(3, (4, 4), 2, 2, "tanh"), condition_dim=2)
    ),
    "permutation": Case(lambda: Permutation((2, 3), seed=0)),
    "planar": Case(lambda: Planar(3)),
    "planar_given_features": Case(lambda: Planar(3, condition_dim=2)),
    "radial": Case(lambda: Radial(3, condition_dim=2)),
    "rational_quadratic_spline": Case(
        lambda: RationalQuadraticSpline((3,), 4, condition_dim=2)
    ),
    "sigmoid": Case(lambda: Sigmoid((3,))),
    "sigmoid_with_margin": Case(lambda: Sigmoid((2, 2), margin=0.05)),
    "spline_coupling": Case(
        lambda: SplineCoupling(
            (3,), coupling_mlp(3, (4,), 11), "checkerboard", num_bins=4
        )
    ),
    "split": Case(lambda: Split((2, 1, 2), Affine((2, 1, 1)))),
    "split_with_prior": Case(
        lambda: Split((2, 1, 2), Affine((2, 1, 1)), small_network((2, 1, 1), (2, 1, 2)))
    ),
    "squeeze": Case(lambda: Squeeze((2, 4, 1))),
}


class Maps:
    """Both directions of a case's bijector, compiled once, with their gradients."""

    def __init__(self, case):
        self.case = case
        self.bijector = case.bijector()
        variables = self.bijector.variables
        self.forward = compiled_with_gradients(
            self.bijector.forward_and_log_det, variables
        )
        self.inverse = compiled_with_gradients(
            self.bijector.inverse_and_log_det, variables
        )

    @property
    def size(self):
        """The number of values of an event."""
        return math.prod(self.bijector.event_shape)

    def randomize(self, seed, scale):
        self.case.randomize(self.bijector, seed, scale)

    def sides(self, direction):
        """Returns the shape and the domain of what a direction takes."""
        if direction == "forward":
            return self.bijector.latent_shape, self.bijector.latent_domain
        return self.bijector.event_shape, self.bijector.domain

    def conditions(self, seed, num_points, spread=1.0):
        """Returns what a direction takes after the points: a condition, if any."""
        if self.bijector.condition_dim is None:
            return ()
        rng = np.random.default_rng((seed, 1))
        shape = (num_points, self.bijector.condition_dim)
        return (spread * rng.normal(size=shape).astype("float32"),)

    def points(self, direction, seed, spread=1.0, first=None, num_points=None):
        """Returns random points in the domain; `first` are the first one's values."""
        shape, (low, high) = self.sides(direction)
        num_points = NUM_POINTS * self.size if num_points is None else num_points
        points = spread * np.random.default_rng(seed).normal(size=(num_points, *shape))
        if first is not None:
            points[0] = np.resize(first, shape)
        if math.isfinite(low) and math.isfinite(high):
            points = low + (high - low) * expit(points)
            points = np.clip(points, np.float32(low), np.float32(high))
        return points.astype("float32")

    def run(self, direction, points, conditions, cotangents=None):
        """Returns values and log-dets, and the gradients for the cotangents.

        Returns:
            `(values, log_det), (of_points, *of_conditions), of_weights`, NumPy arrays.
        """
        if cotangents is None:
            cotangents = np.ones_like(points), np.ones(len(points), "float32")
        values, log_det = cotangents
        shape = self.sides("inverse" if direction == "forward" else "forward")[0]
        cotangents = values.reshape(-1, *shape), log_det
        return getattr(self, direction)((points, *conditions), cotangents)


@functools.cache
def maps(name) -> Maps:
    """Returns the maps of a case, compiled once for all tests."""
    return Maps(CASES[name])


def arrays(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]
