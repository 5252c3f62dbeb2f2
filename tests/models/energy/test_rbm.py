"""The RBM against enumeration of its few states."""

import itertools

import keras
import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
from keras import ops

from keras_genmod import RBM
from keras_genmod.engine import Seeds, backend
from keras_genmod.models.energy.rbm_density import RBMDensity
from keras_genmod.models.energy.tempering import tempered_gibbs
from tests.autodiff import gradients
from tests.contracts import slow_elsewhere
from tests.models.energy.deep_machines import chi_squared_pvalue


def states(size):
    return np.array(list(itertools.product([0.0, 1.0], repeat=size)), "float32")


def rbm(visible_dim=4, hidden_dim=3, scale=1.0, **kwargs):
    """Returns a machine with random weights, the same on every backend."""
    model = RBM(visible_dim, hidden_dim, **{"seed": 0, **kwargs})
    rng = np.random.default_rng(0)
    model.couplings.assign(scale * rng.normal(size=(visible_dim, hidden_dim)))
    model.visible_bias.assign(scale * rng.normal(size=visible_dim))
    model.hidden_bias.assign(scale * rng.normal(size=hidden_dim))
    return model


def parameters(model):
    """Returns W, a and b in float64."""
    variables = (model.couplings, model.visible_bias, model.hidden_bias)
    return [ops.convert_to_numpy(v.value).astype("float64") for v in variables]


def energies(model, v, h):
    """Returns E(v, h) of every pair, `(len(v), len(h))`."""
    w, a, b = parameters(model)
    if model.visible == "normal":
        own = 0.5 * ((v - a) ** 2).sum(axis=1)
    else:
        own = -v @ a
    return own[:, None] - h @ b - v @ w @ h.T


def one_hot_states(num_units, num_categories):
    """Returns all states of categorical units, `(number, units, categories)`."""
    every = itertools.product(range(num_categories), repeat=num_units)
    return np.eye(num_categories, dtype="float32")[list(every)]


def categorical_rbm(**kwargs):
    """Returns a machine of three units of three categories, with random weights."""
    model = RBM(3, 2, visible="categorical", num_categories=3, seed=0, **kwargs)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    return model


def some_visibles(model, number=6):
    rng = np.random.default_rng(1)
    if model.visible == "categorical":
        return np.eye(3, dtype="float32")[rng.integers(0, 3, size=(number, 3))]
    if model.visible == "normal":
        return rng.normal(size=(number, model.visible_dim)).astype("float32")
    return rng.integers(0, 2, size=(number, model.visible_dim)).astype("float32")


@pytest.mark.parametrize("visible", ["bernoulli", "normal"])
def test_free_energy_is_the_sum_over_hidden_states(visible):
    model = rbm(visible=visible)
    v = some_visibles(model)
    expected = -scipy.special.logsumexp(-energies(model, v, states(3)), axis=1)
    found = ops.convert_to_numpy(model.free_energy(v))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("visible_dim,hidden_dim", [(4, 3), (3, 4), (2, 11)])
def test_log_partition_is_the_sum_over_all_states(visible_dim, hidden_dim):
    model = rbm(visible_dim, hidden_dim, scale=0.5)
    small, large = states(visible_dim), states(hidden_dim)
    expected = scipy.special.logsumexp(-energies(model, small, large))
    np.testing.assert_allclose(model.log_partition().value, expected, rtol=1e-5)


@pytest.mark.parametrize("visible_dim", [1, 2])
def test_log_partition_of_normal_visibles_is_the_integral(visible_dim):
    model = rbm(visible_dim, 3, scale=0.7, visible="normal")
    axis = np.linspace(-15, 15, 601)
    grid = np.stack(np.meshgrid(*[axis] * visible_dim), axis=-1)
    grid = grid.reshape(-1, visible_dim)
    exponent = scipy.special.logsumexp(-energies(model, grid, states(3)), axis=1)
    cell = visible_dim * np.log(axis[1] - axis[0])
    expected = scipy.special.logsumexp(exponent) + cell
    np.testing.assert_allclose(model.log_partition().value, expected, rtol=1e-5)


def exact_probabilities(model):
    v, h = states(model.visible_dim), states(model.hidden_dim)
    log_p = scipy.special.logsumexp(-energies(model, v, h), axis=1)
    return scipy.special.softmax(log_p)


