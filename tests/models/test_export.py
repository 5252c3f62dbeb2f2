"""Keras' own `export` takes models that were never called."""

import keras
import pytest

from keras_genmod import GAN, Autoencoder
from tests.models.small_networks import small_network

_ON_TORCH = keras.backend.backend() == "torch"
FORMAT, NAME = ("torch", "model.pt2") if _ON_TORCH else ("tf_saved_model", "model")


def autoencoder():
    return Autoencoder(small_network((3,), (2,)), small_network((2,), (3,), "sigmoid"))


def conditional_gan():
    return GAN(
        small_network((2,), (3,), "sigmoid", num_classes=3),
        small_network((3,), (1,), num_classes=3),
        2,
        num_classes=3,
    )


@pytest.mark.filterwarnings("ignore")  # Keras' exporters warn of their own code
@pytest.mark.parametrize("make", [autoencoder, conditional_gan])
def test_a_new_model_is_exported(make, tmp_path):
    make().export(tmp_path / NAME, format=FORMAT, verbose=False)
    assert (tmp_path / NAME).exists()
