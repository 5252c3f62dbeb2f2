"""Invertible maps; the contract is in `bijector.py`."""

from keras_genmod.bijectors.act_norm import ActNorm
from keras_genmod.bijectors.additive_coupling import AdditiveCoupling
from keras_genmod.bijectors.affine import Affine
from keras_genmod.bijectors.affine_coupling import AffineCoupling
from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.chain import Chain
from keras_genmod.bijectors.invert import Invert
from keras_genmod.bijectors.invertible_1x1_convolution import Invertible1x1Convolution
from keras_genmod.bijectors.invertible_linear import InvertibleLinear
from keras_genmod.bijectors.leaky_relu import LeakyReLU
from keras_genmod.bijectors.logit import Logit
from keras_genmod.bijectors.masked_autoregressive import MaskedAutoregressive
from keras_genmod.bijectors.permutation import Permutation
from keras_genmod.bijectors.planar import Planar
from keras_genmod.bijectors.radial import Radial
from keras_genmod.bijectors.rational_quadratic_spline import RationalQuadraticSpline
from keras_genmod.bijectors.sigmoid import Sigmoid
from keras_genmod.bijectors.spline_coupling import SplineCoupling
from keras_genmod.bijectors.split import Split
from keras_genmod.bijectors.squeeze import Squeeze

__all__ = [
    "ActNorm",
    "AdditiveCoupling",
    "Affine",
    "AffineCoupling",
    "Bijector",
    "Chain",
    "Invert",
    "Invertible1x1Convolution",
    "InvertibleLinear",
    "LeakyReLU",
    "Logit",
    "MaskedAutoregressive",
    "Permutation",
    "Planar",
    "Radial",
    "RationalQuadraticSpline",
    "Sigmoid",
    "SplineCoupling",
    "Split",
    "Squeeze",
]
