"""Callbacks: when to log, draw and back up."""

from keras_genmod.callbacks.backup import Backup
from keras_genmod.callbacks.denoising_path import DenoisingPath
from keras_genmod.callbacks.evaluate_samples import EvaluateSamples
from keras_genmod.callbacks.exponential_moving_average import ExponentialMovingAverage
from keras_genmod.callbacks.free_energy_gap import FreeEnergyGap
from keras_genmod.callbacks.gan_health import GanHealth, GanHealthWarning
from keras_genmod.callbacks.gibbs_steps import GibbsSteps
from keras_genmod.callbacks.grow_networks import GrowNetworks
from keras_genmod.callbacks.image_grid import image_grid, save_png
from keras_genmod.callbacks.interpolation import Interpolation
from keras_genmod.callbacks.latent_traversal import LatentTraversal
from keras_genmod.callbacks.neighbour_grid import NeighbourGrid
from keras_genmod.callbacks.picture_callback import PictureCallback
from keras_genmod.callbacks.reconstructions import Reconstructions
from keras_genmod.callbacks.sample_grid import SampleGrid
from keras_genmod.callbacks.stop_on_non_finite import StopOnNonFinite
from keras_genmod.callbacks.tensorboard import EventWriter, TensorBoard

__all__ = [
    "Backup",
    "DenoisingPath",
    "EvaluateSamples",
    "EventWriter",
    "ExponentialMovingAverage",
    "FreeEnergyGap",
    "GanHealth",
    "GanHealthWarning",
    "GibbsSteps",
    "GrowNetworks",
    "Interpolation",
    "LatentTraversal",
    "NeighbourGrid",
    "PictureCallback",
    "Reconstructions",
    "SampleGrid",
    "StopOnNonFinite",
    "TensorBoard",
    "image_grid",
    "save_png",
]
