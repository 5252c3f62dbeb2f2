"""Event files for TensorBoard, written without TensorFlow."""

import functools
import os
import socket
import threading
import time

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.text.metadata import create_summary_metadata
from tensorboard.summary.writer.record_writer import RecordWriter

from keras_genmod.callbacks.folders import make_writable
from keras_genmod.callbacks.image_grid import encode_png, image_grid

_RUNS = ("train", "validation")
_LOCK = threading.Lock()  # Keras may call the callbacks of batches from threads


@functools.cache
def _file_name(process_id):
    # TensorBoard reads the files of a run one after another, by name, and does not
    # come back to an older one: all writers of a process share a file, and a later
    # process makes a later one.
    started = f"{time.time():.6f}"
    return f"events.out.tfevents.{started}.{socket.gethostname()}.{process_id}"


class EventWriter:
    """Writes scalars, pictures and more into a folder that TensorBoard shows.

    All writers that one process has on a folder append to the same file, so that
    callbacks can each have their own. The file is open only while something is
    written to it: none is left open and an interrupt loses nothing.

    Args:
        log_dir: String or path of the folder, made if it is not there.

    Raises:
        OSError: At once, if `log_dir` cannot be written to.

    Example:
        ```python
        writer = keras_genmod.callbacks.EventWriter("runs/vae")
        writer.add_scalars("validation", {"frechet_distance": 3.2}, step=10)
        writer.add_images("train", "samples", model.sample(64), step=10)
        ```
    """

    def __init__(self, log_dir):
        self.log_dir = make_writable("log_dir", log_dir)

    def add_scalars(self, run, values, step):
        """Writes numbers, each under its name.

        Args:
            run: `"train"` or `"validation"`.
            values: Dict of names to floats or scalar arrays. NaN and infinity are
                written as they are.
            step: Int, such as the epoch.

        Raises:
            ValueError: If `run` is another one, or a value is not a number.
        """
        summaries = [_scalar(name, value) for name, value in values.items()]
        if summaries:
            self._write(_checked(run), summaries, step)

    def add_images(self, run, name, images, step, num_columns=None):
        """Writes one picture, a grid of images.

        Args:
            run: `"train"` or `"validation"`.
            name: String, what TensorBoard calls it.
            images: As `image_grid` takes them, values in [0, 1].
            step: Int, such as the epoch.
            num_columns: As in `image_grid`.

        Raises:
            ValueError: If `run` is another one, or `images` are not images.
        """
        self.add_image(run, name, image_grid(images, num_columns), step)

    def add_image(self, run, name, picture, step):
        """Writes one picture.

        Args:
            run: `"train"` or `"validation"`.
            name: String, what TensorBoard calls it.
            picture: uint8 array of shape `(height, width)` or `(height, width, 3)`,
                such as `image_grid` returns.
            step: Int, such as the epoch.

        Raises:
            ValueError: If `run` is another one, or `picture` is not a picture.
        """
        self._write(_checked(run), [_image(name, picture)], step)

    def add_text(self, run, name, text, step=0):
        """Writes text, which TensorBoard shows as Markdown.

        Args:
            run: `"train"` or `"validation"`.
            name: String, what TensorBoard calls it.
            text: String, such as the protocol of a metric.
            step: Int, such as the epoch.

        Raises:
            ValueError: If `run` is another one.
        """
        self._write(_checked(run), [_text(name, text)], step)

    def _write(self, run, summaries, step):
        event = Event(wall_time=time.time(), step=step, summary={"value": summaries})
        self._append(run, [event])

    def _append(self, run, events):
        folder = os.path.join(self.log_dir, run)
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, _file_name(os.getpid()))
        with _LOCK, open(path, "ab") as file:
            writer = RecordWriter(file)
            if not file.tell():
                first = Event(wall_time=time.time(), file_version="brain.Event:2")
                writer.write(first.SerializeToString())
            for event in events:
                writer.write(event.SerializeToString())


def _checked(run):
    if run not in _RUNS:
        raise ValueError(f"`run` must be one of {_RUNS}. Received: run={run!r}")
    return run


def _scalar(name, value):
    try:
        return Summary.Value(tag=name, simple_value=float(value))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`values` must be numbers. Received: {name}={value!r}"
        ) from error


def _image(name, picture):
    shape, dtype = np.shape(picture), getattr(picture, "dtype", None)
    if dtype != np.uint8 or len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
        raise ValueError(
            "`picture` must be a uint8 array of shape (height, width) or "
            f"(height, width, 3). Received: shape={shape}, dtype={dtype}"
        )
    picture_proto = Summary.Image(
        height=shape[0],
        width=shape[1],
        colorspace=1 if len(shape) == 2 else 3,
        encoded_image_string=encode_png(picture),
    )
    return Summary.Value(tag=name, image=picture_proto)


def _text(name, text):
    if not isinstance(text, str):
        raise ValueError(f"`text` must be a string. Received: text={text!r}")
    return Summary.Value(
        tag=name,
        metadata=create_summary_metadata(display_name=name, description=""),
        tensor=TensorProto(dtype=DT_STRING, string_val=[text.encode()]),
    )
