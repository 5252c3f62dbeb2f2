"""The deep belief network against enumeration of its few states."""

import keras
import numpy as np
import pytest
import scipy.special

from keras_genmod import DBN, RBM, evaluation
from tests.autodiff import gradients
from tests.contracts import slow_elsewhere
from tests.models.energy.deep_machines import (
    array,
    chi_squared_pvalue,
    dbn,
    dbn_bounds,
    dbn_log_probs,
    dbn_tables,
    randomize,
    states,
)

DEPTHS = [(4, 3, 2), (4, 3, 2, 3)]


def tied(scale=1.0):
    """Returns an RBM, and the DBN of it and of itself upside down."""
    rbm, model = RBM(4, 3, seed=0), DBN([4, 3, 4], seed=0)
    randomize(rbm.trainable_variables, scale)
    model.directed.assign(0, rbm)
    model.top.couplings.assign(array(rbm.couplings).T)
    model.top.visible_bias.assign(rbm.hidden_bias)
    model.top.hidden_bias.assign(rbm.visible_bias)
    return rbm, model


# Likelihood.


def test_a_network_of_tied_weights_is_the_machine_below():
    # The complementary prior of Hinton et al.: what lies above has the distribution
    # that makes the way up the exact posterior, so each single draw gives log p(v).
    rbm, model = tied(scale=2.0)
    expected = array(rbm.log_prob(states(4)))
    np.testing.assert_allclose(dbn_log_probs(model), expected, atol=1e-4)
    found = array(model.log_prob(states(4), num_samples=1))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("layer_dims", DEPTHS)
def test_log_prob_is_a_bound(layer_dims):
    model = dbn(layer_dims)
    exact, bounds = dbn_log_probs(model), dbn_bounds(model)
    assert abs(np.exp(exact).sum() - 1) < 1e-9
    found = [
        array(model.log_prob(states(4), num_samples=100, seed=seed))
        for seed in range(20)
    ]
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(20)
    assert np.all(np.abs(mean - bounds) < 5 * error)
    assert np.all(mean - 5 * error < exact) and np.all(bounds < exact - 1e-2)


def test_chunks_of_draws_are_weighed_alike_and_drawn_anew():
    # Chunks of 5,000 examples hold one draw: 12 draws are 12 chunks, of 400 are two.
    model, x = dbn(), states(4)[5:6]
    expected = dbn_bounds(model)[5]
    batch = {"x": x.repeat(5_000, axis=0), "batch_size": 5_000, "seed": 0}
    single = array(model.log_prob(**batch, num_samples=12))
    spread = array(model.log_prob(**batch, num_samples=1)).std()
    assert abs(single.mean() - expected) < 5 * spread / np.sqrt(60_000)
    # Independent draws average out, the same draw in each chunk would not.
    assert single.std() == pytest.approx(spread / np.sqrt(12), rel=0.2)
    rest = array(model.log_prob(x, num_samples=4_100, seed=0))  # 4,096 and four
    assert abs(rest[0] - expected) < 5 * spread / np.sqrt(4_100)


def test_annealing_feeds_the_bound():
    model = dbn()
    log_z = model.log_partition("ais", num_temperatures=200, seed=0)
    exact = model.log_partition()
    assert log_z.low < exact.value < log_z.high
    found = [
        array(model.log_prob(states(4), log_partition=z, seed=0))
        for z in (log_z, exact, None)
    ]
    np.testing.assert_allclose(found[0] - found[1], exact.value - log_z.value, 0, 1e-5)
    np.testing.assert_array_equal(found[1], found[2])


def test_a_top_too_large_to_enumerate_is_an_error():
    model = DBN([4, 30, 25])
    assert model.likelihood_kind is None
    with pytest.raises(ValueError, match=r"2\^25 states.*ais"):
        model.log_prob(states(4))


@pytest.mark.parametrize(
    "options,kind",
    [
        ({}, "lower_bound"),
        ({"method": "ais", "num_temperatures": 50}, "estimated_lower_bound"),
    ],
)
def test_it_has_a_row_in_the_ledger(options, kind):
    model = dbn()
    found = evaluation.evaluate_likelihood(
        model, states(4), dataset="states", split="test", num_samples=40, **options
    )
    assert found.kind == kind
    assert abs(found.mean - dbn_bounds(model).mean()) < 0.3
    fields = dict(found.protocol.options)
    assert fields["num_samples"] == 40 and fields["seed"] == 0
    assert fields["log_partition"] == options.get("method", "exact")
    again = evaluation.evaluate_likelihood(
        model, states(4), dataset="states", split="test", num_samples=40, **options
    )
    assert found == again


