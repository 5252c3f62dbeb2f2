"""Data: load, scale, binarize, dequantize, resize and pair; NumPy in and out."""

from keras_genmod.data.binarization import binarize
from keras_genmod.data.captioned_dataset import CaptionedDataset
from keras_genmod.data.day_and_night import day_and_night
from keras_genmod.data.dequantization import dequantize
from keras_genmod.data.dynamic_binarization import DynamicBinarization
from keras_genmod.data.image_folder import ImageFolder, image_folder
from keras_genmod.data.image_pairs import load_pairs
from keras_genmod.data.loading import load
from keras_genmod.data.mixtures import (
    grid,
    grid_centres,
    ring,
    ring_centres,
    stacked_mnist,
)
from keras_genmod.data.paired_dataset import PairedDataset
from keras_genmod.data.resizing import resize
from keras_genmod.data.scene_graphs import scene_graphs
from keras_genmod.data.shape_scenes import SCENE_PALETTE, ShapeScenes, shape_scenes
from keras_genmod.data.sprites import SPRITE_FACTORS, sprites
from keras_genmod.data.transport_pairs import TransportPairs
from keras_genmod.data.unpaired_dataset import UnpairedDataset
from keras_genmod.data.vocabulary import Vocabulary

__all__ = [
    "SCENE_PALETTE",
    "CaptionedDataset",
    "DynamicBinarization",
    "ImageFolder",
    "PairedDataset",
    "SPRITE_FACTORS",
    "ShapeScenes",
    "TransportPairs",
    "UnpairedDataset",
    "Vocabulary",
    "binarize",
    "day_and_night",
    "dequantize",
    "grid",
    "grid_centres",
    "image_folder",
    "load",
    "load_pairs",
    "resize",
    "ring",
    "ring_centres",
    "scene_graphs",
    "shape_scenes",
    "sprites",
    "stacked_mnist",
]
