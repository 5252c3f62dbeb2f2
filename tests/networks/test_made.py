"""MADE is autoregressive, shown by its Jacobian."""

import itertools

import keras
import numpy as np
import pytest

from keras_genmod.networks import made
from tests.autodiff import jacobians

EVENT_DIM, OUTPUTS = 4, 2


def with_random_weights(network):
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=w.shape) for w in network.get_weights()]
    network.set_weights(weights)
    return network


def strongest_dependence(function, inputs):
    """Returns the largest |d output / d input| over all examples."""
    size = EVENT_DIM * OUTPUTS
    found = np.abs(jacobians(function, inputs, size)).max(axis=0)
    return found.reshape(EVENT_DIM, OUTPUTS, -1)


POINTS = np.random.default_rng(1).normal(size=(64, EVENT_DIM)).astype("float32")


@pytest.mark.parametrize("condition_dim", [None, 3])
@pytest.mark.parametrize("seed", [None, 5])
def test_outputs_see_the_values_before_them_only(condition_dim, seed):
    network = made(EVENT_DIM, (16, 16), OUTPUTS, condition_dim, seed=seed)
    with_random_weights(network)

    def outputs(x):
        if condition_dim is None:
            return network(x)
        return network([x, keras.ops.ones_like(x[:, :condition_dim])])

    found = strongest_dependence(outputs, POINTS)
    for i, j in itertools.product(range(EVENT_DIM), repeat=2):
        if j >= i:
            assert np.all(found[i, :, j] == 0), (i, j)
        else:
            assert np.all(found[i, :, j] > 0), (i, j)


@pytest.mark.filterwarnings("ignore:`hidden_dims` are narrow")
@pytest.mark.parametrize("hidden_dims", [(16, 16), (2,), (1, 1)])
@pytest.mark.parametrize("seed", [None, 5])
def test_every_output_sees_the_condition(hidden_dims, seed):
    network = made(EVENT_DIM, hidden_dims, OUTPUTS, 3, activation="tanh", seed=seed)
    with_random_weights(network)
    event = np.ones((1, EVENT_DIM), "float32")

    def outputs(condition):
        x = keras.ops.repeat(event, condition.shape[0], axis=0)
        return network([x, condition])

    conditions = np.random.default_rng(2).normal(size=(8, 3)).astype("float32")
    assert np.all(strongest_dependence(outputs, conditions) > 0)


def test_hidden_degrees_are_spread_evenly_or_drawn():
    (first,) = {tuple(made(5, (8,)).layers[1].output_degrees)}
    assert first == (1, 1, 2, 2, 3, 3, 4, 4)
    drawn = [tuple(made(5, (8,), seed=s).layers[1].output_degrees) for s in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_one_value_has_constant_outputs():
    network = with_random_weights(made(1, (3,)))
    outputs = keras.ops.convert_to_numpy(network(np.array([[0.0], [5.0]], "float32")))
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert np.all(outputs != 0)


@pytest.mark.parametrize("seed", [None, 0])
def test_narrow_layers_that_hide_most_neighbours_are_a_warning(seed):
    # Of 11 values 2 to 12, with 4 units a layer; counted by the Jacobian.
    with pytest.warns(UserWarning, match=r"only (\d) of 11 values see") as caught:
        network = made(12, (4, 4), 1, activation="tanh", seed=seed)
    said = int(str(caught[0].message).split("only ")[1].split(" of")[0])
    with_random_weights(network)
    points = np.random.default_rng(1).normal(size=(16, 12)).astype("float32")
    found = np.abs(jacobians(network, points, 12)).max(axis=0)
    assert np.sum(np.diag(found, -1) > 0) == said < 6
    made(12, (11, 30))  # wide ones: no warning
    made(12, (7,))


def test_default_widths_are_narrow_for_images():
    with pytest.warns(UserWarning, match="only 64 of 783 values see"):
        made(784)
