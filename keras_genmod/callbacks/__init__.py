"""Callbacks: when to log, draw and back up."""

from keras_genmod.callbacks.backup import Backup
from keras_genmod.callbacks.event_writer import EventWriter
from keras_genmod.callbacks.exponential_moving_average import ExponentialMovingAverage
from keras_genmod.callbacks.gan_health import GanHealth, GanHealthWarning
from keras_genmod.callbacks.image_grid import image_grid, save_png
from keras_genmod.callbacks.tensorboard import TensorBoard

__all__ = [
    "Backup",
    "ExponentialMovingAverage",
    "EventWriter",
    "GanHealth",
    "GanHealthWarning",
    "TensorBoard",
    "image_grid",
    "save_png",
]
