"""log Z by annealed importance sampling against enumeration."""

import math

import numpy as np
import pytest
import scipy.special
from keras import ops

from keras_genmod import DBM, DBN, RBM, BoltzmannMachine
from keras_genmod.distributions import LogPartition
from keras_genmod.models.energy.annealed_importance_sampling import (
    inverse_temperatures,
)
from tests.contracts import slow_elsewhere

NUM_MACHINES = 6
# Machines of every kind: how to make one, and how large its random weights are.
MACHINES = {
    "bernoulli": (lambda: RBM(5, 4, seed=0), 1.0),
    "normal": (lambda: RBM(4, 3, visible="normal", seed=0), 0.6),
    "categorical": (
        lambda: RBM(3, 4, visible="categorical", num_categories=3, seed=0),
        1.0,
    ),
    "boltzmann": (lambda: BoltzmannMachine(4, 2, temperature=1.5, seed=0), 1.0),
}


def set_weights(model, scale, seed):
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign(scale * rng.normal(size=variable.shape))


@pytest.fixture(scope="module", params=MACHINES)
def machine(request):
    """A machine and its scale; what it compiles, it compiles once."""
    make, scale = MACHINES[request.param]
    return make(), scale


def test_annealing_finds_the_exact_value_within_its_interval(machine):
    # Three standard errors hold 997 in 1,000: of all machines one may miss.
    (model, scale), ends, misses = machine, [], []
    for i in range(NUM_MACHINES):
        set_weights(model, scale, seed=i)
        exact = model.log_partition()
        found = model.log_partition("ais", 60, num_chains=200, seed=i)
        if not found.low <= exact.value <= found.high:
            misses.append((exact.value, str(found)))
        assert exact.low == exact.value == exact.high
        ends.append([found.low, found.high])
    assert len(misses) <= 1, misses
    widths = np.ptp(ends, axis=1)
    assert np.all(widths > 0) and np.median(widths) < 0.5  # it says something


def test_base_rates_move_the_start_and_not_the_end(machine):
    model, scale = machine
    set_weights(model, scale, seed=0)
    rates = np.random.default_rng(1).uniform(0.2, 0.8, size=model.data_shape)
    if len(model.data_shape) == 2:
        rates /= rates.sum(axis=-1, keepdims=True)
    given, own = (
        model.log_partition("ais", 60, num_chains=200, seed=1, base_rates=r)
        for r in (rates, None)
    )
    assert given.low <= model.log_partition().value <= given.high
    assert given.value != own.value


def test_a_bar_of_annealing_changes_no_bit(machine, capsys):
    model, scale = machine
    set_weights(model, scale, seed=0)
    silent = model.log_partition("ais", 60, num_chains=200, seed=3)
    assert capsys.readouterr().out == ""
    assert silent == model.log_partition("ais", 60, 200, seed=3, verbose=1)
    assert "20/20" in capsys.readouterr().out


def test_a_bar_has_parts_of_one_length(capsys):
    model = RBM(3, 2, seed=0)
    for num_temperatures, parts in ((23, 1), (38, 19)):
        model.log_partition("ais", num_temperatures, seed=3, verbose=1)
        assert f"{parts}/{parts}" in capsys.readouterr().out


def test_base_rates_are_those_of_the_start():
    model = RBM(3, 2, seed=0)
    rates = np.array([0.2, 0.5, 0.9])
    biases = model.density().base_biases(rates)
    np.testing.assert_allclose(biases, scipy.special.logit(rates), rtol=1e-6)
    # At beta 0 log Z is that of units without couplings.
    set_weights(model, 0.0, seed=0)
    found = model.log_partition("ais", 1, num_chains=20, seed=0)
    assert found.value == pytest.approx(5 * math.log(2))
    assert found.effective_sample_size == pytest.approx(20)


