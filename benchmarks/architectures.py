"""The package's models at the sizes that `step_time` measures, and their data."""

import keras
import numpy as np

import keras_genmod
from benchmarks import sizes
from keras_genmod import bijectors, layers, losses, networks

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
    if name in ("style_gan2", "big_gan", "progressive_gan"):
        images = _noisy_picture(rng, size, sizes.STYLE_IMAGE)
        if name != "big_gan":
            return images
        return images, rng.integers(sizes.BIG_CLASSES, size=size).astype("int32")
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
    adversarial = name.endswith(("gan", "gan2", "gan_gp")) or name == "pix2pix"
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


def _style_gan2():
    shape = (sizes.STYLE_IMAGE, sizes.STYLE_IMAGE, 1)
    return keras_genmod.StyleGAN2(
        networks.style_gan_mapping(
            sizes.STYLE_DIM, sizes.STYLE_DIM, sizes.STYLE_LAYERS
        ),
        networks.style_gan_synthesis(
            shape, sizes.STYLE_FILTERS, sizes.STYLE_BASE, sizes.STYLE_DIM
        ),
        networks.style_gan_discriminator(
            shape, sizes.STYLE_FILTERS, sizes.STYLE_BASE, sizes.STYLE_GROUP
        ),
        r1_weight=sizes.STYLE_R1,
        path_length_weight=sizes.STYLE_PATH,
        r1_interval=sizes.STYLE_R1_EVERY,
        path_length_interval=sizes.STYLE_PATH_EVERY,
        mixing_probability=sizes.STYLE_MIXING,
    )


def _big_gan():
    shape = (sizes.STYLE_IMAGE, sizes.STYLE_IMAGE, 1)
    options = {"filters": sizes.BIG_FILTERS, "attention_side": sizes.BIG_ATTENTION}
    return keras_genmod.GAN(
        networks.big_gan_generator(
            sizes.BIG_LATENTS,
            shape,
            sizes.BIG_CLASSES,
            embedding_dim=sizes.BIG_EMBEDDING,
            **options,
        ),
        networks.big_gan_discriminator(shape, sizes.BIG_CLASSES, **options),
        sizes.BIG_LATENTS,
        loss="hinge",
        discriminator_steps=sizes.BIG_STEPS,
        num_classes=sizes.BIG_CLASSES,
    )


def _progressive_gan():
    shape = (sizes.STYLE_IMAGE, sizes.STYLE_IMAGE, 1)
    widths = {"filters_base": sizes.GROWN_BASE, "max_filters": sizes.GROWN_FILTERS}
    model = keras_genmod.ProgressiveGAN(
        networks.ProgressiveGenerator(shape, sizes.GROWN_LATENTS, **widths),
        networks.ProgressiveCritic(shape, **widths),
    )
    model.grow(model.num_resolutions - 1, sizes.GROWN_FADE)
    return model


def _grid_networks(output_activation=None):
    """Returns encoder, quantizer and decoder of a VQ-VAE."""
    encoder = networks.grid_encoder(
        _SHAPE, sizes.CODE_DIM, sizes.GRID_FILTERS, num_blocks=sizes.GRID_BLOCKS
    )
    decoder = networks.grid_decoder(
        encoder.output_shape[1:],
        1,
        sizes.GRID_FILTERS,
        num_blocks=sizes.GRID_BLOCKS,
        output_activation=output_activation,
    )
    # Restarts draw at random, and loops by hand have none.
    quantizer = layers.VectorQuantizer(
        sizes.CODES,
        sizes.CODE_DIM,
        sizes.COMMITMENT,
        sizes.CODE_DECAY,
        restart_threshold=0.0,
    )
    return encoder, quantizer, decoder


def _vq_vae():
    return keras_genmod.VQVAE(*_grid_networks())


def _features():
    """Returns a perceptual loss, of a network that has learned nothing."""
    first, last = sizes.FEATURE_FILTERS
    options = {"padding": "same", "activation": "relu"}
    network = keras.Sequential(
        [
            keras.Input(_SHAPE),
            keras.layers.Conv2D(first, 3, name="first", **options),
            keras.layers.Conv2D(last, 3, 2, name="last", **options),
        ]
    )
    return losses.PerceptualLoss(network, ["first", "last"])


def _vq_gan():
    return keras_genmod.VQGAN(
        *_grid_networks("sigmoid"),
        networks.patchgan_discriminator(
            _SHAPE, sizes.CYCLE_FILTERS, sizes.CYCLE_LAYERS
        ),
        _features(),
        sizes.FEATURE_WEIGHT,
        sizes.GAME_WEIGHT,
        discriminator_start=0,
    )


def _factor_vae():
    return keras_genmod.FactorVAE(
        networks.mlp_encoder(_SHAPE, (sizes.VAE_HIDDEN,)),
        networks.mlp_decoder(sizes.FACTOR_LATENTS, _SHAPE, (sizes.VAE_HIDDEN,)),
        networks.mlp_decoder(
            sizes.FACTOR_LATENTS, (1,), sizes.FACTOR_HIDDEN, activation="leaky_relu"
        ),
        sizes.FACTOR_LATENTS,
        gamma=sizes.FACTOR_GAMMA,
    )


def _ladder_vae():
    (low, high), (low_dim, high_dim) = sizes.LADDER_HIDDEN, sizes.LADDER_LATENTS
    return keras_genmod.LadderVAE(
        [networks.mlp_encoder(_SHAPE, (low,)), networks.mlp_encoder((low,), (high,))],
        [
            networks.mlp_decoder(low_dim, _SHAPE, (low,)),
            networks.mlp_encoder((high_dim,), (high,)),
        ],
        sizes.LADDER_LATENTS,
    )


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
    "style_gan2": _style_gan2,
    "big_gan": _big_gan,
    "progressive_gan": _progressive_gan,
    "vq_vae": _vq_vae,
    "vq_gan": _vq_gan,
    "factor_vae": _factor_vae,
    "ladder_vae": _ladder_vae,
    "flow": _flow,
    "rbm_cd": lambda: _rbm(persistent=False),
    "rbm_pcd": lambda: _rbm(persistent=True),
    "diffusion": lambda: keras_genmod.DiffusionModel(_unet(), _SHAPE),
    "flow_matching": lambda: keras_genmod.FlowMatching(_unet(), _SHAPE),
}
NAMES = tuple(MAKERS)
BATCH = sizes.BATCH
