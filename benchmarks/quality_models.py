"""The models whose quality on MNIST is compared, with their budgets.

`CausalTransformer`, a prior over codes, is left out, and what models no images.
"""

import keras

import keras_genmod
from benchmarks import quality_diffusion, quality_flows, quality_machines
from benchmarks.quality_entry import Entry, compiled
from keras_genmod import networks

_SHAPE = (28, 28, 1)
_LATENTS = 64


def _vae():
    model = keras_genmod.VAE(
        networks.mlp_encoder(_SHAPE, (400,)),
        networks.mlp_decoder(40, _SHAPE, (400,)),
        latent_dim=40,
        seed=0,
    )
    return compiled(model, keras.optimizers.Adam(1e-3))


def _autoregressive(cls, **kwargs):
    def make():
        return compiled(cls(_SHAPE, seed=0, **kwargs), keras.optimizers.Adam(1e-3))

    return make


def _networks(normalization):
    return (
        networks.dcgan_generator(_LATENTS, _SHAPE, 32),
        networks.dcgan_discriminator(_SHAPE, 32, normalization=normalization),
    )


def _gan():
    model = keras_genmod.GAN(*_networks("batch"), latent_dim=_LATENTS, seed=0)
    return compiled(model, keras.optimizers.Adam(2e-4, 0.5))


def _wgan():
    model = keras_genmod.WGAN(*_networks(None), latent_dim=_LATENTS, seed=0)
    return compiled(model, keras.optimizers.RMSprop(5e-5))


def _wgan_gp():
    model = keras_genmod.WGANGP(*_networks("layer"), latent_dim=_LATENTS, seed=0)
    return compiled(model, keras.optimizers.Adam(1e-4, 0.0, 0.9))


ENTRIES = {
    "VAE 784-400-40": Entry(_vae, True, 20, 128, options={"num_samples": 200}),
    **quality_flows.ENTRIES,
    **quality_machines.ENTRIES,
    "PixelCNN": Entry(_autoregressive(keras_genmod.PixelCNN), True, 1, 32),
    "GatedPixelCNN": Entry(
        _autoregressive(keras_genmod.GatedPixelCNN, filters=32, num_blocks=5),
        True,
        1,
        32,
        num_images=10_000,
    ),
    "PixelRNN row": Entry(
        _autoregressive(keras_genmod.PixelRNN, kind="row", filters=32, num_layers=2),
        True,
        1,
        32,
        num_images=10_000,
    ),
    "PixelRNN diagonal": Entry(
        _autoregressive(
            keras_genmod.PixelRNN, kind="diagonal", filters=32, num_layers=2
        ),
        True,
        1,
        32,
        num_images=10_000,
    ),
    "PixelCNN++": Entry(
        _autoregressive(
            keras_genmod.PixelCNNPlusPlus,
            num_levels=2,
            filters=24,
            num_blocks=1,
            dropout=0.0,
        ),
        True,
        1,
        32,
        num_images=10_000,
    ),
    "GAN": Entry(_gan, False, 3, 64, has_log_prob=False),
    "WGAN": Entry(_wgan, False, 3, 320, has_log_prob=False),
    "WGAN-GP": Entry(_wgan_gp, False, 3, 320, has_log_prob=False),
    **quality_diffusion.ENTRIES,
}
