"""TensorBoard logs of a run, without TensorFlow."""

import os
import threading
import time
from typing import Any

import keras

from keras_genmod import checks
from keras_genmod.callbacks.tensorboard import hparams as hyper_parameters
from keras_genmod.callbacks.tensorboard.event_writer import EventWriter, scalars_event

_SECONDS = 5  # losses of batches wait at most so long in memory


class TensorBoard(keras.callbacks.Callback):
    """Writes what a run does for TensorBoard, on each backend alike.

    As with Keras' own callback, which needs TensorFlow, there are two runs, `train`
    and `validation`, with the scalars `epoch_loss` and so on, and the learning rates
    as `epoch_learning_rate` (`epoch_learning_rate_critic` and so on where a model has
    several optimizers). A text, `protocol`, and a row of the table of hyper-parameters
    say what was trained. A run that resumes goes on at its epoch. Look at it with
    `tensorboard --logdir <log_dir>`.

    Args:
        log_dir: String or path of the folder, made if it is not there.
        every: `"epoch"`, or a positive int n to write the training losses also every
            n batches, as `batch_loss` and so on.
        histogram_freq: Int, after how many epochs histograms of all weights are
            written; 0 for none.
        hparams: Boolean, whether to write hyper-parameters: the plain values of the
            model's `get_config`, the optimizers and their learning rates.

    Attributes:
        writer: The `EventWriter`, for anything else that belongs to the run.

    Raises:
        OSError: At once, if `log_dir` cannot be written to.
        ValueError: If `every` or `histogram_freq` is something else.

    Note:
        A file is open only while something is written to it, so none is left open;
        an interrupt loses the losses of at most the last five seconds' batches.

    Example:
        ```python
        board = keras_genmod.callbacks.TensorBoard("runs/vae", histogram_freq=5)
        model.fit(x, epochs=10, validation_data=(x_test,), callbacks=[board])
        board.add_images("samples", model.sample(64), step=10)
        board.writer.add_embedding("latents", model.encode(x_test), images=x_test)
        ```
    """

    # Keras need not wait for each batch's losses: it calls `on_train_batch_end` from
    # other threads once they are there.
    async_safe = True

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        every: Any = "epoch",
        histogram_freq: int = 0,
        hparams: bool = True,
    ) -> None:
        super().__init__()
        if not (isinstance(every, str) and every == "epoch") and not _is_int(every, 1):
            raise ValueError(
                '`every` must be "epoch" or a positive int, a number of batches. '
                f"Received: every={every!r}"
            )
        if not _is_int(histogram_freq, 0):
            raise ValueError(
                "`histogram_freq` must be an int of at least 0, a number of epochs. "
                f"Received: histogram_freq={histogram_freq!r}"
            )
        self.writer = EventWriter(log_dir)
        self.log_dir = self.writer.log_dir
        self.every = every
        self.histogram_freq = histogram_freq
        self.hparams = checks.boolean("hparams", hparams)
        self._epoch = 0
        self._found: dict = {}
        self._last: dict = {}
        self._protocol = None
        self._steps_per_execution = 1
        self._lock = threading.Lock()
        self._waiting: list[Any] = []
        self._written = time.monotonic()

    def add_images(
        self, name: str, images: Any, step: int, num_columns: int | None = None
    ) -> None:
        """Writes one picture, a grid of images, to the run `train`.

        Args:
            name: String, what TensorBoard calls it.
            images: As `image_grid` takes them, values in [0, 1].
            step: Int, the epoch.
            num_columns: As in `image_grid`.
        """
        self.writer.add_images("train", name, images, step, num_columns)

    def on_train_begin(self, logs=None):
        model = self.model
        self._steps_per_execution = getattr(model, "steps_per_execution", 1)
        self._found = hyper_parameters.of_model(model)
        self._protocol = _protocol(model, self._found)
        if self.hparams:
            self.writer.add_hparams(self._found, {})

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        if self._protocol:  # once a start
            self.writer.add_text("train", "protocol", self._protocol, epoch)
            self._protocol = None

    def on_train_batch_end(self, batch, logs=None):
        # `self.model` is not looked at: on JAX that would sync the state.
        if self.every == "epoch" or not logs:
            return
        before = batch + 1 - self._steps_per_execution
        if (batch + 1) // self.every == before // self.every:
            return
        # Where the length of an epoch is unknown, batches of all epochs share steps.
        step = self._epoch * (self.params.get("steps") or 0) + batch
        event = scalars_event(_prefixed("batch", logs), step)
        with self._lock:
            self._waiting.append(event)
            if time.monotonic() - self._written > _SECONDS:
                self._write_waiting()

    def on_epoch_end(self, epoch, logs=None):
        with self._lock:
            self._write_waiting()
        logs = self._last = dict(logs or {})
        train = {k: v for k, v in logs.items() if not k.startswith("val_")}
        train.update(hyper_parameters.learning_rates(self.model))
        validation = {k[4:]: v for k, v in logs.items() if k.startswith("val_")}
        self.writer.add_scalars("train", _prefixed("epoch", train), epoch)
        self.writer.add_scalars("validation", _prefixed("epoch", validation), epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for name, weight in _by_name(self.model.weights).items():
                self.writer.add_histogram("train", name, weight, epoch)

    def on_train_end(self, logs=None):
        with self._lock:
            self._write_waiting()
        # `logs` lacks what other callbacks, such as `EvaluateSamples`, put in.
        if self.hparams and self._last:
            self.writer.add_hparams(self._found, _prefixed("final", self._last))

    def _write_waiting(self):
        # Threads may have come in another order than the batches.
        self.writer.append("train", sorted(self._waiting, key=lambda event: event.step))
        self._waiting = []
        self._written = time.monotonic()


def _is_int(value, smallest):
    is_int = isinstance(value, int) and not isinstance(value, bool)
    return is_int and value >= smallest


def _prefixed(prefix, logs):
    return {f"{prefix}_{name}": value for name, value in logs.items()}


def _by_name(weights):
    """Returns the weights by their paths, numbered where networks share one."""
    named: dict = {}
    for weight in weights:
        name, count = weight.path, 1
        while name in named:
            count += 1
            name = f"{weight.path}_{count}"
        named[name] = weight
    return named


def _protocol(model, hparams):
    """Returns a Markdown table of what is trained and with what."""
    rows = {
        "Keras": f"{keras.version()} on {keras.config.backend()}",
        "precision": model.dtype_policy.name,
        "log-likelihood": getattr(model, "likelihood_kind", None) or "none",
        **hparams,
    }
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["| what | value |", "| --- | --- |", *lines])
