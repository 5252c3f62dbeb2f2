"""The package's models at the sizes that `step_time` measures, and their data."""

import keras
import numpy as np

import keras_genmod
from benchmarks import sizes
from keras_genmod import bijectors, layers, networks

_SHAPE = (sizes.IMAGE, sizes.IMAGE, 1)


def make_model(name: str) -> keras.Model:
    """Returns the model of this name, of the global dtype policy."""
    return MAKERS[name]()


def make_batch(name: str):
    """Returns one batch as `fit` takes it, an array or a pair of arrays.

    Images are noise around a fixed picture, which is quick to learn.
    """
    rng = np.random.default_rng(0)
    size = sizes.BATCH[name]
    if name == "flow":
        bent = rng.normal(size=(size, sizes.EVENT))
        bent[:, 1] += np.square(bent[:, 0])
        return bent.astype("float32")
    if name in ("cycle_gan", "pix2pix"):
        side = sizes.CYCLE_IMAGE if name == "cycle_gan" else sizes.PAIR_IMAGE
        first = _noisy_picture(rng, size, side)
        return first, 1.0 - _noisy_picture(rng, size, side)
    images = _noisy_picture(rng, size, sizes.IMAGE)
    return images.reshape(size, -1) if name.startswith("rbm") else images


def _noisy_picture(rng, size, side):
    ramp = np.linspace(0.0, 3.0 * np.pi, side)
    probability = 0.5 + 0.45 * np.sin(ramp)[:, None] * np.cos(ramp)[None, :]
    noise = rng.uniform(size=(size, side, side, 1))
    return (noise < probability[None, :, :, None]).astype("float32")


def make_optimizer(name: str) -> keras.optimizers.Optimizer:
    """Returns the optimizer that the model of this name is trained with."""
    if name.startswith("rbm"):
        return keras.optimizers.SGD(sizes.SGD)
    adversarial = name in ("gan", "wgan", "wgan_gp", "cycle_gan", "pix2pix", "sngan")
    rate, beta_1, beta_2 = sizes.ADAM_ADVERSARIAL if adversarial else sizes.ADAM
    return keras.optimizers.Adam(rate, beta_1, beta_2, epsilon=sizes.EPSILON)


def _autoencoder():
    hidden, latents = sizes.AUTOENCODER_HIDDEN, sizes.AUTOENCODER_LATENTS
    return keras_genmod.Autoencoder(
        networks.mlp_encoder(_SHAPE, (hidden, latents)),
        networks.mlp_decoder(latents, _SHAPE, (hidden,), output_activation="sigmoid"),
    )


def _vae(**options):
    return keras_genmod.VAE(
        networks.mlp_encoder(_SHAPE, (sizes.VAE_HIDDEN,)),
        networks.mlp_decoder(sizes.VAE_LATENTS, _SHAPE, (sizes.VAE_HIDDEN,)),
        latent_dim=sizes.VAE_LATENTS,
        **options,
    )


def _iwae():
    return _vae(objective="iwae", num_importance_samples=sizes.IWAE_DRAWS)


def _pixel_cnn():
    return keras_genmod.PixelCNN(
        _SHAPE, filters=sizes.PIXEL_CNN_FILTERS, num_blocks=sizes.PIXEL_CNN_BLOCKS
    )


def _generator_and_scorer(normalization):
    return (
        networks.dcgan_generator(sizes.GAN_LATENTS, _SHAPE, sizes.GAN_FILTERS),
        networks.dcgan_discriminator(
            _SHAPE, sizes.GAN_FILTERS, normalization=normalization
        ),
    )


def _gan():
    return keras_genmod.GAN(*_generator_and_scorer("batch"), sizes.GAN_LATENTS)


def _wgan():
    return keras_genmod.WGAN(
        *_generator_and_scorer(None),
        sizes.GAN_LATENTS,
        critic_steps=sizes.CRITIC_STEPS,
        clip=sizes.CLIP,
    )


def _wgan_gp():
    return keras_genmod.WGANGP(
        *_generator_and_scorer("layer"),
        sizes.GAN_LATENTS,
        critic_steps=sizes.CRITIC_STEPS,
        penalty_weight=sizes.PENALTY,
    )


