"""Glow is one change of variables, whose normalizations start from data."""

import keras
import numpy as np
import pytest
import scipy.stats
from keras import ops

from keras_genmod import Glow
from keras_genmod.bijectors import ActNorm, AffineCoupling, Split
from tests.autodiff import jacobians
from tests.contracts import slow_elsewhere

IMAGES = np.random.default_rng(0).random((4, 4, 4, 1)).astype("float32")
LEVELS = (np.round(IMAGES * 3) / 3).astype("float32")


def glow(num_levels=None, **options):
    """A Glow with weights that make all its parts matter."""
    model = Glow(
        (4, 4, 1),
        num_scales=2,
        num_steps=1,
        filters=3,
        num_levels=num_levels,
        **options,
    )
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(variable + 0.2 * rng.normal(size=variable.shape))
    return model


def numpy(x):
    return ops.convert_to_numpy(x)


@pytest.fixture(scope="module")
def of_images():
    return glow()


def flattened(bijector, kind):
    """Returns the bijectors of a kind, from data to latents."""
    members = reversed(getattr(bijector, "bijectors", []))
    found = [bijector] if isinstance(bijector, kind) else []
    for member in [*members, getattr(bijector, "bijector", None)]:
        if member is not None:
            found += flattened(member, kind)
    return found


def test_log_prob_is_the_change_of_variables(of_images):
    model = of_images
    x = ops.convert_to_tensor(IMAGES)
    matrices = jacobians(lambda x: model.bijector.inverse(x), IMAGES, outputs=16)
    latents = numpy(model.bijector.inverse(x))
    assert latents.shape == (4, 16)
    expected = scipy.stats.norm.logpdf(latents).sum(1) + np.linalg.slogdet(matrices)[1]
    np.testing.assert_allclose(numpy(model.log_prob(IMAGES)), expected, atol=2e-4)


def test_decode_and_encode_are_inverse(of_images):
    z = numpy(of_images.encode(IMAGES))
    np.testing.assert_allclose(numpy(of_images.decode(z)), IMAGES, atol=1e-4)
    model = glow(num_levels=4)
    images = numpy(model.decode(numpy(model.encode(LEVELS))))
    np.testing.assert_allclose(images, LEVELS, atol=1e-6)


def test_half_of_the_values_leave_at_each_scale():
    model = Glow((8, 8, 2), num_scales=3, num_steps=2, filters=2)
    shapes = [split.event_shape for split in flattened(model.bijector, Split)]
    assert shapes == [(4, 4, 8), (2, 2, 16)]
    norms = [norm.event_shape for norm in flattened(model.bijector, ActNorm)]
    assert norms == [(4, 4, 8)] * 2 + [(2, 2, 16)] * 2 + [(1, 1, 32)] * 2
    assert model.bijector.latent_shape == (128,)
    assert Glow((4, 4, 1), 1, 1, 2).sample(2).shape == (2, 4, 4, 1)


