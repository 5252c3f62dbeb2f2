"""Runs that go on where they were stopped."""

import contextlib
import errno
import os
import shutil

import keras
import numpy as np

from keras_genmod import checks
from keras_genmod.callbacks import run_state
from keras_genmod.callbacks.exponential_moving_average import training_weights
from keras_genmod.callbacks.folder_lock import lock, unlock
from keras_genmod.callbacks.stop_on_non_finite import weights_are_sound
from keras_genmod.callbacks.tensorboard.event_writer import make_writable
from keras_genmod.engine import (
    all_agree,
    is_writer,
    keras_internals,
    whole_state,
)


class Backup(keras.callbacks.Callback):
    """Keeps the state of a run after each epoch; `fit` goes on from there.

    The same script started again with more `epochs` trains the rest, and trains nothing
    if it is finished. Weights, optimizers, random states, the epoch and the state of
    other callbacks are one file, "latest.weights.h5", which is written beside and
    renamed: a kill at any time loses the epoch under way and nothing else. An epoch
    that leaves weights or a loss that is NaN or infinite is not kept, which is printed:
    the run goes on before it.

    With models of this package also kept are the state of `EarlyStopping`,
    `ModelCheckpoint` and `ReduceLROnPlateau` of Keras: a run that was stopped early
    stays so, and the best is the best of all epochs. They come before `Backup` in the
    list of callbacks. Rows that a `CSVLogger(append=True)` wrote of epochs that are
    trained again are dropped from its table.

    Args:
        backup_dir: String or path of a folder of its own, made if it is not there.

    Raises:
        OSError: At once, if `backup_dir` cannot be written to; in `fit`, if another
            process uses it, or if the disk is full: the last state is whole then.
        ValueError: In `fit`, if the backup is damaged or that of another model, or a
            callback whose state is kept comes later in the list.

    Example:
        ```python
        stop = keras.callbacks.EarlyStopping("val_loss", patience=5)
        backup = keras_genmod.callbacks.Backup("runs/vae/backup")
        model.fit(x, validation_data=(x_val, None), epochs=10, callbacks=[stop, backup])
        ```
    """

    # Keras need not wait for each batch's losses: nobody looks at them here.
    async_safe = True

    def __init__(self, backup_dir: str | os.PathLike[str]) -> None:
        super().__init__()
        self.backup_dir = make_writable("backup_dir", backup_dir)
        self._path = os.path.join(self.backup_dir, "latest.weights.h5")

    def on_train_begin(self, logs=None):
        if is_writer():
            lock("backup_dir", self.backup_dir)
        others = getattr(self.model, "callbacks_in_fit", None) or ()
        run_state.check_order(others, self)
        epoch = 0
        if os.path.exists(self._path):
            notes = self._read()
            epoch = notes["epoch"]
            self._load()
            run_state.put_back(others, notes["callbacks"])
        if not all_agree(epoch):
            raise ValueError(
                "`backup_dir` must be a folder that all processes see: not all of them "
                f"found the same backup. Received: backup_dir={self.backup_dir!r}"
            )
        run_state.drop_rows(others, epoch)
        if run_state.was_stopped(others):
            print(
                f"\nThis run was stopped early after epoch {epoch}; nothing is "
                f"trained. Delete {self.backup_dir!r} to start anew."
            )
            epoch = max(epoch, self.params["epochs"])
        keras_internals.start_from_epoch(self.model, epoch)

    def _read(self):
        try:
            notes = keras_internals.notes_of(self._path)
            checks.integer("epoch", notes["epoch"])
            if not isinstance(notes["callbacks"], dict):
                raise ValueError("its callbacks are no dict")
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"The backup {self._path!r} is damaged, or none of `Backup`: {error}. "
                "Delete it to start anew, or choose another folder."
            ) from error
        return notes

    def _load(self):
        optimizer = self.model.optimizer
        if not optimizer.built:  # else its variables would not be there to be loaded
            optimizer.build(self.model.trainable_variables)
        try:
            self.model.load_weights(self._path)
        except (KeyError, OSError, RuntimeError, ValueError) as error:
            raise ValueError(
                f"The backup {self._path!r} does not fit this model: it is that of a "
                "run with other settings, or damaged. Delete it to start anew, or "
                f"choose another folder. Keras says: {error}"
            ) from error

    def on_epoch_end(self, epoch, logs=None):
        loss = (logs or {}).get("loss", 0.0)
        if not np.isfinite(loss) or not weights_are_sound(self.model):
            print(
                f"\nEpoch {epoch + 1} is not backed up: a weight or loss is not finite."
            )
            return
        others = getattr(self.model, "callbacks_in_fit", None) or ()
        notes = {"epoch": epoch + 1, "callbacks": run_state.states_of(others)}
        with training_weights(self.model), whole_state(self.model):
            # In memory first: HDF5 crashes some time after a disk was full.
            content = keras_internals.state_to_bytes(self.model, notes)
        if is_writer():  # all processes take part in reading the weights
            self._write(content)

    def _write(self, content):
        scratch = os.path.join(self.backup_dir, "next.weights.h5")
        try:
            if shutil.disk_usage(self.backup_dir).free < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            with open(scratch, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(scratch, self._path)
        except OSError as error:
            raise OSError(
                error.errno,
                f"The backup could not be written ({error.strerror}); it needs "
                f"{len(content):,} bytes. The state before is whole: make room, and "
                "start again",
                self._path,
            ) from error
        finally:
            with contextlib.suppress(OSError):
                os.remove(scratch)

    def on_train_end(self, logs=None):
        keras_internals.start_from_epoch(self.model, None)
        unlock(self.backup_dir)
