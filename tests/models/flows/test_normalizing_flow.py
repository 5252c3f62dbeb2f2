"""A flow's density is the change of variables; its reverse KL falls to -log Z."""

import math

import keras
import numpy as np
import pytest
import scipy.stats
from keras import ops

from keras_genmod import NormalizingFlow
from keras_genmod.bijectors import (
    ActNorm,
    Affine,
    AffineCoupling,
    Chain,
    MaskedAutoregressive,
    Permutation,
    Planar,
    RationalQuadraticSpline,
    Sigmoid,
    SplineCoupling,
)
from keras_genmod.distributions import StandardNormal
from keras_genmod.networks import coupling_mlp, made
from tests.autodiff import jacobians
from tests.contracts import slow_elsewhere

POINTS = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")


LOG_Z = 1.7


@keras.saving.register_keras_serializable("tests")
def unnormalised_normal(x):
    """Returns log of exp(1.7) times the density of N((3, -1), diag(0.5^2, 2^2))."""
    first = ops.square((x[:, 0] - 3.0) / 0.5)
    second = ops.square((x[:, 1] + 1.0) / 2.0)
    return LOG_Z - math.log(2 * math.pi) - 0.5 * (first + second)


def planar_flow():
    members = [Planar(2, seed=i) for i in range(3)]
    for i, member in enumerate(members):
        member.v.assign(np.array([1.0, -0.5]) * (i + 1) / 2)
    return NormalizingFlow(Chain(members), seed=0)


def test_log_prob_is_the_change_of_variables():
    # log p(x) = log N(z) - log |det df/dz| with f(z) = x, Jacobian by autodiff
    model = planar_flow()
    x, _ = model.bijector.forward_and_log_det(POINTS)
    matrices = jacobians(
        lambda z: model.bijector.forward_and_log_det(z)[0], POINTS, outputs=2
    )
    expected = scipy.stats.norm.logpdf(POINTS).sum(1) - np.linalg.slogdet(matrices)[1]
    found = ops.convert_to_numpy(model.log_prob(ops.convert_to_numpy(x)))
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_affine_flow_of_a_normal_is_a_normal():
    model = NormalizingFlow(Affine((2,)))
    model.bijector.log_scale.assign(np.log([0.5, 2.0]))
    model.bijector.shift.assign([3.0, -1.0])
    expected = scipy.stats.norm.logpdf(POINTS, [3.0, -1.0], [0.5, 2.0]).sum(1)
    found = ops.convert_to_numpy(model.log_prob(POINTS))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    draws = ops.convert_to_numpy(model.sample(4000, seed=0))
    for i, (mean, deviation) in enumerate([(3.0, 0.5), (-1.0, 2.0)]):
        scaled = (draws[:, i] - mean) / deviation
        assert scipy.stats.kstest(scaled, "norm").pvalue > 1e-3


def test_loss_is_the_mean_negative_log_prob():
    model = planar_flow()
    model.compile()
    loss = model.evaluate(POINTS, batch_size=8, verbose=0)
    expected = -ops.convert_to_numpy(model.log_prob(POINTS)).mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_decode_and_encode_are_inverse():
    model = planar_flow()
    x = ops.convert_to_numpy(model.decode(POINTS))
    np.testing.assert_allclose(ops.convert_to_numpy(model.encode(x)), POINTS, atol=1e-5)


def test_reverse_kl_falls_to_minus_log_z_and_the_target_is_saved(tmp_path):
    model = NormalizingFlow(Affine((2,)), seed=0)
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 400)
    model.compile(keras.optimizers.Adam(schedule), target_log_prob=unnormalised_normal)
    history = model.fit(np.zeros((100 * 64, 2)), batch_size=64, epochs=4, verbose=0)
    losses = history.history["loss"]
    assert losses[0] > losses[-1] + 1.0
    # At the optimum log q = log target - log Z: the loss has no variance left.
    loss = model.evaluate(np.zeros((64, 2)), batch_size=64, verbose=0)
    np.testing.assert_allclose(loss, -LOG_Z, atol=0.02)
    np.testing.assert_allclose(model.bijector.shift.numpy(), [3.0, -1.0], atol=0.05)

    model.save(tmp_path / "flow.keras")
    loaded = keras.saving.load_model(tmp_path / "flow.keras")
    assert loaded.target_log_prob is unnormalised_normal
    np.testing.assert_allclose(
        loaded.evaluate(np.zeros((64, 2)), batch_size=64, verbose=0), loss, atol=0.02
    )


