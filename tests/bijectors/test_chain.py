"""A chain is the composition of its members, in order, with summed log-dets."""

import numpy as np
import pytest
from keras import ops

from keras_genmod import NormalizingFlow
from keras_genmod.bijectors import Chain, Planar
from tests.autodiff import jacobians

POINTS = np.random.default_rng(0).normal(size=(6, 2)).astype("float32")


def chain(num_members=3):
    rng = np.random.default_rng(1)
    members = [Planar(2, seed=i) for i in range(num_members)]
    for member in members:
        member.v.assign(rng.normal(size=2))
        member.b.assign(rng.normal())
    return Chain(members)


def test_forward_applies_the_members_in_order():
    flow = chain()
    x, total = POINTS, 0.0
    for member in flow.bijectors:
        x, log_det = member.forward_and_log_det(x)
        total = total + log_det
    found, found_total = flow.forward_and_log_det(POINTS)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), ops.convert_to_numpy(x))
    np.testing.assert_allclose(
        ops.convert_to_numpy(found_total), ops.convert_to_numpy(total), rtol=1e-6
    )


@pytest.mark.parametrize("direction", ["forward_and_log_det", "inverse_and_log_det"])
def test_log_det_is_that_of_the_autodiff_jacobian(direction):
    method = getattr(chain(), direction)
    expected = np.linalg.slogdet(jacobians(lambda z: method(z)[0], POINTS, 2))[1]
    log_det = ops.convert_to_numpy(method(POINTS)[1])
    np.testing.assert_allclose(log_det, expected, atol=2e-4)


def test_round_trip():
    flow = chain()
    x, log_det = flow.forward_and_log_det(POINTS)
    z, inverse_log_det = flow.inverse_and_log_det(x)
    np.testing.assert_allclose(ops.convert_to_numpy(z), POINTS, atol=1e-5)
    np.testing.assert_allclose(
        ops.convert_to_numpy(inverse_log_det),
        -ops.convert_to_numpy(log_det),
        atol=1e-5,
    )


def test_density_of_a_flow_integrates_to_one():
    axis = np.linspace(-10, 10, 401)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2).astype("float32")
    model = NormalizingFlow(chain())
    log_prob = ops.convert_to_numpy(model.log_prob(grid, batch_size=2**16))
    mass = np.exp(log_prob.astype("float64")).sum() * (axis[1] - axis[0]) ** 2
    assert abs(mass - 1.0) < 1e-3


@pytest.mark.parametrize("bijectors", [[], [2], [Planar(2), lambda z: z]])
def test_a_list_of_other_things_is_an_error(bijectors):
    with pytest.raises(ValueError, match="`bijectors` must be a non-empty list of"):
        Chain(bijectors)


def test_members_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match=r"fit together.*events \(2,\).*\(3,\)"):
        Chain([Planar(2), Planar(3)])
