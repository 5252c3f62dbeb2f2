"""TensorBoard logs without TensorFlow."""

import itertools
import os
import socket
import time

import keras
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from keras_genmod.callbacks.folders import make_writable
from keras_genmod.callbacks.image_grid import encode_png, image_grid

_COUNTER = itertools.count()  # tells the callbacks of one process apart


class TensorBoard(keras.callbacks.Callback):
    """Writes losses and pictures for TensorBoard, on each backend alike.

    As with Keras' own callback, which needs TensorFlow, there are two runs, `train`
    and `validation`, with the scalars `epoch_loss` and so on. A run that resumes goes
    on at its epoch. Look at it with `tensorboard --logdir <log_dir>`.

    Args:
        log_dir: String or path of the folder, made if it is not there.
        every: `"epoch"`, or a positive int n to write the training losses also every
            n batches, as `batch_loss` and so on.

    Raises:
        OSError: At once, if `log_dir` cannot be written to.
        ValueError: If `every` is something else.

    Note:
        A file is open only while something is written to it, so none is left open and
        an interrupt loses nothing.

    Example:
        ```python
        board = keras_genmod.callbacks.TensorBoard("runs/vae")
        model.fit(x, epochs=10, validation_data=(x_test,), callbacks=[board])
        board.add_images("samples", model.sample(64), step=10)
        ```
    """

    def __init__(self, log_dir, every="epoch"):
        super().__init__()
        is_int = isinstance(every, int) and not isinstance(every, bool)
        if every != "epoch" and not (is_int and every >= 1):
            raise ValueError(
                '`every` must be "epoch" or a positive int, a number of batches. '
                f"Received: every={every!r}"
            )
        self.log_dir = make_writable("log_dir", log_dir)
        self.every = every
        # Keras need not wait for each batch's losses: nobody looks at them here.
        self.async_safe = every == "epoch"
        self._epoch = 0
        self._file_name = (
            f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}"
            f".{os.getpid()}.{next(_COUNTER)}"
        )

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.every == "epoch" or (batch + 1) % self.every:
            return
        # Where the length of an epoch is unknown, batches of all epochs share steps.
        step = self._epoch * (self.params.get("steps") or 0) + batch
        self._write_scalars("train", "batch", logs or {}, step)

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        train = {k: v for k, v in logs.items() if not k.startswith("val_")}
        validation = {k[4:]: v for k, v in logs.items() if k.startswith("val_")}
        self._write_scalars("train", "epoch", train, epoch)
        self._write_scalars("validation", "epoch", validation, epoch)

    def add_images(self, name, images, step, num_columns=None):
        """Writes one picture, a grid of images, to the run `train`.

        Args:
            name: String, what TensorBoard calls it.
            images: As `image_grid` takes them, values in [0, 1].
            step: Int, the epoch.
            num_columns: As in `image_grid`.
        """
        grid = image_grid(images, num_columns)
        picture = Summary.Image(
            height=grid.shape[0],
            width=grid.shape[1],
            colorspace=1 if grid.ndim == 2 else 3,
            encoded_image_string=encode_png(grid),
        )
        self._write("train", [Summary.Value(tag=name, image=picture)], step)

    def _write_scalars(self, run, prefix, logs, step):
        values = [
            Summary.Value(tag=f"{prefix}_{name}", simple_value=float(value))
            for name, value in logs.items()
        ]
        if values:
            self._write(run, values, step)

    def _write(self, run, values, step):
        folder = os.path.join(self.log_dir, run)
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, self._file_name)
        events = [Event(wall_time=time.time(), step=step, summary={"value": values})]
        if not os.path.exists(path):
            first = Event(wall_time=time.time(), file_version="brain.Event:2")
            events.insert(0, first)
        with open(path, "ab") as file:
            writer = RecordWriter(file)
            for event in events:
                writer.write(event.SerializeToString())
