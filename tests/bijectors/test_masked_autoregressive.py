"""MAF against its equations in NumPy, one value at a time."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import NormalizingFlow
from keras_genmod.bijectors import Chain, Invert, MaskedAutoregressive, Permutation
from keras_genmod.engine import compiled
from keras_genmod.networks import coupling_mlp, made
from tests.autodiff import gradients, jacobians

EVENT_DIM = 4
POINTS = np.random.default_rng(0).normal(size=(6, EVENT_DIM)).astype("float32")


def flow(condition_dim=None, event_dim=EVENT_DIM):
    network = made(event_dim, (16,), 2, condition_dim, activation="tanh")
    rng = np.random.default_rng(1)
    network.set_weights([0.5 * rng.normal(size=w.shape) for w in network.get_weights()])
    return MaskedAutoregressive(event_dim, network, condition_dim)


def shift_and_log_scale(bijector, x):
    outputs = ops.convert_to_numpy(bijector.network(x.astype("float32")))
    return outputs[..., 0], 5.0 * np.tanh(outputs[..., 1] / 5.0)


class Maps(NormalizingFlow):
    """Latents to data under `compiled`, where the loop is traced."""

    @compiled()
    def forward(self, z):
        return self.bijector.forward_and_log_det(z)


def test_loop_equals_solving_one_value_at_a_time():
    bijector = flow()
    x, log_det = np.zeros_like(POINTS), 0.0
    for i in range(EVENT_DIM):
        m, s = shift_and_log_scale(bijector, x)
        x[:, i] = POINTS[:, i] * np.exp(s[:, i]) + m[:, i]
        log_det = log_det + s[:, i]
    eager = bijector.forward_and_log_det(POINTS)
    for found in (eager, Maps(bijector).forward(POINTS)):
        np.testing.assert_allclose(ops.convert_to_numpy(found[0]), x, atol=1e-5)
        np.testing.assert_allclose(ops.convert_to_numpy(found[1]), log_det, atol=1e-5)


def test_data_to_latents_is_the_equation_of_the_paper():
    bijector = flow()
    m, s = shift_and_log_scale(bijector, POINTS)
    z, log_det = map(ops.convert_to_numpy, bijector.inverse_and_log_det(POINTS))
    np.testing.assert_allclose(z, (POINTS - m) * np.exp(-s), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(log_det, -s.sum(axis=1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_jacobian_is_triangular_and_full_below(direction):
    bijector = flow()
    found = jacobians(getattr(bijector, direction), POINTS, EVENT_DIM)
    assert np.all(found[:, ~np.tri(EVENT_DIM, dtype=bool)] == 0)
    assert np.all(np.abs(found[:, np.tri(EVENT_DIM, dtype=bool)]) > 0)
    assert np.all(found[:, range(EVENT_DIM), range(EVENT_DIM)] > 0)


def test_loop_has_the_gradient_of_the_implicit_function_theorem():
    # g(x; w) = z along the solution, so that dx/dw = -(dg/dx)^-1 dg/dw.
    bijector = flow()
    mix = np.random.default_rng(2).normal(size=POINTS.shape).astype("float32")
    x = ops.convert_to_numpy(bijector.forward(POINTS))
    inverse_jacobian = jacobians(bijector.inverse, x, EVENT_DIM)
    transposed = inverse_jacobian.transpose(0, 2, 1)
    back = -np.linalg.solve(transposed, mix[..., None])[..., 0].astype("float32")
    weights = bijector.trainable_variables

    def total(values, factors):
        return ops.sum(ops.multiply(values, factors))

    found = gradients(lambda: total(bijector.forward(POINTS), mix), weights)
    expected = gradients(lambda: total(bijector.inverse(x), back), weights)
    for value, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-3, atol=1e-4)


def test_reverse_kl_trains_through_the_loop_as_keras_compiles_it():
    model = NormalizingFlow(flow(event_dim=2), seed=0)
    model.compile(keras.optimizers.Adam(0.05), target_log_prob=shifted)
    history = model.fit(np.zeros((640, 2), "float32"), batch_size=64, verbose=0)
    start = history.history["loss"][0]
    end = model.fit(np.zeros((640, 2), "float32"), batch_size=64, verbose=0)
    assert end.history["loss"][0] < start


@keras.saving.register_keras_serializable("tests")
def shifted(x):
    return -0.5 * ops.sum(ops.square(x - 1.0), axis=-1)


def test_inverted_it_draws_in_one_pass_from_earlier_latents():
    bijector = flow()
    inverse = Invert(bijector)
    m, s = shift_and_log_scale(bijector, POINTS)
    x, log_det = map(ops.convert_to_numpy, inverse.forward_and_log_det(POINTS))
    np.testing.assert_allclose(x, (POINTS - m) * np.exp(-s), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(log_det, -s.sum(axis=1), rtol=1e-5, atol=1e-6)
    z = ops.convert_to_numpy(inverse.inverse(x))
    np.testing.assert_allclose(z, POINTS, atol=1e-5)


def test_reversed_between_members_every_value_sees_every_other():
    order = Permutation((EVENT_DIM,), "reverse")
    chain = Chain([flow(), order, flow()])
    found = np.abs(jacobians(chain.inverse, POINTS, EVENT_DIM)).max(axis=0)
    assert np.all(found[1:] > 0)  # but the first latent, which one value alone moves
    straight = Chain([flow(), flow()])
    found = np.abs(jacobians(straight.inverse, POINTS, EVENT_DIM)).max(axis=0)
    assert np.all(found[~np.tri(EVENT_DIM, dtype=bool)] == 0)


def test_values_after_the_next_one_do_not_disturb_the_loop():
    # Later values stay 0 until they are known; large latents must not spoil earlier.
    bijector = flow()
    z = POINTS.copy()
    z[:, -1] = 1e30
    x = ops.convert_to_numpy(bijector.forward(z))
    expected = ops.convert_to_numpy(bijector.forward(POINTS))
    np.testing.assert_array_equal(x[:, :-1], expected[:, :-1])


@pytest.mark.parametrize("event_dim", [0, -1, 1.5, "two"])
def test_bad_event_dim_is_an_error(event_dim):
    with pytest.raises(ValueError, match="`event_dim` must be .*Received: event_dim="):
        MaskedAutoregressive(event_dim, made(2))


def test_networks_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match=r"output shape \(None, 4, 2\).*\(None, 8\)"):
        MaskedAutoregressive(4, coupling_mlp(4))
    with pytest.raises(ValueError, match=r"take one input, of shape \(None, 4\)"):
        MaskedAutoregressive(4, made(5))
    with pytest.raises(ValueError, match=r"take the list \[event, condition\]"):
        MaskedAutoregressive(4, made(4), condition_dim=2)
    with pytest.raises(ValueError, match="`network` must be a built Keras model"):
        MaskedAutoregressive(4, None)
