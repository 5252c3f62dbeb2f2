"""ActNorm starts from data, in either direction, and never at infinity."""

import keras
import numpy as np
import pytest

from keras_genmod import NormalizingFlow
from keras_genmod.bijectors import ActNorm, Affine, Chain, Invert, Squeeze
from tests.bijectors.cases import arrays

IMAGES = (
    np.random.default_rng(0)
    .normal([1.0, -20.0], [3.0, 0.01], size=(16, 4, 4, 2))
    .astype("float32")
)


def assert_normalised(values):
    values = values.reshape(-1, values.shape[-1])
    np.testing.assert_allclose(values.mean(axis=0), 0.0, atol=1e-3)
    np.testing.assert_allclose(values.std(axis=0), 1.0, rtol=1e-3)


def test_latents_of_the_data_start_with_mean_zero_and_deviation_one():
    norm = ActNorm((4, 4, 2))
    assert not norm.is_initialized
    np.testing.assert_array_equal(*arrays((norm.inverse(IMAGES), IMAGES)))
    (latents,) = arrays([norm.initialize(IMAGES)])
    assert norm.is_initialized
    assert_normalised(latents)
    np.testing.assert_array_equal(*arrays((norm.inverse(IMAGES), latents)))


def test_log_det_counts_every_position(rng):
    norm = ActNorm((4, 3, 2))
    norm.log_scale.assign([0.5, -0.2])
    norm.bias.assign([3.0, 4.0])
    z = rng.normal(size=(2, 4, 3, 2)).astype("float32")
    x, log_det = arrays(norm.forward_and_log_det(z))
    np.testing.assert_allclose(log_det, np.full(2, 4 * 3 * 0.3), rtol=1e-5)
    np.testing.assert_allclose(x, np.exp([0.5, -0.2]) * z + [3, 4], rtol=1e-5)


@pytest.mark.parametrize("direction", ["initialize", "initialize_forward"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e4, np.inf, np.nan])
def test_constant_and_infinite_channels_keep_a_scale_of_one(value, direction):
    norm, data = ActNorm((4, 4, 2)), IMAGES.copy()
    data[..., 1] = value
    (latents,) = arrays([getattr(norm, direction)(data)])
    log_scale, bias = arrays((norm.log_scale, norm.bias))
    assert log_scale[1] == 0 and log_scale[0] != 0
    assert np.all(np.isfinite(bias))
    assert_normalised(latents[..., :1])
    if np.isfinite(value):
        np.testing.assert_allclose(latents[..., 1], 0.0, atol=1e-3)


def test_an_inverted_one_normalises_its_own_latents():
    norm = Invert(ActNorm((4, 4, 2)))
    assert not norm.is_initialized
    (latents,) = arrays([norm.initialize(IMAGES)])
    assert norm.is_initialized
    assert_normalised(latents)
    np.testing.assert_array_equal(*arrays((norm.inverse(IMAGES), latents)))


@pytest.mark.parametrize("wrap", [lambda b: b, lambda b: Invert(Invert(b))])
def test_every_member_of_a_chain_starts_from_what_reaches_it(wrap, rng):
    first, last = ActNorm((2, 2, 8)), Invert(ActNorm((4, 4, 2)))
    between = Affine((4, 4, 2))
    between.log_scale.assign(rng.normal(size=(4, 4, 2)))
    chain = wrap(Chain([first, Squeeze((4, 4, 2)), between, last]))
    assert not chain.is_initialized
    (latents,) = arrays([chain.initialize(IMAGES)])
    assert chain.is_initialized
    assert_normalised(latents)
    assert_normalised(*arrays([last.inverse(IMAGES)]))


def test_a_file_holds_that_it_has_started(tmp_path):
    model = NormalizingFlow(ActNorm((4, 4, 2)))
    for started in (False, True):
        model.save(tmp_path / "flow.keras")
        loaded = keras.saving.load_model(tmp_path / "flow.keras", compile=False)
        assert loaded.bijector.is_initialized == started
        model.bijector.initialize(IMAGES)


def test_no_data_are_an_error():
    norm = ActNorm((4, 4, 2))
    with pytest.raises(ValueError, match="needs one example or more"):
        norm.initialize(IMAGES[:0])
    assert not norm.is_initialized