def test_log_prob_is_exact_and_sums_to_one():
    model = rbm()
    p = np.exp(ops.convert_to_numpy(model.log_prob(states(4))).astype("float64"))
    assert abs(p.sum() - 1.0) < 1e-5
    np.testing.assert_allclose(p, exact_probabilities(model), rtol=1e-4)


def test_sums_of_categorical_visibles_are_those_of_all_states():
    model = categorical_rbm()
    v = one_hot_states(3, 3)
    log_weights = -energies(model, v.reshape(27, 9), states(2))
    np.testing.assert_allclose(
        ops.convert_to_numpy(model.free_energy(v)),
        -scipy.special.logsumexp(log_weights, axis=1),
        atol=1e-5,
    )
    log_z = scipy.special.logsumexp(log_weights)
    assert model.log_partition().value == pytest.approx(log_z, abs=1e-5)
    p = np.exp(ops.convert_to_numpy(model.log_prob(v)))
    assert p.sum() == pytest.approx(1, abs=1e-5)


@slow_elsewhere
def test_chain_of_categorical_visibles_has_the_exact_distribution():
    model = categorical_rbm()
    draws = ops.convert_to_numpy(model.sample(5_000, num_steps=40, seed=0))
    assert draws.shape == (5_000, 3, 3)
    np.testing.assert_array_equal(draws.sum(axis=-1), 1)
    counts = np.bincount(draws.argmax(-1) @ [9, 3, 1], minlength=27)
    p = np.exp(ops.convert_to_numpy(model.log_prob(one_hot_states(3, 3))))
    expected = 5_000 * p.astype("float64") / p.sum(dtype="float64")
    kept = expected >= 5
    observed = np.append(counts[kept], counts[~kept].sum() + 1e-9)
    expected = np.append(expected[kept], expected[~kept].sum() + 1e-9)
    assert scipy.stats.chisquare(observed, expected).pvalue > 1e-3


def test_reconstruction_of_categorical_visibles_is_a_softmax():
    model = categorical_rbm()
    w, a, b = parameters(model)
    v = some_visibles(model)
    hidden = scipy.special.expit(v.reshape(6, 9) @ w + b)
    fields = (hidden @ w.T + a).reshape(6, 3, 3)
    np.testing.assert_allclose(
        ops.convert_to_numpy(model.reconstruct(v)),
        scipy.special.softmax(fields, axis=-1),
        rtol=1e-5,
    )


def statistics(model, v):
    """Returns <v h>, <v> and <h> with h given v, the batch's negative gradients."""
    w, a, b = parameters(model)
    v = v.astype("float64").reshape(len(v), -1)
    h = scipy.special.expit(v @ w + b)
    own = (v - a) if model.visible == "normal" else v
    return v.T @ h / len(v), own.mean(axis=0), h.mean(axis=0)


@pytest.mark.parametrize(
    "visible,options",
    [
        ("bernoulli", {"num_gibbs_steps": 3}),
        ("normal", {"num_gibbs_steps": 1}),
        ("categorical", {"num_gibbs_steps": 2}),
        ("bernoulli", {"persistent": True}),
        ("bernoulli", {"persistent": True, "num_temperatures": 3}),
    ],
)
def test_gradient_is_that_of_contrastive_divergence(visible, options):
    options = {"num_chains": 5, **options}
    if visible == "categorical":
        model = categorical_rbm(**options)
    else:
        model = rbm(visible=visible, **options)
    data = some_visibles(model)
    state = ops.convert_to_numpy(model.seed_generator.state.value)
    chain = ops.convert_to_numpy(model.call(data)["chain"])
    assert len(chain) == (5 if "persistent" in options else len(data))
    model.seed_generator.state.assign(state)

    def loss():
        return model.compute_loss(y_pred=model.call(data), training=False)

    found = gradients(loss, [model.couplings, model.visible_bias, model.hidden_bias])
    for gradient, of_data, of_chain in zip(
        found, statistics(model, data), statistics(model, chain), strict=True
    ):
        np.testing.assert_allclose(gradient, of_chain - of_data, atol=1e-5)


