import keras
import numpy as np
import pytest
from keras import layers

from keras_genmod.evaluation import inception_v3

IMAGES = np.random.default_rng(0).random((3, 8, 8, 1), "float32")


def small_inception(weights):
    """What stands for Inception here: the same input and names, few weights."""
    model = keras.Sequential(
        [
            layers.Input((299, 299, 3)),
            layers.GlobalAveragePooling2D(name="avg_pool"),
            layers.Dense(10, activation="softmax", name="predictions"),
        ],
        name="inception_v3",
    )
    if weights != "imagenet":
        model.load_weights(weights)
    return model


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(keras.applications, "InceptionV3", small_inception)


@pytest.fixture
def offline(monkeypatch):
    def fails(weights):
        raise Exception("URL fetch failure on https://storage: None -- unreachable")

    monkeypatch.setattr(keras.applications, "InceptionV3", fails)


def test_images_come_as_rgb_of_299_pixels_in_minus_one_to_one(small):
    features = inception_v3()(IMAGES)  # here the mean of each channel
    mean = 2.0 * IMAGES.mean(axis=(1, 2), dtype="float64") - 1.0
    np.testing.assert_allclose(features, mean.repeat(3, axis=1), atol=0.02)
    dark_and_bright = inception_v3()(np.stack([0.0 * IMAGES[0], 0.0 * IMAGES[0] + 1]))
    np.testing.assert_allclose(dark_and_bright[:, 0], [-1, 1], atol=1e-6)


def test_predictions_are_probabilities(small):
    probabilities = inception_v3(layer="predictions")(IMAGES)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-6)


def test_the_protocol_says_which_inception_this_is(small):
    protocol = inception_v3().protocol(split="test")
    assert protocol.features == (
        "keras_inception_v3/avg_pool (not the FID-original Inception)"
    )
    assert protocol.resize == "bilinear antialiased float32 299x299"
    assert inception_v3(layer="predictions").protocol() != inception_v3().protocol()


def test_weights_come_from_a_file(small, tmp_path):
    written = small_inception("imagenet")
    written.save_weights(tmp_path / "inception.weights.h5")
    features = inception_v3(tmp_path / "inception.weights.h5", layer="predictions")
    images = IMAGES[:1].repeat(3, axis=-1)
    images = 2.0 * keras.ops.image.resize(images, (299, 299), antialias=True) - 1.0
    expected = keras.ops.convert_to_numpy(written(images))
    np.testing.assert_allclose(features(IMAGES[:1]), expected, rtol=1e-5)


@pytest.mark.any_backend
def test_offline_the_error_says_how_to_give_a_file(offline):
    with pytest.raises(OSError, match="inception_v3_weights_tf.*kernels.h5") as error:
        inception_v3()
    assert 'inception_v3(weights="' in str(error.value)
    assert "~/.keras/models" in str(error.value)
    assert "URL fetch failure" in str(error.value)


@pytest.mark.any_backend
@pytest.mark.parametrize("weights", ["nowhere.h5", None, 3])
def test_weights_that_are_no_file_are_named(weights):
    with pytest.raises(ValueError, match='`weights` must be "imagenet" or the path'):
        inception_v3(weights)


@pytest.mark.parametrize("name", ["other.h5", "other.weights.h5"])
def test_another_file_is_named(small, tmp_path, name):
    (tmp_path / name).write_bytes(b"not weights")
    with pytest.raises(ValueError, match="`weights` must be a weights file of keras.a"):
        inception_v3(tmp_path / name)


def test_weights_of_another_model_are_named(small, tmp_path):
    other = keras.Sequential([layers.Input((4,)), layers.Dense(2), layers.Dense(1)])
    other.save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(ValueError, match="`weights` must be a weights file of keras.a"):
        inception_v3(tmp_path / "other.weights.h5")


@pytest.mark.slow
def test_inception_of_keras_reads_a_file(tmp_path):
    path = tmp_path / "inception.weights.h5"
    model = keras.applications.InceptionV3(weights=None)
    model.save_weights(path)
    features = inception_v3(path, batch_size=2)
    assert features(IMAGES).shape == (3, 2048)
    again = inception_v3(path, layer="predictions", batch_size=2)
    probabilities = again(IMAGES)
    assert probabilities.shape == (3, 1000)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
    images = IMAGES.repeat(3, axis=-1)
    images = 2.0 * keras.ops.image.resize(images, (299, 299), antialias=True) - 1.0
    expected = keras.ops.convert_to_numpy(model(images, training=False))
    np.testing.assert_allclose(probabilities, expected, rtol=1e-3)
