"""Pictures of data and what a model makes of them."""

import os
from typing import Any

import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.callbacks.labels import check_condition
from keras_genmod.callbacks.picture_callback import PictureCallback


class Reconstructions(PictureCallback):
    """Draws rows of images, and below each row the model's reconstructions.

    For any model with `reconstruct(x)`: `VAE`, `Autoencoder`, `RBM`.

    Args:
        log_dir: String or path of the run's folder, made if it is not there.
        x: Array of shape `(n, *data_shape)`, what is reconstructed: best held-out.
        condition: Class labels `(n,)` of `x`, for a conditional model.
        num_columns: Positive integer that divides n, images in a row; `None` puts all
            in one.
        name: String, the picture's name.
        **kwargs: `every`, `every_steps`, `image_shape` as in `PictureCallback`.

    Raises:
        OSError: At once, if `log_dir` cannot be written to.
        ValueError: If an argument is out of range; in `fit`, before training, if the
            model cannot reconstruct `x`, or the data are not images.

    Example:
        ```python
        pairs = keras_genmod.callbacks.Reconstructions("runs/vae", x_test[:10])
        model.fit(x, epochs=100, callbacks=[pairs])
        ```
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        x: Any,
        condition: Any = None,
        num_columns: int | None = None,
        name: str = "reconstructions",
        **kwargs: Any,
    ) -> None:
        self.x = checks.examples("x", x)
        num_columns = len(self.x) if num_columns is None else num_columns
        num_columns = checks.positive_int("num_columns", num_columns)
        super().__init__(log_dir, name, num_columns=num_columns, **kwargs)
        if len(self.x) % num_columns:
            raise ValueError(
                "`num_columns` must divide the number of examples of `x`. "
                f"Received: num_columns={num_columns}, {len(self.x)} examples"
            )
        self.condition = check_condition(condition)

    def draw(self, model: Any) -> Any:
        self.require(model, "reconstruct")
        inputs = (self.x,) if self.condition is None else (self.x, self.condition)
        made = np.asarray(ops.convert_to_numpy(model.reconstruct(*inputs)))
        columns = self.num_columns or len(self.x)
        rows = [z.reshape(-1, columns, *z.shape[1:]) for z in (self.x, made)]
        return np.stack(rows, axis=1).reshape(-1, *self.x.shape[1:])
