"""The deep Boltzmann machine against enumeration of its few states."""

import keras
import numpy as np
import pytest
import scipy.special

from keras_genmod import DBM, evaluation
from keras_genmod.models.energy.layer_pair import LayerPair
from tests.autodiff import gradients
from tests.contracts import slow_elsewhere
from tests.models.energy.deep_machines import (
    array,
    chi_squared_pvalue,
    dbm,
    dbm_exponents,
    dbm_log_probs,
    log_mean,
    randomize,
    states,
)

DEPTHS = [(3, 2, 2), (2, 4, 1), (3, 2, 3, 2), (2, 3, 2, 2, 1)]


@pytest.mark.parametrize("layer_dims", DEPTHS)
def test_energy_is_that_of_the_definition(layer_dims):
    model = dbm(layer_dims)
    exponents, layers = dbm_exponents(model)
    rng = np.random.default_rng(0)
    chosen = [rng.integers(0, len(layer), 6) for layer in layers]
    picked = [layer[i] for layer, i in zip(layers, chosen, strict=True)]
    found = array(model.energy(*picked))
    np.testing.assert_allclose(found, -exponents[tuple(chosen)], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layer_dims", DEPTHS)
def test_log_partition_is_the_sum_over_all_states(layer_dims):
    model = dbm(layer_dims)
    expected = scipy.special.logsumexp(dbm_exponents(model)[0])
    found = model.log_partition()
    assert found.method == "exact" and abs(found.value - expected) < 1e-4


def test_a_machine_too_large_to_enumerate_is_an_error():
    model = DBM([30, 25, 30])
    assert model.likelihood_kind is None
    with pytest.raises(ValueError, match=r"2\^25 states.*ais"):
        model.log_partition()


def test_annealing_finds_the_partition_sum_of_random_machines():
    model = dbm((6, 5, 4))
    for machine in range(6):
        randomize([*model.couplings, *model.biases], 0.7, seed=machine)
        exact = model.log_partition().value
        rates = np.linspace(0.1, 0.9, 6) if machine % 2 else None
        found = model.log_partition("ais", 100, 100, seed=1, base_rates=rates)
        assert found.low < exact < found.high, (machine, exact, str(found))
        assert found.high - found.low < 1.0


def test_annealing_starts_in_the_phase_of_the_data():
    # One phase has v and h_1 on and h_2 off; the other, far below, h_1 off and half of
    # the rest on. The machine's own biases start chains in the second one.
    model = DBM([20, 10, 200], seed=0)
    model.couplings[0].assign(np.full((20, 10), 2.0))
    model.couplings[1].assign(np.full((10, 200), -1.0))
    model.biases[2].assign(np.full(200, -0.3))
    exact = model.log_partition().value
    missed = model.log_partition("ais", 500, 50, seed=0).value
    assert missed < exact - 100.0
    model.data_mean.assign(np.full(20, 0.95))
    model.num_remembered.assign(1)
    found = model.log_partition("ais", 500, 50, seed=0)
    assert found.low < exact < found.high


def test_base_rates_of_hidden_layers_are_those_of_mean_field():
    model = dbm((3, 2, 3, 2))
    rates = np.array([0.2, 0.5, 0.9], "float32")
    even = array(model.layered_density().mean_field(rates[None], 10))[0]
    np.testing.assert_array_equal(even[:3], rates)
    biases = scipy.special.logit(np.clip(even, 0.01, 0.99))
    np.testing.assert_allclose(model._start_biases(rates), biases, rtol=1e-4)


def test_pretraining_remembers_the_mean_of_the_data():
    model = DBM([3, 2, 2], seed=0)
    x = np.random.default_rng(0).random((20, 3), "float32")
    model.pretrain(x, 1, 8, verbose=0)
    np.testing.assert_allclose(array(model.data_mean), x.mean(axis=0), rtol=1e-6)
    assert model.likelihood_protocol("ais")["base_rates"] == "training data"


# The bound.


@pytest.mark.parametrize("layer_dims", [(3, 2, 2), (3, 2, 3, 2)])
@pytest.mark.parametrize("machine", range(5))
def test_bound_is_never_above_the_exact_log_prob(layer_dims, machine):
    model = dbm(layer_dims, scale=2.0, machine=machine)
    gap = dbm_log_probs(model) - array(model.log_prob(states(3)))
    assert np.all(gap > -1e-4) and np.any(gap > 1e-3)


def test_bound_is_tight_where_the_posterior_factorises():
    model = dbm((3, 2, 2), scale=2.0)
    model.couplings[1].assign(np.zeros((2, 2)))
    found = array(model.log_prob(states(3)))
    np.testing.assert_allclose(found, dbm_log_probs(model), atol=1e-4)


def test_more_updates_of_mean_field_raise_the_bound():
    bounds = [
        array(dbm((3, 4, 4), 3.0, num_mean_field_steps=n).log_prob(states(3)))
        for n in (1, 2, 4, 30)
    ]
    steps = np.diff(bounds, axis=0)
    assert np.all(steps > -1e-4) and np.any(steps[0] > 1e-2)


@pytest.mark.parametrize("layer_dims", DEPTHS)
def test_mean_field_starts_as_if_the_layer_above_said_the_same(layer_dims):
    # Salakhutdinov and Hinton 2009: on the first way up the input counts twice, but for
    # the highest layer, which has nothing above it.
    model = dbm(layer_dims)
    layers = [states(layer_dims[0])]
    for i, couplings in enumerate(map(array, model.couplings)):
        factor = 1 if i == len(model.couplings) - 1 else 2
        field = factor * layers[-1] @ couplings + array(model.biases[i + 1])
        layers.append(scipy.special.expit(field))
    found = array(model.layered_density().mean_field(layers[0], num_steps=0))
    expected = np.concatenate(layers[::2], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_means_are_those_of_a_stationary_mean_field():
    model = dbm((3, 2, 3, 2), num_mean_field_steps=100)
    v = states(3)
    below, *means = v, *(array(model.encode(v, layer)) for layer in (1, 2, 3))
    for i, mean in enumerate(means):
        field = below @ array(model.couplings[i]) + array(model.biases[i + 1])
        if i < 2:
            field = field + means[i + 1] @ array(model.couplings[i + 1]).T
        np.testing.assert_allclose(mean, scipy.special.expit(field), atol=1e-5)
        below = mean
    np.testing.assert_array_equal(array(model.encode(v)), means[-1])
    np.testing.assert_array_equal(array(model.encode(v, -3)), means[0])
    visible = means[0] @ array(model.couplings[0]).T + array(model.biases[0])
    expected = scipy.special.expit(visible)
    np.testing.assert_allclose(array(model.reconstruct(v)), expected, atol=1e-5)


def test_free_energy_and_log_partition_make_the_log_prob():
    model = dbm()
    log_z = model.log_partition("ais", num_temperatures=50, seed=0)
    found = array(model.log_prob(states(3), log_partition=log_z))
    expected = -array(model.free_energy(states(3))) - log_z.value
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    "options,kind",
    [
        ({}, "lower_bound"),
        ({"method": "ais", "num_temperatures": 50}, "estimated_lower_bound"),
    ],
)
def test_it_has_a_row_in_the_ledger(options, kind):
    model = dbm()
    found = evaluation.evaluate_likelihood(
        model, states(3), dataset="states", split="test", **options
    )
    assert found.kind == kind
    assert abs(found.mean - array(model.log_prob(states(3))).mean()) < 0.2


# The gradient.


def correlations(layers):
    """Returns mean h_i h_i+1 of the layers and mean h_i, in the weights' order."""
    pairs = zip(layers[:-1], layers[1:], strict=True)
    means = [below.T @ above / len(below) for below, above in pairs]
    return means + [layer.mean(axis=0) for layer in layers]


def loss_gradients(model, data):
    """Returns d loss / d weights, and the layers of data and chains at that call."""
    state = array(model.seed_generator.state).astype("int64")
    outputs = model.call(data)
    model.seed_generator.state.assign(state)

    def loss():
        return model.compute_loss(y_pred=model.call(data))

    found = gradients(loss, [*model.couplings, *model.biases])
    return found, *(layers_of(model, array(outputs[k])) for k in ("even", "chain"))


def layers_of(model, even):
    """Returns all layers from the even ones, the odd ones by their means."""
    sizes = np.cumsum(model.layer_dims[::2])[:-1]
    layers = np.split(even, sizes, axis=1)
    for i in range(1, len(model.layer_dims), 2):
        field = layers[i - 1] @ array(model.couplings[i - 1]) + array(model.biases[i])
        if i < len(model.couplings):
            field = field + layers[i] @ array(model.couplings[i]).T
        layers.insert(i, scipy.special.expit(field))
    return layers


@pytest.mark.parametrize("layer_dims", [(3, 2, 2), (3, 2, 3, 2)])
def test_gradient_is_the_difference_of_correlations(layer_dims):
    model = dbm(layer_dims)
    found, of_data, of_chains = loss_gradients(model, states(3)[:6])
    assert np.isin(of_chains[0], (0, 1)).all() and len(of_chains[0]) == 5
    np.testing.assert_array_equal(of_data[0], states(3)[:6])
    expected = zip(correlations(of_chains), correlations(of_data), strict=True)
    for gradient, (negative, positive) in zip(found, expected, strict=True):
        np.testing.assert_allclose(gradient, negative - positive, atol=1e-5)


def test_gradient_of_the_data_is_exact_where_the_posterior_factorises():
    model = dbm((3, 2, 2))
    model.couplings[1].assign(np.zeros((2, 2)))
    data = states(3)[[1, 6, 6, 7]]
    found, _, of_chains = loss_gradients(model, data)
    exponents, layers = dbm_exponents(model)
    posterior = scipy.special.softmax(exponents[[1, 6, 6, 7]], axis=(1, 2))
    weights = posterior.reshape(-1) / len(data)
    grid = np.stack(np.meshgrid(range(4), range(4), range(4), indexing="ij"), -1)
    v, h1, h2 = grid.reshape(-1, 3).T
    rows = [data[v], layers[1][h1], layers[2][h2]]
    expected = [rows[i].T @ (weights[:, None] * rows[i + 1]) for i in range(2)]
    expected += [weights @ row for row in rows]
    for gradient, negative, positive in zip(
        found, correlations(of_chains), expected, strict=True
    ):
        np.testing.assert_allclose(gradient, negative - positive, atol=1e-5)


@slow_elsewhere
def test_training_learns_a_distribution():
    target = np.array([6, 1, 1, 1, 1, 2, 3, 1]) / 16
    data = states(3).repeat((96 * target).astype(int), axis=0)
    model = dbm((3, 4, 3), scale=0.1, num_chains=100)

    def divergence():
        return (target * (np.log(target) - dbm_log_probs(model))).sum()

    before = divergence()
    model.pretrain(data, 20, 96, keras.optimizers.Adam(0.06), verbose=0)
    model.compile(keras.optimizers.Adam(0.01))
    model.fit(data, batch_size=len(data), epochs=50, verbose=0)
    assert before > 0.25 and divergence() < 0.15


# The chains.


@pytest.mark.parametrize("layer_dims", [(3, 2, 2), (3, 2, 2, 2)])
def test_samples_have_the_exact_distribution(layer_dims):
    model = dbm(layer_dims)
    draws = array(model.sample(4_000, num_steps=60, seed=0))
    assert set(np.unique(draws)) == {0.0, 1.0}
    assert chi_squared_pvalue(draws, dbm_log_probs(model)) > 1e-3


def test_chains_go_on_in_training_and_stand_still_in_evaluate():
    model = dbm(num_chains=50)
    model.compile(keras.optimizers.SGD(0.0))
    data = np.zeros((8, 3), "float32")  # chains have nothing to do with the data
    start = array(model.chains)
    model.evaluate(data, verbose=0)
    np.testing.assert_array_equal(array(model.chains), start)
    model.fit(data, batch_size=8, epochs=1, verbose=0)
    first = array(model.chains)
    model.fit(data, batch_size=8, epochs=20, verbose=0)
    assert np.any(first != start) and np.any(array(model.chains) != first)
    # They walk on from where they were: by now they have the model's means.
    expected = np.exp(dbm_log_probs(model)) @ states(3)
    error = np.sqrt(expected * (1 - expected) / 50)
    means = array(model.chains)[:, :3].mean(axis=0)
    assert np.all(np.abs(means - expected) < 4 * error + 1e-3)


# Pretraining.


@slow_elsewhere
def test_pretraining_lowers_the_reconstruction_error():
    rng = np.random.default_rng(0)
    data = np.eye(4, dtype="float32").repeat(4, axis=1)[rng.integers(0, 4, 80)]
    model = DBM([16, 8, 6, 4], seed=0)

    def error():
        return np.mean((array(model.reconstruct(data)) - data) ** 2)

    before = error()
    histories = model.pretrain(data, 40, 80, keras.optimizers.Adam(0.06), verbose=0)
    assert [len(history.epoch) for history in histories] == [40, 40, 40]
    assert [len(history.params) > 0 for history in histories] == [True] * 3
    assert error() < 0.5 * before


def test_pretrained_layers_keep_their_input():
    # A layer in the middle feels each of its pairs once.
    model = dbm((3, 2, 2), num_mean_field_steps=1)
    pairs = model._pairs(persistent=False)
    for i, pair in enumerate(pairs):
        randomize(pair.trainable_variables, seed=i)
    model._take_weights(pairs, states(3))
    lower, upper = pairs
    assert (lower.visible_scale, lower.hidden_scale) == (1, 2)
    assert (upper.visible_scale, upper.hidden_scale) == (2, 1)
    v, h2 = states(3), states(2)[[1] * 8]
    below = array(lower._field(v))
    above = h2 @ array(upper.couplings).T + array(upper.visible_bias)
    layers = layers_of(model, np.concatenate([v, h2], axis=1))
    np.testing.assert_allclose(layers[1], scipy.special.expit(below + above), rtol=1e-5)
    np.testing.assert_array_equal(array(model.biases[0]), array(lower.visible_bias))
    np.testing.assert_array_equal(array(model.biases[2]), array(upper.hidden_bias))


def test_a_pair_is_a_machine_of_two_copies():
    pair = LayerPair(3, 2, visible_scale=1, hidden_scale=2)
    randomize(pair.trainable_variables)
    w, a, b = (array(weight) for weight in pair.trainable_variables)
    v, h = states(3), states(2)
    # Two visible copies of the same weights, and a bias of each hidden unit for both.
    exponents = (
        (v @ a)[:, None, None]
        + (v @ a)[None, :, None]
        + (v @ w @ h.T)[:, None]
        + (v @ w @ h.T)[None]
        + 2 * h @ b
    )
    of_h = scipy.special.softmax(exponents, axis=2)[np.arange(8), np.arange(8)]
    np.testing.assert_allclose(array(pair.encode(v)), of_h @ h, rtol=1e-5)
    of_v = scipy.special.softmax(exponents, axis=(0, 1)).sum(axis=1)  # (v, h)
    found = array(pair._visible(h).mean())
    np.testing.assert_allclose(found, of_v.T @ v, rtol=1e-5)


def test_chain_of_a_pair_is_drawn_up_and_down():
    # p(v' | v) = sum_h p(h | v) p(v' | h): means in place of draws have another law.
    pair = LayerPair(3, 2, visible_scale=2, hidden_scale=1, seed=0)
    # Hidden units near 1 / 2 with strong couplings: their means are far from draws.
    pair.couplings.assign([[0.0, 0.0], [3.0, 0.0], [3.0, -3.0]])
    pair.hidden_bias.assign([-3.0, 3.0])
    w, a, b = (array(weight) for weight in pair.trainable_variables)
    v = np.array([[1.0, 0.0, 1.0]], "float32")
    log_h = log_mean(v @ w + b, states(2))
    log_v = log_mean((2 * (states(2) @ w.T + a))[None], states(3)[:, None])  # (v', h)
    expected = scipy.special.logsumexp(log_h + log_v, axis=1)
    chain = array(pair.call(v.repeat(4_000, axis=0))["chain"])
    assert np.isin(chain, (0, 1)).all()
    assert chi_squared_pvalue(chain, expected) > 1e-3


def test_gradient_of_a_pair_is_that_of_contrastive_divergence():
    pair = LayerPair(3, 2, visible_scale=2, hidden_scale=2, seed=0)
    randomize(pair.trainable_variables)
    data = states(3)[:5]
    state = array(pair.seed_generator.state).astype("int64")
    chain = array(pair.call(data)["chain"])
    pair.seed_generator.state.assign(state)
    found = gradients(
        lambda: pair.compute_loss(y_pred=pair.call(data)), pair.trainable_variables
    )
    means = [[v, array(pair.encode(v.astype("float32")))] for v in (data, chain)]
    for gradient, positive, negative in zip(
        found, *(correlations(layers) for layers in means), strict=True
    ):
        np.testing.assert_allclose(gradient, negative - positive, atol=1e-5)


# Bad input.


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"layer_dims": [4, 3]}, "`layer_dims` must be .*Received: layer_dims="),
        ({"layer_dims": 4}, "`layer_dims` must be .*Received: layer_dims="),
        ({"layer_dims": [4, 0, 2]}, r"`layer_dims\[1\]` must be a positive int"),
        ({"num_mean_field_steps": 0}, "`num_mean_field_steps` must be a positive int"),
        ({"num_gibbs_steps": 0}, "`num_gibbs_steps` must be a positive int"),
        ({"num_chains": 1.5}, "`num_chains` must be a positive int"),
    ],
)
def test_bad_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        DBM(**{"layer_dims": [4, 3, 2], **arguments})


@pytest.mark.parametrize(
    "call,message",
    [
        (lambda m: m.encode(states(3), 0), "`layer` must be a hidden layer, 1 to 2"),
        (lambda m: m.encode(states(3), 3), "`layer` must be .*Received: layer=3"),
        (lambda m: m.encode(states(3) + 0.5), r"must lie in \[0, 1\]"),
        (lambda m: m.energy(states(3), states(3)), "`hidden` must be 2 layers"),
        (
            lambda m: m.energy(states(3), np.ones((8, 3)), np.ones((8, 2))),
            r"`hidden\[0\]` must have shape \(batch, 2\)",
        ),
        (lambda m: m.pretrain([states(3)]), "`x` must be one array"),
        (lambda m: m.pretrain(states(3), epochs=0), "`epochs` must be a positive int"),
        (lambda m: m.pretrain(states(4), verbose=0), "`x` must have shape"),
        (lambda m: m.log_prob(states(3), log_partition=3.0), "`log_partition` must be"),
        (lambda m: m.sample(2, num_steps=0), "`num_steps` must be a positive int"),
    ],
)
def test_bad_input_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call(dbm())
