"""Distances that models are trained by, and that several models share."""

from keras_genmod.losses.lpips import lpips
from keras_genmod.losses.perceptual_loss import PerceptualLoss

__all__ = ["PerceptualLoss", "lpips"]
