"""MAF against its equations in NumPy, one value at a time."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import NormalizingFlow
from keras_genmod.bijectors import (
    Chain,
    Invert,
    MaskedAutoregressive,
    Permutation,
    Split,
)
from keras_genmod.engine import compiled
from keras_genmod.layers import MaskedDense
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


OURS = {
    "several units a degree": lambda: made(4, (9, 16), activation="tanh"),
    "fewer units than values": lambda: made(4, (3, 2), activation="tanh"),
    "degrees that are drawn": lambda: made(4, (8, 5), activation="tanh", seed=0),
    "one value": lambda: made(1, (3,)),
    "without a bias": lambda: stack(use_bias=False),
}


def stack(activation="tanh", first=MaskedDense, between=(), **options):
    """A network of 4 values by hand, whose units are in no order."""
    hidden = [3, 1, 2, 4, 0, 1]
    outputs = [i for i in range(4) for _ in range(2)]
    return keras.Sequential(
        [
            keras.Input((4,)),
            first([1, 2, 3, 4], hidden, activation=activation, **options),
            *between,
            MaskedDense(hidden, outputs, **options),
            keras.layers.Reshape((4, 2)),
        ]
    )


def randomized(network):
    rng = np.random.default_rng(1)
    network.set_weights([0.5 * rng.normal(size=w.shape) for w in network.get_weights()])
    return network


@pytest.mark.parametrize("name", OURS)
def test_values_one_by_one_equal_whole_passes(name, monkeypatch):
    network = randomized(OURS[name]())
    points = POINTS[:, : network.input_shape[-1]]
    assert_equal_to_whole_passes(
        MaskedAutoregressive(points.shape[1], network), points, None, monkeypatch
    )


@pytest.mark.parametrize("seed", [None, 0])
def test_values_one_by_one_see_the_condition(seed, monkeypatch):
    network = randomized(made(4, (9, 5), 2, 3, activation="tanh", seed=seed))
    condition = np.random.default_rng(3).normal(size=(6, 3)).astype("float32")
    assert_equal_to_whole_passes(
        MaskedAutoregressive(4, network, 3), POINTS, condition, monkeypatch
    )


def assert_equal_to_whole_passes(bijector, z, condition, monkeypatch):
    given = [ops.convert_to_tensor(z), condition]
    if condition is not None:
        given[1] = ops.convert_to_tensor(condition)
    expected = bijector._in_whole_passes(*given)
    monkeypatch.setattr(bijector, "_shift_and_log_scale", None)  # no pass is taken
    found = bijector.forward_and_log_det(*given)
    for numbers, others in zip(found, expected, strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(numbers), ops.convert_to_numpy(others), atol=1e-5
        )


def with_a_layer_called_twice():
    inputs = keras.Input((4,))
    hidden = [0, 1, 2, 3]
    again = MaskedDense(hidden, hidden, activation="tanh")
    x = again(again(MaskedDense([1, 2, 3, 4], hidden)(inputs)))
    x = MaskedDense(hidden, [i for i in range(4) for _ in range(2)])(x)
    return keras.Model(inputs, keras.layers.Reshape((4, 2))(x))


@keras.saving.register_keras_serializable("tests")
class Halved(MaskedDense):
    """A layer of a user's own."""

    def call(self, x):
        return super().call(0.5 * x)


OTHERS = {
    "mixed units": lambda: stack(between=[keras.layers.LayerNormalization()]),
    "an activation that is a layer": lambda: stack(keras.layers.ReLU()),
    "a layer called twice": with_a_layer_called_twice,
    "a layer of its own": lambda: stack(first=Halved),
    "half precision": lambda: stack(dtype="mixed_bfloat16"),
    "outputs that are not linear": lambda: keras.Sequential(
        [keras.Input((4,)), MaskedDense([1, 2, 3, 4], [0, 0, 1, 1, 2, 2, 3, 3])]
        + [keras.layers.Reshape((4, 2)), keras.layers.Activation("tanh")]
    ),
    "degrees of other outputs": lambda: keras.Sequential(
        [keras.Input((4,)), MaskedDense([1, 2, 3, 4], [0, 0, 0, 0, 1, 1, 3, 3])]
        + [keras.layers.Reshape((4, 2))]
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_networks_take_whole_passes(name, monkeypatch):
    bijector = MaskedAutoregressive(4, randomized(OTHERS[name]()))
    passes = []

    def noted(x, condition):
        passes.append(x)
        return type(bijector)._shift_and_log_scale(bijector, x, condition)

    monkeypatch.setattr(bijector, "_shift_and_log_scale", noted)
    x = bijector.forward(POINTS)
    assert passes
    if name != "mixed units":  # no inverse then: later values change earlier ones
        z = ops.convert_to_numpy(bijector.inverse(x))
        tolerance = 0.1 if name == "half precision" else 1e-4
        np.testing.assert_allclose(z, POINTS, atol=tolerance)


def test_what_holds_a_loop_says_so():
    def loops(bijector):
        return bijector.forward_is_a_loop, bijector.inverse_is_a_loop

    bijector = flow()
    assert loops(bijector) == (True, False)
    assert loops(Invert(bijector)) == (False, True)
    order = Permutation((EVENT_DIM,), "reverse")
    assert loops(Chain([bijector, order])) == (True, False)
    assert loops(Chain([bijector, Invert(bijector)])) == (True, True)
    assert loops(Split((2 * EVENT_DIM,), Invert(bijector))) == (False, True)
    assert loops(order) == (False, False)


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
