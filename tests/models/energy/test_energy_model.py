"""The deep energy model against closed forms: gradients, chains, buffer, curvature."""

import keras
import numpy as np
import pytest
import scipy.stats
from keras import ops

from keras_genmod import EnergyModel, evaluation
from tests.autodiff import gradients
from tests.contracts import array_of
from tests.models.small_networks import small_network

DATA = np.random.default_rng(0).normal(size=(12, 2)).astype("float32")


def of_function(function, event_dim=1):
    """Returns a network without weights of an energy `(batch, dim) -> (batch,)`."""
    x = keras.Input((event_dim,))
    return keras.Model(x, ops.expand_dims(function(x), -1))


def quadratic(precision=1.0, mean=0.0, event_dim=1):
    """Returns the energy of N(mean, 1 / precision) in each dimension."""
    return of_function(
        lambda x: 0.5 * precision * ops.sum(ops.square(x - mean), axis=-1), event_dim
    )


def flat(event_dim=1):
    return of_function(lambda x: 0.0 * ops.sum(x, axis=-1), event_dim)


def chains_of(model):
    return array_of(model.buffer.chains)


# The gradient.


@pytest.mark.parametrize("regularization", [0.0, 0.7])
def test_gradient_is_that_of_data_less_that_of_chains(regularization):
    # And so nothing flows through the chains, whose steps depend on the weights.
    network = small_network((2,), (1,))
    model = EnergyModel(
        network,
        num_langevin_steps=4,
        step_size=0.5,
        buffer_size=9,
        regularization=regularization,
        seed=0,
    )
    variables = model.trainable_variables
    state = array_of(model.seed_generator.state)
    chain = array_of(model.call(DATA)["chain"])
    assert chain.shape == (9, 2)  # all there are
    model.seed_generator.state.assign(state)
    found = gradients(lambda: model.compute_loss(y_pred=model.call(DATA)), variables)

    def mean_energy(x, sign):
        energy = ops.reshape(network(ops.convert_to_tensor(x)), (-1,))
        return ops.mean(sign * energy + regularization * ops.square(energy))

    of_data = gradients(lambda: mean_energy(DATA, 1), variables)
    of_chain = gradients(lambda: mean_energy(chain, -1), variables)
    for gradient, one, other in zip(found, of_data, of_chain, strict=True):
        np.testing.assert_allclose(gradient, one + other, rtol=1e-4, atol=1e-6)
    assert max(np.abs(gradient).max() for gradient in found) > 0.01


def test_loss_is_the_difference_of_the_energies_and_their_squares():
    model = EnergyModel(
        quadratic(event_dim=2), buffer_size=20, regularization=0.3, step_size=0.1
    )
    outputs = model.call(DATA)
    data, chain = (array_of(outputs[f"{of}_energy"]) for of in ("data", "model"))
    np.testing.assert_allclose(data, 0.5 * (DATA**2).sum(axis=1), rtol=1e-5)
    squares = 0.3 * (np.mean(data**2) + np.mean(chain**2))
    loss = float(array_of(model.compute_loss(y_pred=outputs)))
    assert loss == pytest.approx(data.mean() - chain.mean() + squares, rel=1e-5)
    assert float(model.data_energy_tracker.result()) == pytest.approx(data.mean())
    assert float(model.model_energy_tracker.result()) == pytest.approx(chain.mean())


def test_score_is_the_gradient_of_the_log_density():
    model = EnergyModel(quadratic(4.0, mean=1.0, event_dim=2))
    np.testing.assert_allclose(array_of(model.score(DATA)), -4.0 * (DATA - 1.0))
    expected = 2.0 * ((DATA - 1.0) ** 2).sum(axis=1)
    for method in (model.energy, model.free_energy):
        np.testing.assert_allclose(array_of(method(DATA)), expected, rtol=1e-5)


# Langevin dynamics.