def test_a_callback_anneals_the_target():
    # The target to the power of 1/4 is a normal density of twice the deviation.
    model = NormalizingFlow(Affine((2,)), seed=0)
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 400)
    model.compile(keras.optimizers.Adam(schedule), target_log_prob=unnormalised_normal)

    def anneal(epoch, logs):
        model.inverse_temperature.assign(0.25)

    model.fit(
        np.zeros((100 * 64, 2)),
        batch_size=64,
        epochs=4,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=anneal)],
    )
    assert model.inverse_temperature.numpy() == 0.25
    scale = np.exp(ops.convert_to_numpy(model.bijector.log_scale))
    np.testing.assert_allclose(scale, [2 * 0.5, 2 * 2.0], rtol=0.05)


@pytest.mark.parametrize("fill", [0.0, 7.0])
def test_reverse_kl_reads_only_how_many_examples_there_are(fill):
    # Neither a domain without 0 and 7 nor weights that start from data see the values.
    model = NormalizingFlow(Chain([ActNorm((2,)), Sigmoid((2,))]), seed=0)
    model.compile("sgd", target_log_prob=unnormalised_normal, run_eagerly=True)
    model.fit(np.full((64, 2), fill), batch_size=64, verbose=0)
    assert model.is_initialized  # a later fit by likelihood keeps what was learned
    expected = NormalizingFlow(Chain([ActNorm((2,)), Sigmoid((2,))]), seed=0)
    expected.compile("sgd", target_log_prob=unnormalised_normal, run_eagerly=True)
    expected.fit(np.full((64, 2), 0.5), batch_size=64, verbose=0)
    for found, other in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(found.numpy(), other.numpy())
    for method in (model.log_prob, model.initialize):  # which do read them
        with pytest.raises(ValueError, match="`x` must lie in"):
            method(np.full((64, 2), fill))
    with pytest.raises(ValueError, match=r"`x` must have shape \(batch, 2\)"):
        model.fit(np.zeros((64, 3)), verbose=0)


def test_reverse_kl_starts_weights_from_draws_of_its_own(rng):
    weights = []
    for scale in (1.0, 100.0):
        keras.utils.set_random_seed(1)
        model = NormalizingFlow(Chain([ActNorm((2,)), Affine((2,))]), seed=0)
        model.compile("sgd", target_log_prob=unnormalised_normal, run_eagerly=True)
        model.fit(scale * rng.normal(size=(64, 2)), batch_size=64, verbose=0)
        weights.append([weight.numpy() for weight in model.weights])
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


def test_reverse_kl_is_the_mean_of_log_q_less_log_target():
    # E_q[log q - log target] for two normals with known moments, by 50,000 draws
    model = NormalizingFlow(Affine((2,)), seed=0)
    model.compile(target_log_prob=unnormalised_normal)
    loss = model.evaluate(np.zeros((50_000, 2)), batch_size=50_000, verbose=0)
    ratio, distance = np.array([1 / 0.5, 1 / 2.0]), np.array([3.0, 1.0])
    kl = 0.5 * np.sum(ratio**2 * (1 + distance**2) - 1 - 2 * np.log(ratio))
    np.testing.assert_allclose(loss, kl - LOG_Z, rtol=0.01)


def test_bad_arguments_are_errors():
    with pytest.raises(ValueError, match="`bijector` must be .*Received: bijector="):
        NormalizingFlow(lambda z: z)
    with pytest.raises(ValueError, match="`base` must have the event shape"):
        NormalizingFlow(Planar(2), base=StandardNormal((3,)))


# Densities.


