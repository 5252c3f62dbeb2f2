"""Runs that go on where they were stopped."""

import json
import os

import keras
import numpy as np

from keras_genmod.callbacks.exponential_moving_average import training_weights
from keras_genmod.callbacks.stop_on_non_finite import weights_are_sound
from keras_genmod.callbacks.tensorboard.event_writer import make_writable


class Backup(keras.callbacks.BackupAndRestore):
    """Keeps the state of a run after each epoch; `fit` goes on from there.

    It is Keras' `BackupAndRestore` with `delete_checkpoint=False`: the same script
    started again with more `epochs` trains the rest, and trains nothing if it is
    finished. The state is written beside and renamed, so that an interrupt at any time
    loses at most an epoch. An epoch that leaves weights or a loss that is NaN or
    infinite is not kept, which is printed: the run goes on before it.

    Args:
        backup_dir: String or path of a folder of its own, made if it is not there.

    Raises:
        OSError: At once, if `backup_dir` cannot be written to.
        ValueError: In `fit`, if the backup is that of another model.

    Example:
        ```python
        backup = keras_genmod.callbacks.Backup("runs/vae/backup")
        model.fit(x, epochs=10, callbacks=[backup])
        ```
    """

    # Keras need not wait for each batch's losses: nobody looks at them here.
    async_safe = True

    def __init__(self, backup_dir):
        super().__init__(
            make_writable("backup_dir", backup_dir), delete_checkpoint=False
        )

    def on_train_begin(self, logs=None):
        try:
            super().on_train_begin(logs)
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"The backup in {self.backup_dir!r} does not fit this model; it is "
                "that of a run with other settings. Delete the folder to start anew, "
                f"or choose another one. Keras says: {error}"
            ) from error

    def on_epoch_end(self, epoch, logs=None):
        loss = (logs or {}).get("loss", 0.0)
        if not np.isfinite(loss) or not weights_are_sound(self.model):
            print(
                f"\nEpoch {epoch + 1} is not backed up: a weight or loss is not finite."
            )
            return
        scratch = os.path.join(self.backup_dir, "next.weights.h5")
        with training_weights(self.model):
            self.model.save_weights(scratch, overwrite=True)
        os.replace(scratch, self._weights_path)
        scratch = os.path.join(self.backup_dir, "next.json")
        with open(scratch, "w") as file:
            json.dump({"epoch": epoch + 1, "batch": 0}, file)
        os.replace(scratch, self._training_metadata_path)