@pytest.mark.parametrize("precision,step_size,noise", [(1, 0.5, None), (4, 0.2, 0.3)])
def test_langevin_chain_has_its_stationary_mean_and_variance(
    precision, step_size, noise
):
    # x <- (1 - a) x + a mean + noise N(0, 1) with a = step_size * precision / 2: its
    # variance is noise^2 / (1 - (1 - a)^2), which is 1 / precision as steps shrink.
    model = EnergyModel(
        quadratic(precision, mean=2.0), step_size=step_size, noise=noise
    )
    draws = array_of(model.sample(5_000, num_steps=60, seed=0))[:, 0]
    a = 0.5 * step_size * precision
    noise = np.sqrt(step_size) if noise is None else noise
    deviation = noise / np.sqrt(1 - (1 - a) ** 2)
    fitted = scipy.stats.norm(2.0, deviation)
    assert scipy.stats.kstest(draws, fitted.cdf).pvalue > 1e-3
    statistic = 5_000 * draws.var() / deviation**2
    assert 1e-3 < scipy.stats.chi2(4_999).cdf(statistic) < 1 - 1e-3


def test_every_step_draws_its_own_noise():
    # On a flat energy the chain is a random walk: num_steps variances of one step.
    model = EnergyModel(flat(2), step_size=0.04)
    draws = array_of(model.sample(4_000, num_steps=50, seed=0))
    expected = 1.0 + 50 * 0.04
    statistic = (draws**2).sum() / expected
    assert 1e-3 < scipy.stats.chi2(8_000).cdf(statistic) < 1 - 1e-3


def test_steps_stay_in_the_range_of_the_data():
    model = EnergyModel(quadratic(mean=5.0), data_range=(-1, 2), step_size=0.5)
    draws = array_of(model.sample(200, num_steps=20, seed=0))
    assert draws.min() >= -1 and draws.max() == 2
    assert np.mean(draws == 2) > 0.5  # where the energy pushes them


@pytest.mark.parametrize("data_range", [None, (-1.0, 2.0)])
def test_chains_start_from_noise(data_range):
    model = EnergyModel(flat(), data_range=data_range, step_size=1e-8, seed=0)
    noise = scipy.stats.norm() if data_range is None else scipy.stats.uniform(-1, 3)
    for draws in (chains_of(model), array_of(model.sample(2_000, num_steps=1))):
        assert scipy.stats.kstest(draws[:, 0], noise.cdf).pvalue > 1e-3


# Training.


def test_training_recovers_the_precision_and_mean_of_a_normal():
    # E = w1 x + w2 x^2. At the fixed point the chains have the data's mean and
    # variance; the precision follows from the variance of the discrete chain.
    x = keras.Input((1,))
    features = ops.concatenate([x, ops.square(x)], axis=-1)
    network = keras.Model(x, keras.layers.Dense(1, use_bias=False)(features))
    network.set_weights([np.array([[0.0], [0.5]])])
    step_size = 0.1
    model = EnergyModel(
        network,
        num_langevin_steps=5,
        step_size=step_size,
        buffer_size=1_000,
        reinitialize=0.0,
        seed=0,
    )
    rate = keras.optimizers.schedules.CosineDecay(0.1, 100)
    model.compile(keras.optimizers.Adam(rate))
    data = np.random.default_rng(0).normal(0.3, 0.5, (1_000, 1)).astype("float32")
    model.fit(data, batch_size=1_000, epochs=100, verbose=0)
    linear, square = network.get_weights()[0][:, 0]
    precision = 2 * square
    mean = -linear / precision
    variance = 1 / (precision * (1 - step_size * precision / 4))
    assert mean == pytest.approx(data.mean(), abs=0.03)
    assert variance == pytest.approx(data.var(), rel=0.05)


def test_energies_are_float32_under_mixed_precision(dtype_policy):
    dtype_policy("mixed_float16")
    model = EnergyModel(small_network((2,), (1,)), num_langevin_steps=2, buffer_size=20)
    outputs = model.call(DATA)
    offered = [model.energy(DATA), model.score(DATA), model.sample(2, num_steps=2)]
    for value in (*outputs.values(), *offered):
        assert keras.backend.standardize_dtype(value.dtype) == "float32"


def test_anomaly_score_takes_the_energy():
    model = EnergyModel(quadratic(event_dim=2))
    scores = evaluation.anomaly_score(model, DATA)
    assert scores.name == "free energy"
    np.testing.assert_allclose(scores.scores, 0.5 * (DATA**2).sum(axis=1), rtol=1e-5)