def coupled(kind, width, **options):
    """Two couplings of points in the plane, the second with the halves swapped."""
    return Chain(
        [
            kind((2,), coupling_mlp(2, (8,), width, activation="tanh"), flip=i == 1)
            for i in range(2)
        ],
        **options,
    )


PLANE = {
    "real_nvp": lambda: coupled(AffineCoupling, 2),
    "maf": lambda: Chain(
        [
            MaskedAutoregressive(2, made(2, (8,), activation="tanh")),
            Permutation((2,), [1, 0]),
            MaskedAutoregressive(2, made(2, (8,), activation="tanh")),
        ]
    ),
    "spline": lambda: Chain([RationalQuadraticSpline((2,), 5), Affine((2,))]),
    "spline_coupling": lambda: coupled(SplineCoupling, 23),
}


@slow_elsewhere
@pytest.mark.parametrize("name", PLANE)
def test_density_integrates_to_one(name):
    model = NormalizingFlow(PLANE[name](), seed=0)
    rng = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(variable + 0.25 * rng.normal(size=variable.shape))
    side, num_cells = 24.0, 700  # far beyond the draws
    assert np.abs(ops.convert_to_numpy(model.sample(2000, seed=0))).max() < side / 2
    centres = (np.arange(num_cells, dtype="float32") + 0.5) / num_cells * side
    axis = centres - side / 2
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    log_prob = ops.convert_to_numpy(model.log_prob(grid, batch_size=2**16))
    log_prob = log_prob.astype("float64")
    integral = np.exp(log_prob).sum() * (side / num_cells) ** 2
    assert integral == pytest.approx(1, abs=1e-3)


def test_preprocessing_counts_and_its_domain_is_checked():
    model = NormalizingFlow(Sigmoid((2,), margin=0.05))
    x = np.array([[0.0, 1.0], [0.3, 0.9]], "float32")
    inner = 0.05 + 0.9 * x.astype("float64")
    logits = np.log(inner / (1 - inner))
    slope = 0.9 / (inner * (1 - inner))
    expected = (scipy.stats.norm.logpdf(logits) + np.log(slope)).sum(1)
    found = ops.convert_to_numpy(model.log_prob(x))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    model.compile()
    for method in (model.fit, model.evaluate, model.log_prob, model.encode):
        with pytest.raises(ValueError, match="`x` must lie in .*density.* to 2.0"):
            method(2 * x)


def test_temperature_scales_the_draws_of_the_base():
    model = NormalizingFlow(Affine((2,)), seed=0)
    model.bijector.log_scale.assign(np.log([0.5, 2.0]))
    model.bijector.shift.assign([3.0, -1.0])
    shift = np.array([3.0, -1.0])
    full, cool = (
        ops.convert_to_numpy(model.sample(50, seed=1, temperature=t)) for t in (1, 0.3)
    )
    np.testing.assert_allclose(cool - shift, 0.3 * (full - shift), atol=1e-5)
    for temperature in (0, -1.0, None, float("nan")):
        with pytest.raises(ValueError, match="`temperature` must be a finite number"):
            model.sample(2, temperature=temperature)


def test_an_exact_density_takes_no_draws():
    with pytest.raises(ValueError, match="`num_samples` must be 1 without"):
        planar_flow().log_prob(POINTS, num_samples=2)
    assert planar_flow().likelihood_protocol(seed=3) == {}


# Conditions.


def conditional(**options):
    network = coupling_mlp(2, (8,), 2, condition_dim=3)
    model = NormalizingFlow(
        Chain([Affine((2,)), AffineCoupling((2,), network, condition_dim=3)]), **options
    )
    rng = np.random.default_rng(2)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) * 0.5)
    return model


LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1])
ONE_HOT = np.eye(3, dtype="float32")[LABELS]


