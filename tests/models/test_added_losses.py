"""What networks add to the loss of a model with one objective."""

import keras
import numpy as np

from keras_genmod import Autoencoder
from tests.contracts import array_of


def autoencoder(regularizer):
    encoder = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, kernel_regularizer=regularizer)]
    )
    decoder = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model = Autoencoder(encoder, decoder)
    model.compile("sgd", run_eagerly=keras.backend.backend() != "jax")
    return model


def test_regularizers_of_networks_count():
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    plain, regularized = autoencoder(None), autoencoder(keras.regularizers.L2(0.1))
    regularized.set_weights(plain.get_weights())
    loss, other = (
        model.evaluate(x, verbose=0, return_dict=True)["loss"]
        for model in (plain, regularized)
    )
    kernel = array_of(regularized.encoder.layers[-1].kernel)
    np.testing.assert_allclose(other - loss, 0.1 * np.sum(kernel**2), rtol=1e-4)
