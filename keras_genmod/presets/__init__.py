"""Trained models as folders that can be read, shared and shipped."""

from keras_genmod.presets.loading import from_preset, metadata_of, shipped
from keras_genmod.presets.writing import write_preset

__all__ = ["from_preset", "metadata_of", "shipped", "write_preset"]
