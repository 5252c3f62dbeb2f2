"""Fixed binarizations: values, means, repeatability, errors."""

import numpy as np
import pytest

from keras_genmod.data import binarize

pytestmark = pytest.mark.any_backend

GREYS = np.linspace(0, 1, 11, dtype="float32")


def test_threshold_cuts_at_one_half():
    expected = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    np.testing.assert_array_equal(binarize(GREYS, "threshold"), expected)


@pytest.mark.parametrize("method,seed", [("threshold", None), ("static", 3)])
def test_values_are_float32_zeros_and_ones(method, seed):
    binary = binarize(GREYS, method, seed)
    assert binary.dtype == "float32" and set(binary) <= {0, 1}


def test_static_mean_is_the_grey_value():
    mean = binarize(np.tile(GREYS, (20_000, 1)), "static", seed=0).mean(axis=0)
    np.testing.assert_allclose(mean, GREYS, atol=0.02)


def test_static_draw_never_changes():
    binary = binarize(np.full(12, 0.5), "static", seed=0)
    assert binary.astype(int).tolist() == [0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0]


@pytest.mark.parametrize(
    "x,method,seed,name",
    [
        (GREYS, "dynamic", None, "method"),
        (GREYS, "static", None, "seed"),
        (GREYS, "static", -1, "seed"),
        (GREYS, "threshold", 0, "seed"),
        (GREYS * 255, "threshold", None, "x"),
        (GREYS * np.nan, "threshold", None, "x"),
        (GREYS.astype("uint8"), "threshold", None, "x"),
        (GREYS[:0], "threshold", None, "x"),
    ],
)
def test_bad_argument_is_named(x, method, seed, name):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: {name}"):
        binarize(x, method, seed)
