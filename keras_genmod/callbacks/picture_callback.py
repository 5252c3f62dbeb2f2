"""When pictures are drawn, and where they go."""

import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.callbacks.image_grid import image_grid, save_png
from keras_genmod.callbacks.tensorboard.event_writer import (
    EventWriter,
    standardize_name,
)
from keras_genmod.engine import is_writer


class PictureCallback(keras.callbacks.Callback):
    """Draws a grid of images at the end of epochs, or every so many steps.

    A subclass says of what, in `draw(model)`. The picture after epoch 5 is
    `<log_dir>/pictures/<name>_epoch_0005.png`, and after step 500
    `<name>_step_00000500.png`; TensorBoard shows it in the run `train` under `name`,
    beside the losses of that epoch. It is drawn once, and thrown away, before training:
    a model that cannot do it is an error then.

    Args:
        log_dir: String or path of the run's folder, made if it is not there.
        name: String, the picture's name.
        every: Positive integer, epochs from one picture to the next.
        every_steps: Positive integer, draw every so many steps instead, or as soon
            after as `steps_per_execution` allows; `None` draws at epoch ends.
        num_columns: Positive integer, images in a row; `None` makes the grid square.
        image_shape: Tuple `(height, width, channels)` that the data are reshaped to,
            for a model of rows of pixels, such as an RBM; `None` leaves them alone.

    Raises:
        OSError: At once, if `log_dir` cannot be written to.
        ValueError: If an argument is out of range; in `fit`, before training, if the
            model cannot draw this, or its data are not images.

    Note:
        Where Keras does not know the length of an epoch (generators), steps are counted
        from the start of `fit`, and may lag behind by one an epoch.

    Example:
        ```python
        class Translations(keras_genmod.callbacks.PictureCallback):
            def draw(self, model):
                return np.concatenate([images, model.translate(images)])

        model.fit(batches, callbacks=[Translations("runs/cycle_gan", "translations")])
        ```
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        name: str,
        every: Any = 1,
        every_steps: Any = None,
        num_columns: int | None = None,
        image_shape: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self._writer = EventWriter(log_dir)
        self.name = standardize_name(name)
        self.every = checks.integer("every", every, 1)
        if every_steps is not None:
            every_steps = checks.integer("every_steps", every_steps, 1)
        self.every_steps = every_steps
        if num_columns is not None:
            num_columns = checks.integer("num_columns", num_columns, 1)
        self.num_columns = num_columns
        if image_shape is not None:
            image_shape = checks.sizes("image_shape", image_shape)
        self.image_shape = image_shape
        self._first_step = self._step = 0  # steps taken before this epoch, and by now

    def draw(self, model: Any) -> Any:
        """Returns what is drawn; it must draw no random number of the model's own.

        Args:
            model: The model that trains.

        Returns:
            Array or tensor of shape `(n, height, width)` or
            `(n, height, width, channels)` with 1 or 3 channels, values in [0, 1].
        """
        raise NotImplementedError

    def require(self, model: Any, method: Any) -> None:
        """Raises a `ValueError` unless a model has a method."""
        if not hasattr(model, method):
            raise ValueError(
                f"{type(self).__name__} needs a model with `{method}`. "
                f"Received: {type(model).__name__}"
            )

    def on_train_begin(self, logs=None):
        self._step = 0
        self._grid()

    def on_epoch_begin(self, epoch, logs=None):
        steps = self.params.get("steps")
        self._first_step = self._step = epoch * steps if steps else self._step

    def on_train_batch_begin(self, batch, logs=None):
        # Not at the end of a batch: for that Keras would wait for each batch's losses.
        if self.every_steps is not None:
            self._count_to(self._first_step + batch)

    def on_epoch_end(self, epoch, logs=None):
        if self.every_steps is not None:
            steps = self.params.get("steps")
            self._count_to(self._first_step + steps if steps else self._step)
        elif (epoch + 1) % self.every == 0:
            self._write(f"epoch_{epoch + 1:04d}", epoch)

    def _count_to(self, step):
        is_due = step // self.every_steps > self._step // self.every_steps
        self._step = step
        if is_due:
            self._write(f"step_{step:08d}", step)

    def _write(self, when, step):
        grid = self._grid()
        file_name = f"{self.name}_{when}.png"
        if is_writer():  # all processes have drawn
            save_png(os.path.join(self._writer.log_dir, "pictures", file_name), grid)
        self._writer.add_image("train", self.name, grid, step)

    def _grid(self):
        model = self.model  # on JAX this brings its variables up to date
        try:
            images = np.asarray(ops.convert_to_numpy(self.draw(model)))
        except NotImplementedError as error:
            raise ValueError(
                f"{type(self).__name__} cannot draw a {type(model).__name__}: {error}"
            ) from error
        if self.image_shape is not None:
            images = images.reshape(len(images), *self.image_shape)
        if images.ndim not in (3, 4) or images.shape[3:] not in ((), (1,), (3,)):
            raise ValueError(
                f"{type(self).__name__} draws images of shape (height, width) or "
                "(height, width, channels) with 1 or 3 channels. Received: a "
                f"{type(model).__name__} of data of shape {images.shape[1:]}"
            )
        return image_grid(images, self.num_columns)