def test_training_data_give_the_base_rates():
    model = RBM(3, 2, seed=0)
    model.compile("sgd")
    x = np.random.default_rng(0).integers(0, 2, (20, 3)).astype("float32")
    x[:, 1] = 1.0
    model.fit(x, batch_size=8, epochs=2, verbose=0)
    model.evaluate(1.0 - x, verbose=0)  # is not training
    rates = x.mean(axis=0)
    assert int(model.num_remembered) == 40
    np.testing.assert_allclose(ops.convert_to_numpy(model.data_mean), rates, rtol=1e-5)
    np.testing.assert_allclose(
        model._start_biases(),
        scipy.special.logit(np.clip(rates, 0.01, 0.99)),
        rtol=1e-4,
    )
    assert model.likelihood_protocol("ais")["base_rates"] == "training data"
    given = model.log_partition("ais", 10, seed=0, base_rates=rates).value
    assert model.log_partition("ais", 10, seed=0).value == pytest.approx(given)


@slow_elsewhere
def test_annealing_from_the_data_finds_a_mode_that_other_starts_miss():
    # All units off is a mode of its own; nearly all of Z is where they are on. From
    # units off, AIS never sees that, and its interval does not say so.
    model = RBM(40, 10, seed=0)
    model.couplings.assign(np.full((40, 10), 0.6))
    model.visible_bias.assign(np.full(40, -4.0))
    model.hidden_bias.assign(np.full(10, -6.0))
    own = model.log_partition("ais", 200, seed=0)
    model.call(np.full((10, 40), 0.95, "float32"), training=True)
    data = model.log_partition("ais", 200, seed=0)
    exact = model.log_partition().value
    assert data.low < exact < data.high < data.low + 0.3
    assert own.high < exact - 20 and own.effective_sample_size > 90
    assert ops.convert_to_numpy(model.sample(50, seed=0, num_steps=20)).mean() > 0.8


@slow_elsewhere
def test_too_few_temperatures_show_in_the_effective_sample_size():
    model = RBM(10, 6, seed=0)
    set_weights(model, 1.5, seed=0)
    with pytest.warns(UserWarning, match="fewer than 20 effective chains"):
        few = model.log_partition("ais", 2, seed=0)
    many = model.log_partition("ais", 300, seed=0)
    assert few.effective_sample_size < 20 < 50 < many.effective_sample_size
    exact = model.log_partition().value
    assert many.low <= exact <= many.high
    assert abs(few.value - exact) > abs(many.value - exact)


@slow_elsewhere
def test_estimates_of_a_few_chains_warn_wherever_they_go():
    few = LogPartition.from_log_weights(np.zeros(19), 10, seed=0)
    x, machines = np.zeros((1, 4), "float32"), (RBM(4, 3), DBN([4, 4, 3]))
    for model in machines:
        with pytest.warns(UserWarning, match="`num_chains`.*size 19.0 of 19"):
            model.log_prob(x, log_partition=few)
        enough = LogPartition.from_log_weights(np.zeros(20), 10, seed=0)
        model.log_prob(x, log_partition=enough)  # warnings are errors
    for model in machines:
        with pytest.warns(UserWarning, match="size 19.0 of 19"):
            model.log_partition("ais", 1, num_chains=19)
    nan = LogPartition.from_log_weights(np.full(30, np.nan), 10, seed=0)
    with pytest.warns(UserWarning, match="log Z = nan"):
        machines[0].log_prob(x, log_partition=nan)


def test_temperatures_are_spaced_as_asked():
    even = inverse_temperatures(8, "even")
    np.testing.assert_allclose(even, np.arange(9) / 8)
    # Salakhutdinov and Murray: 500 steps up to 0.5, 4,000 up to 0.9, 10,000 up to 1.
    paper = inverse_temperatures(14_500, "paper")
    np.testing.assert_allclose(paper[[0, 500, 4_500, 14_500]], [0, 0.5, 0.9, 1])
    for start, stop in ((0, 500), (500, 4_500), (4_500, 14_500)):
        steps = np.diff(paper.astype("float64")[start : stop + 1])
        np.testing.assert_allclose(steps, steps.mean(), rtol=0.05)
    assert len(inverse_temperatures(3, "paper")) == 4


