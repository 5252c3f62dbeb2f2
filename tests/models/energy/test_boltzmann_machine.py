"""The Boltzmann machine against enumeration of its few states."""

import itertools

import keras
import numpy as np
import pytest
import scipy.special
import scipy.stats
from keras import ops

from keras_genmod import RBM, BoltzmannMachine
from keras_genmod.models.energy.coupling_graph import CouplingGraph
from tests.autodiff import gradients
from tests.contracts import slow_elsewhere

RING = np.roll(np.eye(6, dtype=int), 1, axis=1)
RING = RING + RING.T  # six units in a circle: two colours
# Four visible units, three hidden ones, of which the last is coupled to visibles alone.
SOME = 1 - np.eye(7, dtype=int)
SOME[6, 4:6] = SOME[4:6, 6] = SOME[0, 1] = SOME[1, 0] = 0

MACHINES = {
    "visible": {"visible_dim": 4},
    "hidden": {"visible_dim": 3, "hidden_dim": 3, "temperature": 1.7},
    "ring": {"visible_dim": 6, "couplings_mask": RING, "temperature": 0.8},
    "masked": {"visible_dim": 4, "hidden_dim": 3, "couplings_mask": SOME},
}


def states(size):
    return np.array(list(itertools.product([0.0, 1.0], repeat=size)), "float32")


def machine(kind, scale=1.0, **kwargs):
    """Returns a machine with random weights, the same on every backend."""
    arguments = {"statistics": "exact", "seed": 0, **MACHINES[kind], **kwargs}
    model = BoltzmannMachine(**arguments)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(scale * rng.normal(size=variable.shape))
    return model


def weights(model):
    """Returns W and b in float64."""
    found = model.coupling_matrix(), model.bias.value
    return [ops.convert_to_numpy(x).astype("float64") for x in found]


def energies(model, s):
    w, b = weights(model)
    return -0.5 * np.einsum("ni,ij,nj->n", s, w, s) - s @ b


def probabilities(model):
    """Returns p(s) of all states of all units, the last unit running fastest."""
    s = states(model.num_units)
    return scipy.special.softmax(-energies(model, s) / model.temperature)


def visible_probabilities(model):
    return probabilities(model).reshape(2**model.visible_dim, -1).sum(axis=1)


@pytest.mark.parametrize("kind", MACHINES)
def test_couplings_are_symmetric_and_masked(kind):
    w, _ = weights(machine(kind))
    mask = MACHINES[kind].get("couplings_mask", 1 - np.eye(len(w)))
    np.testing.assert_array_equal(w, w.T)
    np.testing.assert_array_equal(w != 0, mask == 1)


