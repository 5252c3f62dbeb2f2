"""Building blocks that several models or networks share."""

from keras_genmod.layers.gaussian_sampling import GaussianSampling
from keras_genmod.layers.masked_conv_2d import MaskedConv2D
from keras_genmod.layers.reflection_padding_2d import ReflectionPadding2D

__all__ = ["GaussianSampling", "MaskedConv2D", "ReflectionPadding2D"]
