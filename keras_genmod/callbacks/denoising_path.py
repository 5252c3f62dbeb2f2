"""Pictures of samples on their way from noise."""

from typing import Any

from keras import ops

from keras_genmod import checks
from keras_genmod.callbacks.labels import check_condition, standardize_labels
from keras_genmod.callbacks.picture_callback import PictureCallback


class DenoisingPath(PictureCallback):
    """Draws samples of a diffusion model after each step of a sampler, a row a sample.

    For any model with `sample_path`, the same random numbers each time.

    Args:
        log_dir: String or path of the run's folder, made if it is not there.
        num_samples: Positive integer, rows.
        num_steps: Positive integer, steps of the sampler and images in a row.
        condition: For a conditional model class labels, vectors, captions or a dict of
            arrays, `num_samples` or one for all; `None` takes the classes in turn.
        seed: Integer from 0, of the noise.
        name: String, the picture's name.
        **kwargs: `every`, `every_steps` as in `PictureCallback`.

    Raises:
        OSError: At once, if `log_dir` cannot be written to.
        ValueError: If an argument is out of range; in `fit`, before training, if the
            model has no such path, or its data are not images.

    Example:
        ```python
        path = keras_genmod.callbacks.DenoisingPath("runs/ddpm", every=5)
        model.fit(x, epochs=100, callbacks=[path])
        ```
    """

    def __init__(
        self,
        log_dir: str,
        num_samples: int = 4,
        num_steps: int = 10,
        condition: Any = None,
        seed: int = 0,
        name: str = "denoising",
        **kwargs: Any,
    ) -> None:
        num_steps = checks.integer("num_steps", num_steps, 1)
        super().__init__(log_dir, name, num_columns=num_steps, **kwargs)
        self.num_samples = checks.integer("num_samples", num_samples, 1)
        self.num_steps = num_steps
        self.condition = check_condition(condition)
        self.seed = checks.required_seed("seed", seed)

    def draw(self, model: Any) -> Any:
        self.require(model, "sample_path")
        labels = standardize_labels(model, self.condition, self.num_samples)
        path = model.sample_path(
            self.num_samples, labels, seed=self.seed, num_steps=self.num_steps
        )
        return ops.reshape(path, (-1, *model.data_shape))
