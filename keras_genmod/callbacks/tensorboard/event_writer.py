"""Event files for TensorBoard, written without TensorFlow."""

import functools
import operator
import os
import socket
import tempfile
import threading
import time
from typing import Any

from keras_genmod import checks
from keras_genmod.callbacks.image_grid import image_grid
from keras_genmod.callbacks.tensorboard import hparams as hyper_parameters
from keras_genmod.engine import is_writer

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

    def __init__(self, log_dir: str | os.PathLike[str]) -> None:
        self.log_dir = make_writable("log_dir", log_dir)

    def add_scalars(self, run: str, values: Any, step: int) -> None:
        """Writes numbers, each under its name.

        Args:
            run: `"train"` or `"validation"`.
            values: Dict of names to floats or scalar arrays. NaN and infinity are
                written as they are.
            step: Int, such as the epoch.

        Raises:
            ValueError: If `run` is another one, or a value is not a number.
        """
        self.append(run, [scalars_event(values, step)] if values else [])

    def add_images(
        self,
        run: str,
        name: str,
        images: Any,
        step: int,
        num_columns: int | None = None,
    ) -> None:
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

    def add_image(self, run: str, name: str, picture: Any, step: int) -> None:
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
        self.append(run, [_event([_formats().image(name, picture)], step)])

    def add_text(self, run: str, name: str, text: str, step: int = 0) -> None:
        """Writes text, which TensorBoard shows as Markdown.

        Args:
            run: `"train"` or `"validation"`.
            name: String, what TensorBoard calls it.
            text: String, such as the protocol of a metric.
            step: Int, such as the epoch.

        Raises:
            ValueError: If `run` is another one.
        """
        self.append(run, [_event([_formats().text(name, text)], step)])

    def add_histogram(self, run: str, name: str, values: Any, step: int) -> None:
        """Writes how values are distributed.

        Args:
            run: `"train"` or `"validation"`.
            name: String, what TensorBoard calls it.
            values: Array or tensor of any shape. NaN and infinity are left out.
            step: Int, such as the epoch.

        Raises:
            ValueError: If `run` is another one.
        """
        self.append(run, [_event([_formats().histogram(name, values)], step)])

    def add_hparams(self, hparams: Any, metrics: Any) -> None:
        """Writes a row of TensorBoard's table of hyper-parameters.

        Args:
            hparams: Dict of names to bools, ints, floats and strings.
            metrics: Dict of names to floats, what came out. Without any, training is
                shown as running.

        Raises:
            ValueError: If a value is something else.

        Note:
            A row is a folder: TensorBoard keeps the hyper-parameters that a folder got
            first and the latest metrics.
        """
        values = hyper_parameters.session(hparams, metrics)
        self._append("hparams", [_event(values, 0)])

    def add_embedding(
        self,
        name: str,
        vectors: Any,
        labels: Any = None,
        images: Any = None,
        step: int = 0,
    ) -> None:
        """Writes points for TensorBoard's embedding projector.

        Args:
            name: String, what TensorBoard calls it.
            vectors: Array or tensor of shape `(n, dim)`, such as latent codes.
            labels: `None`, or n values to colour and name the points by.
            images: `None`, or n images to draw the points as: as `image_grid` takes
                them, together of at most 8192 x 8192 pixels.
            step: Int, such as the epoch. Points of each step are kept.

        Raises:
            ValueError: If shapes or lengths do not fit, or `vectors` are not finite.

        Note:
            A running TensorBoard has read its list of embeddings: start it again.
        """
        self._append("train", [])  # TensorBoard passes over runs without a file
        folder = os.path.join(self.log_dir, "train")
        if is_writer():
            # Imported where it is called, as `_formats` are.
            from keras_genmod.callbacks.tensorboard import projector

            projector.write_embedding(folder, name, vectors, labels, images, step)

    def append(self, run: str, events: Any) -> None:
        """Writes events, such as `scalars_event` makes, in one go.

        Args:
            run: `"train"` or `"validation"`.
            events: List of `Event`.

        Raises:
            ValueError: If `run` is another one.
        """
        if run not in _RUNS:
            raise ValueError(f"`run` must be one of {_RUNS}. Received: run={run!r}")
        if events:
            self._append(run, events)

    def _append(self, run, events):
        if not is_writer():
            return
        folder = os.path.join(self.log_dir, run)
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, _file_name(os.getpid()))
        with _LOCK, open(path, "ab") as file:
            _formats().write(file, events)


def make_writable(name, folder):
    """Makes a folder, or says at once that nothing can be written there.

    Of several processes, the first alone writes.

    Args:
        name: String, the argument's name in the message.
        folder: String or path.

    Returns:
        The folder as a string.

    Raises:
        OSError: If the folder cannot be made or written to.
    """
    folder = checks.path(name, folder)
    if not is_writer():
        return folder
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            f"`{name}` must be a folder that can be written to: choose another one. "
            f"Received: {name}={folder!r} ({error.strerror})"
        ) from error
    return folder


def standardize_name(name: str) -> str:
    """Returns a name; raises a `ValueError` unless it can stand in a file's name."""
    plain = isinstance(name, str) and name and "\0" not in name
    if not plain or os.path.basename(name) != name:
        raise ValueError(
            "`name` must be a string that can stand in a file's name. "
            f"Received: name={name!r}"
        )
    return name


def scalars_event(values, step):
    """Returns an event of now with numbers, to be written by `EventWriter.append`.

    Args:
        values: Dict of names to floats or scalar arrays.
        step: Int.

    Raises:
        ValueError: If a value is not a number, or `step` not an int.
    """
    values = [_formats().scalar(name, value) for name, value in values.items()]
    return _event(values, step)


def _event(values, step):
    try:
        step = operator.index(step)
    except TypeError as error:
        raise ValueError(f"`step` must be an int. Received: step={step!r}") from error
    return _formats().event(values, step)


def _formats():
    """Returns what knows TensorBoard's formats; its package is slow to import."""
    from keras_genmod.callbacks.tensorboard import summaries

    return summaries
