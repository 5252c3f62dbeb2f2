"""What the perceptual loss of `vq_gan` takes from a classifier."""

import keras
import pytest

from recipes import feature_classifier, vq_gan

pytestmark = pytest.mark.any_backend


def test_its_features_are_those_of_relus_of_images():
    judge = feature_classifier.classifier((8, 8, 1), 10, 2, 4, "judge")
    names = vq_gan.perceptual_loss(judge).get_config()["layers"]
    layers = [judge.get_layer(name) for name in names]
    assert all(isinstance(layer, keras.layers.ReLU) for layer in layers)
    assert [layer.output.shape[1:] for layer in layers] == [
        *[(8, 8, 2)] * 2,
        *[(4, 4, 4)] * 2,
    ]
