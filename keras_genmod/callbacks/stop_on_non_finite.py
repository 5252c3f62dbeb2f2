"""An end to training at the first NaN or absurd weight, and where it came from."""

import math

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.engine.backend import weights_are_finite
from keras_genmod.engine.keras_internals import model_in_fit

_BOUND = "_largest_weight"  # where a model keeps the bound of its callback


def weights_are_sound(model: keras.Model) -> bool:
    """Whether all trainable weights are finite, and within a `StopOnNonFinite`'s bound.

    `Backup` asks before it keeps a state.
    """
    return weights_are_finite(model, model.__dict__.get(_BOUND, math.inf))


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops training at a NaN or an infinity, and says what went wrong first.

    The losses are looked at after each batch and the weights before it, so they are
    told apart:

    - Weights that are not finite before a batch, while the losses of the batches until
      then were, are named by network and path: something changed them, or the gradient
      of the last batch was not finite.
    - A loss that is not finite after a batch whose weights were is named, and the first
      objective that has one: the batch holds a NaN, or the loss overflowed.
    - A weight beyond `largest` counts as not finite. A learning rate far too high may
      leave all losses finite, where activations saturate: those of a GAN, or of a
      Boltzmann machine, whose units are 0 or 1 whatever the weights are.

    The message is printed and kept as `report`. Training stops as with
    `keras.callbacks.TerminateOnNaN`, so that the other callbacks end as they do after a
    whole epoch. `Backup` keeps its last state then: a run that is started again goes on
    before the epoch that broke.

    Args:
        every: Positive int. With 1 training stops at the batch that has a loss that is
            not finite, and a batch after the weights went wrong in any other way. With
            n the weights alone are looked at, before every nth batch and at the end of
            an epoch; training stops at most n + 1 batches late.
        largest: Positive number, the absolute value up to which a trainable weight is
            taken for a weight, or `None` for no bound. Those of trained models are a
            few tens at most; the default leaves room for data that are not scaled.

    Raises:
        ValueError: If `every` is not a positive int or `largest` not a positive number.

    Note:
        With `every=1` each batch waits for the losses of the one before, as with every
        callback that reads them: a small model on a fast device trains slower. Larger
        numbers wait every n batches only. A layer may hide a NaN from the loss, as the
        ReLU of TensorFlow, which makes 0 of it: that is why weights are looked at.

    Example:
        ```python
        stop = keras_genmod.callbacks.StopOnNonFinite()
        model.fit(x, epochs=10, callbacks=[stop])
        if stop.report:
            raise FloatingPointError(stop.report)
        ```
    """

    def __init__(self, every: int = 1, largest: float | None = 1e6) -> None:
        super().__init__()
        self.every = checks.positive_int("every", every)
        if largest is not None:
            largest = checks.positive("largest", largest)
        self.largest = largest
        # Only losses of each batch must be waited for.
        self.async_safe = self.every > 1
        self.report: str | None = None
        self._epoch = 0
        self._next_batch = 0  # whose weights are looked at

    @property
    def _bound(self):
        return math.inf if self.largest is None else self.largest

    def on_train_begin(self, logs=None):
        self.report = None
        self.model.__dict__[_BOUND] = self._bound  # past Keras' tracking

    def on_train_end(self, logs=None):
        self.model.__dict__.pop(_BOUND, None)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._next_batch = epoch, 0

    def on_train_batch_begin(self, batch, logs=None):
        if batch < self._next_batch or self.report is not None:
            return
        self._next_batch = batch + self.every
        if not weights_are_sound(model_in_fit(self)):
            figures = _non_finite_figures(self.model, self.model.get_metrics_result())
            self._stop(f"before batch {batch + 1}", {} if batch == 0 else figures)

    def on_train_batch_end(self, batch, logs=None):
        if self.every == 1 and self.report is None:
            figures = _non_finite_figures(model_in_fit(self), logs or {})
            if figures:
                self._stop(f"batch {batch + 1}", figures, weights_were_finite=True)

    def on_epoch_end(self, epoch, logs=None):
        if self.report is None:
            figures = _non_finite_figures(self.model, logs or {})
            if figures or _wrong_weights(self.model, self._bound):
                self._stop("at the end", figures)

    def _stop(self, when, figures, weights_were_finite=False):
        """Stops training and says why.

        Args:
            when: String, the time within the epoch.
            figures: Dict of what is not finite in the logs.
            weights_were_finite: Whether they are known to have been, before the batch.
        """
        model = self.model
        model.stop_training = True
        lines = [f"Epoch {self._epoch + 1}, {when}: training stops."]
        if figures:
            shown = ", ".join(f"{name}={value}" for name, value in figures.items())
            lines.append(f"Not finite: {shown}.")
        if weights_were_finite:
            lines.append("All weights were finite before this batch.")
            lines.append(self._first_cause(figures))
        elif weights := _wrong_weights(model, self._bound):
            lines.append(f"{self._wrong.capitalize()}: {'; '.join(weights)}.")
            if not figures:
                lines.append(
                    "No loss was wrong before: the weights were changed, a gradient "
                    "was not finite, or the learning rate is too high."
                )
        self.report = " ".join(lines)
        print(f"\n{self.report}")

    @property
    def _wrong(self):
        bound = "" if self.largest is None else f" or are beyond {self.largest:g}"
        return f"weights that are not finite{bound}"

    def _first_cause(self, figures):
        """Says what a batch of finite weights did wrong first."""
        what = "its loss"
        for objective in _objectives_of(self.model):
            if f"{objective.name}_loss" in figures:
                what = f"the loss of {objective.name!r}"
                break
            variables = objective.trainable_variables()
            if any(_count(variable, self._bound) for variable in variables):
                return (
                    f"The gradient of {objective.name!r} went wrong first: its loss is "
                    f"finite, and now it has {self._wrong}."
                )
        return (
            f"It was {what} that went wrong first: the data of this batch hold a NaN "
            "or an infinity, or the loss overflowed."
        )


def _objectives_of(model):
    """Returns a model's objectives, in the order of a train step; maybe none."""
    return model.objectives() if hasattr(model, "objectives") else []


