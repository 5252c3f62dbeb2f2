"""Building blocks that several models or networks share."""

from keras_genmod.layers.adaptive_augment import AdaptiveAugment
from keras_genmod.layers.adaptive_instance_normalization import (
    AdaptiveInstanceNormalization,
)
from keras_genmod.layers.blur import Blur
from keras_genmod.layers.box_crop import BoxCrop
from keras_genmod.layers.box_paint import BoxPaint
from keras_genmod.layers.caption_encoder import CaptionEncoder
from keras_genmod.layers.conditional_batch_normalization import (
    ConditionalBatchNormalization,
)
from keras_genmod.layers.diagonal_bi_lstm import DiagonalBiLSTM
from keras_genmod.layers.diff_augment import DiffAugment
from keras_genmod.layers.equalized_conv_2d import EqualizedConv2D
from keras_genmod.layers.equalized_dense import EqualizedDense
from keras_genmod.layers.finite_scalar_quantizer import FiniteScalarQuantizer
from keras_genmod.layers.gaussian_sampling import GaussianSampling
from keras_genmod.layers.graph_convolution import GraphConvolution
from keras_genmod.layers.gumbel_quantizer import GumbelQuantizer
from keras_genmod.layers.icnr import ICNR
from keras_genmod.layers.learned_constant import LearnedConstant
from keras_genmod.layers.masked_conv_2d import MaskedConv2D
from keras_genmod.layers.masked_dense import MaskedDense
from keras_genmod.layers.minibatch_standard_deviation import MinibatchStandardDeviation
from keras_genmod.layers.modulated_conv_2d import ModulatedConv2D
from keras_genmod.layers.noise_injection import NoiseInjection
from keras_genmod.layers.orthogonal_regularizer import OrthogonalRegularizer
from keras_genmod.layers.persistent_dropout import PersistentDropout
from keras_genmod.layers.pixel_normalization import PixelNormalization
from keras_genmod.layers.pixel_shuffle import PixelShuffle
from keras_genmod.layers.projection_head import ProjectionHead
from keras_genmod.layers.reflection_padding_2d import ReflectionPadding2D
from keras_genmod.layers.row_lstm import RowLSTM
from keras_genmod.layers.scene_graph_embedding import SceneGraphEmbedding
from keras_genmod.layers.self_attention_2d import SelfAttention2D
from keras_genmod.layers.shifted_conv_2d import ShiftedConv2D
from keras_genmod.layers.shifted_conv_2d_transpose import ShiftedConv2DTranspose
from keras_genmod.layers.sinusoidal_embedding import SinusoidalEmbedding
from keras_genmod.layers.spectral_normalization import SpectralNormalization
from keras_genmod.layers.vector_quantizer import VectorQuantizer
from keras_genmod.layers.weight_normalization import WeightNormalization

__all__ = [
    "ICNR",
    "AdaptiveAugment",
    "AdaptiveInstanceNormalization",
    "Blur",
    "BoxCrop",
    "BoxPaint",
    "CaptionEncoder",
    "ConditionalBatchNormalization",
    "DiagonalBiLSTM",
    "DiffAugment",
    "EqualizedConv2D",
    "EqualizedDense",
    "FiniteScalarQuantizer",
    "GaussianSampling",
    "GraphConvolution",
    "GumbelQuantizer",
    "LearnedConstant",
    "MaskedConv2D",
    "MaskedDense",
    "MinibatchStandardDeviation",
    "ModulatedConv2D",
    "NoiseInjection",
    "OrthogonalRegularizer",
    "PersistentDropout",
    "PixelNormalization",
    "PixelShuffle",
    "ProjectionHead",
    "ReflectionPadding2D",
    "RowLSTM",
    "SceneGraphEmbedding",
    "SelfAttention2D",
    "ShiftedConv2D",
    "ShiftedConv2DTranspose",
    "SinusoidalEmbedding",
    "SpectralNormalization",
    "VectorQuantizer",
    "WeightNormalization",
]
