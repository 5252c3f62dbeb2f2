"""Whether a machine without a known log Z overfits."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks

_CHUNK = 1000  # examples scored at a time: bounds the memory on the device


class FreeEnergyGap(keras.callbacks.Callback):
    """Reports how much less likely held-out data are than training data.

    `free_energy_gap` = mean F(held out) - mean F(train), in nats. F(x) = -log p(x) -
    log Z, and log Z is the same for both, so it is the mean log p of training data
    less that of held-out data: near 0 while the machine learns what both share, and
    growing once it learns training examples by heart. It comes with the logs of an
    epoch, so `History`, `CSVLogger`, `TensorBoard` and `EarlyStopping` have it, if
    they are listed after this callback.

    Args:
        x_val: Held-out examples, array `(n, *data_shape)`, `n` in the thousands.
        x_train: Examples of the training data, about as many.

    Raises:
        ValueError: If one is empty; in `fit`, before training, if the model has no
            free energy or they are not of its shape.

    Note:
        It says nothing of modes apart from the data: log p of both falls together
        there, as with CD-1 that goes on for too long. `log_partition("ais")` sees that.
        With a DBM, F is its variational bound.

    References:
        Hinton, A practical guide to training restricted Boltzmann machines, 2010
        (section 6).

    Example:
        ```python
        gap = keras_genmod.callbacks.FreeEnergyGap(x_val, x[:5000])
        stop = keras.callbacks.EarlyStopping("free_energy_gap", patience=5, mode="min")
        model.fit(x, epochs=100, callbacks=[gap, stop])
        ```
    """

    def __init__(self, x_val: Any, x_train: Any) -> None:
        super().__init__()
        self.x_val = checks.examples("x_val", x_val)
        self.x_train = checks.examples("x_train", x_train)

    def on_train_begin(self, logs=None):
        if not hasattr(self.model, "free_energy"):
            raise ValueError(
                "`FreeEnergyGap` must be a callback of a model with a `free_energy`. "
                f"Received a {type(self.model).__name__}"
            )
        for name, x in (("x_val", self.x_val), ("x_train", self.x_train)):
            checks.shape(name, x, self.model.data_shape)

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            gap = self._mean(self.x_val) - self._mean(self.x_train)
            logs["free_energy_gap"] = gap

    def _mean(self, x):
        starts = range(0, len(x), _CHUNK)
        parts = [self.model.free_energy(x[start : start + _CHUNK]) for start in starts]
        found = [ops.convert_to_numpy(part).astype("float64") for part in parts]
        return float(np.concatenate(found).mean())