# Training.


def loss_gradients(model, data):
    """Returns d loss / d weights by name, and what `call` made of the same draws."""
    generators = (model.seed_generator, model.top.seed_generator)
    before = [array(generator.state).astype("int64") for generator in generators]
    outputs = keras.tree.map_structure(array, model.call(data))
    for generator, state in zip(generators, before, strict=True):
        generator.state.assign(state)
    found = gradients(
        lambda: model.compute_loss(y_pred=model.call(data)), model.trainable_variables
    )
    places = {id(v): i for i, v in enumerate(model.trainable_variables)}
    return (lambda variable: found[places[id(variable)]]), outputs


@pytest.mark.parametrize("layer_dims", DEPTHS)
def test_gradient_is_that_of_contrastive_wake_sleep(layer_dims):
    model = dbn(layer_dims, num_gibbs_steps=2)
    data = states(4)[:6]
    found, outputs = loss_gradients(model, data)
    wake, dream = (
        [outputs[f"{phase}_{i}"] for i in range(model.num_hidden_layers)]
        for phase in ("wake", "dream")
    )
    directed = model.directed
    np.testing.assert_array_equal(wake[0], data)
    for states_of in [*wake, *dream]:
        assert np.isin(states_of, (0, 1)).all()

    def check(couplings, bias, inputs, targets, transpose):
        kernel = array(couplings).T if transpose else array(couplings)
        error = scipy.special.expit(inputs @ kernel + array(bias)) - targets
        expected = inputs.T @ error / len(data)
        expected = expected.T if transpose else expected
        np.testing.assert_allclose(found(couplings), expected, atol=1e-5)
        np.testing.assert_allclose(found(bias), error.mean(axis=0), atol=1e-5)

    for i in range(directed.num_layers):
        down = directed.generative_couplings[i], directed.generative_biases[i]
        check(*down, wake[i + 1], wake[i], transpose=True)
        up = directed.recognition_couplings[i], directed.recognition_biases[i]
        check(*up, dream[i], dream[i + 1], transpose=False)

    def statistics(v):
        h = array(model.top.encode(v.astype("float32")))
        return v.T @ h / len(v), v.mean(axis=0), h.mean(axis=0)

    top = model.top
    for variable, positive, negative in zip(
        (top.couplings, top.visible_bias, top.hidden_bias),
        statistics(wake[-1]),
        statistics(dream[-1]),
        strict=True,
    ):
        np.testing.assert_allclose(found(variable), negative - positive, atol=1e-5)


def test_wake_gradient_is_that_of_the_bound():
    # d/dG of -E_q[log p(v | h)], summed over the states of h.
    model = dbn((4, 3, 2))
    found, _ = loss_gradients(model, states(4).repeat(2_000, axis=0))
    q = np.exp(dbn_tables(model)[1][0])  # (v, h)
    couplings = array(model.directed.generative_couplings[0])
    h = states(3).astype("float64")
    means = scipy.special.expit(
        h @ couplings.T + array(model.directed.generative_biases[0])
    )
    error = means[None] - states(4)[:, None]  # (v, h, visible)
    expected = np.einsum("vh,vhi,hj->ij", q, error, h) / 16
    gradient = found(model.directed.generative_couplings[0])
    np.testing.assert_allclose(gradient, expected, atol=0.02)
    assert np.abs(expected).max() > 0.1


@slow_elsewhere
def test_training_raises_the_likelihood():
    target = np.array([7, 7, 1, 1]) / 16
    patterns = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]])
    data = patterns.repeat((96 * target).astype(int), axis=0).astype("float32")
    places = patterns @ [8, 4, 2, 1]

    def log_likelihood(model):
        return target @ dbn_log_probs(model)[places]

    def pretrained(epochs):
        model = DBN([4, 4, 3], num_gibbs_steps=3, seed=0)
        model.pretrain(data, epochs, 96, keras.optimizers.Adam(0.1), verbose=0)
        return model

    # It starts at log(1 / 16) = -2.77; the data's own entropy is 1.07 nats.
    assert log_likelihood(pretrained(epochs=60)) > -1.8
    model = pretrained(epochs=20)  # wake-sleep is left much to learn
    start = log_likelihood(model)
    model.compile(keras.optimizers.Adam(0.03))
    model.fit(data, batch_size=96, epochs=40, verbose=0)
    assert log_likelihood(model) > start + 0.2
    bound = array(model.log_prob(patterns.astype("float32"), num_samples=200))
    assert target @ bound < log_likelihood(model) + 0.05


