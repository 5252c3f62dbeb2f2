"""VGG19, of a file of its weights.

Simonyan and Zisserman, Very deep convolutional networks for large-scale image
recognition, 2015, arXiv:1409.1556.
"""

import os
from typing import Any

import keras

_MEAN = (123.68, 116.779, 103.939)  # of ImageNet's red, green and blue, of 255


def vgg19(weights: str | os.PathLike[str]) -> keras.Model:
    """Makes the convolutions of VGG19, for images in [0, 1], with weights from a file.

    It sees what its weights were trained on: 255 x less the mean of ImageNet. Keras'
    weights are of blue, green and red in this order; the first kernel's channels are
    turned around, so that images stay red, green and blue. Nothing is downloaded.

    The file is Keras' own, `vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5`, as
    `keras.applications.VGG19(include_top=False, weights="imagenet")` leaves it in
    `~/.keras/models`; or what `save_weights` of that model writes. ImageNet's terms
    are those of its weights.

    Args:
        weights: Path of the file.

    Returns:
        Keras model from images `(batch, height, width, 3)` in [0, 1], of any size of
        at least 32, with layers "block1_conv1" to "block5_pool". For
        `losses.PerceptualLoss` and `StyleTransfer` it needs no `scale` and `offset`.

    Raises:
        ValueError: If there is no such file, or it holds something else.

    References:
        Simonyan and Zisserman, 2015, arXiv:1409.1556.

    Example:
    ```python
    # Not run by the tests: needs the file of weights.
    network = networks.vgg19("vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5")
    loss = losses.PerceptualLoss(network, "block5_conv4", unit_length=False)
    ```
    """
    _check_file(weights)
    plain = keras.applications.VGG19(include_top=False, weights=None)
    try:
        plain.load_weights(os.fspath(weights))
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(
            "`weights` must be a file of weights of VGG19 without its dense layers "
            f"(`notop`). Received: weights={os.fspath(weights)!r} ({error})"
        ) from error
    images = keras.Input((None, None, 3), name="images")
    centred = keras.layers.Rescaling(255.0, [-mean for mean in _MEAN], name="centred")
    network = keras.applications.VGG19(
        include_top=False, weights=None, input_tensor=centred(images)
    )
    kernel, *others = plain.get_weights()
    network.set_weights([kernel[:, :, ::-1], *others])
    return network


def _check_file(path: Any) -> None:
    if not isinstance(path, (str, os.PathLike)) or not os.path.isfile(path):
        raise ValueError(
            "`weights` must be the path of a file of VGG19's weights, "
            "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5; without it take a "
            "classifier of your own, as the recipe `feature_classifier` makes one. "
            f"Received: weights={path!r}"
        )