def test_a_step_of_sgd_adds_the_statistics():
    # Without a learning rate on anything else: W += rate (<v h>_data - <v h>_chain).
    # A chain that cannot move (all means 0 or 1) has known statistics.
    model = RBM(2, 1)
    model.couplings.assign([[0.3], [-0.2]])
    model.visible_bias.assign([1e4, -1e4])
    model.compile(keras.optimizers.SGD(0.5))
    data = np.array([[0, 1], [1, 1]], "float32")
    of_data, of_chain = statistics(model, data), statistics(model, np.eye(2)[:1])
    expected = [
        before + 0.5 * (positive - negative)
        for before, positive, negative in zip(
            parameters(model), of_data, of_chain, strict=True
        )
    ]
    model.fit(data, batch_size=2, epochs=1, verbose=0)
    for after, value in zip(parameters(model), expected, strict=True):
        np.testing.assert_allclose(after, value, rtol=1e-5, atol=1e-5)


@slow_elsewhere
def test_gibbs_chain_has_the_exact_distribution():
    model = rbm()
    draws = ops.convert_to_numpy(model.sample(5_000, num_steps=60, seed=0))
    assert set(np.unique(draws)) == {0.0, 1.0}
    counts = np.bincount((draws @ [8, 4, 2, 1]).astype(int), minlength=16)
    expected = 5_000 * exact_probabilities(model)
    rare = expected < 5  # chi-squared wants counts
    observed = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    kept = expected > 0
    assert scipy.stats.chisquare(observed[kept], expected[kept]).pvalue > 1e-3


@slow_elsewhere
def test_gibbs_chain_of_normal_visibles_has_the_exact_distribution():
    # p(v) is a mixture of the normals N(a + W h, 1), weighted by their integrals.
    model = rbm(1, 2, visible="normal")
    draws = ops.convert_to_numpy(model.sample(4_000, num_steps=60, seed=0))[:, 0]
    w, a, b = parameters(model)
    h = states(2)
    field = h @ w.T[:, 0]
    weights = scipy.special.softmax(h @ b + a[0] * field + 0.5 * field**2)

    def cumulative(v):
        return scipy.stats.norm.cdf(v[:, None] - a[0] - field) @ weights

    assert scipy.stats.kstest(draws, cumulative).pvalue > 1e-3


def test_reconstruction_is_the_mean_of_one_step():
    model = rbm()
    w, a, b = parameters(model)
    v = some_visibles(model)
    hidden = scipy.special.expit(v @ w + b)
    np.testing.assert_allclose(ops.convert_to_numpy(model.encode(v)), hidden, rtol=1e-5)
    np.testing.assert_allclose(
        ops.convert_to_numpy(model.reconstruct(v)),
        scipy.special.expit(hidden @ w.T + a),
        rtol=1e-5,
    )


def test_training_of_persistent_chains_reconstructs_every_eighth_example():
    model = rbm(persistent=True)
    model.compile(keras.optimizers.SGD(0.0))
    data = some_visibles(model, 24)
    weight = np.ones(24, "float32")
    weight[8] = 0.0  # takes an example out
    error = ((data - ops.convert_to_numpy(model.reconstruct(data))) ** 2).mean(axis=1)
    options = {"sample_weight": weight, "batch_size": 24, "verbose": 0}
    logs = model.evaluate(data, return_dict=True, **options)
    expected = np.average(error, weights=weight)
    np.testing.assert_allclose(logs["reconstruction"], expected, rtol=1e-5)
    history = model.fit(data, shuffle=False, **options).history
    expected = np.average(error[::8], weights=weight[::8])
    np.testing.assert_allclose(history["reconstruction"], [expected], rtol=1e-5)


def test_persistent_chains_go_on_in_training_and_stand_still_in_evaluate():
    model = rbm(persistent=True, num_chains=50)
    model.compile(keras.optimizers.SGD(0.0))

    def chains():
        return ops.convert_to_numpy(model.chain_fields.value)

    data = np.zeros((8, 4), "float32")  # chains have nothing to do with the data
    start = chains()
    model.evaluate(data, verbose=0)
    np.testing.assert_array_equal(chains(), start)
    model.fit(data, batch_size=8, epochs=1, verbose=0)
    first = chains()
    model.fit(data, batch_size=8, epochs=30, verbose=0)
    assert np.any(first != start) and np.any(chains() != first)
    # They walk on from where they were: by now they have the model's means.
    expected = exact_probabilities(model) @ states(4)
    error = np.sqrt(expected * (1 - expected) / 50)
    means = ops.convert_to_numpy(model.call(data)["chain"]).mean(axis=0)
    assert np.all(np.abs(means - expected) < 4 * error + 1e-3)


