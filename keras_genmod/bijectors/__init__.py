"""Invertible maps; the contract is in `bijector.py`."""

from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.chain import Chain
from keras_genmod.bijectors.planar import Planar

__all__ = ["Bijector", "Chain", "Planar"]
