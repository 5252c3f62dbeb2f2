"""Generative adversarial networks that the quality benchmark trains.

Grey images of 256 levels; networks of about one size. Which state is the best is told
by pixels, and not by the features that the samples are judged in.
"""

import keras

import keras_genmod
from benchmarks.quality_entry import Entry, compiled
from benchmarks.quality_judge import draw
from keras_genmod import metrics, networks

_SHAPE, _LATENTS, _FILTERS = (28, 28, 1), 64, 32
_STEPS = 5  # of the discriminator, for one of the generator
_NUM_SCORED = 1_000  # samples, and validation images
_PADDED, _MARGIN = (32, 32, 1), 2  # StyleGAN2's images have sides of 4 * 2^n


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


def _style_gan2(seed):
    synthesis = networks.style_gan_synthesis(_PADDED, 64, 512, _LATENTS)
    cropped = keras.layers.Cropping2D(_MARGIN)(synthesis.outputs[0])
    image = keras.Input(_SHAPE)
    padded = keras.layers.ZeroPadding2D(_MARGIN)(image)
    score = networks.style_gan_discriminator(_PADDED, 64, 512)(padded)
    model = keras_genmod.StyleGAN2(
        networks.style_gan_mapping(_LATENTS, _LATENTS, num_layers=2),
        keras.Model(synthesis.inputs, cropped),
        keras.Model(image, score),
        r1_weight=0.01,
        ema_half_life=2_000.0,
        seed=seed,
    )
    model.compile()
    return model


def _likeness(model, images):
    """Returns the kernel distance in pixels of samples to images, negative."""
    real = images[:_NUM_SCORED]
    fake = draw(model, len(real), real.shape[1:], {})
    real, fake = (x.reshape(len(x), -1) for x in (real, fake))
    return -metrics.kernel_distance(real, fake, num_subsets=None).value


def _entry(make, batch_size):
    return Entry(
        make,
        "adversarial",
        is_binary=False,
        batch_size=batch_size,
        has_log_prob=False,
        score=_likeness,
        score_name="kernel distance in pixels, negative",
    )


ENTRIES = {
    "GAN": _entry(_gan, 64),
    "WGAN": _entry(_wgan, _STEPS * 64),
    "WGAN-GP": _entry(_wgan_gp, _STEPS * 64),
    "SNGAN": _entry(_sngan, _STEPS * 64),
    "StyleGAN2": _entry(_style_gan2, 32),
}