def test_persistent_chains_start_where_they_stopped():
    # With couplings this strong a chain never leaves its mode.
    model = RBM(1, 1, persistent=True, num_chains=20, seed=0)
    model.couplings.assign([[60.0]])
    model.visible_bias.assign([-30.0])
    model.hidden_bias.assign([-30.0])
    model.compile(keras.optimizers.SGD(0.0))
    data = np.ones((8, 1), "float32")
    model.fit(data, batch_size=4, verbose=0)
    start = ops.convert_to_numpy(model.chain_fields.value)
    assert 0 < (start > 0).sum() < 20
    model.fit(data, batch_size=4, epochs=2, verbose=0)
    np.testing.assert_array_equal(ops.convert_to_numpy(model.chain_fields.value), start)


@pytest.mark.parametrize("num_temperatures", [1, 3])
def test_chains_keep_the_fields_of_their_visible_units(num_temperatures):
    options = {"persistent": True, "num_chains": 5}
    model = rbm(num_temperatures=num_temperatures, **options)
    outputs = model.call(some_visibles(model), training=True)
    kept = ops.convert_to_numpy(model.chain_fields.value)
    assert kept.shape == (5 * num_temperatures, 3)
    w, _, b = parameters(model)
    chain = ops.convert_to_numpy(outputs["chain"])
    np.testing.assert_allclose(kept[:5], chain @ w + b, rtol=1e-5, atol=1e-6)
    possible = states(4) @ w + b
    distances = np.abs(kept[:, None] - possible).max(axis=-1).min(axis=-1)
    assert distances.max() < 1e-5


NUM_TEMPERED = 40  # steps until the chains have forgotten where they started


@slow_elsewhere
@pytest.mark.parametrize("visible", ["bernoulli", "categorical"])
def test_tempered_chains_have_the_distribution_of_their_temperature(visible):
    # Couplings so strong that chains of one temperature hardly leave their mode.
    options = {"persistent": True, "num_chains": 1_000, "num_temperatures": 5}
    if visible == "categorical":
        model, all_states = categorical_rbm(**options), one_hot_states(3, 3)
    else:
        model, all_states = RBM(2, 1, seed=0, **options), states(2)
        model.couplings.assign([[8.0], [8.0]])
        model.visible_bias.assign([-3.0, -3.0])
        model.hidden_bias.assign([-10.0])
    data = some_visibles(model, 1)
    for _ in range(NUM_TEMPERED):
        chains = ops.convert_to_numpy(model.call(data, training=True)["chain"])
    flat = all_states.reshape(len(all_states), -1)
    counts = (chains[:, None] == flat).all(axis=-1).sum(axis=0)
    assert counts.sum() == 1_000
    p = np.exp(ops.convert_to_numpy(model.log_prob(all_states)).astype("float64"))
    error = np.sqrt(1_000 * p * (1 - p))
    assert np.all(np.abs(counts - 1_000 * p) < 4 * error + 2)


class Standing:
    """A density whose chains are their own number, and feel nothing."""

    visible_bias = None

    def tempered_step(self, fields, betas, visible_bias, seed):
        return ops.cast(ops.arange(ops.shape(fields)[0]), "float32")[:, None]

    def field(self, chains):
        return ops.zeros((ops.shape(chains)[0], 2), dtype="float32")


def test_neighbours_of_even_and_then_of_odd_number_swap():
    # Chains that feel nothing are as probable at every temperature: each pair swaps.
    seeds = Seeds(keras.random.SeedGenerator(0).next())
    fields = ops.zeros((5, 2), dtype="float32")
    chains, _ = tempered_gibbs(Standing(), fields, 5, 1, seeds)
    # 0 1 2 3 4 -> (1 0) (3 2) 4 -> 1 (3 0) (4 2)
    np.testing.assert_array_equal(ops.convert_to_numpy(chains)[:, 0], [1, 3, 0, 4, 2])


@slow_elsewhere
@pytest.mark.parametrize("persistent", [False, True])
def test_each_of_many_gibbs_steps_draws_anew(persistent):
    # From one corner, chains need many steps to the model's distribution.
    options = {"num_gibbs_steps": 40, "num_chains": 3_000}
    model = rbm(persistent=persistent, **options)
    outputs = model.call(np.ones((3_000, 4), "float32"))
    p_value = chi_squared_pvalue(
        ops.convert_to_numpy(outputs["chain"]), np.log(exact_probabilities(model))
    )
    assert p_value > 1e-3


