"""Models large enough that a GPU's arithmetic, not its launches, takes the time.

There is no loop by hand of these sizes: `step_time --sizes large` compares the
package's ways, and dtype policies with float32.
"""

import keras
import numpy as np

import keras_genmod
from benchmarks import sizes
from keras_genmod import networks

_IMAGE = (64, 64, 3)
_PHOTO = (128, 128, 3)
_GLOW_IMAGE = (32, 32, 3)
_TOKENS, _TOKEN_LEVELS = (16, 16, 1), 512
_LATENTS, _CLASSES = 128, 10
_SMALL_IMAGE, _ATTENTION_SIDE = (32, 32, 3), 16  # of BigGAN

BATCH = {
    "dcgan": 256,
    "wgan_gp": 320,
    "cycle_gan": 8,
    "style_gan2": 32,
    "big_gan": 64,
    "pixel_cnn": 256,
    "vae": 4096,
    "convolutional_vae": 256,
    "causal_transformer": 64,
    "glow": 64,
    "rbm_pcd": 4096,
}


def make_batch(name: str):
    """Returns one batch as `fit` takes it, an array or a pair of arrays."""
    rng = np.random.default_rng(0)
    if name == "cycle_gan":
        return tuple(_levels(rng, name, _PHOTO, 256) for _ in range(2))
    x = _levels(rng, name, *_DATA[name])
    if name != "big_gan":
        return x
    return x, rng.integers(_CLASSES, size=len(x)).astype("int32")


def _levels(rng, name, shape, num_levels):
    """Returns noise of so many levels between 0 and 1."""
    numbers = rng.integers(num_levels, size=(BATCH[name], *shape))
    return (numbers / (num_levels - 1)).astype("float32")


def make_optimizer(name: str) -> keras.optimizers.Optimizer:
    """Returns the optimizer that the model of this name is trained with."""
    if name == "rbm_pcd":
        return keras.optimizers.SGD(sizes.SGD)
    if "gan" in name:
        rate, beta_1, beta_2 = sizes.ADAM_ADVERSARIAL
        return keras.optimizers.Adam(rate, beta_1, beta_2)
    # Smaller than usual: some hundred steps on noise must stay finite.
    return keras.optimizers.Adam(1e-4)


def _dcgan():
    return keras_genmod.GAN(
        networks.dcgan_generator(_LATENTS, _IMAGE, 256),
        networks.dcgan_discriminator(_IMAGE, 64),
        _LATENTS,
    )


def _wgan_gp():
    return keras_genmod.WGANGP(
        networks.dcgan_generator(_LATENTS, _IMAGE, 256),
        networks.dcgan_discriminator(_IMAGE, 64, normalization="layer"),
        _LATENTS,
        critic_steps=sizes.CRITIC_STEPS,
        penalty_weight=sizes.PENALTY,
    )


def _cycle_gan():
    return keras_genmod.CycleGAN(
        *(networks.resnet_generator(_PHOTO, 64, 9) for _ in range(2)),
        *(networks.patchgan_discriminator(_PHOTO, 64) for _ in range(2)),
        pool_size=sizes.POOL,
    )


def _style_gan2():
    return keras_genmod.StyleGAN2(
        networks.style_gan_mapping(512),
        networks.style_gan_synthesis(_IMAGE),
        networks.style_gan_discriminator(_IMAGE),
    )


def _big_gan():
    attention = {"attention_side": _ATTENTION_SIDE}
    return keras_genmod.GAN(
        networks.big_gan_generator(_LATENTS, _SMALL_IMAGE, _CLASSES, **attention),
        networks.big_gan_discriminator(_SMALL_IMAGE, _CLASSES, **attention),
        _LATENTS,
        loss="hinge",
        discriminator_steps=sizes.BIG_STEPS,
        num_classes=_CLASSES,
    )


def _pixel_cnn():
    return keras_genmod.PixelCNN((28, 28, 1), filters=128, num_blocks=15)


def _vae():
    return keras_genmod.VAE(
        networks.mlp_encoder((784,), (4096, 4096)),
        networks.mlp_decoder(_LATENTS, (784,), (4096, 4096)),
        latent_dim=_LATENTS,
    )


def _convolutional_vae():
    return keras_genmod.VAE(
        networks.convolutional_encoder(_IMAGE, (64, 128, 256)),
        networks.convolutional_decoder(_LATENTS, _IMAGE, (256, 128, 64)),
        latent_dim=_LATENTS,
    )


def _causal_transformer():
    return keras_genmod.CausalTransformer(
        _TOKENS, num_levels=_TOKEN_LEVELS, model_dim=512, num_heads=8, num_blocks=8
    )


def _glow():
    return keras_genmod.Glow(_GLOW_IMAGE, num_scales=3, num_steps=16, filters=256)


def _rbm():
    return keras_genmod.RBM(
        sizes.PIXELS, 4096, persistent=True, num_chains=BATCH["rbm_pcd"]
    )


MAKERS = {
    "dcgan": _dcgan,
    "wgan_gp": _wgan_gp,
    "cycle_gan": _cycle_gan,
    "style_gan2": _style_gan2,
    "big_gan": _big_gan,
    "pixel_cnn": _pixel_cnn,
    "vae": _vae,
    "convolutional_vae": _convolutional_vae,
    "causal_transformer": _causal_transformer,
    "glow": _glow,
    "rbm_pcd": _rbm,
}
NAMES = tuple(MAKERS)

# Shape and number of levels of each example; CycleGAN's pairs are in `make_batch`.
_DATA = {
    "dcgan": (_IMAGE, 256),
    "wgan_gp": (_IMAGE, 256),
    "style_gan2": (_IMAGE, 256),
    "big_gan": (_SMALL_IMAGE, 256),
    "pixel_cnn": ((28, 28, 1), 2),
    "vae": ((784,), 2),
    "convolutional_vae": (_IMAGE, 2),
    "causal_transformer": (_TOKENS, _TOKEN_LEVELS),
    "glow": (_GLOW_IMAGE, 256),
    "rbm_pcd": ((784,), 2),
}
