"""The models whose quality on MNIST is compared, with their budgets.

`CausalTransformer`, a prior over codes, is left out, and what models no images.
"""

import dataclasses
from collections.abc import Callable

import keras

import keras_genmod
from keras_genmod import networks

_SHAPE = (28, 28, 1)
_LATENTS = 64


@dataclasses.dataclass(frozen=True)
class Entry:
    """One row: a model, what it is trained on, and for how long.

    Args:
        make: Function without arguments that returns the compiled model.
        is_binary: Whether it models binary images; else grey ones.
        epochs: Int, at factor 1.
        batch_size: Int.
        num_images: Int, training images that are used; `None` takes all.
        is_flat: Whether images are vectors to it.
        has_log_prob: Whether its `log_prob` can be computed at this size.
        options: Dict, of `evaluate_likelihood`.
        sample_options: Dict, of `sample`.
    """

    make: Callable
    is_binary: bool
    epochs: int
    batch_size: int
    num_images: int | None = None
    is_flat: bool = False
    has_log_prob: bool = True
    options: dict = dataclasses.field(default_factory=dict)
    sample_options: dict = dataclasses.field(default_factory=dict)


def _compiled(model, optimizer):
    model.compile(optimizer)
    return model


def _vae():
    model = keras_genmod.VAE(
        networks.mlp_encoder(_SHAPE, (400,)),
        networks.mlp_decoder(40, _SHAPE, (400,)),
        latent_dim=40,
        seed=0,
    )
    return _compiled(model, keras.optimizers.Adam(1e-3))


def _autoregressive(cls, **kwargs):
    def make():
        return _compiled(cls(_SHAPE, seed=0, **kwargs), keras.optimizers.Adam(1e-3))

    return make


def _rbm():
    model = keras_genmod.RBM(784, 500, persistent=True, seed=0)
    return _compiled(model, keras.optimizers.SGD(0.05))


def _networks(normalization):
    return (
        networks.dcgan_generator(_LATENTS, _SHAPE, 32),
        networks.dcgan_discriminator(_SHAPE, 32, normalization=normalization),
    )


def _gan():
    model = keras_genmod.GAN(*_networks("batch"), latent_dim=_LATENTS, seed=0)
    return _compiled(model, keras.optimizers.Adam(2e-4, 0.5))


def _wgan():
    model = keras_genmod.WGAN(*_networks(None), latent_dim=_LATENTS, seed=0)
    return _compiled(model, keras.optimizers.RMSprop(5e-5))


def _wgan_gp():
    model = keras_genmod.WGANGP(*_networks("layer"), latent_dim=_LATENTS, seed=0)
    return _compiled(model, keras.optimizers.Adam(1e-4, 0.0, 0.9))


ENTRIES = {
    "VAE 784-400-40": Entry(_vae, True, 20, 128, options={"num_samples": 200}),
    "RBM 784x500 PCD-1": Entry(
        _rbm,
        True,
        10,
        100,
        is_flat=True,
        has_log_prob=False,
        sample_options={"num_steps": 200},
    ),
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
}
