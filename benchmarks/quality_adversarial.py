"""Generative adversarial networks that the quality benchmark trains.

Grey images of 256 levels; networks of about one size.
"""

import keras

import keras_genmod
from benchmarks.quality_entry import Entry, compiled
from keras_genmod import networks

_SHAPE, _LATENTS, _FILTERS = (28, 28, 1), 64, 32
_STEPS = 5  # of the discriminator, for one of the generator


def _networks(normalization):
    return (
        networks.dcgan_generator(_LATENTS, _SHAPE, _FILTERS),
        networks.dcgan_discriminator(_SHAPE, _FILTERS, normalization=normalization),
    )


def _gan(seed):
    model = keras_genmod.GAN(*_networks("batch"), latent_dim=_LATENTS, seed=seed)
    return compiled(model, keras.optimizers.Adam(2e-4, 0.5))


def _wgan(seed):
    model = keras_genmod.WGAN(*_networks(None), latent_dim=_LATENTS, seed=seed)
    return compiled(model, keras.optimizers.RMSprop(5e-5))


def _wgan_gp(seed):
    model = keras_genmod.WGANGP(*_networks("layer"), latent_dim=_LATENTS, seed=seed)
    return compiled(model, keras.optimizers.Adam(1e-4, 0.0, 0.9))


def _sngan(seed):
    model = keras_genmod.GAN(
        networks.sngan_generator(_LATENTS, _SHAPE, _FILTERS),
        networks.sngan_discriminator(_SHAPE, _FILTERS),
        latent_dim=_LATENTS,
        loss="hinge",
        discriminator_steps=_STEPS,
        ema_momentum=0.99,
        seed=seed,
    )
    return compiled(model, keras.optimizers.Adam(2e-4, 0.0, 0.9))


def _entry(make, batch_size):
    return Entry(make, "adversarial", False, batch_size, has_log_prob=False)


ENTRIES = {
    "GAN": _entry(_gan, 64),
    "WGAN": _entry(_wgan, _STEPS * 64),
    "WGAN-GP": _entry(_wgan_gp, _STEPS * 64),
    "SNGAN": _entry(_sngan, _STEPS * 64),
}