@pytest.mark.parametrize("kind", MACHINES)
def test_energy_and_sums_are_those_of_all_states(kind):
    model = machine(kind)
    s = states(model.num_units)
    expected = energies(model, s)
    found = ops.convert_to_numpy(model.energy(s))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    log_weights = -expected / model.temperature
    log_z = scipy.special.logsumexp(log_weights)
    assert model.log_partition().value == pytest.approx(log_z, abs=1e-5)
    by_visible = log_weights.reshape(2**model.visible_dim, -1)
    found = ops.convert_to_numpy(model.free_energy(states(model.visible_dim)))
    expected = -scipy.special.logsumexp(by_visible, axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_log_prob_sums_to_one():
    model = machine("masked")
    p = np.exp(ops.convert_to_numpy(model.log_prob(states(4))))
    np.testing.assert_allclose(p, visible_probabilities(model), rtol=1e-4)
    assert p.sum() == pytest.approx(1, abs=1e-5)


def test_blocks_of_states_add_up():
    # 14 units of which one is summed out: two blocks of 2^12.
    model = BoltzmannMachine(14, seed=0)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(0.5 * rng.normal(size=variable.shape))
    expected = scipy.special.logsumexp(-energies(model, states(14)))
    assert model.enumerated_units == 13
    assert model.log_partition().value == pytest.approx(expected, rel=1e-6)


def test_a_machine_of_two_layers_is_an_rbm():
    layers = np.zeros((7, 7), int)
    layers[:4, 4:] = layers[4:, :4] = 1
    model = BoltzmannMachine(4, 3, couplings_mask=layers, seed=0)
    rbm, rng = RBM(4, 3, seed=0), np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    w, b = weights(model)
    rbm.couplings.assign(w[:4, 4:])
    rbm.visible_bias.assign(b[:4])
    rbm.hidden_bias.assign(b[4:])
    assert model.enumerated_units == rbm.enumerated_units == 3
    v = states(4)
    for name in ("free_energy", "log_prob"):
        found, expected = (getattr(m, name)(v) for m in (model, rbm))
        np.testing.assert_allclose(
            ops.convert_to_numpy(found), ops.convert_to_numpy(expected), atol=1e-5
        )


def test_pseudo_log_prob_is_the_product_of_conditionals():
    model = machine("ring")
    p = probabilities(model).reshape((2,) * 6)
    log_conditionals = sum(np.log(p / p.sum(axis=i, keepdims=True)) for i in range(6))
    found = ops.convert_to_numpy(model.pseudo_log_prob(states(6)))
    np.testing.assert_allclose(found, log_conditionals.ravel(), rtol=1e-4)


# Learning.


def some_data(model, number=6):
    rng = np.random.default_rng(1)
    return rng.integers(0, 2, size=(number, model.visible_dim)).astype("float32")


def correlations(p, s):
    """Returns <s_i s_j> and <s_i>."""
    return (s.T * p) @ s, p @ s


def clamped_correlations(model, data):
    """Returns the correlations with the visible units at the data."""
    s, p = states(model.num_units), probabilities(model)
    matches = (s[:, None, : model.visible_dim] == data).all(axis=-1)
    posterior = p[:, None] * matches
    return correlations((posterior / posterior.sum(axis=0)).mean(axis=1), s)


def of_pairs(model, matrix):
    """Returns a matrix's entries in the order of the couplings."""
    return matrix[np.triu(model._graph.mask)]


@pytest.mark.parametrize("kind", MACHINES)
def test_gradient_is_model_minus_data_correlations(kind):
    model = machine(kind)
    data = some_data(model)
    found = gradients(
        lambda: model.compute_loss(y_pred=model.call(data)),
        [model.couplings, model.bias],
    )
    free = correlations(probabilities(model), states(model.num_units))
    clamped = clamped_correlations(model, data)
    expected = [(f - c) / model.temperature for f, c in zip(free, clamped, strict=True)]
    np.testing.assert_allclose(found[0], of_pairs(model, expected[0]), atol=1e-5)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-5)


def test_exact_loss_is_the_negative_log_likelihood():
    model = machine("hidden")
    data = some_data(model)
    loss = model.compute_loss(y_pred=model.call(data))
    expected = -ops.convert_to_numpy(model.log_prob(data)).mean()
    assert float(ops.convert_to_numpy(loss)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["visible", "ring", "masked"])
def test_persistent_gradient_is_that_of_its_chains_and_means(kind):
    model = machine(kind, statistics="persistent", num_chains=5, num_gibbs_steps=2)
    data = some_data(model)
    state = ops.convert_to_numpy(model.seed_generator.state.value)
    outputs = {k: ops.convert_to_numpy(v) for k, v in model.call(data).items()}
    assert np.isin(outputs["chain"], (0, 1)).all()
    np.testing.assert_array_equal(outputs["clamped"][:, : model.visible_dim], data)
    model.seed_generator.state.assign(state)
    found = gradients(
        lambda: model.compute_loss(y_pred=model.call(data)),
        [model.couplings, model.bias],
    )
    free, clamped = (
        correlations(np.full(len(s), 1 / len(s)), s)
        for s in (outputs["chain"], outputs["clamped"])
    )
    expected = [(f - c) / model.temperature for f, c in zip(free, clamped, strict=True)]
    np.testing.assert_allclose(found[0], of_pairs(model, expected[0]), atol=1e-5)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-5)


