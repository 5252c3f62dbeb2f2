"""The architectures that `step_time` measures, as numbers.

The package's models (`architectures.py`) and the hand-written ones (`references/`)
are made of the same numbers; `step_time` compares their parameter counts.
"""

import numpy as np

IMAGE = 28  # side of the grey images, in pixels
PIXELS = IMAGE * IMAGE

BATCH = {
    "autoencoder": 128,
    "vae": 128,
    "iwae": 64,
    "pixel_cnn": 16,
    "gan": 64,
    "wgan": 80,
    "wgan_gp": 80,
    "cycle_gan": 8,
    "pix2pix": 8,
    "sngan": 80,
    "style_gan2": 16,
    "big_gan": 32,
    "progressive_gan": 16,
    "vq_vae": 32,
    "vq_gan": 16,
    "factor_vae": 64,
    "ladder_vae": 128,
    "flow": 512,
    "rbm_cd": 100,
    "rbm_pcd": 100,
    "diffusion": 32,
    "flow_matching": 32,
}

# Dense layers: pixels, hidden, latents, and back.
AUTOENCODER_HIDDEN, AUTOENCODER_LATENTS = 128, 32
VAE_HIDDEN, VAE_LATENTS = 400, 40
IWAE_DRAWS = 10  # of each image, for the importance-weighted bound

PIXEL_CNN_FILTERS, PIXEL_CNN_BLOCKS = 32, 15

# Generator: 7x7x32, 14x14x16, 28x28x1; discriminator or critic: the way back.
GAN_LATENTS, GAN_FILTERS = 64, 16
CRITIC_STEPS, CLIP, PENALTY = 5, 0.01, 10.0

CYCLE_IMAGE, CYCLE_FILTERS, CYCLE_BLOCKS, CYCLE_DOWN, CYCLE_LAYERS = 16, 8, 2, 2, 2
CYCLE_WEIGHT, IDENTITY_WEIGHT, POOL = 10.0, 0.5, 50

# Pix2Pix: a U-Net down to one pixel, CycleGAN's discriminator of both images.
PAIR_IMAGE, PAIR_DEPTH, PAIR_FILTERS, PAIR_DROPOUT, PAIR_WEIGHT = 32, 5, 8, 0.5, 200.0

# SNGAN: two blocks that double 7x7, four blocks back; spectral norm, hinge.
SNGAN_LATENTS, SNGAN_FILTERS, SNGAN_START, SNGAN_DOUBLINGS = 64, 16, 7, 2

# VQ-VAE: codes of a grid of 7x7, and how its codebook moves.
GRID_FILTERS, GRID_BLOCKS, CODES, CODE_DIM = 32, 2, 128, 16
CODE_DECAY, COMMITMENT, CODE_SMOOTHING = 0.99, 0.25, 1e-5

# VQGAN: the networks of VQ-VAE, CycleGAN's discriminator, and two convolutions of 3x3,
# the second of stride 2, whose features say how far images are from one another.
FEATURE_FILTERS = (16, 32)
FEATURE_WEIGHT, GAME_WEIGHT = 1.0, 0.8

# FactorVAE: `VAE_HIDDEN`, and a discriminator of so many layers of so many units.
FACTOR_LATENTS, FACTOR_HIDDEN, FACTOR_GAMMA = 10, (256, 256, 256), 10.0

# LadderVAE: hidden units and latents of each level, the lowest first.
LADDER_HIDDEN, LADDER_LATENTS = (256, 64), (32, 8)

# StyleGAN2, BigGAN and progressive GAN: images of 32x32.
STYLE_IMAGE = 32
STYLE_DIM, STYLE_LAYERS, STYLE_FILTERS, STYLE_BASE = 64, 2, 32, 512
STYLE_R1, STYLE_PATH, STYLE_R1_EVERY, STYLE_PATH_EVERY = 0.01, 8.0, 16, 4
STYLE_MIXING, STYLE_GROUP = 0.9, 4

BIG_LATENTS, BIG_FILTERS, BIG_EMBEDDING, BIG_CLASSES, BIG_ATTENTION = 64, 8, 32, 10, 16
BIG_STEPS = 2  # of the discriminator

GROWN_LATENTS, GROWN_FILTERS, GROWN_BASE, GROWN_FADE = 64, 32, 256, 0.5

EVENT, PLANAR_LAYERS, NEWTON_STEPS = 2, 16, 40

VISIBLE, HIDDEN = PIXELS, 500

# The U-Net of diffusion and flow matching; attention is at its lowest level.
UNET_FILTERS, UNET_MULTIPLIERS, UNET_BLOCKS = 32, (1, 2), 1
DIFFUSION_STEPS = 1000


def cosine_alphas():
    """Returns the factors of the data at each of the steps, float32."""
    places = np.arange(DIFFUSION_STEPS + 1) / DIFFUSION_STEPS
    squares = np.cos((places + 0.008) / 1.008 * np.pi / 2) ** 2
    betas = np.minimum(1 - squares[1:] / squares[:-1], 0.999)
    return np.sqrt(np.cumprod(1 - betas)).astype("float32")


# (learning rate, beta 1, beta 2) of Adam, and the learning rate of plain SGD.
ADAM = (1e-3, 0.9, 0.999)
ADAM_ADVERSARIAL = (2e-4, 0.5, 0.999)
EPSILON = 1e-7
SGD = 0.05