def _cycle_gan():
    shape = (sizes.CYCLE_IMAGE, sizes.CYCLE_IMAGE, 1)
    generators = [
        networks.resnet_generator(
            shape, sizes.CYCLE_FILTERS, sizes.CYCLE_BLOCKS, sizes.CYCLE_DOWN
        )
        for _ in range(2)
    ]
    discriminators = [
        networks.patchgan_discriminator(shape, sizes.CYCLE_FILTERS, sizes.CYCLE_LAYERS)
        for _ in range(2)
    ]
    return keras_genmod.CycleGAN(
        *generators,
        *discriminators,
        cycle_weight=sizes.CYCLE_WEIGHT,
        identity_weight=sizes.IDENTITY_WEIGHT,
        pool_size=sizes.POOL,
    )


def _pix2pix():
    shape = (sizes.PAIR_IMAGE, sizes.PAIR_IMAGE, 1)
    return keras_genmod.Pix2Pix(
        networks.unet_generator(
            shape, sizes.PAIR_FILTERS, sizes.PAIR_DEPTH, dropout=sizes.PAIR_DROPOUT
        ),
        networks.patchgan_discriminator(
            (*shape[:2], 2), sizes.CYCLE_FILTERS, sizes.CYCLE_LAYERS
        ),
        reconstruction_weight=sizes.PAIR_WEIGHT,
    )


def _sngan():
    return keras_genmod.GAN(
        networks.sngan_generator(sizes.SNGAN_LATENTS, _SHAPE, sizes.SNGAN_FILTERS),
        networks.sngan_discriminator(_SHAPE, sizes.SNGAN_FILTERS),
        sizes.SNGAN_LATENTS,
        loss="hinge",
        discriminator_steps=sizes.CRITIC_STEPS,
    )


def _vq_vae():
    encoder = networks.grid_encoder(
        _SHAPE, sizes.CODE_DIM, sizes.GRID_FILTERS, num_blocks=sizes.GRID_BLOCKS
    )
    decoder = networks.grid_decoder(
        encoder.output_shape[1:], 1, sizes.GRID_FILTERS, num_blocks=sizes.GRID_BLOCKS
    )
    # Restarts draw at random, and loops by hand have none.
    quantizer = layers.VectorQuantizer(
        sizes.CODES,
        sizes.CODE_DIM,
        sizes.COMMITMENT,
        sizes.CODE_DECAY,
        restart_threshold=0.0,
    )
    return keras_genmod.VQVAE(encoder, quantizer, decoder)


def _flow():
    planar = [bijectors.Planar(sizes.EVENT) for _ in range(sizes.PLANAR_LAYERS)]
    return keras_genmod.NormalizingFlow(bijectors.Chain(planar))


def _unet():
    return networks.unet(
        _SHAPE,
        sizes.UNET_FILTERS,
        sizes.UNET_MULTIPLIERS,
        sizes.UNET_BLOCKS,
        attention_resolutions=(sizes.IMAGE // 2 ** (len(sizes.UNET_MULTIPLIERS) - 1),),
    )


def _rbm(persistent):
    return keras_genmod.RBM(
        sizes.VISIBLE,
        sizes.HIDDEN,
        persistent=persistent,
        num_chains=sizes.BATCH["rbm_pcd"],
    )


MAKERS = {
    "autoencoder": _autoencoder,
    "vae": _vae,
    "iwae": _iwae,
    "pixel_cnn": _pixel_cnn,
    "gan": _gan,
    "wgan": _wgan,
    "wgan_gp": _wgan_gp,
    "cycle_gan": _cycle_gan,
    "pix2pix": _pix2pix,
    "sngan": _sngan,
    "vq_vae": _vq_vae,
    "flow": _flow,
    "rbm_cd": lambda: _rbm(persistent=False),
    "rbm_pcd": lambda: _rbm(persistent=True),
    "diffusion": lambda: keras_genmod.DiffusionModel(_unet(), _SHAPE),
    "flow_matching": lambda: keras_genmod.FlowMatching(_unet(), _SHAPE),
}
NAMES = tuple(MAKERS)
BATCH = sizes.BATCH