def test_mean_field_is_a_fixed_point_and_exact_without_couplings():
    model = machine("hidden", scale=0.5, statistics="persistent")
    data = some_data(model)
    s = ops.convert_to_numpy(model.call(data)["clamped"])
    w, b = weights(model)
    means = scipy.special.expit((s @ w + b) / model.temperature)
    np.testing.assert_allclose(s[:, 3:], means[:, 3:], atol=1e-4)
    layers = np.zeros((6, 6), int)
    layers[:3, 3:] = layers[3:, :3] = 1
    model = machine("hidden", statistics="persistent", couplings_mask=layers)
    s = ops.convert_to_numpy(model.call(data)["clamped"])
    _, expected = clamped_correlations(model, data)
    np.testing.assert_allclose(s.mean(axis=0), expected, atol=1e-5)


@slow_elsewhere
@pytest.mark.parametrize("statistics", ["exact", "persistent"])
def test_three_units_learn_a_distribution(statistics):
    target = machine("visible", visible_dim=3, scale=1.5)
    p, v = probabilities(target), states(3)
    model = BoltzmannMachine(3, statistics=statistics, num_chains=2_000, seed=1)
    rate = keras.optimizers.schedules.ExponentialDecay(0.5, 30, 0.5)
    model.compile(keras.optimizers.SGD(rate, momentum=0.8))
    # Every batch holds each state once, weighted by its probability.
    model.fit(
        np.tile(v, (250, 1)),
        sample_weight=np.tile(8 * p, 250),
        batch_size=8,
        shuffle=False,
        verbose=0,
    )
    log_q = ops.convert_to_numpy(model.log_prob(v)).astype("float64")
    kl = np.sum(p * (np.log(p) - log_q))
    assert 0 <= kl + 1e-6 and kl < 1e-3


# Chains.


def p_value(draws, p):
    """Returns the chi-squared test's of draws of binary units against p(states)."""
    places = 2 ** np.arange(draws.shape[1])[::-1]
    counts = np.bincount((draws @ places).astype(int), minlength=len(p))
    expected = len(draws) * p
    rare = expected < 5  # chi-squared wants counts
    observed = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    kept = expected > 0
    return scipy.stats.chisquare(observed[kept], expected[kept]).pvalue


@slow_elsewhere
@pytest.mark.parametrize("kind", MACHINES)
def test_gibbs_chain_has_the_exact_distribution(kind):
    model = machine(kind)
    draws = ops.convert_to_numpy(model.sample(4_000, num_steps=40, seed=0))
    assert p_value(draws, visible_probabilities(model)) > 1e-3


