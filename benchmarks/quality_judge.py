"""Judges of trained models: log-likelihoods, and samples in features of digits."""

import keras
import numpy as np
from keras import ops

from keras_genmod import data, evaluation, metrics

_CHUNK = 500  # images drawn in one call


class Judge:
    """Scores images against the test images, in a classifier's features.

    Args:
        classifier: Path of a Keras model with a layer `features`, its output
            probabilities.
        x_train: Grey training images, of which as many as there are test images give
            the floor.
        x_test: Grey test images.
        is_binary: Whether samples are binary; both splits are then drawn once.
    """

    def __init__(self, classifier, x_train, x_test, is_binary):
        classifier = keras.saving.load_model(classifier)
        self._is_binary, self._image_shape = is_binary, x_test.shape[1:]
        if is_binary:
            x_train, x_test = (data.binarize(x, "static", 0) for x in (x_train, x_test))
        self._features = evaluation.FeatureExtractor(classifier, "features")
        self._classes = evaluation.FeatureExtractor(classifier)
        self._real = self._features(x_test)
        split = "test, drawn once with seed 0" if is_binary else "test"
        self._protocol = self._features.protocol(split=split)
        self._floor = self._frechet(self._features(x_train[: len(x_test)]))

    def __call__(self, model, options) -> dict:
        """Returns figures of samples, as many as there are test images."""
        images = draw(model, len(self._real), self._image_shape, options)
        if self._is_binary and not np.isin(images, (0, 1)).all():
            # Means of pixels: drawn once, as the test images are.
            images = data.binarize(images, "static", 0)
        fake, real, protocol = self._features(images), self._real, self._protocol
        # The full-sample estimator: no subsets, no seed.
        kernel = metrics.kernel_distance(
            real, fake, num_subsets=None, protocol=protocol
        )
        neighbours = metrics.precision_recall_density_coverage(
            real, fake, protocol=protocol
        )
        score = metrics.classifier_score(self._classes(images), num_splits=1)
        return {
            "protocol": f"{len(images):,} samples, {protocol}",
            "frechet": self._frechet(fake),
            "floor": self._floor,
            "kernel": kernel.value,
            "precision": neighbours.precision,
            "recall": neighbours.recall,
            "classifier_score": score.value,
        }

    def _frechet(self, features):
        return metrics.frechet_distance(self._real, features, self._protocol).value


def draw(model, num_images, image_shape, options):
    """Returns images `(num_images, *image_shape)` in [0, 1]."""
    parts = []
    for seed in range(0, num_images, _CHUNK):
        drawn = model.sample(_CHUNK, seed=1 + seed, **options)
        parts.append(ops.convert_to_numpy(drawn))
    images = np.concatenate(parts)[:num_images].reshape(-1, *image_shape)
    return np.clip(images, 0, 1)


def likelihood(entry, model, x_test, dataset):
    """Returns the `Likelihood` of the test images, or of the first of them.

    Binary models are trained on fresh draws of the images (dynamic binarization), and
    judged by one draw of the test images.
    """
    x = data.binarize(x_test, "static", 0) if entry.is_binary else x_test
    x = x[: entry.num_judged]
    return evaluation.evaluate_likelihood(
        model,
        x.reshape(len(x), -1) if entry.is_flat else x,
        dataset=dataset,
        split="test",
        binarization="dynamic(0)" if entry.is_binary else None,
        **entry.options,
    )