@pytest.mark.parametrize("num_temperatures", [1, 3])
def test_gibbs_steps_are_traced_once(monkeypatch, num_temperatures):
    calls, step = [], RBMDensity.tempered_step

    def counted(self, *args):
        calls.append(1)
        return step(self, *args)

    monkeypatch.setattr(RBMDensity, "tempered_step", counted)
    monkeypatch.setattr(
        RBMDensity, "gibbs_step", lambda self, v, seed: calls.append(1) or v
    )
    model = rbm(
        num_gibbs_steps=30,
        num_chains=2,
        persistent=num_temperatures > 1,
        num_temperatures=num_temperatures,
    )
    model.compile(keras.optimizers.SGD(0.0))
    model.train_on_batch(np.ones((2, 4), "float32"))
    eager = keras.backend.backend() == "torch"
    assert len(calls) >= 29 if eager else len(calls) < 10


def test_hidden_regularizer_adds_what_keras_adds():
    plain, sparse = rbm(), rbm(hidden_regularizer=keras.regularizers.L1(0.3))
    data = some_visibles(plain)
    outputs = plain.call(data)
    losses = [m.compute_loss(y_pred=outputs) for m in (plain, sparse)]
    means = ops.convert_to_numpy(plain.encode(data))
    difference = float(ops.convert_to_numpy(losses[1] - losses[0]))
    assert difference == pytest.approx(0.3 * means.sum() / len(data), rel=1e-4)


def test_coupling_regularizer_decays_no_bias():
    plain = rbm()
    decayed = rbm(coupling_regularizer=keras.regularizers.L2(0.3))
    data = some_visibles(plain)
    found = []
    for model in (plain, decayed):
        found.append(
            gradients(
                lambda model=model: model.compute_loss(y_pred=model.call(data)),
                model.trainable_variables,
            )
        )
    np.testing.assert_allclose(
        found[1][0] - found[0][0], 0.6 * parameters(plain)[0], rtol=1e-4
    )
    for with_decay, without in zip(found[1][1:], found[0][1:], strict=True):
        np.testing.assert_array_equal(with_decay, without)
    again = RBM.from_config(decayed.get_config())
    assert again.couplings.regularizer.get_config() == {"l2": pytest.approx(0.3)}


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the others have one compiler"
)
def test_chains_of_samples_are_one_loop_of_xla(monkeypatch):
    compile_call = backend.compile_call

    def described(function, variables, xla):
        # TensorFlow describes no program of a `functools.partial`.
        program = compile_call(lambda *x: function(*x), variables, xla)

        def describe(*tensors):
            return program.experimental_get_compiler_ir(*tensors)(stage="hlo")

        return describe

    monkeypatch.setattr(backend, "compile_call", described)
    assert " while(" in RBM(4, 3).sample(2, num_steps=7)


def test_data_that_are_not_standardized_are_refused():
    model = rbm(visible="normal")
    model.compile(keras.optimizers.SGD(0.01))
    good = np.random.default_rng(0).normal(size=(40, 4))
    for bad in (10 * good, 0.1 * good, good + 5):
        with pytest.raises(ValueError, match="`x` must be scaled to mean 0 .*Received"):
            model.fit(bad, verbose=0)
    model.fit(good, verbose=0)
    model.free_energy(10 * good)  # outliers have an energy
    with pytest.raises(ValueError, match="`x` must be finite"):
        model.free_energy(good * np.nan)


def test_categorical_data_must_be_one_hot():
    with pytest.raises(ValueError, match="`x` must hold one-hot vectors"):
        categorical_rbm().free_energy(np.ones((2, 3, 3)))


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"num_categories": 3}, "`num_categories` must be None unless"),
        ({"visible": "categorical"}, "`num_categories` must be a positive int"),
        ({"num_temperatures": 2}, "`num_temperatures` must be 1 unless persistent"),
    ],
)
def test_arguments_that_do_not_go_together(arguments, message):
    with pytest.raises(ValueError, match=message):
        RBM(4, 3, **arguments)


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"visible_dim": 0}, "visible_dim"),
        ({"hidden_dim": 1.5}, "hidden_dim"),
        ({"visible": "poisson"}, "visible"),
        ({"num_gibbs_steps": 0}, "num_gibbs_steps"),
        ({"num_chains": -1}, "num_chains"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: {name}="):
        RBM(**{"visible_dim": 2, "hidden_dim": 2, **arguments})
