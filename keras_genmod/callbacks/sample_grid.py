"""Pictures of samples."""

import os
from typing import Any

from keras_genmod import checks
from keras_genmod.callbacks.labels import check_condition, standardize_labels
from keras_genmod.callbacks.picture_callback import PictureCallback


class SampleGrid(PictureCallback):
    """Draws samples of the model, the same random numbers each time.

    Under one seed a generator sees the same latents in each picture: one sees them
    learn. Training's own random numbers stay what they are without pictures.

    Args:
        log_dir: String or path of the run's folder, made if it is not there.
        num_samples: Positive integer.
        condition: For a conditional model class labels, vectors, captions or a dict of
            arrays, `num_samples` or one for all; `None` takes the classes in turn.
        seed: Integer from 0, of the samples.
        num_columns: Positive integer, images in a row.
        name: String, the picture's name.
        **kwargs: `every`, `every_steps`, `image_shape` as in `PictureCallback`.

    Raises:
        OSError: At once, if `log_dir` cannot be written to.
        ValueError: If an argument is out of range; in `fit`, before training, if the
            model cannot draw samples, or its data are not images.

    Example:
        ```python
        samples = keras_genmod.callbacks.SampleGrid("runs/gan", every=5)
        model.fit(x, epochs=100, callbacks=[samples])
        # runs/gan/pictures/samples_epoch_0005.png, ...; tensorboard --logdir runs/gan
        ```
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        num_samples: int = 64,
        condition: Any = None,
        seed: int = 0,
        num_columns: int = 8,
        name: str = "samples",
        **kwargs: Any,
    ) -> None:
        super().__init__(log_dir, name, num_columns=num_columns, **kwargs)
        self.num_samples = checks.integer("num_samples", num_samples, 1)
        self.condition = check_condition(condition)
        self.seed = checks.required_seed("seed", seed)

    def draw(self, model: Any) -> Any:
        self.require(model, "sample")
        labels = standardize_labels(model, self.condition, self.num_samples)
        return model.sample(self.num_samples, condition=labels, seed=self.seed)
