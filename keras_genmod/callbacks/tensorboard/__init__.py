"""What TensorBoard shows of a run, written without TensorFlow."""

from keras_genmod.callbacks.tensorboard.event_writer import EventWriter
from keras_genmod.callbacks.tensorboard.tensorboard import TensorBoard

__all__ = ["EventWriter", "TensorBoard"]
