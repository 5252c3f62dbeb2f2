"""The linear map is a given matrix, its factors' inverse and log-det are right."""

import numpy as np
import pytest
import scipy.linalg
from keras import ops

from keras_genmod.bijectors import Invertible1x1Convolution, InvertibleLinear
from tests.autodiff import gradients
from tests.bijectors.cases import arrays

POINTS = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")


def matrix_of(bijector):
    """Returns W, whose columns are the images of the unit vectors."""
    identity = np.eye(bijector.event_dim, dtype="float32")
    return ops.convert_to_numpy(bijector.forward(identity)).T


@pytest.mark.parametrize("seed", range(5))
def test_it_starts_as_the_matrix(seed, rng):
    # Random ones have negative pivots and row exchanges.
    matrix = np.random.default_rng(seed).normal(size=(4, 4))
    bijector = InvertibleLinear(4, matrix)
    np.testing.assert_allclose(matrix_of(bijector), matrix, atol=1e-6)
    _, log_det = arrays(bijector.forward_and_log_det(np.zeros((1, 4), "float32")))
    np.testing.assert_allclose(log_det, [np.linalg.slogdet(matrix)[1]], rtol=1e-5)
    x = rng.normal(size=(8, 4)).astype("float32")
    (z,) = arrays([bijector.inverse(x)])
    np.testing.assert_allclose(z.T, np.linalg.solve(matrix, x.T), rtol=1e-4, atol=1e-4)


def test_it_starts_as_a_random_orthogonal_matrix():
    found = [matrix_of(InvertibleLinear(5, seed=seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(found[0], found[1])
    assert np.abs(found[0] - found[2]).max() > 0.1
    for matrix in found:
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(5), atol=1e-6)


def test_files_hold_what_was_drawn():
    # A configuration without a seed draws anew: all that is fixed must be a weight.
    first, second = InvertibleLinear(6), InvertibleLinear(6)
    second.set_weights(first.get_weights())
    np.testing.assert_array_equal(matrix_of(second), matrix_of(first))


def test_gradients_of_the_inverse_are_those_of_the_equation(rng):
    # sum(M * z) with z = W^-1 x, by central differences of float64 factors
    bijector = InvertibleLinear(3, rng.normal(size=(3, 3)))
    mix = rng.normal(size=POINTS.shape).astype("float32")
    weights = [bijector.lower, bijector.upper, bijector.log_diagonal]
    permutation, signs = arrays((bijector._permutation, bijector._signs))

    def loss():
        z, log_det = bijector.inverse_and_log_det(POINTS)
        return ops.sum(ops.multiply(z, mix)) + ops.mean(log_det)

    def expected_loss(lower, upper, log_diagonal):
        lower = np.tril(lower, -1) + np.eye(3)
        upper = np.triu(upper, 1) + np.diag(signs * np.exp(log_diagonal))
        z = np.linalg.solve(permutation @ lower @ upper, POINTS.T.astype("float64")).T
        return (mix * z).sum() - log_diagonal.sum()

    values = [x.astype("float64") for x in arrays(weights)]
    for i, found in enumerate(gradients(loss, weights)):
        expected = np.zeros_like(values[i])
        for place in np.ndindex(*values[i].shape):
            moved = []
            for step in (1e-6, -1e-6):
                others = [value.copy() for value in values]
                others[i][place] += step
                moved.append(expected_loss(*others))
            expected[place] = (moved[0] - moved[1]) / 2e-6
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_a_convolution_multiplies_every_pixel(rng):
    matrix = rng.normal(size=(3, 3))
    images = rng.normal(size=(2, 4, 5, 3)).astype("float32")
    bijector = Invertible1x1Convolution((4, 5, 3), matrix)
    x, log_det = arrays(bijector.forward_and_log_det(images))
    kernel = matrix.T[None, None].astype("float32")
    (expected,) = arrays([ops.conv(images, kernel, data_format="channels_last")])
    np.testing.assert_allclose(x, expected, rtol=1e-4, atol=1e-5)
    log_abs_det = np.linalg.slogdet(matrix)[1]
    np.testing.assert_allclose(log_det, np.full(2, 4 * 5 * log_abs_det), rtol=1e-5)


@pytest.mark.any_backend
def test_the_inverse_solves_for_the_small_matrix_alone(monkeypatch, rng):
    # Two triangular systems a pixel take 2.8 to 5 times as long.
    solve, sizes = ops.solve_triangular, []

    def noted(a, b, **options):
        sizes.append(tuple(b.shape))
        return solve(a, b, **options)

    monkeypatch.setattr(ops, "solve_triangular", noted)
    images = rng.normal(size=(2, 4, 5, 3)).astype("float32")
    Invertible1x1Convolution((4, 5, 3), seed=0).inverse(images)
    assert sizes == [(3, 3)] * 2


ROTATION = scipy.linalg.block_diag([[0.6, -0.8], [0.8, 0.6]], 1.0)


@pytest.mark.parametrize(
    "matrix",
    [
        np.zeros((3, 3)),
        np.ones((3, 3)),
        np.arange(9.0).reshape(3, 3),
        ROTATION * [1.0, 1.0, 1e-9],
        np.diag([1.0, 1e-7, 1.0]),
    ],
)
def test_singular_matrices_are_errors(matrix):
    with pytest.raises(ValueError, match="must be invertible: this one is singular"):
        InvertibleLinear(3, matrix)
    with pytest.raises(ValueError, match="must be invertible: this one is singular"):
        Invertible1x1Convolution((2, 2, 3), matrix)


@pytest.mark.parametrize(
    "matrix",
    [np.eye(2), np.eye(3)[0], np.full((3, 3), np.nan), np.diag([1, 1, np.inf])],
)
def test_matrices_of_another_shape_or_not_finite_are_errors(matrix):
    with pytest.raises(ValueError, match=r"`matrix` must be finite, of shape \(3, 3\)"):
        InvertibleLinear(3, matrix)


def test_small_and_large_matrices_are_no_singular_ones():
    for size in (1e-20, 1e20):
        bijector = InvertibleLinear(3, size * ROTATION)
        z, log_det = arrays(bijector.inverse_and_log_det(size * POINTS))
        np.testing.assert_allclose(z, POINTS @ ROTATION, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(log_det, -3 * np.log(size), rtol=1e-5)


@pytest.mark.parametrize("event_dim", [0, -1, 1.5, "two", None])
def test_bad_dimensions_are_errors(event_dim):
    with pytest.raises(ValueError, match="`event_dim` must be .*Received: event_dim="):
        InvertibleLinear(event_dim)
    with pytest.raises(ValueError, match="`event_shape` must be"):
        Invertible1x1Convolution((4, 4, event_dim))


def test_a_convolution_is_one_of_images():
    with pytest.raises(ValueError, match=r"must be \(height, width, channels\)"):
        Invertible1x1Convolution((3,))
