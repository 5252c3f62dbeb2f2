"""Pictures of the ways between examples."""

import os
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.callbacks.labels import check_condition, standardize_labels
from keras_genmod.callbacks.picture_callback import PictureCallback
from keras_genmod.latents import decode, encode, interpolate
from keras_genmod.latents.interpolation import KINDS


class Interpolation(PictureCallback):
    """Draws a row for each path through latent space, from one example to another.

    For any model with `decode(z)`: `VAE`, `Autoencoder`, `GAN`, `WGAN`, `WGANGP`.

    Args:
        log_dir: String or path of the run's folder, made if it is not there.
        start: Array of shape `(num_paths, *data_shape)`, encoded to where the paths
            start; `None` draws both ends from the model's prior.
        stop: Array of the same shape, where they end; given if `start` is.
        num_paths: Positive integer, paths between draws of the prior.
        num_steps: Integer of at least 2, images in a row, both ends included.
        kind: "spherical" or "linear", as in `keras_genmod.latents.interpolate`.
        condition: For a conditional model what it is told, `(num_paths, ...)`, or one
            for all, as in `keras_genmod.latents.decode`; between draws of the prior
            `None` takes the classes in turn.
        seed: Integer from 0, of the draws.
        name: String, the picture's name.
        **kwargs: `every`, `every_steps` as in `PictureCallback`.

    Raises:
        OSError: At once, if `log_dir` cannot be written to.
        ValueError: If an argument is out of range; in `fit`, before training, if the
            model has no latents, or its data are not images.

    Example:
        ```python
        paths = keras_genmod.callbacks.Interpolation("runs/gan", every=5)
        ends = keras_genmod.callbacks.Interpolation(
            "runs/vae", x_test[:4], x_test[4:8], kind="linear"
        )
        ```
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        start: Any = None,
        stop: Any = None,
        num_paths: int = 8,
        num_steps: int = 10,
        kind: str = "spherical",
        condition: Any = None,
        seed: int = 0,
        name: str = "interpolation",
        **kwargs: Any,
    ) -> None:
        checks.integer("num_steps", num_steps, 2)
        super().__init__(log_dir, name, num_columns=num_steps, **kwargs)
        num_paths = checks.integer("num_paths", num_paths, 1)
        if (start is None) != (stop is None):
            raise ValueError(
                "`start` and `stop` must be given both or not at all. Received: "
                f"{'stop' if start is None else 'start'} alone"
            )
        if start is not None:
            start, stop = checks.examples("start", start), checks.examples("stop", stop)
            if start.shape != stop.shape:
                raise ValueError(
                    "`start` and `stop` must have the same shape. Received: "
                    f"start.shape={start.shape}, stop.shape={stop.shape}"
                )
            num_paths = len(start)
        self.start, self.stop = start, stop
        self.num_paths = num_paths
        self.num_steps = num_steps
        self.kind = checks.choice("kind", kind, KINDS)
        self.condition = check_condition(condition)
        self.seed = checks.required_seed("seed", seed)

    def draw(self, model: Any) -> Any:
        labels = self.condition
        if self.start is None:
            labels = standardize_labels(model, labels, self.num_paths)
        start, stop = self._ends(model, labels)
        path = interpolate(start, stop, self.num_steps, self.kind)
        images = decode(model, path, labels)
        return images.reshape(-1, *images.shape[2:])

    def _ends(self, model, labels):
        if self.start is not None:
            return (encode(model, x, labels) for x in (self.start, self.stop))
        self.require(model, "decode")
        if not hasattr(model, "prior"):
            raise ValueError(
                f"`start` and `stop` must be given for a {type(model).__name__}: "
                "nothing says how its latents are distributed. Received: None"
            )
        # A generator of its own: that of the model belongs to training.
        seeds = keras.random.SeedGenerator(self.seed)
        draws = ops.convert_to_numpy(model.prior.sample(2 * self.num_paths, seeds))
        return draws[: self.num_paths], draws[self.num_paths :]
