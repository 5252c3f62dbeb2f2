"""Likelihoods of data sets beside enumeration and NumPy."""

import tracemalloc

import numpy as np
import pytest
from keras import ops

from keras_genmod import DBM, DBN, GAN, Autoencoder
from keras_genmod.evaluation import evaluate_likelihood
from tests.evaluation.explicit_models import (
    IMAGES,
    STATES,
    Annealed,
    Given,
    flow,
    pixel_cnn,
    rbm,
    vae,
)
from tests.models.small_networks import small_network

SOURCE = {"dataset": "states", "split": "test"}


def values(*log_probs):
    x = np.zeros((len(log_probs), 3), "float32")
    x[:, 0] = log_probs
    return x


@pytest.mark.parametrize("model,data", [(pixel_cnn, IMAGES), (rbm, STATES)])
def test_exact_likelihoods_are_those_of_all_states(model, data):
    # The probabilities of the 16 states sum to one, one at a time or all at once.
    model = model()
    singles = [evaluate_likelihood(model, data[i : i + 1], **SOURCE) for i in range(16)]
    log_p = np.array([single.mean for single in singles])
    assert abs(np.exp(log_p).sum() - 1) < 1e-5
    together = evaluate_likelihood(model, data, batch_size=5, **SOURCE)
    assert together.kind == "exact" and singles[0].standard_error is None
    np.testing.assert_allclose(together.mean, log_p.mean(), rtol=1e-6)
    np.testing.assert_allclose(
        together.standard_error, log_p.std(ddof=1) / 4.0, rtol=1e-5
    )


@pytest.mark.parametrize(
    "model,data,kind,num_levels",
    [
        (pixel_cnn, IMAGES, "exact", 2),
        (rbm, STATES, "exact", 2),
        (vae, IMAGES, "lower_bound", 2),
        (flow, STATES, "exact", None),
    ],
)
def test_every_explicit_model_takes_one_call(model, data, kind, num_levels):
    found = evaluate_likelihood(model(), data, **SOURCE)
    assert (found.kind, found.unit) == (kind, "nats")
    assert (found.count, found.num_dims) == (16, 4)
    assert found.protocol.num_levels == num_levels
    assert found.standard_error > 0 and np.isfinite(found.mean)


def test_batches_have_one_size_and_do_not_change_the_number():
    x = values(*np.random.default_rng(0).normal(size=37))
    found = {}
    for batch_size in (1, 5, 36, 37, 100):
        model = Given()
        found[batch_size] = evaluate_likelihood(
            model, x, batch_size=batch_size, **SOURCE
        )
        assert set(model.batch_sizes) == {min(batch_size, 37)}
    assert len(set(found.values())) == 1
    np.testing.assert_allclose(found[5].mean, x[:, 0].astype("float64").mean())


