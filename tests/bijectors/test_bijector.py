"""The contract itself: shapes, batch axes, conditions, absent inverses."""

import numpy as np
import pytest
from keras import ops

from keras_genmod.bijectors import Bijector, Chain, Planar


class Shift(Bijector):
    """f(z) = z + condition, or z + 1: by hand, with no inverse."""

    def __init__(self, event_dim=2, condition_dim=None):
        super().__init__((event_dim,), condition_dim=condition_dim)
        self.built = True

    def _forward_and_log_det(self, z, condition):
        shift = 1.0 if condition is None else condition
        return z + shift, ops.zeros_like(z[:, 0])


@pytest.mark.parametrize("batch", [(1,), (5,), (0,), (2, 3), (4, 1, 2)])
@pytest.mark.parametrize("direction", ["forward_and_log_det", "inverse_and_log_det"])
def test_batch_axes_are_kept(batch, direction, rng):
    points = rng.normal(size=(*batch, 2)).astype("float32")
    method = getattr(Planar(2, seed=0), direction)
    values, log_det = (ops.convert_to_numpy(x) for x in method(points))
    assert values.shape == (*batch, 2) and log_det.shape == batch
    flat_values, flat_log_det = method(points.reshape(-1, 2))
    np.testing.assert_array_equal(
        values.reshape(-1, 2), ops.convert_to_numpy(flat_values)
    )
    np.testing.assert_array_equal(
        log_det.reshape(-1), ops.convert_to_numpy(flat_log_det)
    )


def test_conditions_follow_the_batch_axes(rng):
    z, condition = rng.normal(size=(2, 3, 4, 2)).astype("float32")[:2]
    x = Shift(condition_dim=2).forward(z, condition)
    np.testing.assert_array_equal(ops.convert_to_numpy(x), z + condition)


def test_numbers_are_float32_whatever_comes_in():
    x, log_det = Shift().forward_and_log_det(np.zeros((3, 2), "float64"))
    assert "float32" in str(x.dtype) and "float32" in str(log_det.dtype)


def test_an_absent_inverse_says_so():
    for bijector in (Shift(), Chain([Planar(2), Shift()])):
        with pytest.raises(NotImplementedError, match="Shift has no inverse"):
            bijector.inverse(np.zeros((3, 2), "float32"))


@pytest.mark.parametrize("shape", [(2,), (3, 3), (3, 2, 1), ()])
def test_wrong_shapes_are_an_error(shape):
    with pytest.raises(ValueError, match=r"`x` must have shape \(\*batch, 2\)"):
        Planar(2).inverse(np.zeros(shape, "float32"))


def test_missing_and_wrong_conditions_are_errors():
    z = np.zeros((3, 2), "float32")
    with pytest.raises(ValueError, match="condition_dim=2: it needs a `condition`"):
        Shift(condition_dim=2).forward(z)
    for shape in ((3,), (3, 3), (1, 3, 2)):
        with pytest.raises(ValueError, match="`condition` must have shape"):
            Shift(condition_dim=2).forward(z, np.zeros(shape, "float32"))


def test_a_chain_has_one_condition():
    chain = Chain([Shift(condition_dim=2), Planar(2), Shift(condition_dim=2)])
    assert chain.condition_dim == 2
    x = chain.forward(np.ones((1, 2), "float32"), np.ones((1, 2), "float32"))
    assert np.all(np.isfinite(ops.convert_to_numpy(x)))
    with pytest.raises(ValueError, match="must share one condition"):
        Chain([Shift(2, condition_dim=2), Shift(2, condition_dim=1)])


@pytest.mark.parametrize("shape", [(), (0,), (2.0,), 3, None])
def test_bad_event_shapes_are_errors(shape):
    with pytest.raises(ValueError, match="`event_shape` must be a non-empty tuple"):
        Bijector(shape)


def test_sides_hold_as_many_values():
    assert Bijector((2, 2, 3), latent_shape=(12,)).latent_shape == (12,)
    with pytest.raises(ValueError, match="must hold as many values"):
        Bijector((2, 2, 3), latent_shape=(11,))
