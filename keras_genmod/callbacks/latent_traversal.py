"""Pictures of what single latents do."""

import os
from typing import Any

import numpy as np
from keras import tree

from keras_genmod import checks
from keras_genmod.callbacks.labels import check_condition, standardize_labels
from keras_genmod.callbacks.picture_callback import PictureCallback
from keras_genmod.latents import decode, encode, traverse
from keras_genmod.latents.coding import for_each
from keras_genmod.latents.traversal import check_dimensions, check_values

_MOST_ROWS = 10  # of dimensions that nobody has chosen


class LatentTraversal(PictureCallback):
    """Draws a row for each latent, swept through values while the others stay.

    For any model with `decode(z)`: `VAE`, `Autoencoder`, `GAN`, `WGAN`, `WGANGP`.

    Args:
        log_dir: String or path of the run's folder, made if it is not there.
        x: Array of shape `(n, *data_shape)`, whose first `num_starts` examples are
            where the sweeps start, rows for each; `None` starts at the latent zero, the
            mean of the prior.
        dimensions: Sequence of integers, the latents that are swept; `None` takes the
            ten that vary most over `x` at that time (a VAE leaves many unused), or
            the first ten without `x`.
        values: Array of the values, in units of the latents; from -3 to 3 left out.
        condition: For a conditional model what belongs to `x`, `(n, ...)`, or one for
            all, as in `keras_genmod.latents.decode`; without `x` `None` takes class 0.
        num_starts: Positive integer, examples of `x` that sweeps start at.
        name: String, the picture's name.
        **kwargs: `every`, `every_steps` as in `PictureCallback`.

    Raises:
        OSError: At once, if `log_dir` cannot be written to.
        ValueError: If an argument is out of range; in `fit`, before training, if the
            model has no latents, or its data are not images.

    Example:
        ```python
        sweeps = keras_genmod.callbacks.LatentTraversal("runs/vae", x_test)
        model.fit(x, epochs=100, callbacks=[sweeps])
        ```
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        x: Any = None,
        dimensions: Any = None,
        values: Any = None,
        condition: Any = None,
        num_starts: int = 1,
        name: str = "traversal",
        **kwargs: Any,
    ) -> None:
        if values is None:
            values = np.linspace(-3.0, 3.0, 9)
        self.values = check_values(values)
        super().__init__(log_dir, name, num_columns=self.values.size, **kwargs)
        self.x = None if x is None else checks.examples("x", x)
        self.num_starts = checks.integer("num_starts", num_starts, 1)
        if dimensions is not None:
            dimensions = check_dimensions(dimensions)
        self.dimensions = dimensions
        self.condition = check_condition(condition)

    def draw(self, model: Any) -> Any:
        labels = self.condition
        if self.x is None:
            labels = standardize_labels(model, labels, 1)
        z = self._latents(model, labels)
        dimensions = self.dimensions
        if dimensions is None:
            dimensions = np.argsort(-z.var(axis=0), kind="stable")[:_MOST_ROWS]
        if labels is not None:
            labels = for_each(model, labels, len(z), len(z))
            labels = tree.map_structure(lambda y: y[: self.num_starts], labels)
        z = z[: self.num_starts]
        images = decode(model, traverse(z, dimensions, self.values), labels)
        return images.reshape(-1, *images.shape[3:])

    def _latents(self, model, labels):
        if self.x is not None:
            return encode(model, self.x, labels)
        self.require(model, "decode")
        if not hasattr(model, "prior"):
            raise ValueError(
                f"`x` must be given for a {type(model).__name__}: nothing says how its "
                "latents are distributed. Received: x=None"
            )
        return np.zeros((1, model.latent_dim))
