"""What models that translate images have in common."""

from typing import Any

import keras
from keras import ops

from keras_genmod.models.adversarial.adversarial_model import AdversarialModel


class Translator(AdversarialModel):
    """Base of adversarial models of pairs of images: the second is the condition.

    Args:
        data_shape: Shape of the first image of a pair.
        other_shape: Shape of the second.
        **kwargs: As in `AdversarialModel`. Labels are refused: `num_classes`, given
            here too, is an error.
    """

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

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        return keras.optimizers.Adam(2e-4, beta_1=0.5)

    @staticmethod
    def _images(inputs):
        return tuple(ops.cast(x, "float32") for x in inputs)

    def sample(
        self, num_samples: int, condition: Any = None, seed: int | None = None
    ) -> Any:
        """Raises an error: a translator needs images; see `translate`.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            f"A {type(self).__name__} draws nothing from noise alone: it translates "
            "images with `translate`."
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["num_classes"]
        return config