@slow_elsewhere
def test_each_machine_has_its_spacing_and_the_result_names_it():
    options = {"num_temperatures": 5, "num_chains": 40, "seed": 0}
    expected = {
        RBM(4, 3): "paper",
        DBN([4, 4, 3]): "paper",
        DBM([4, 3, 2]): "paper",
        BoltzmannMachine(4): "even",
    }
    for model, spacing in expected.items():
        found = model.log_partition("ais", **options)
        assert found.spacing == spacing
        assert model.likelihood_protocol(method="ais")["spacing"] == spacing
        other = {"even": "paper", "paper": "even"}[spacing]
        assert model.log_partition("ais", spacing=other, **options).spacing == other
        protocol = model.likelihood_protocol(method="ais", spacing=other)
        assert protocol["spacing"] == other
    assert "5 temperatures evenly spaced, seed 0" in str(found)
    assert LogPartition.from_dict(found.to_dict()) == found


def test_estimate_repeats_for_a_seed():
    model = RBM(4, 3, seed=0)
    set_weights(model, 1.0, seed=0)
    first, again, other = (
        model.log_partition("ais", 10, num_chains=30, seed=s) for s in (1, 1, 2)
    )
    assert first == again and first.value != other.value
    unseeded = [model.log_partition("ais", 10, num_chains=30).value for _ in range(2)]
    assert unseeded[0] != unseeded[1]


def test_interval_is_that_of_the_mean_weight():
    log_weights = np.log([1.0, 2.0, 3.0, 6.0]) + 1000.0  # no such weight in float64
    found = LogPartition.from_log_weights(log_weights, 10, seed=0)
    error = np.std([1, 2, 3, 6], ddof=1) / 2.0
    assert found.value == pytest.approx(1000 + math.log(3))
    assert found.high == pytest.approx(1000 + math.log(3 + 3 * error))
    assert found.low == -math.inf  # 3 - 3 * 1.08
    assert found.effective_sample_size == pytest.approx(144 / 50)
    even = LogPartition.from_log_weights(np.log([1.0, 1.1]), 10, seed=0)
    assert even.low == pytest.approx(math.log(1.05 - 3 * 0.05))


def test_it_says_what_it_is():
    assert str(LogPartition.exact(1.25)) == "log Z = 1.25 nats (exact)"
    found = LogPartition.from_log_weights(np.zeros(4), 10_000, seed=7)
    assert str(found) == (
        "log Z = 0.00 nats, 0.00 to 0.00 (3 standard errors), effective sample size "
        "4.0 of 4 chains (AIS, 10,000 temperatures, seed 7)"
    )
    assert found.likelihood_kind == "estimate"


def test_log_prob_takes_an_estimate():
    model = RBM(4, 3, seed=0)
    set_weights(model, 1.0, seed=0)
    found = model.log_partition("ais", 10, seed=0)
    x = np.eye(4, dtype="float32")
    difference = model.log_prob(x, log_partition=found) - model.log_prob(x)
    expected = model.log_partition().value - found.value
    np.testing.assert_allclose(ops.convert_to_numpy(difference), expected, atol=1e-5)


def test_machines_too_large_to_enumerate_name_annealing():
    message = r"`log_partition` enumerates 2\^25 states of 25 units.*method=\"ais\""
    model = RBM(30, 25)
    assert model.likelihood_kind is None and RBM(30, 24).likelihood_kind == "exact"
    for call in (model.log_partition, lambda: model.log_prob(np.zeros((1, 30)))):
        with pytest.raises(ValueError, match=message):
            call()
    assert np.isfinite(model.log_partition("ais", 3, num_chains=30).value)


@pytest.mark.parametrize(
    "options,message",
    [
        ({"method": "mean_field"}, "`method` must be one of"),
        ({"spacing": "log"}, "`spacing` must be one of 'even', 'paper'"),
        ({"num_temperatures": 0}, "`num_temperatures` must be a positive int"),
        ({"num_chains": 0.5}, "`num_chains` must be an int of at least 2"),
        ({"num_chains": 1}, "`num_chains` must be an int of at least 2"),
        ({"seed": -1}, "`seed` must be a non-negative int"),
        ({"base_rates": np.ones(3)}, r"`base_rates` must be finite, of shape \(4,\)"),
        ({"base_rates": np.full(4, np.nan)}, "`base_rates` must be finite"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        RBM(4, 3).log_partition(**{"method": "ais", **options})


def test_log_prob_wants_a_log_partition():
    with pytest.raises(ValueError, match="`log_partition` must be what"):
        RBM(4, 3).log_prob(np.zeros((1, 4)), log_partition=2.0)