def test_couplings_compute_parameters_of_what_moves_alone(of_images):
    couplings = flattened(of_images.bijector, AffineCoupling)
    assert couplings
    for coupling in couplings:
        *places, channels = coupling.event_shape
        # A shift and a log-scale for each value of half of the channels.
        assert coupling.network.output_shape == (None, *places, 2 * (channels // 2))


def test_the_prior_of_a_scale_depends_on_what_stays(of_images, rng):
    # p(a | b) = N(mean(b), exp(log_scale(b))^2), by a split alone: no bijector of
    # its own moves the half that leaves.
    splits = flattened(of_images.bijector, Split)
    assert splits
    for split in splits:
        half = split.event_shape[-1] // 2
        x = rng.normal(size=(2, *split.event_shape)).astype("float32")
        x[1, ..., :half] = x[0, ..., :half]
        leaving = numpy(split.inverse(x))[:, : split.latent_shape[0] // 2]
        assert np.abs(leaving[0] - leaving[1]).max() > 1e-3
        x[1] = x[0]
        x[1, ..., :half] += 1.0
        slopes = np.diff(numpy(split.inverse(x)), axis=0)[0]
        scales = numpy(split._prior(ops.convert_to_tensor(x[:1, ..., half:]))[1])
        expected = np.exp(-scales.ravel())
        np.testing.assert_allclose(slopes[: expected.size], expected, rtol=1e-3)
        assert np.ptp(expected) > 1e-3


def test_the_first_batch_starts_every_normalization(monkeypatch, rng):
    images = rng.normal(3.0, 5.0, (64, 4, 4, 1)).astype("float32")
    model = Glow((4, 4, 1), num_scales=2, num_steps=2, filters=3, num_levels=None)
    assert not model.is_initialized
    model.initialize(images)
    assert model.is_initialized
    latents, inverse = [], ActNorm._inverse_and_log_det

    def noted(norm, x, condition):
        found = inverse(norm, x, condition)
        latents.append(numpy(found[0]))
        return found

    monkeypatch.setattr(ActNorm, "_inverse_and_log_det", noted)
    model.bijector.inverse(images)
    assert len(latents) == 4
    for values in latents:
        channels = values.reshape(-1, values.shape[-1])
        np.testing.assert_allclose(channels.mean(axis=0), 0, atol=1e-3)
        np.testing.assert_allclose(channels.std(axis=0), 1, rtol=1e-3)


def test_labels_reach_every_coupling(rng):
    model = glow(num_classes=3)
    z = np.repeat(rng.normal(size=(1, 16)).astype("float32"), 3, axis=0)
    images = numpy(model.decode(z, np.arange(3)))
    assert np.abs(images[0] - images[1]).max() > 1e-4
    back = numpy(model.encode(images, np.arange(3)))
    np.testing.assert_allclose(back, z, atol=1e-3)


def test_lower_temperatures_are_nearer_to_the_middle(of_images):
    middle = numpy(of_images.decode(np.zeros((1, 16))))
    distances = [
        np.abs(numpy(of_images.sample(64, seed=0, temperature=t)) - middle).mean()
        for t in (0.01, 0.7, 1.0)
    ]
    assert distances[0] < 0.05 * distances[1] and distances[1] < distances[2]


@pytest.mark.parametrize("filters", [16, 256])
def test_no_step_of_adam_moves_a_coupling_far(filters, rng):
    # The first step moves each weight by the learning rate; at worst all together.
    model = Glow((8, 8, 2), num_scales=2, num_steps=1, filters=filters)
    x = rng.normal(size=(16, 4, 4, 8)).astype("float32")
    coupling = flattened(model.bijector, AffineCoupling)[0]
    split = flattened(model.bijector, Split)[0]
    for network, values in (
        (coupling.network, x),
        (split.prior_network, x[..., :4]),
    ):
        *_, kernel, _ = network.trainable_variables
        np.testing.assert_array_equal(numpy(network(values)), 0)
        for sign in (np.ones(kernel.shape), np.sign(rng.normal(size=kernel.shape))):
            kernel.assign(1e-3 * sign)
            assert 0 < np.abs(numpy(network(values))).max() < 0.1


@pytest.mark.any_backend
def test_adam_starts_without_a_jump():
    # With undivided last layers the first step loses 90 nats here.
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    grey, noise = rng.random((16, 1, 1, 1)), rng.normal(size=(16, 8, 8, 3))
    images = (grey + 0.02 * noise).astype("float32")  # smooth, as photographs are
    model = Glow((8, 8, 3), num_scales=2, num_steps=8, filters=256, num_levels=None)
    model.compile(keras.optimizers.Adam(1e-3))
    model.initialize(images)
    losses = []
    for _ in range(4):
        model.reset_metrics()
        losses.append(float(model.train_on_batch(images)))
    assert np.all(np.diff(losses) < 0)


def test_convolutions_follow_the_policy_and_maps_are_float32(dtype_policy, rng):
    dtype_policy("mixed_bfloat16")
    model = Glow((4, 4, 1), num_scales=2, num_steps=1, filters=3, num_levels=None)
    couplings = flattened(model.bijector, AffineCoupling)
    priors = flattened(model.bijector, Split)
    networks = [c.network for c in couplings] + [s.prior_network for s in priors]
    for network in networks:
        shape = (2, *network.input_shape[1:])
        outputs = network(rng.normal(size=shape).astype("float32"))
        assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
        for layer in network.layers:
            if isinstance(layer, keras.layers.Conv2D):
                assert layer.compute_dtype == "bfloat16"


@pytest.mark.parametrize("image_shape", [(6, 8, 1), (8, 6, 1)])
def test_sides_must_halve(image_shape):
    with pytest.raises(ValueError, match="divisible by 4 for num_scales=2"):
        Glow(image_shape, num_scales=2)


@pytest.mark.parametrize("map_values", [lambda x: 2 * x - 1, lambda x: 255 * x])
def test_streams_that_are_not_levels_are_nan_or_refused(map_values):
    model = glow(num_levels=4)
    model.compile("sgd", run_eagerly=True)
    wrong = map_values(LEVELS)
    assert np.isfinite(model.test_on_batch(LEVELS))
    assert np.isnan(keras.Model.test_on_batch(model, wrong))  # as a later batch
    # Before they start a normalization.
    with pytest.raises(ValueError, match="`x` must lie in"):
        model.fit(((wrong,) for _ in range(2)), steps_per_epoch=2, verbose=0)
    assert not model.is_initialized


@slow_elsewhere
def test_numbers_are_float32_where_keras_defaults_to_float64(floatx64):
    model = glow(num_levels=4)
    x = ops.convert_to_tensor(LEVELS.astype("float64"))
    for numbers in (model(x), model.sample(2), model.encode(LEVELS)):
        assert keras.backend.standardize_dtype(numbers.dtype) == "float32"
        assert np.all(np.isfinite(numpy(numbers)))