def test_pretraining_lowers_the_reconstruction_error_and_ties_the_weights():
    rng = np.random.default_rng(0)
    data = np.eye(4, dtype="float32").repeat(4, axis=1)[rng.integers(0, 4, 80)]
    model = DBN([16, 8, 6, 4], seed=0)

    def error():
        return np.mean((array(model.reconstruct(data)) - data) ** 2)

    before = error()
    histories = model.pretrain(data, 40, 80, keras.optimizers.Adam(0.1), verbose=0)
    assert [len(history.epoch) for history in histories] == [40, 40, 40]
    assert error() < 0.7 * before
    directed = model.directed
    for up, down in zip(
        directed.recognition_couplings, directed.generative_couplings, strict=True
    ):
        np.testing.assert_array_equal(array(up), array(down))
    # Each machine has learnt the means that come from below it.
    again = RBM(16, 8, seed=0)
    randomize(again.trainable_variables)
    again.couplings.assign(directed.recognition_couplings[0])
    again.hidden_bias.assign(directed.recognition_biases[0])
    np.testing.assert_allclose(
        array(model.encode(data, 1)), array(again.encode(data)), atol=1e-6
    )


# Samples and features.


@pytest.mark.parametrize("layer_dims", DEPTHS)
def test_samples_have_the_exact_distribution(layer_dims):
    model = dbn(layer_dims)
    draws = array(model.sample(4_000, num_steps=60, seed=0))
    assert set(np.unique(draws)) == {0.0, 1.0}
    assert chi_squared_pvalue(draws, dbn_log_probs(model)) > 1e-3


def test_features_are_means_and_reconstructions_go_back():
    model = dbn((4, 3, 2, 3))
    expit, directed, top = scipy.special.expit, model.directed, model.top
    means = [states(4)]
    for w, b in [
        *zip(directed.recognition_couplings, directed.recognition_biases, strict=True),
        (top.couplings, top.hidden_bias),
    ]:
        means.append(expit(means[-1] @ array(w) + array(b)))
    for layer in (1, 2, 3):
        for number in (layer, layer - 4):
            found = array(model.encode(states(4), number))
            np.testing.assert_allclose(found, means[layer], atol=1e-6)
    back = expit(means[3] @ array(top.couplings).T + array(top.visible_bias))
    for i in (1, 0):
        w, b = directed.generative_couplings[i], directed.generative_biases[i]
        back = expit(back @ array(w).T + array(b))
    np.testing.assert_allclose(array(model.reconstruct(states(4))), back, atol=1e-6)


# Bad input.


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"layer_dims": [4, 3]}, "`layer_dims` must be .*Received: layer_dims="),
        ({"layer_dims": [4, 3.5, 2]}, r"`layer_dims\[1\]` must be a positive int"),
        ({"num_gibbs_steps": 0}, "`num_gibbs_steps` must be a positive int"),
    ],
)
def test_bad_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        DBN(**{"layer_dims": [4, 3, 2], **arguments})


@pytest.mark.parametrize(
    "call,message",
    [
        (lambda m: m.encode(states(4), 0), "`layer` must be a hidden layer, 1 to 2"),
        (lambda m: m.encode(states(4), True), "`layer` must be .*Received: layer=True"),
        (lambda m: m.decode(states(4)), r"`h` must have shape \(batch, 2\)"),
        (lambda m: m.log_prob(states(4) + 0.5), r"must lie in \[0, 1\]"),
        (lambda m: m.log_prob(states(4), num_samples=0), "`num_samples` must be"),
        (lambda m: m.log_prob(states(4), log_partition=3.0), "`log_partition` must be"),
        (lambda m: m.pretrain([states(4)]), "`x` must be one array"),
        (lambda m: m.sample(2, num_steps=0), "`num_steps` must be a positive int"),
    ],
)
def test_bad_input_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call(dbn())
