"""Models of a few units that callbacks watch."""

import keras
import numpy as np

from keras_genmod import GAN, VAE
from tests.models.small_networks import small_network

IMAGE, LATENT = (4, 4, 1), 3
X = (np.random.default_rng(0).random((24, *IMAGE)) < 0.5).astype("float32")
LABELS = np.arange(24) % 2


def vae(num_classes=None, **kwargs):
    """Returns a compiled VAE whose dropout draws random numbers in training."""
    model = VAE(
        small_network(IMAGE, (6,), num_classes=num_classes, dropout=0.3),
        small_network((LATENT,), IMAGE, num_classes=num_classes),
        LATENT,
        num_classes=num_classes,
        seed=1,
    )
    model.compile(keras.optimizers.Adam(0.01), **kwargs)
    return model


def gan(num_classes=None, **kwargs):
    """Returns a compiled GAN."""
    model = GAN(
        small_network((LATENT,), IMAGE, "sigmoid", num_classes=num_classes),
        small_network(IMAGE, (1,), num_classes=num_classes, dropout=0.3),
        LATENT,
        num_classes=num_classes,
        seed=1,
    )
    model.compile(keras.optimizers.Adam(0.01), **kwargs)
    return model


def fit(model, callbacks, epochs=2, y=None, **kwargs):
    """Fits 3 batches an epoch."""
    return model.fit(
        X, y, batch_size=8, epochs=epochs, callbacks=callbacks, verbose=0, **kwargs
    )


def drawn(callback, model):
    """Returns what a callback draws, as an array."""
    return np.asarray(keras.ops.convert_to_numpy(callback.draw(model)))
