"""How the networks take data, latents and class labels, with checked sizes."""

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.layers.group_normalization import GroupNormalization


def activation_of(name, activation):
    """Returns an activation as layers take it; raises a `ValueError` for others."""
    try:
        if activation is None or isinstance(activation, str) or callable(activation):
            keras.activations.get(activation)
            return activation
    except ValueError:  # Keras', of a name that it does not know
        pass
    raise ValueError(
        f"`{name}` must be the name of a Keras activation, a callable or None. "
        f"Received: {name}={activation!r}"
    )


def checked_dropout(dropout):
    """Returns a rate of dropout; raises a `ValueError` unless it lies in [0, 1)."""
    dropout = checks.fraction("dropout", dropout)
    if dropout == 1:
        raise ValueError(
            f"`dropout` must be below 1, or nothing is left. Received: {dropout=}"
        )
    return dropout


def vector_input(data_shape, num_classes, name, condition="one_hot"):
    """Makes the inputs of a network on flat vectors.

    Args:
        data_shape: Tuple of integers, the shape of one example.
        num_classes: Integer, or None for a network without a condition.
        name: String, the name of the data's input.
        condition: String, the name of the condition's input.

    Returns:
        `(inputs, x)`: what `keras.Model` takes, one tensor or the list
        `[data, one_hot]`; and the flat vector, condition appended.

    Raises:
        ValueError: If an argument is out of its range.
    """
    data = keras.Input(checks.sizes("data_shape", data_shape), name=name)
    x = data if len(data_shape) == 1 else layers.Reshape((-1,))(data)
    if num_classes is None:
        return data, x
    num_classes = checks.positive_int("num_classes", num_classes)
    one_hot = keras.Input((num_classes,), name=condition)
    return [data, one_hot], layers.Concatenate()([x, one_hot])


def latent_input(latent_dim, num_classes):
    """Makes the inputs of a network on latents.

    Args:
        latent_dim: Integer.
        num_classes: Integer, or None for a network without a condition.

    Returns:
        `(inputs, z)` as `vector_input` does.

    Raises:
        ValueError: If an argument is out of its range.
    """
    latent_dim = checks.positive_int("latent_dim", latent_dim)
    return vector_input((latent_dim,), num_classes, name="latent")


def image_input(image_shape, num_classes, rescale=False, condition="one_hot"):
    """Makes the inputs of a convolutional network.

    The label becomes `num_classes` more channels, each 0 or 1 all over the image.

    Args:
        image_shape: Tuple `(height, width, channels)`.
        num_classes: Integer, or None for a network without a condition.
        rescale: Boolean, whether pixels in [0, 1] become pixels in [-1, 1].
        condition: String, the name of the condition's input.

    Returns:
        `(inputs, x)`: what `keras.Model` takes, one tensor or the list
        `[image, one_hot]`; and the images, condition appended.

    Raises:
        ValueError: If an argument is out of its range.
    """
    height, width, channels = checks.sizes("image_shape", image_shape, rank=3)
    image = keras.Input((height, width, channels), name="image")
    x = layers.Rescaling(2.0, -1.0)(image) if rescale else image
    if num_classes is None:
        return image, x
    num_classes = checks.positive_int("num_classes", num_classes)
    one_hot = keras.Input((num_classes,), name=condition)
    maps = layers.Reshape((1, 1, num_classes))(one_hot)
    maps = layers.UpSampling2D((height, width), data_format="channels_last")(maps)
    return [image, one_hot], layers.Concatenate()([x, maps])


def dcgan_initializer():
    """Returns a new N(0, 0.02) initializer, that of DCGAN and the GANs after it.

    A new one for each layer: one initializer called twice gives the same values.
    """
    return keras.initializers.RandomNormal(mean=0.0, stddev=0.02)


#: Of networks that translate images, and of their judges.
IMAGE_NORMALIZATIONS = ("instance", "batch", None)


def image_normalization(kind):
    """Returns a new layer that normalizes maps, by instance or by batch.

    Gains start from N(1, 0.02), as in the code of Pix2Pix.
    """
    gains = keras.initializers.RandomNormal(mean=1.0, stddev=0.02)
    if kind == "batch":
        return layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, gamma_initializer=gains
        )
    return GroupNormalization(groups=-1, epsilon=1e-5, gamma_initializer=gains)


def smallest_map(image_shape):
    """Halves the image down to a side of 4, or to 2 where one halving is too few.

    Returns:
        `(height, width, num_halvings)` of the smallest map.

    Raises:
        ValueError: If a side is odd.
    """
    height, width, _ = image_shape
    num_halvings = 0
    while height % 2 == 0 and width % 2 == 0:
        if num_halvings >= 2 and min(height, width) <= 4:
            break
        height, width, num_halvings = height // 2, width // 2, num_halvings + 1
    if num_halvings == 0:
        raise ValueError(
            "`image_shape` must have even height and width. "
            f"Received: image_shape={image_shape}"
        )
    return height, width, num_halvings
