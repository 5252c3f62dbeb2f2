"""Generative models for Keras 3 on TensorFlow, JAX and PyTorch."""

from keras_genmod import (
    bijectors,
    callbacks,
    data,
    distributions,
    evaluation,
    latents,
    layers,
    metrics,
    networks,
)
from keras_genmod.models import (
    GAN,
    RBM,
    VAE,
    WGAN,
    WGANGP,
    Autoencoder,
    CausalTransformer,
    CycleGAN,
    GatedPixelCNN,
    NormalizingFlow,
    PixelCNN,
    PixelCNNPlusPlus,
    PixelRNN,
)
from keras_genmod.version import VERSION

__version__ = VERSION

__all__ = [
    "Autoencoder",
    "CausalTransformer",
    "CycleGAN",
    "GAN",
    "GatedPixelCNN",
    "NormalizingFlow",
    "PixelCNN",
    "PixelCNNPlusPlus",
    "PixelRNN",
    "RBM",
    "VAE",
    "WGAN",
    "WGANGP",
    "bijectors",
    "callbacks",
    "data",
    "distributions",
    "evaluation",
    "latents",
    "layers",
    "metrics",
    "networks",
]
