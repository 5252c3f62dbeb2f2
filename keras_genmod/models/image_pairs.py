"""What models of pairs of images have in common."""

from typing import Any

from keras import ops

from keras_genmod import checks
from keras_genmod.models.generative_model import GenerativeModel


class ImagePairs(GenerativeModel):
    """Base of models of pairs of images: the second is the condition.

    Args:
        data_shape: Shape of the first image of a pair.
        other_shape: Shape of the second.
        **kwargs: As in `GenerativeModel`. Labels are refused: `num_classes`, given
            here too, is an error.
    """

    no_samples = (
        "draws nothing from noise alone: it makes images of images by `translate`."
    )

    def __init__(self, data_shape: Any, other_shape: Any, **kwargs: Any) -> None:
        super().__init__(data_shape=data_shape, num_classes=None, **kwargs)
        self._other_shape = tuple(other_shape)

    @property
    def is_conditional(self) -> bool:
        """True: every batch is a pair of images."""
        return True

    @property
    def condition_shape(self) -> tuple[int, ...]:
        return self._other_shape

    @staticmethod
    def _images(inputs):
        return tuple(ops.cast(x, "float32") for x in inputs)

    def check_examples(self, x: Any) -> None:
        super().check_examples(x)
        checks.unit_range("x", x)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["num_classes"]
        return config
