"""The monotonic rational-quadratic spline of single values."""

import math

from keras import ops

from keras_genmod import checks

_SMALLEST = 1e-3  # share of the box that a bin has at least, and smallest derivative
_RAW_OF_ONE = math.log(math.expm1(1.0 - _SMALLEST))  # raw derivative of derivative 1


def num_parameters(num_bins):
    """Returns how many numbers the spline of a value has: 3 num_bins - 1."""
    return 3 * num_bins - 1


def check_spline(num_bins, bound):
    """Returns a spline's number of bins and bound; raises a `ValueError` for others."""
    num_bins = checks.integer("num_bins", num_bins, 2, 100)
    return num_bins, float(checks.positive("bound", bound))


def map_values(values, parameters, num_bins, bound, inverse):
    """Maps values by their splines, or back.

    A spline maps [-bound, bound] onto itself by `num_bins` monotonic pieces with
    continuous derivatives, and is the identity outside. On the unit square of a bin,
    with the derivatives d0 and d1 at its ends divided by its slope, a piece is

        eta(theta) = (theta^2 + d0 q) / (1 + (d0 + d1 - 2) q),  q = theta (1 - theta).

    Args:
        values: Float32 tensor of any shape.
        parameters: Float32 tensor `(*shape, 3 num_bins - 1)` whose shape without the
            last axis broadcasts to that of `values`: raw widths and heights of the
            bins (softmax), raw derivatives at the knots between (softplus). Zeros are
            the identity.
        num_bins: Int, from 2 to 100.
        bound: Positive float.
        inverse: Whether to map back.

    Returns:
        The mapped values and the log-derivative at each, of the shape of `values`.
    """
    # Keras splits at places by reading them on the host, on torch.
    widths = parameters[..., :num_bins]
    heights = parameters[..., num_bins : 2 * num_bins]
    derivatives = parameters[..., 2 * num_bins :]
    horizontal, vertical = _knots(widths, bound), _knots(heights, bound)
    ends = ops.ones_like(derivatives[..., :1])  # as the identity outside
    inner = _SMALLEST + ops.softplus(derivatives + _RAW_OF_ONE)
    derivatives = ops.concatenate([ends, inner, ends], axis=-1)

    is_inside = ops.abs(values) < bound
    # Outside, the spline's own value is not used; clipped, it is finite there too.
    clipped = ops.clip(values, -bound, bound)
    knots = vertical if inverse else horizontal
    index = ops.sum(ops.cast(clipped[..., None] >= knots[..., 1:-1], "int32"), axis=-1)
    bins = ops.one_hot(index, num_bins, dtype="float32")

    def ends_of_bin(knots):
        return ops.sum(bins * knots[..., :-1], -1), ops.sum(bins * knots[..., 1:], -1)

    left, right = ends_of_bin(horizontal)
    low, high = ends_of_bin(vertical)
    width, height = right - left, high - low
    slope = height / width
    d0, d1 = (d / slope for d in ends_of_bin(derivatives))
    if inverse:
        theta = _root((clipped - low) / height, (high - clipped) / height, d0, d1)
        mapped = left + theta * width
    else:
        theta = (clipped - left) / width
        mapped = low + height * _piece(theta, d0, d1)
    log_det = ops.log(slope) + _log_derivative(theta, d0, d1)
    log_det = -log_det if inverse else log_det
    return ops.where(is_inside, mapped, values), ops.where(is_inside, log_det, 0.0)


def _knots(raw, bound):
    """Returns the ends of bins in [-bound, bound], one more than there are bins."""
    num_bins = raw.shape[-1]
    shares = _SMALLEST + (1.0 - _SMALLEST * num_bins) * ops.softmax(raw, axis=-1)
    inner = bound * (2.0 * ops.cumsum(shares[..., :-1], axis=-1) - 1.0)
    edge = bound * ops.ones_like(inner[..., :1])
    return ops.concatenate([-edge, inner, edge], axis=-1)


def _piece(theta, d0, d1):
    q = theta * (1.0 - theta)
    return (ops.square(theta) + d0 * q) / (1.0 + (d0 + d1 - 2.0) * q)


def _log_derivative(theta, d0, d1):
    """Returns log d eta / d theta."""
    other = 1.0 - theta
    q = theta * other
    numerator = d1 * ops.square(theta) + 2.0 * q + d0 * ops.square(other)
    return ops.log(numerator) - 2.0 * ops.log(1.0 + (d0 + d1 - 2.0) * q)


def _root(eta, other_eta, d0, d1):
    """Returns theta of eta(theta) = eta, where `other_eta` is 1 - eta.

    theta is the root of a theta^2 + b theta = eta between 0 and 1, in the one of its
    two forms that adds. The upper half of the square, where a root near 1 would be
    inexact, is the lower half turned by 180 degrees.
    """
    is_upper = eta > 0.5
    eta = ops.where(is_upper, other_eta, eta)
    d0, d1 = ops.where(is_upper, d1, d0), ops.where(is_upper, d0, d1)
    b = d0 - eta * (d0 + d1 - 2.0)
    a = 1.0 - b
    is_negative = b < 0
    size = ops.where(is_negative, -b, b)
    total = size + ops.sqrt(ops.square(b) + 4.0 * a * eta)
    divisor = ops.where(is_negative, 2.0 * a, 1.0)  # above 2 where it is used
    root = ops.where(is_negative, total / divisor, 2.0 * eta / total)
    return ops.where(is_upper, 1.0 - root, root)
