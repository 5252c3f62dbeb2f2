"""Building blocks that several models or networks share."""

from keras_genmod.layers.diagonal_bi_lstm import DiagonalBiLSTM
from keras_genmod.layers.gaussian_sampling import GaussianSampling
from keras_genmod.layers.masked_conv_2d import MaskedConv2D
from keras_genmod.layers.reflection_padding_2d import ReflectionPadding2D
from keras_genmod.layers.row_lstm import RowLSTM

__all__ = [
    "DiagonalBiLSTM",
    "GaussianSampling",
    "MaskedConv2D",
    "ReflectionPadding2D",
    "RowLSTM",
]