def test_embeddings_that_are_one_hot_are_labels():
    by_label, by_vector = conditional(num_classes=3, seed=0), conditional(seed=0)
    assert by_vector.is_conditional and by_vector.embedding_dim == 3
    for method, first in (("log_prob", POINTS), ("encode", POINTS), ("decode", POINTS)):
        one = getattr(by_label, method)(first, LABELS)
        other = getattr(by_vector, method)(first, ONE_HOT)
        np.testing.assert_array_equal(*map(ops.convert_to_numpy, (one, other)))
    one = by_label.sample(8, LABELS, seed=0)
    other = by_vector.sample(8, ONE_HOT, seed=0)
    np.testing.assert_array_equal(*map(ops.convert_to_numpy, (one, other)))


def test_the_condition_is_that_of_the_bijector():
    model = conditional(num_classes=3)
    z, log_det = model.bijector.inverse_and_log_det(POINTS, ONE_HOT)
    expected = ops.convert_to_numpy(model.base.log_prob(z) + log_det)
    found = ops.convert_to_numpy(model.log_prob(POINTS, LABELS))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    x = model.decode(POINTS, LABELS)
    z = model.encode(ops.convert_to_numpy(x), LABELS)
    np.testing.assert_allclose(ops.convert_to_numpy(z), POINTS, atol=1e-5)
    others = ops.convert_to_numpy(model.log_prob(POINTS, (LABELS + 1) % 3))
    assert np.all(np.abs(found - others) > 1e-3)


def test_wrong_conditions_are_errors():
    with pytest.raises(ValueError, match="one-hot labels.*condition_dim=2 .*=3"):
        conditional(num_classes=2)
    with pytest.raises(ValueError, match="one-hot labels.*condition_dim=None"):
        NormalizingFlow(Planar(2), num_classes=2)
    model = conditional()
    model.compile()
    with pytest.raises(ValueError, match="it needs embeddings"):
        model.fit(POINTS, verbose=0)
    with pytest.raises(ValueError, match=r"must have shape \(8, 3\)"):
        model.log_prob(POINTS, ONE_HOT[:, :2])


def target_given(x, condition):
    """The log-density of N(condition[:2], I), times exp(1.7)."""
    distance = ops.sum(ops.square(x - condition[:, :2]), axis=1)
    return LOG_Z - math.log(2 * math.pi) - 0.5 * distance


def test_a_target_density_gets_the_condition():
    # Couplings that shift by the condition: q is the target, up to its integral.
    halves = []
    for flip in (False, True):
        network = coupling_mlp(2, (), 2, condition_dim=3)
        kernel = np.zeros((2 + 3, 4))  # from event and condition to shifts, log-scales
        kernel[[2, 3], [0, 1]] = 1.0
        network.trainable_variables[0].assign(kernel)
        halves.append(AffineCoupling((2,), network, flip=flip, condition_dim=3))
    model = NormalizingFlow(Chain(halves), seed=0)
    model.compile(target_log_prob=target_given)
    given = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    nothing = np.zeros((64, 2), "float32")
    losses = [
        model.evaluate(nothing, y, batch_size=64, verbose=0) for y in (given, 2 * given)
    ]
    np.testing.assert_allclose(losses, -LOG_Z, atol=1e-5)


# The start from data.


def test_fit_starts_the_weights_from_the_first_batch(tmp_path):
    points = np.random.default_rng(0).normal((5.0, -2.0), (0.1, 30.0), (256, 2))
    model = NormalizingFlow(Chain([Planar(2, seed=0), ActNorm((2,))]), seed=0)
    assert not model.is_initialized
    model.compile(keras.optimizers.SGD(0.0))
    model.fit(points, batch_size=256, verbose=0)
    assert model.is_initialized
    latents = ops.convert_to_numpy(model.bijector.bijectors[1].inverse(points))
    np.testing.assert_allclose(latents.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(latents.std(0), 1, atol=1e-4)
    before = ops.convert_to_numpy(model.log_prob(points))
    model.fit(points + 100.0, verbose=0)  # once and for all
    np.testing.assert_array_equal(ops.convert_to_numpy(model.log_prob(points)), before)
    model.save(tmp_path / "flow.keras")
    loaded = keras.saving.load_model(tmp_path / "flow.keras")
    assert loaded.is_initialized
    again = NormalizingFlow(ActNorm((2,)))
    again.initialize(points)
    assert again.is_initialized
