"""Inception v3 of keras.applications, as a feature extractor."""

import os
from typing import Any

import keras

from keras_genmod.evaluation.feature_extractor import FeatureExtractor

_FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"
_URL = "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/"


def inception_v3(
    weights: str | os.PathLike[str] = "imagenet",
    layer: str = "avg_pool",
    batch_size: int = 32,
) -> FeatureExtractor:
    """Makes Inception v3 of `keras.applications` a feature extractor.

    Images are resized to 299x299 by bilinear interpolation with antialiasing and scaled
    to [-1, 1]; grey ones become RGB.

    Args:
        weights: `"imagenet"`, which downloads Keras' file once, or the path of a
            weights file of `keras.applications.InceptionV3` with its top, such as
            `inception_v3_weights_tf_dim_ordering_tf_kernels.h5`.
        layer: String, `"avg_pool"` for the 2,048 features of Frechet distance (FID)
            and KID, `"predictions"` for the 1,000 class probabilities of
            `inception_score`, or another layer.
        batch_size: Integer, images a call.

    Returns:
        A `FeatureExtractor`.

    Raises:
        OSError: If the weights are not here and cannot be downloaded.
        ValueError: If `weights` is no such file, or there is no such layer.

    References:
        Szegedy et al., 2016, "Rethinking the Inception architecture for computer
        vision", arXiv:1512.00567.

    Note:
        These weights and this graph are Keras', not those of the TensorFlow graph of
        2015 that published FIDs were made with: numbers do not compare with published
        ones, and the protocol's `features` says so.

    Example:
        ```python
        # Not run by the tests: needs the file of weights.
        features = inception_v3("inception_v3_weights_tf_dim_ordering_tf_kernels.h5")
        frechet_distance(features.statistics(real), features.statistics(fake))
        ```
    """
    model = _downloaded() if weights == "imagenet" else _from_file(weights)
    return FeatureExtractor(
        model,
        layer,
        preprocess=_to_signed,
        batch_size=batch_size,
        name=f"keras_inception_v3/{layer} (not the FID-original Inception)",
    )


def _to_signed(images: Any) -> Any:
    return 2.0 * images - 1.0  # [0, 1] to [-1, 1]


def _downloaded() -> keras.Model:
    try:
        return keras.applications.InceptionV3(weights="imagenet")
    except Exception as error:  # what Keras raises where a download fails
        raise OSError(
            '`weights="imagenet"` must be downloaded, and that failed. Fetch '
            f"{_URL}{_FILE} where there is a network, and give the path of that file: "
            f'inception_v3(weights="{_FILE}"), or put it into ~/.keras/models. '
            f"Keras says: {error}"
        ) from error


def _from_file(weights: Any) -> keras.Model:
    if not isinstance(weights, (str, os.PathLike)) or not os.path.isfile(weights):
        raise ValueError(
            '`weights` must be "imagenet" or the path of a file, such as Keras\' '
            f"{_FILE}. Received: weights={weights!r}"
        )
    try:
        return keras.applications.InceptionV3(weights=os.fspath(weights))
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(
            "`weights` must be a weights file of keras.applications.InceptionV3 with "
            f"its top, such as {_FILE}. Received: weights={os.fspath(weights)!r}. "
            f"Keras says: {error}"
        ) from error
