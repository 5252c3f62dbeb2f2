"""Samples judged while a model trains."""

import dataclasses
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.callbacks.labels import check_condition, standardize_labels
from keras_genmod.callbacks.sample_metrics import (
    Samples,
    evaluate,
    needs_classifier,
    read_numbers,
    standardize_metrics,
    write_numbers,
)
from keras_genmod.callbacks.tensorboard.event_writer import (
    EventWriter,
    standardize_name,
)
from keras_genmod.engine import is_writer
from keras_genmod.engine.backend import weights_are_finite
from keras_genmod.evaluation.draw_samples import sample_batches
from keras_genmod.metrics import Protocol


class EvaluateSamples(keras.callbacks.Callback):
    """Draws samples at epoch ends and puts metrics of them into the logs.

    List it before the callbacks that use them: `ModelCheckpoint(monitor=
    "frechet_distance", mode="min")`, `EarlyStopping`, `CSVLogger`, `TensorBoard`;
    `History` has them too. Epochs without an evaluation repeat the numbers of the last
    one, which for these callbacks are no improvement; where there is none, at the first
    epoch, an evaluation is made. `results` holds the evaluations alone.

    Features and statistics of the real data are computed once. Everything is computed
    once before training as well, with data in the place of samples, so that wrong
    arguments are an error then. Each evaluation draws the same random numbers, and none
    of training's. Where samples or weights are not finite, so that a sample says
    nothing of the model, the numbers are NaN, with a warning.

    Args:
        real: Array of shape `(num_real, *data_shape)`, what samples are compared to.
        metrics: Sequence of names out of "frechet_distance", "kernel_distance" (of all
            samples, without subsets), "precision", "recall", "density", "coverage" and
            "classifier_score", and of functions of features `(real, fake)` that return
            a number or a result of `keras_genmod.metrics`; or a dict `{name: metric}`
            to name them otherwise. A result of several numbers is logged by the names
            of its fields.
        every: Positive integer, epochs from one evaluation to the next.
        num_samples: Positive integer, samples drawn for one.
        feature_extractor: Function from a batch of data to features
            `(batch, num_features)`, such as a `keras_genmod.evaluation.
            FeatureExtractor`; `None` flattens the data.
        classifier: Function from a batch of data to class probabilities
            `(batch, num_classes)`, needed for "classifier_score".
        condition: For a conditional model class labels, vectors, captions or a dict of
            arrays, `num_samples` or one for all; `None` takes the classes in turn.
        batch_size: Positive integer, samples drawn at a time.
        seed: Integer from 0, of the samples.
        split: String, the split that `real` is from, for the protocol.
        truncation: Number of at least 0 for a model whose `sample` takes `truncation`:
            the largest latent, of a StyleGAN the share of its styles; part of the
            protocol. `None` draws all.
        log_dir: String or path of the run's folder, or `None`. There the protocols are
            written as TensorBoard's text and, with all numbers, into `<name>.json`,
            which a resumed run reads to repeat numbers as a straight run does. Numbers
            of another protocol in it are left out, with a warning.
        name: String, tells several of these callbacks in one folder apart; part of a
            file's name, so no path.

    Attributes:
        results: Dict from epoch (counted from 0, as in `History`) to a dict from the
            metric's name to what it returned, its `Protocol` included; of this process.
        latest: Dict of the last evaluation's numbers, as they are in the logs; with
            `log_dir` of an earlier process too, where a run goes on.

    Raises:
        OSError: At once, if `log_dir` cannot be written to.
        ValueError: If an argument is out of range; in `fit`, before training, if the
            model cannot draw samples, a metric cannot be computed from so many, or
            `<name>.json` is damaged.

    Example:
        ```python
        quality = keras_genmod.callbacks.EvaluateSamples(
            x_test, ["frechet_distance", "precision", "recall"], every=5
        )
        best = keras.callbacks.ModelCheckpoint(
            "best.keras", "frechet_distance", mode="min", save_best_only=True
        )
        model.fit(x, epochs=100, callbacks=[quality, best])
        ```
    """

    def __init__(
        self,
        real: Any,
        metrics: Sequence[str | Callable] | Mapping[str, str | Callable] = (
            "frechet_distance",
        ),
        every: int = 1,
        num_samples: int = 1000,
        feature_extractor: Callable[[Any], Any] | None = None,
        classifier: Callable[[Any], Any] | None = None,
        condition: Any = None,
        batch_size: int = 128,
        seed: int = 0,
        split: str | None = None,
        truncation: float | None = None,
        log_dir: str | os.PathLike | None = None,
        name: str = "evaluation",
    ) -> None:
        super().__init__()
        self.metrics = standardize_metrics(metrics)
        if needs_classifier(self.metrics) and classifier is None:
            raise ValueError(
                '`classifier` must be given for the metric "classifier_score". '
                "Received: classifier=None"
            )
        self.every = checks.integer("every", every, 1)
        self.num_samples = checks.integer("num_samples", num_samples, 1)
        self.batch_size = checks.integer("batch_size", batch_size, 1)
        self.seed = checks.required_seed("seed", seed)
        self.real = checks.real_numbers("real", checks.as_numpy(real, "real"))
        if len(self.real.shape) < 2 or not self.real.size:
            raise ValueError(
                "`real` must have the shape (num_real, *data_shape). "
                f"Received: real.shape={self.real.shape}"
            )
        if feature_extractor is None:
            feature_extractor = _flatten
        self.feature_extractor = checks.function("feature_extractor", feature_extractor)
        if classifier is not None:
            checks.function("classifier", classifier)
        self.classifier = classifier
        self.condition = check_condition(condition)
        self.split = None if split is None else checks.text("split", split)
        if truncation is not None:
            truncation = float(checks.non_negative("truncation", truncation))
        self.truncation = truncation
        self.name = standardize_name(name)
        self.results: dict[int, dict[str, Any]] = {}
        self._values: dict[int, dict[str, float]] = {}  # of evaluations, by epoch
        self._names: list[str] = []  # of the numbers
        self._protocols: dict[str, str] = {}  # of the metrics
        self._reference: Samples | None = None
        self._writer, self._path = None, ""
        if log_dir is not None:
            self._writer = EventWriter(log_dir)
            self._path = os.path.join(self._writer.log_dir, f"{self.name}.json")

    def on_train_begin(self, logs=None):
        self._check_samples()
        reference = self._real_samples()
        stand_ins = reference.resized(self.num_samples)
        results, values = evaluate(self.metrics, reference, stand_ins, self._source())
        self._names = list(values)
        self._protocols = {
            name: str(getattr(result, "protocol", "no protocol"))
            for name, result in results.items()
        }
        taken = values.keys() & {"loss", *(m.name for m in self.model.metrics)}
        if taken:
            raise ValueError(
                "`metrics` must not have the names of the model's own: use a dict, "
                f"{{name: metric}}. Received: {sorted(taken)}"
            )
        if self._writer is not None:
            self._writer.add_text("train", f"{self.name}/protocol", self._text())
            if os.path.exists(self._path):
                self._values = read_numbers(self._path, self._protocols, self._how())

    def on_epoch_begin(self, epoch, logs=None):
        # Those of another run in this folder, or of epochs that a backup went back of.
        for evaluations in (self.results, self._values):
            for later in [known for known in evaluations if known >= epoch]:
                del evaluations[later]

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0 or not self._values:
            self.results[epoch], self._values[epoch] = self._judged()
            if self._writer is not None and is_writer():
                write_numbers(self._path, self._values, self._protocols, self._how())
        if logs is not None:
            logs.update(self.latest)

    @property
    def latest(self) -> dict[str, float]:
        """Numbers of the last evaluation."""
        return dict(self._values[max(self._values)]) if self._values else {}

    def judge(self) -> dict[str, float]:
        """Returns the numbers of the model as it is now, which are not logged.

        `latest` may be of an earlier epoch. It serves from the start of `fit` on.
        """
        return self._judged()[1]

    def _judged(self):
        """Returns results and numbers of new samples, NaN where these say nothing.

        A model that has diverged is no reason to lose the run: others stop it.
        """
        if not weights_are_finite(self.model):  # some models draw 0s and 1s of NaN
            return self._nothing("weights")
        batches = []
        for samples in self._samples():
            if not np.isfinite(samples).all():
                return self._nothing("samples")
            batches.append(self._features(samples))
        real, fake = self._real_samples(), Samples.joined(batches)
        return evaluate(self.metrics, real, fake, self._source())

    def _nothing(self, what):
        warnings.warn(
            f"The {what} of this {type(self.model).__name__} are not finite: "
            f"{', '.join(self._names)} are NaN.",
            stacklevel=2,
        )
        nothing = dict.fromkeys(self._names, float("nan"))
        return nothing, nothing

    def _check_samples(self):
        model = self.model
        if not hasattr(model, "sample"):
            raise ValueError(
                "EvaluateSamples needs a model with `sample`. "
                f"Received: {type(model).__name__}"
            )
        try:
            samples = next(self._samples())
        except NotImplementedError as error:
            raise ValueError(
                f"EvaluateSamples cannot judge a {type(model).__name__}: {error}"
            ) from error
        if samples.shape[1:] != self.real.shape[1:]:
            shape = ", ".join(map(str, samples.shape[1:]))
            raise ValueError(
                f"`real` must have the shape of the samples, (num_real, {shape}). "
                f"Received: real.shape={self.real.shape}"
            )
        self._features(samples)

    def _real_samples(self):
        if self._reference is None:
            starts = range(0, len(self.real), self.batch_size)
            batches = [self.real[i : i + self.batch_size] for i in starts]
            self._reference = Samples.joined([self._features(b) for b in batches])
        return self._reference

    def _samples(self):
        """Returns an iterator over the batches of an evaluation's samples."""
        options: dict[str, Any] = {}
        if self.truncation is not None:
            options["truncation"] = self.truncation
        return sample_batches(
            self.model,
            self.num_samples,
            standardize_labels(self.model, self.condition, self.num_samples),
            self.batch_size,
            self.seed,
            **options,
        )

    def _features(self, batch):
        """Returns features and class probabilities (or `None`) of a batch."""
        features = ops.convert_to_numpy(self.feature_extractor(batch))
        if self.classifier is None:
            return features, None
        return features, ops.convert_to_numpy(self.classifier(batch))

    def _source(self):
        extractor = self.feature_extractor
        if hasattr(extractor, "protocol"):
            source = extractor.protocol(split=self.split)
        else:
            name = getattr(extractor, "__name__", type(extractor).__name__)
            features = "data" if extractor is _flatten else name
            source = Protocol(features=features, split=self.split)
        if self.truncation is None:
            return source
        kind = getattr(self.model, "truncation_kind", None)
        return dataclasses.replace(
            source, truncation=self.truncation, truncation_kind=kind
        )

    def _text(self):
        lines = [f"- {name}: {text}" for name, text in self._protocols.items()]
        return "\n".join([*lines, f"- samples: {self._how()}"])

    def _how(self):
        labels = "" if self.condition is None else ", of given labels"
        if self.truncation is not None:
            labels += f", truncation={self.truncation}"
        return (
            f"{self.num_samples} samples in batches of {self.batch_size}, "
            f"seed={self.seed}{labels}"
        )


def _flatten(x):
    return np.reshape(x, (len(x), -1))