def test_colours_leave_no_coupling_inside_a_block():
    generator = np.random.default_rng(0)
    side = np.triu(generator.random((12, 12)) < 0.3, 1)
    chequerboard = (np.add.outer(np.arange(4), np.arange(4)) % 2).ravel()
    distance = np.abs(np.subtract.outer(*2 * [np.arange(16)]))
    grid = (distance == 4) | ((distance == 1) & np.not_equal.outer(*2 * [chequerboard]))
    grid &= ~((distance == 1) & np.not_equal.outer(*2 * [np.arange(16) // 4]))
    for mask, most in ((side | side.T, 12), (RING, 2), (grid, 2)):
        graph = CouplingGraph(len(mask), mask.astype(int))
        blocks = graph.blocks(np.arange(len(mask)))
        np.testing.assert_array_equal(blocks.sum(axis=0), 1)
        assert len(blocks) <= most
        for block in blocks:
            assert not mask[np.ix_(block > 0, block > 0)].any()
    assert len(CouplingGraph(5).blocks(np.arange(5))) == 5


@slow_elsewhere
@pytest.mark.parametrize("kind", ["masked", "ring"])
def test_completion_draws_from_the_conditional(kind):
    model = machine(kind)
    known = np.arange(model.visible_dim) < 2
    x = np.tile([1.0, 0.0] + [7.0] * (model.visible_dim - 2), (4_000, 1))
    draws = ops.convert_to_numpy(model.complete(x, known, num_steps=40, seed=0))
    assert np.all(draws[:, 0] == 1) and np.all(draws[:, 1] == 0)
    p = visible_probabilities(model).reshape((2,) * model.visible_dim)[1, 0].ravel()
    assert p_value(draws[:, 2:], p / p.sum()) > 1e-3


def test_cold_completion_settles_in_the_lowest_energy():
    model = machine("visible", scale=2.0)
    free = np.zeros(4, bool)
    draws = model.complete(
        np.zeros((50, 4)), free, num_steps=60, final_temperature=0.05, seed=0
    )
    lowest = states(4)[np.argmin(energies(model, states(4)))]
    assert np.mean((ops.convert_to_numpy(draws) == lowest).all(axis=1)) > 0.9


def test_stored_patterns_are_recovered_from_corrupted_ones():
    generator = np.random.default_rng(3)
    patterns = generator.integers(0, 2, size=(3, 16)).astype("float32")
    model = BoltzmannMachine(16, num_chains=60, seed=0)
    model.compile(keras.optimizers.SGD(0.2))
    model.fit(np.tile(patterns, (150, 1)), batch_size=3, epochs=1, verbose=0)
    known = generator.permuted(np.tile(np.arange(16) < 9, (3, 1)), axis=1)
    corrupted = np.where(known, patterns, 1 - patterns)
    found = model.complete(corrupted, known, final_temperature=0.2, seed=0)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), patterns)


def test_persistent_chains_go_on_in_training_and_stand_still_in_evaluate():
    model = machine("ring", statistics="persistent", num_chains=9)
    model.compile(keras.optimizers.SGD(0.0))
    start = ops.convert_to_numpy(model.chains.value).copy()
    data = np.zeros((8, 6), "float32")
    model.evaluate(data, verbose=0)
    np.testing.assert_array_equal(ops.convert_to_numpy(model.chains.value), start)
    model.fit(data, batch_size=8, verbose=0)
    assert np.any(ops.convert_to_numpy(model.chains.value) != start)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"hidden_dim": -1}, "`hidden_dim` must be a non-negative int. Received"),
        ({"hidden_dim": False}, "`hidden_dim` must be a non-negative int. Received"),
        ({"temperature": 0.0}, "`temperature` must be a finite number above 0"),
        ({"couplings_mask": np.ones((4, 4))}, "`couplings_mask` must be symmetric"),
        ({"couplings_mask": np.tri(4, k=-1)}, "`couplings_mask` must be symmetric"),
        ({"couplings_mask": 1 - np.eye(3)}, r"of shape \(3, 3\)"),
        ({"couplings_mask": np.zeros((4, 4))}, "couple some units"),
        ({"visible_dim": 22, "statistics": "exact"}, r"`statistics` .* 2\^21 states"),
    ],
)
def test_bad_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        BoltzmannMachine(**{"visible_dim": 4, **arguments})


@pytest.mark.parametrize(
    "call,message",
    [
        (lambda m: m.energy(np.zeros((1, 3))), "`s` must have shape"),
        (lambda m: m.free_energy(np.full((1, 3), 0.5)), "`x` must hold the values"),
        (lambda m: m.pseudo_log_prob(np.zeros((1, 3))), "Received: hidden_dim=3"),
        (lambda m: m.complete(np.ones((2, 3)), [True, False]), "`mask` must have"),
        (lambda m: m.complete(np.ones((2, 3)) * 2, [True] * 3), "`x` must lie in"),
        (
            lambda m: m.complete(np.ones((2, 3)), [True] * 3, final_temperature=0),
            "`final_temperature` must be",
        ),
        (lambda m: m.sample(1, num_steps=0), "`num_steps` must be a positive int"),
    ],
)
def test_bad_call_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(machine("hidden"))
