"""Toys of captions, scene graphs and restored images."""

import types

import numpy as np

import keras_genmod
from keras_genmod import networks


def draws(*shape):
    """Returns a toy: an array of numbers in [0, 1)."""
    return lambda _: np.random.default_rng(0).random(shape, "float32")


def ints(high, *shape):
    """Returns a toy: an array of whole numbers."""
    return lambda _: np.random.default_rng(0).integers(0, high, shape)


def captions(_):
    return keras_genmod.data.shape_scenes(8, size=32, split="train").captions


def vae_of_photographs(_):
    encoder = networks.mlp_encoder((64, 64, 3), (4,))
    model = keras_genmod.VAE(encoder, networks.mlp_decoder(2, (64, 64, 3), (4,)), 2)
    model.compile("adam")
    return model


def sampler(_):
    """Returns what gives as many images as it is asked for, or enlarges some."""
    return types.SimpleNamespace(
        sample=lambda *args, **kwargs: draws(8, 8, 8, 3)(_),
        upscale=lambda low: draws(2, 32, 32, 3)(_),
    )


PAIRS = {"high": draws(2, 32, 32, 3), "low": draws(2, 8, 8, 3), "model": sampler}
GRAPHS = {
    "vectors": draws(2, 3, 8),
    "predicates": draws(2, 4, 8),
    "objects": ints(2, 2, 3, 3),
    "object_mask": lambda _: np.ones((2, 3), "float32"),
    "relations": ints(2, 2, 4, 3),
    "relation_mask": lambda _: np.ones((2, 4), "float32"),
}
MORE_TOYS_OF = {
    "data/image_folder.py": {"model": vae_of_photographs},
    "data/scene_graphs.py": {"model": sampler},
    "layers/caption_encoder.py": {"captions": captions},
    "layers/graph_convolution.py": GRAPHS,
    "layers/scene_graph_embedding.py": GRAPHS,
    "metrics/image_distance.py": PAIRS,
}