@pytest.mark.any_backend
def test_levels_are_checked_without_a_copy_of_all_data():
    model = Given()
    model.num_levels, model.data_shape = 2, (10_000,)
    x = np.zeros((1600, 10_000), "uint8")  # 16 MB, 128 in float64
    tracemalloc.start()
    evaluate_likelihood(model, x, **SOURCE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64e6


@pytest.mark.any_backend
def test_examples_cannot_have_more_than_all_probability():
    model = Given()
    model.num_levels = 2
    different = STATES[::2, :3]  # of probability 1 or e each
    with pytest.raises(ValueError, match=r"those of 8 different .* sum to exp\(2"):
        evaluate_likelihood(model, different, **SOURCE)
    same = evaluate_likelihood(model, np.repeat(0 * different, 9, axis=0), **SOURCE)
    assert same.mean == 0.0  # one example, of all the probability
    model.num_levels = None  # a density has no such bound
    assert evaluate_likelihood(model, different, **SOURCE).mean > 0


@pytest.mark.any_backend
def test_sums_are_float64():
    x = values(*np.random.default_rng(0).normal(-1e4, 0.1, size=4000))
    found = evaluate_likelihood(Given(), x, **SOURCE)
    exact = x[:, 0].astype("float64")
    np.testing.assert_allclose(found.mean, exact.mean(), rtol=1e-12)
    error = exact.std(ddof=1) / 4000**0.5
    np.testing.assert_allclose(found.standard_error, error, rtol=1e-9)


def test_importance_samples_tighten_the_bound_and_stand_in_the_protocol():
    model = vae(seed=0)
    one, many = (
        evaluate_likelihood(model, IMAGES.repeat(4, 0), num_samples=k, **SOURCE)
        for k in (1, 100)
    )
    assert many.mean > one.mean
    assert dict(many.protocol.options) == {"importance_samples": 100, "seed": 0}
    assert many.kind == "lower_bound"
    default = evaluate_likelihood(model, IMAGES, **SOURCE)
    assert dict(default.protocol.options)["importance_samples"] == 50


def test_bound_repeats_for_a_seed_and_each_batch_draws_its_own():
    model = vae(seed=0)
    same = IMAGES[5:6].repeat(8, 0)
    first, again, other = (
        evaluate_likelihood(model, same, num_samples=1, seed=s, batch_size=4, **SOURCE)
        for s in (1, 1, 2)
    )
    assert first == again and first.mean != other.mean
    # Two batches of equal draws would have the spread of one.
    half = evaluate_likelihood(model, same[:4], num_samples=1, seed=1, **SOURCE)
    assert half.mean != first.mean


def test_partition_sum_is_made_once_and_its_options_stand_in_the_protocol():
    model = Annealed()
    found = evaluate_likelihood(
        model, values(1.0, 2.0, 3.0), num_chains=7, seed=3, batch_size=1, **SOURCE
    )
    assert model.runs == 1 and found.kind == "estimate"
    assert found.mean == -4.0  # -F - log Z = -2 - 2
    options = {"num_temperatures": 1000, "num_chains": 7, "seed": 3}
    assert dict(found.protocol.options) == options


def test_a_machine_too_large_to_enumerate_is_judged_by_annealing(capsys):
    model = rbm(hidden_dim=25, visible_dim=30)
    model.couplings.assign(0.2 * ops.convert_to_numpy(model.couplings))
    x = np.random.default_rng(1).integers(0, 2, (8, 30)).astype("float32")
    options = {"method": "ais", "num_temperatures": 20, "num_chains": 100}
    found = evaluate_likelihood(model, x, seed=3, verbose=1, **options, **SOURCE)
    assert "20/20" in capsys.readouterr().out  # of annealing
    log_z = model.log_partition(seed=3, **options)
    assert found.kind == "estimate" and found.log_partition == log_z
    expected = ops.convert_to_numpy(model.log_prob(x, log_partition=log_z)).mean()
    np.testing.assert_allclose(found.mean, expected, rtol=1e-6)
    assert dict(found.protocol.options) == {
        "log_partition": "ais",
        "num_temperatures": 20,
        "spacing": "paper",
        "num_chains": 100,
        "base_rates": "own",
        "seed": 3,
    }
    assert f"; log Z = {log_z.value:.2f} nats, {log_z.low:.2f} to " in str(found)


@pytest.mark.parametrize("model", [DBM, DBN])
def test_a_bound_with_an_estimate_of_log_z_is_a_kind_of_its_own(model):
    machine = model((4, 3, 2), seed=0)
    options = {"method": "ais", "num_temperatures": 5, "num_chains": 40}
    bound = evaluate_likelihood(machine, STATES, **options, **SOURCE)
    estimate = evaluate_likelihood(rbm(), STATES, **options, **SOURCE)
    assert (bound.kind, estimate.kind) == ("estimated_lower_bound", "estimate")
    assert "log p(x) >~ " in str(bound)
    with pytest.raises(ValueError, match="'estimated_lower_bound' and 'estimate'"):
        bound.compare_to(estimate)
    assert evaluate_likelihood(machine, STATES, **SOURCE).kind == "lower_bound"
    what = {"num_mean_field_steps": 10} if model is DBM else {"num_samples": 50}
    assert what.items() <= dict(bound.protocol.options).items()


def test_exact_and_annealed_likelihoods_of_one_machine_do_not_compare():
    exact = evaluate_likelihood(rbm(), STATES, **SOURCE)
    assert exact.kind == "exact"
    assert dict(exact.protocol.options) == {"log_partition": "exact"}
    options = {"method": "ais", "num_temperatures": 20, "num_chains": 30}
    annealed = evaluate_likelihood(rbm(), STATES, **options, **SOURCE)
    with pytest.raises(ValueError, match="kind: 'exact' and 'estimate'"):
        exact.compare_to(annealed)


def test_rbm_agrees_with_its_own_log_prob():
    model = rbm()
    expected = ops.convert_to_numpy(model.log_prob(STATES)).mean()
    found = evaluate_likelihood(model, STATES, **SOURCE)
    np.testing.assert_allclose(found.mean, expected, rtol=1e-6)


def test_condition_is_passed_in_batches_or_once_for_all():
    model = pixel_cnn(num_classes=3)
    labels = np.arange(16) % 3
    found = evaluate_likelihood(model, IMAGES, labels, batch_size=5, **SOURCE)
    expected = ops.convert_to_numpy(model.log_prob(IMAGES, labels)).mean()
    np.testing.assert_allclose(found.mean, expected, rtol=1e-5)
    assert found.protocol.conditional
    one = evaluate_likelihood(model, IMAGES, 2, batch_size=5, **SOURCE)
    expected = ops.convert_to_numpy(model.log_prob(IMAGES, 2)).mean()
    np.testing.assert_allclose(one.mean, expected, rtol=1e-5)


def test_bits_per_dim():
    binary = evaluate_likelihood(pixel_cnn(), IMAGES, **SOURCE)
    np.testing.assert_allclose(binary.bits_per_dim, -binary.mean / (4 * np.log(2)))
    density = evaluate_likelihood(flow(), STATES, **SOURCE)
    assert density.bits_per_dim is None
    # A uniform density on [0, 1]^3 of 256 levels: 8 bits a dimension.
    uniform = evaluate_likelihood(
        Given(), values(0.0, 0.0), dequantization=256, **SOURCE
    )
    assert uniform.bits_per_dim == 8.0


def test_nan_and_infinite_examples_are_counted():
    x = values(0.0, np.nan, np.inf, -np.inf, 1.0)
    with pytest.raises(ValueError, match="1 NaN and 2 infinite of 5 examples"):
        evaluate_likelihood(Given(), x, **SOURCE)


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "model,offer",
    [
        (lambda: rbm(hidden_dim=25, visible_dim=30), "`free_energy`"),
        (
            lambda: Autoencoder(small_network((4,), (2,)), small_network((2,), (4,))),
            "`reconstruct`",
        ),
        (
            lambda: GAN(small_network((2,), (4,)), small_network((4,), (1,)), 2),
            "`sample`",
        ),
    ],
)
def test_models_without_a_likelihood_say_what_they_offer(model, offer):
    with pytest.raises(ValueError, match=f"must have a likelihood.*It offers.*{offer}"):
        evaluate_likelihood(model(), STATES, **SOURCE)


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "model,data,arguments,message",
    [
        (rbm, STATES * 0.5, {}, "`data` must hold the values k / 1 "),
        (rbm, STATES, {"binarization": "soft"}, "`binarization` must .*Received: bin"),
        (rbm, STATES, {"dequantization": 2}, "`dequantization` must be None"),
        (flow, STATES, {"dequantization": 1}, "`dequantization` must be an int "),
        (flow, STATES * 2, {"dequantization": 2}, "`data` must lie in \\[0, 1\\]"),
        (flow, STATES * 0.5, {"binarization": "static(0)"}, "`data` must hold zeros"),
        (flow, STATES, {"split": None}, "`split` must be a name"),
        (flow, STATES, {"dataset": ""}, "`dataset` must be a name"),
        (flow, STATES, {"batch_size": 0}, "`batch_size` must"),
        (
            pixel_cnn,
            IMAGES,
            {"num_samples": 5},
            "Options of .*Received: \\['num_samples'\\]",
        ),
        (flow, STATES, {"num_samples": 5}, "`num_samples` must be 1 without"),
        (vae, IMAGES, {"draws": 5}, "must be some of \\['num_samples'\\]"),
        (flow, STATES[:, :3], {}, "`data` must have shape"),
        (flow, STATES[:0], {}, "n at least 1"),
        (flow, "digits", {}, "`data` must be an array"),
        (pixel_cnn, IMAGES, {"condition": 1}, "`condition` must be None"),
        (flow, STATES, {"condition": [1, 2]}, "one condition for each of the 16"),
    ],
)
def test_bad_arguments_are_named(model, data, arguments, message):
    with pytest.raises(ValueError, match=message):
        evaluate_likelihood(model(), data, **{**SOURCE, **arguments})
