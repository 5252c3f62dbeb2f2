"""LPIPS, from a file of its linear weights."""

import os
import zipfile
from typing import Any

import keras
import numpy as np

from keras_genmod.losses.perceptual_loss import PerceptualLoss

_LAYERS = (
    "block1_conv2",
    "block2_conv2",
    "block3_conv3",
    "block4_conv3",
    "block5_conv3",
)
# Of images on [-1, 1], as its authors have them.
_SHIFT, _SCALE = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])


def lpips(network: keras.Model, weights: str | os.PathLike[str]) -> PerceptualLoss:
    """Returns the distance LPIPS of images in [0, 1], by VGG16.

    Its linear weights come from a file, its features from a network: a number is LPIPS
    only with the network that these weights were trained on, VGG16 with torchvision's
    weights. Keras' own weights of VGG16 are others, of other inputs.

    The authors' file `vgg.pth` becomes one that needs no torch to be read by

    ```python
    # Not run by the tests: needs the file of weights.
    state = torch.load("vgg.pth")  # lin0.model.1.weight, ...
    np.savez("lpips.npz", **{k.split(".")[0]: v.ravel() for k, v in state.items()})
    ```

    Args:
        network: Built Keras model of RGB images with the layers of
            `keras.applications.VGG16`, "block1_conv2" to "block5_conv3".
        weights: Path of a .npz file with arrays `lin0` to `lin4` of as many numbers of
            at least 0 as the layers have channels, 64, 128, 256, 512 and 512.

    Raises:
        ValueError: If there is no such file, it holds something else, or the network
            has no such layers.

    References:
        Zhang et al., The unreasonable effectiveness of deep features as a perceptual
        metric, 2018, arXiv:1801.03924 (version 0.1 of their code, which scales inputs).

    Example:
    ```python
    # Not run by the tests: needs the file of weights.
    network = keras.applications.VGG16(include_top=False, weights=None)
    network.load_weights("vgg16_torchvision.weights.h5")
    distance = losses.lpips(network, "lpips.npz")
    distance((x, y))  # (batch,)
    ```
    """
    shape = getattr(network, "input_shape", None)
    if not isinstance(shape, tuple) or shape[-1] != 3:
        raise ValueError(
            "`network` must be a built Keras model of RGB images, VGG16. "
            f"Received: network={network!r}"
        )
    return PerceptualLoss(
        network,
        _LAYERS,
        _linear_weights(weights),
        scale=2.0 / _SCALE,
        offset=(-1.0 - _SHIFT) / _SCALE,
    )


def _linear_weights(path: Any) -> list[np.ndarray]:
    if not isinstance(path, (str, os.PathLike)) or not os.path.isfile(path):
        raise ValueError(
            "`weights` must be the path of a .npz file of the linear weights of LPIPS, "
            "made of the authors' vgg.pth as the documentation says; without them use "
            f"`PerceptualLoss`, which is no LPIPS. Received: weights={path!r}"
        )
    names = [f"lin{i}" for i in range(len(_LAYERS))]
    try:
        with np.load(path) as file:
            return [np.ravel(file[name]) for name in names]
    except (KeyError, ValueError, AttributeError, TypeError, zipfile.BadZipFile) as e:
        raise ValueError(
            f"`weights` must be a .npz file with arrays {', '.join(names)}. Received: "
            f"weights={os.fspath(path)!r} ({e})"
        ) from e