def _non_finite_figures(model, logs):
    """Returns the figures of a training that are not finite.

    Args:
        model: Keras model.
        logs: Dict from name to number, those of a batch or an epoch.

    Returns:
        Dict, part of `logs`: parts of losses first, then the losses of the objectives
        in their order, then the loss.
    """
    order = [*(f"{objective.name}_loss" for objective in _objectives_of(model)), "loss"]
    figures = {
        metric.name: float(ops.convert_to_numpy(logs[metric.name]))
        for metric in model.metrics
        if metric.name in logs
    }
    wrong = [name for name, value in figures.items() if not np.isfinite(value)]
    wrong.sort(key=lambda name: order.index(name) if name in order else -1)
    return {name: figures[name] for name in wrong}


def _wrong_weights(model, largest):
    """Returns what each weight is that is not finite or too large, with its network."""
    networks = {}
    attributes = {**vars(model), **vars(model).get("_modules", {})}
    for name, network in attributes.items():
        if not name.startswith("_"):
            for variable in getattr(network, "weights", ()):
                networks[id(variable)] = f"{name}: "
    found = []
    trainable = {id(variable) for variable in model.trainable_variables}
    for variable in model.weights:
        bound = largest if id(variable) in trainable else math.inf
        if wrong := _count(variable, bound):
            network = networks.get(id(variable), "")
            size = math.prod(variable.shape)
            found.append(f"{network}{variable.path} ({wrong} of {size} values)")
    return found


def _count(variable, largest):
    """Returns how many values of a variable are not finite or beyond a bound."""
    values = ops.convert_to_numpy(variable)
    if values.dtype.kind in "iub":
        return 0
    values = np.abs(values.astype("float32"))
    return int(np.count_nonzero(~np.isfinite(values) | (values > largest)))