# The buffer.


def trained_at_rest(model, batch_size, epochs=1):
    """Fits without a learning rate; returns the chains before and after."""
    model.compile(keras.optimizers.SGD(0.0))
    before = chains_of(model)
    model.fit(DATA[:, :1], batch_size=batch_size, epochs=epochs, verbose=0)
    return before, chains_of(model)


def weighted(network):
    """Returns the network times a weight of one: optimizers want something to learn."""
    outputs = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(
        network.output
    )
    return keras.Model(network.input, outputs)


def test_a_step_takes_as_many_chains_as_data_and_puts_them_back():
    model = EnergyModel(
        weighted(flat()), num_langevin_steps=1, buffer_size=40, reinitialize=0.0
    )
    before, after = trained_at_rest(model, batch_size=12)
    assert np.sum(before != after) == 12
    # Other chains stay; these have made one step of deviation 0.1.
    assert np.abs(after - before).max() < 0.6


def test_chains_go_on_from_where_they_were():
    model = EnergyModel(
        weighted(flat()),
        num_langevin_steps=5,
        step_size=0.1,
        buffer_size=12,
        reinitialize=0.0,
    )
    before, after = trained_at_rest(model, batch_size=12, epochs=8)
    statistic = np.sum((after - before) ** 2) / (8 * 5 * 0.1)
    assert 1e-3 < scipy.stats.chi2(12).cdf(statistic) < 1 - 1e-3


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_the_right_share_of_chains_starts_anew(share):
    model = EnergyModel(flat(), buffer_size=2_000, seed=0)
    places, chains = map(array_of, model.buffer.take(1_000, share))
    assert len(np.unique(places)) == 1_000
    anew = int(np.sum(chains != chains_of(model)[places]))
    assert scipy.stats.binomtest(anew, 1_000, share).pvalue > 1e-3
    fresh = chains[chains != chains_of(model)[places]]
    if share:
        assert scipy.stats.kstest(fresh, scipy.stats.norm.cdf).pvalue > 1e-3


def test_chains_are_taken_from_everywhere():
    model = EnergyModel(flat(), buffer_size=50, seed=0)
    counts = np.bincount(
        np.concatenate([array_of(model.buffer.take(10, 0.05)[0]) for _ in range(40)]),
        minlength=50,
    )
    assert scipy.stats.chisquare(counts).pvalue > 1e-3


def test_chains_go_back_to_their_places():
    model = EnergyModel(flat(2), buffer_size=5)
    before = chains_of(model)
    model.buffer.put(np.array([3, 1], "int32"), np.array([[1, 2], [3, 4]], "float32"))
    expected = before.copy()
    expected[[3, 1]] = [[1, 2], [3, 4]]
    np.testing.assert_array_equal(chains_of(model), expected)


def test_evaluation_and_prediction_leave_the_buffer_alone():
    model = EnergyModel(weighted(flat()), num_langevin_steps=1, buffer_size=12)
    model.compile("sgd")
    before = chains_of(model)
    model.evaluate(DATA[:, :1], verbose=0)
    model.predict(DATA[:, :1], verbose=0)
    np.testing.assert_array_equal(chains_of(model), before)


def test_the_buffer_is_saved(tmp_path):
    model = EnergyModel(weighted(flat()), num_langevin_steps=1, buffer_size=12)
    trained_at_rest(model, batch_size=4)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(chains_of(loaded), chains_of(model))


# Wrong arguments that `tests/models/test_bad_arguments.py` has no table for.


@pytest.mark.parametrize("value", [(1, 1), (2, 1), (0,), 3, (0, np.inf)])
def test_data_range_is_checked(value):
    with pytest.raises(ValueError, match=r"`data_range` must be a pair \(low, high\)"):
        EnergyModel(flat(), data_range=value)


def test_data_outside_the_range_are_refused():
    model = EnergyModel(flat(), data_range=(-1, 2))
    with pytest.raises(ValueError, match=r"`x` must lie in \[-1, 2\].*to 3.0"):
        model.energy(np.array([[3.0]], "float32"))
