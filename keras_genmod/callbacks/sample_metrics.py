"""The metrics that `EvaluateSamples` knows by name, their numbers and their file."""

import dataclasses
import json
import warnings

import numpy as np

from keras_genmod import whole_files
from keras_genmod.metrics import (
    FeatureStatistics,
    Protocol,
    Result,
    Score,
    classifier_score,
    frechet_distance,
    kernel_distance,
    precision_recall_density_coverage,
)


class Samples:
    """Features of real or generated data, with class probabilities where asked for.

    Args:
        features: Array of shape `(num_samples, num_features)`.
        probabilities: Array of shape `(num_samples, num_classes)`, or `None`.
    """

    def __init__(self, features, probabilities=None):
        self.features = features
        self.probabilities = probabilities
        self._statistics = None

    @property
    def statistics(self):
        """Mean and covariance, computed once; features where they have low rank."""
        if len(self.features) <= self.features.shape[1]:
            return self.features
        if self._statistics is None:
            self._statistics = FeatureStatistics().update(self.features)
        return self._statistics

    @classmethod
    def joined(cls, batches):
        """Returns the samples of several batches.

        Args:
            batches: Non-empty list of pairs of features and probabilities.
        """
        features, probabilities = zip(*batches, strict=True)
        has_classes = probabilities[0] is not None
        return cls(
            np.concatenate(features),
            np.concatenate(probabilities) if has_classes else None,
        )

    def resized(self, num_samples):
        """Returns as many samples, these in turn."""
        rows = np.arange(num_samples) % len(self.features)
        few = self.probabilities
        return Samples(self.features[rows], None if few is None else few[rows])


def _frechet(real, fake):
    return frechet_distance(real.statistics, fake.features)


def _kernel(real, fake):
    return kernel_distance(real.features, fake.features, num_subsets=None)


def _neighbours(real, fake):
    return precision_recall_density_coverage(real.features, fake.features)


def _classifier(real, fake):
    return classifier_score(fake.probabilities)


# Name: the function, and which of its numbers where it has several.
_KNOWN = {
    "frechet_distance": (_frechet, None),
    "kernel_distance": (_kernel, None),
    "precision": (_neighbours, "precision"),
    "recall": (_neighbours, "recall"),
    "density": (_neighbours, "density"),
    "coverage": (_neighbours, "coverage"),
    "classifier_score": (_classifier, None),
}


def standardize_metrics(metrics):
    """Returns what is computed, as a dict from name to a function and a field.

    Args:
        metrics: Sequence of names and of functions of `(real, fake)` features, or a
            dict of them by the names they shall have.

    Raises:
        ValueError: If a name is unknown, or a function has none.
    """
    if isinstance(metrics, str) or callable(metrics):
        metrics = [metrics]
    if not isinstance(metrics, (dict, list, tuple)):
        raise ValueError(
            "`metrics` must be a sequence of names and functions, or a dict of them. "
            f"Received: metrics={metrics!r}"
        )
    if not isinstance(metrics, dict):
        metrics = {_name_of(metric): metric for metric in metrics}
    if not metrics:
        raise ValueError("`metrics` must hold at least one metric. Received none")
    return {name: _standardize(metric) for name, metric in metrics.items()}


def _name_of(metric):
    name = metric if isinstance(metric, str) else getattr(metric, "__name__", "<")
    if name.startswith("<"):
        raise ValueError(
            "`metrics` must be a dict, {name: function}, where a function has no name "
            f"of its own. Received: metrics with {metric!r}"
        )
    return name


def _standardize(metric):
    if callable(metric):
        return (lambda real, fake: metric(real.features, fake.features)), None
    if not isinstance(metric, str) or metric not in _KNOWN:
        raise ValueError(
            f"`metrics` must be functions of (real, fake), or of {sorted(_KNOWN)}. "
            f"Received: metrics with {metric!r}"
        )
    return _KNOWN[metric]


def needs_classifier(metrics):
    """Whether metrics, as `standardize_metrics` returns them, ask for classes."""
    return any(function is _classifier for function, _ in metrics.values())


def evaluate(metrics, real, fake, source):
    """Computes metrics, each function once.

    Args:
        metrics: As `standardize_metrics` returns it.
        real: `Samples` of the data.
        fake: `Samples` of the model.
        source: `Protocol` that says which features these are.

    Returns:
        Pair of dicts by name: the results, and the floats in them. A result of several
        numbers that was not asked for one of them gives each under its field's name.
    """
    of_function: dict = {}
    results: dict = {}
    values: dict = {}
    for name, (function, field) in metrics.items():
        if function not in of_function:
            of_function[function] = _with_source(function(real, fake), source)
        results[name] = of_function[function]
        found = _numbers(name, results[name], field)
        twice = values.keys() & found.keys()
        if twice:
            raise ValueError(
                "`metrics` must give each number another name: use a dict, {name: "
                f"metric}}. Received: {sorted(twice)} twice"
            )
        values.update(found)
    return results, values


def _with_source(result, source: Protocol):
    if not isinstance(result, Result):
        return result
    protocol = result.protocol
    unknown = {
        field.name: value
        for field in dataclasses.fields(source)
        for value in [getattr(source, field.name)]
        if value is not None and getattr(protocol, field.name) is None
    }
    protocol = dataclasses.replace(protocol, **unknown)
    return dataclasses.replace(result, protocol=protocol)


def _numbers(name, result, field):
    if field is not None:
        return {name: float(getattr(result, field))}
    if isinstance(result, Result) and not isinstance(result, Score):
        fields = {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
        return {k: float(v) for k, v in fields.items() if isinstance(v, (int, float))}
    try:
        return {name: float(result)}
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`metrics` must return a number or a result of keras_genmod.metrics. "
            f"Received: {name} that returns {result!r}"
        ) from error


def write_numbers(
    path: str, epochs: dict[int, dict[str, float]], protocols: dict[str, str], how: str
) -> None:
    """Writes all evaluations of a run as JSON, whole or not at all.

    Args:
        path: Of the file.
        epochs: Numbers by name, by epoch.
        protocols: Protocol of each metric, by name.
        how: How samples are drawn.
    """
    content = {"epochs": epochs, "protocols": protocols, "samples": how}
    with whole_files.writing(path) as file:
        json.dump(content, file, indent=1)


def read_numbers(
    path: str, protocols: dict[str, str], how: str
) -> dict[int, dict[str, float]]:
    """Returns the numbers by epoch that `write_numbers` left.

    Those of another protocol are left out, with a warning.

    Raises:
        ValueError: If the file is damaged.
    """
    try:
        with open(path) as file:
            content = json.load(file)
        known = content["protocols"], content["samples"]
        epochs = {
            int(epoch): {name: float(numbers[name]) for name in numbers}
            for epoch, numbers in content["epochs"].items()
        }
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise ValueError(
            f"{path!r} must be what EvaluateSamples left there, and is damaged. Delete "
            "it, or choose another `log_dir` or `name`. "
            f"Received: {type(error).__name__}: {error}"
        ) from error
    if known != (protocols, how):
        warnings.warn(
            f"{path!r} holds numbers of another protocol, which do not compare with "
            "those of this run: they are left out.",
            stacklevel=3,
        )
        return {}
    return epochs
