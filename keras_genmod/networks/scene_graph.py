"""The networks that make layouts of graphs, and judge objects."""

from collections.abc import Sequence

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers import GraphConvolution, SceneGraphEmbedding


def scene_graph_network(
    num_attributes: Sequence[int],
    num_predicates: int,
    max_objects: int,
    max_relations: int,
    vector_dim: int = 128,
    hidden_dim: int = 512,
    num_layers: int = 5,
    mask_size: int = 16,
) -> keras.Model:
    """Makes the network from scene graphs to vectors, boxes and masks of objects.

    Embeddings of attributes and predicates, `num_layers` graph convolutions, and for
    each object a box and a mask of its vector, from networks of one hidden layer.

    Args:
        num_attributes: Tuple of ints, how many values each attribute of an object has,
            `(3, 6, 2)` for the scenes of `data.shape_scenes`.
        num_predicates: Int, 6 for these scenes.
        max_objects: Int, to how many objects graphs are padded.
        max_relations: Int, to how many relations graphs are padded.
        vector_dim: Int, the size of vectors.
        hidden_dim: Int, the size of hidden layers.
        num_layers: Int, how many relations away an object may be that matters.
        mask_size: Int, height and width of masks.

    Returns:
        `keras.Model` from a dict of `objects`, `object_mask`, `relations`,
        `relation_mask` to a dict of `vectors` `(batch, max_objects, vector_dim)`,
        `boxes` `(batch, max_objects, 4)` and `masks` `(batch, max_objects, mask_size,
        mask_size)`, the latter two as `SceneGraphGAN` reads them.

    Raises:
        ValueError: If an argument is not a positive int, or a tuple of them.

    References:
        Johnson, Gupta and Fei-Fei, Image generation from scene graphs, 2018,
        arXiv:1804.01622.

    Note:
        - Masks come from dense layers; the paper has convolutions that enlarge a map of
          one pixel, with normalization by batch.
        - The box network ends without activation. That of the authors' code ends in a
          ReLU, where a box that is 0 stays 0.

    Example:
        ```python
        network = keras_genmod.networks.scene_graph_network((3, 6, 2), 6, 6, 15)
        network.output["vectors"].shape  # (None, 6, 128)
        ```
    """
    num_attributes = checks.sizes("num_attributes", num_attributes)
    vector_dim = checks.positive_int("vector_dim", vector_dim)
    max_objects = checks.positive_int("max_objects", max_objects)
    max_relations = checks.positive_int("max_relations", max_relations)
    num_layers = checks.positive_int("num_layers", num_layers)
    mask_size = checks.positive_int("mask_size", mask_size)
    hidden_dim = checks.positive_int("hidden_dim", hidden_dim)
    shapes = {
        "objects": ((max_objects, len(num_attributes)), "int32"),
        "object_mask": ((max_objects,), "bool"),
        "relations": ((max_relations, 3), "int32"),
        "relation_mask": ((max_relations,), "bool"),
    }
    inputs = {
        name: keras.Input(shape, dtype=dtype, name=name)
        for name, (shape, dtype) in shapes.items()
    }
    embedding = SceneGraphEmbedding(num_attributes, num_predicates, vector_dim)
    vectors, predicates, relations, mask = embedding(list(inputs.values()))
    for _ in range(num_layers):
        vectors, predicates = GraphConvolution(vector_dim, hidden_dim)(
            [vectors, predicates, relations, mask]
        )
    vectors = layers.Cropping1D((0, 1))(vectors)  # without the image
    masks = _perceptron(vectors, hidden_dim, mask_size**2)
    masks = layers.Reshape((max_objects, mask_size, mask_size))(masks)
    outputs = {
        "vectors": vectors,
        "boxes": _perceptron(vectors, hidden_dim, 4),
        "masks": masks,
    }
    return keras.Model(inputs, outputs, name="scene_graph_network")


def _perceptron(x, hidden_dim, output_dim):
    x = layers.Dense(hidden_dim, activation="relu")(x)
    return layers.Dense(output_dim)(x)


def object_discriminator(
    crop_shape: Sequence[int],
    num_attributes: Sequence[int],
    filters: Sequence[int] = (64, 128, 256),
    hidden_dim: int = 1024,
) -> keras.Model:
    """Makes the network that says of crops whether they are real, and of what.

    4x4 convolutions of stride 2 with LeakyReLU(0.2), the mean over the map, a dense
    layer, then a score and logits of each attribute.

    Args:
        crop_shape: Tuple `(size, size, channels)` of crops, with sizes of at least
            `2 ** len(filters)`.
        num_attributes: Tuple of ints, how many values each attribute has.
        filters: Tuple of ints, the channels of the convolutions.
        hidden_dim: Int, the size of the dense layer.

    Returns:
        `keras.Model` from crops in [0, 1] to `(batch, 1 + sum(num_attributes))`: the
        score (a logit), then the logits of each attribute in turn.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        Johnson, Gupta and Fei-Fei, Image generation from scene graphs, 2018,
        arXiv:1804.01622.

    Note:
        Nothing is normalized: the paper does by batch, in which padded objects count.

    Example:
        ```python
        judge = keras_genmod.networks.object_discriminator((16, 16, 3), (3, 6, 2))
        judge.output_shape  # (None, 12)
        ```
    """
    crop_shape = checks.sizes("crop_shape", crop_shape, rank=3)
    num_attributes = checks.sizes("num_attributes", num_attributes)
    filters = checks.sizes("filters", filters)
    hidden_dim = checks.positive_int("hidden_dim", hidden_dim)
    if min(crop_shape[:2]) < 2 ** len(filters):
        raise ValueError(
            f"`crop_shape` must have sides of at least 2 ** len(filters) = "
            f"{2 ** len(filters)}. Received: crop_shape={crop_shape}, filters={filters}"
        )
    inputs = keras.Input(crop_shape, name="crop")
    x = layers.Rescaling(2.0, -1.0)(inputs)
    for channels in filters:
        x = layers.Conv2D(
            channels,
            4,
            strides=2,
            padding="same",
            kernel_initializer="he_normal",
            data_format="channels_last",
        )(x)
        x = layers.LeakyReLU(0.2)(x)
    x = layers.GlobalAveragePooling2D(data_format="channels_last")(x)
    x = layers.LeakyReLU(0.2)(layers.Dense(hidden_dim)(x))
    x = layers.Dense(1 + sum(num_attributes))(x)
    return keras.Model(inputs, x, name="object_discriminator")
