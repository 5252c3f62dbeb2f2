"""Moves through the latent space of any model with `decode` or a generator."""

from keras_genmod.latents.analogy import Analogy, analogy, around
from keras_genmod.latents.coding import decode, encode
from keras_genmod.latents.interpolation import interpolate
from keras_genmod.latents.traversal import traverse

__all__ = [
    "Analogy",
    "analogy",
    "around",
    "decode",
    "encode",
    "interpolate",
    "traverse",
]
