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


def scene_captions(_):
    """Returns as many captions as there are images, of the words in examples."""
    named = ["a small red circle", "a large blue square"]
    return [*named, *(several[0] for several in captions(_)[:6])]


def joint_embedding(_):
    vocabulary = keras_genmod.data.Vocabulary.from_captions(scene_captions(_))
    network = networks.caption_encoder(
        vocabulary.num_tokens, vocabulary.length, 128, hidden_dim=8
    )
    encoder = keras_genmod.layers.CaptionEncoder(network, vocabulary)
    return types.SimpleNamespace(caption_encoder=encoder)


def sr_resnet(_):
    network = networks.sr_resnet(scale=4, filters=4, num_blocks=1)
    return types.SimpleNamespace(generator=network)


def judge(_):
    """Returns what embeds 200 images or captions."""
    embed = draws(200, 4)
    return types.SimpleNamespace(encode_images=embed, encode_captions=embed)


def scenes(_):
    return keras_genmod.data.shape_scenes(4, size=32, split="train")


def layout_model(_):
    boxes = scenes(_).boxes
    return types.SimpleNamespace(layout=lambda graphs: {"boxes": boxes})


UPSCALING = {
    "small": draws(8, 4, 4, 3),
    "large": draws(8, 16, 16, 3),
    "photographs": draws(2, 6, 5, 3),
    "srresnet": sr_resnet,
}
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
    "metrics/r_precision.py": {
        "model": sampler,
        "judge": judge,
        "captions": lambda _: [f"caption {i}" for i in range(200)],
    },
    "metrics/scene_accuracy.py": {"model": layout_model, "scenes": scenes},
    "models/adversarial/text_gan.py": {
        "images": draws(8, 32, 32, 3),
        "captions": scene_captions,
        "joint_embedding": joint_embedding,
    },
    "models/captions/joint_embedding.py": {"captions": scene_captions},
    "models/restoration/colorization.py": {
        "images": draws(8, 32, 32, 3),
        "grey": draws(2, 32, 32, 1),
    },
    "models/restoration/srgan.py": UPSCALING,
    "models/restoration/super_resolution.py": UPSCALING,
}
