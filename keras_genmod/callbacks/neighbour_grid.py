"""Pictures of samples beside the training images nearest to them."""

import os
from typing import Any

import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.callbacks.labels import check_condition, standardize_labels
from keras_genmod.callbacks.picture_callback import PictureCallback
from keras_genmod.metrics import nearest_neighbours


class NeighbourGrid(PictureCallback):
    """Draws each sample beside its nearest training images: does the model copy?

    A row is a sample and, to its right, the `k` training images nearest to it, the
    nearest first. A model that has learnt its data by heart shows the same image
    twice. The figure to it is `share_nearer` of `metrics.nearest_neighbours`.

    Args:
        log_dir: String or path of the run's folder, made if it is not there.
        real: Array `(n, *data_shape)`, the training images.
        num_samples: Positive integer, rows.
        k: Positive integer, training images a row.
        feature_extractor: Function from images to features `(n, num_features)` to
            measure distances in, such as a `FeatureExtractor`; `None` takes pixels.
        condition: For a conditional model class labels, vectors, captions or a dict of
            arrays, `num_samples` or one for all; `None` takes the classes in turn.
        seed: Integer from 0, of the samples.
        name: String, the picture's name.
        **kwargs: `every`, `every_steps`, `image_shape` as in `PictureCallback`.

    Raises:
        OSError: At once, if `log_dir` cannot be written to.
        ValueError: If an argument is out of range; in `fit`, before training, if the
            model cannot draw samples, or its data are not images.

    References:
        Meehan, Chaudhuri and Dasgupta, 2020, "A three sample hypothesis test for
        evaluating generative models", arXiv:2004.05675.

    Example:
        ```python
        beside = keras_genmod.callbacks.NeighbourGrid("runs/gan", x_train, every=10)
        model.fit(x_train, epochs=100, callbacks=[beside])
        ```
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        real: Any,
        num_samples: int = 8,
        k: int = 7,
        feature_extractor: Any = None,
        condition: Any = None,
        seed: int = 0,
        name: str = "neighbours",
        **kwargs: Any,
    ) -> None:
        self.real = checks.examples("real", real)
        self.k = checks.integer("k", k, 1, len(self.real), "the number of images")
        super().__init__(log_dir, name, num_columns=self.k + 1, **kwargs)
        self.num_samples = checks.integer("num_samples", num_samples, 1)
        if feature_extractor is None:
            feature_extractor = _flatten
        self.features = checks.function("feature_extractor", feature_extractor)
        self.condition = check_condition(condition)
        self.seed = checks.required_seed("seed", seed)
        self._features_of_real: Any = None  # computed once

    def draw(self, model: Any) -> Any:
        self.require(model, "sample")
        labels = standardize_labels(model, self.condition, self.num_samples)
        samples = model.sample(self.num_samples, condition=labels, seed=self.seed)
        samples = ops.convert_to_numpy(samples)
        if self._features_of_real is None:
            self._features_of_real = self.features(self.real)
        found = nearest_neighbours(
            self.features(samples), self._features_of_real, self.k
        )
        rows = np.concatenate([samples[:, None], self.real[found.indices]], axis=1)
        return rows.reshape(-1, *rows.shape[2:])


def _flatten(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)
