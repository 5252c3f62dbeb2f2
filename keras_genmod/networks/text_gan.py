"""Networks of images from words: those of GAN-CLS.

Reed et al., "Generative adversarial text to image synthesis", 2016, arXiv:1605.05396,
with sizes from their code: a caption's embedding is compressed by a dense layer; the
generator sees it beside the latents, the discriminator beside its last map, at each
place. Both have residual blocks at their smallest maps.

Departures: the number of layers follows from the image size; residual blocks add what
they compute (the authors' discriminator adds its input to itself, so that the block
trains nothing); public pixels are in [0, 1].
"""

import keras
from keras import layers

from keras_genmod import checks
from keras_genmod.networks.dcgan_layers import convolution, doubling, normalized
from keras_genmod.networks.inputs import dcgan_initializer, smallest_map

NORMALIZATIONS = ("batch", "layer", None)


def text_gan_generator(
    latent_dim: int,
    embedding_dim: int,
    image_shape: tuple[int, ...],
    filters: int = 64,
    text_dim: int = 128,
) -> keras.Model:
    """Makes the generator of GAN-CLS.

    Args:
        latent_dim: Integer, the size of the latents.
        embedding_dim: Integer, the size of a caption's embedding.
        image_shape: Tuple `(height, width, channels)`, height and width even.
        filters: Integer, the channels of the largest hidden map; twice as many in
            each smaller one. The paper's 128 for images of 64x64.
        text_dim: Integer, what embeddings are compressed to.

    Returns:
        `keras.Model` from `[latent, embedding]`, `(batch, latent_dim)` and
        `(batch, embedding_dim)`, to images in [0, 1].

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Reed et al., 2016, arXiv:1605.05396.

    Note:
        It normalizes by batch: samples take the moving statistics of training.

    Example:
        ```python
        generator = keras_genmod.networks.text_gan_generator(100, 128, (32, 32, 3))
        inputs = [keras.ops.zeros((4, 100)), keras.ops.zeros((4, 128))]
        generator(inputs).shape  # (4, 32, 32, 3)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    latent_dim = checks.positive_int("latent_dim", latent_dim)
    filters = checks.positive_int("filters", filters)
    height, width, num_halvings = smallest_map(image_shape)
    latent = keras.Input((latent_dim,), name="latent")
    embedding, text = _text(embedding_dim, text_dim)
    x = layers.Concatenate()([latent, layers.LeakyReLU(0.2)(text)])
    for i in reversed(range(num_halvings)):
        channels = filters * 2**i
        if i == num_halvings - 1:
            x = _dense(height * width * channels, use_bias=False)(x)
            x = layers.Reshape((height, width, channels))(x)
        else:
            x = doubling(channels, use_bias=False)(x)
        x = normalized(x, "batch")
        if i >= num_halvings - 2:
            x = _residual(x, "batch", layers.ReLU)
        x = layers.ReLU()(x)
    x = doubling(image_shape[-1], activation="tanh")(x)
    x = layers.Rescaling(0.5, 0.5)(x)
    return keras.Model([latent, embedding], x, name="text_gan_generator")


def text_gan_discriminator(
    image_shape: tuple[int, ...],
    embedding_dim: int,
    filters: int = 64,
    text_dim: int = 128,
    normalization: str | None = "batch",
) -> keras.Model:
    """Makes the matching-aware discriminator of GAN-CLS.

    Args:
        image_shape: Tuple `(height, width, channels)`, height and width even.
        embedding_dim: Integer, the size of a caption's embedding.
        filters: Integer, the channels of the first map; twice as many in each smaller
            one. The paper's 64 for images of 64x64.
        text_dim: Integer, what embeddings are compressed to.
        normalization: `"batch"`, as in the paper, `"layer"` (over height, width and
            channels of one example) or None.

    Returns:
        `keras.Model` from `[image, embedding]`, images in [0, 1] and
        `(batch, embedding_dim)`, to scores (logits) of shape `(batch, 1)`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Reed et al., 2016, arXiv:1605.05396.

    Example:
        ```python
        discriminator = keras_genmod.networks.text_gan_discriminator((32, 32, 3), 128)
        inputs = [keras.ops.zeros((4, 32, 32, 3)), keras.ops.zeros((4, 128))]
        discriminator(inputs).shape  # (4, 1)
        ```
    """
    image_shape = checks.sizes("image_shape", image_shape, rank=3)
    filters = checks.positive_int("filters", filters)
    checks.choice("normalization", normalization, NORMALIZATIONS)
    height, width, num_halvings = smallest_map(image_shape)
    image = keras.Input(image_shape, name="image")
    x = layers.Rescaling(2.0, -1.0)(image)
    for i in range(num_halvings):
        x = convolution(filters * 2**i, 4, strides=2)(x)
        x = normalized(x, normalization) if i > 0 else x
        if i == num_halvings - 1:
            x = _residual(x, normalization, lambda: layers.LeakyReLU(0.2))
        x = layers.LeakyReLU(0.2)(x)
    embedding, text = _text(embedding_dim, text_dim)
    text = layers.LeakyReLU(0.2)(normalized(text, normalization))
    text = layers.Reshape((1, 1, text.shape[-1]))(text)
    text = layers.UpSampling2D((height, width), data_format="channels_last")(text)
    x = convolution(x.shape[-1], 1)(layers.Concatenate()([x, text]))
    x = layers.LeakyReLU(0.2)(normalized(x, normalization))
    score = _dense(1)(layers.Flatten(data_format="channels_last")(x))
    inputs = [image, embedding]
    return keras.Model(inputs, score, name="text_gan_discriminator")


def _text(embedding_dim, text_dim):
    """Returns the input of embeddings, and what a dense layer makes of it."""
    embedding_dim = checks.positive_int("embedding_dim", embedding_dim)
    text_dim = checks.positive_int("text_dim", text_dim)
    embedding = keras.Input((embedding_dim,), name="embedding")
    # Glorot's: of 0.02 little of the caption would be left beside the latents.
    return embedding, layers.Dense(text_dim)(embedding)


def _residual(x, normalization, activation):
    """X + conv3(conv3(conv1(x))), with a quarter of the channels inside."""
    channels = x.shape[-1]
    inside = max(1, channels // 4)
    h = activation()(normalized(convolution(inside, 1)(x), normalization))
    h = activation()(normalized(convolution(inside, 3)(h), normalization))
    h = normalized(convolution(channels, 3)(h), normalization)
    return layers.Add()([x, h])


def _dense(units, **kwargs):
    return layers.Dense(units, kernel_initializer=dcgan_initializer(), **kwargs)
