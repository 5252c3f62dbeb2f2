"""Models whose data grow level by level: what is shown, and when."""

import warnings
from typing import Any

import keras
from keras import ops, tree

from keras_genmod import checks
from keras_genmod.engine import reset_moments
from keras_genmod.models import incoming
from keras_genmod.models.adversarial.adversarial_model import AdversarialModel


class GrowingModel(AdversarialModel):
    """An adversarial model of images that double their sides, level by level.

    `level`, `fade` and `images_seen` are weights: files keep them. Steps are made for
    one level, and made anew for the next.

    Args:
        num_resolutions: Positive int, of the levels.
        images_per_phase: Positive int, images for which a level fades in, and then is
            trained whole.
        **kwargs: `data_shape`, `seed`, `name`, `dtype` as in `GenerativeModel`.
    """

    def __init__(
        self, num_resolutions: int, images_per_phase: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.num_resolutions = num_resolutions
        self.images_per_phase = checks.positive_int(
            "images_per_phase", images_per_phase
        )
        self._level_weight = self._weight("level", "int32", 0)
        self._fade_weight = self._weight("fade", "float32", 1)
        self.images_seen = self._weight("images_seen", "int32", 0)
        # The steps are made for one level, which they cannot read of a weight.
        self.__dict__["_level"] = 0

    def _weight(self, name, dtype, value):
        return self.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(value),
            dtype=dtype,
            trainable=False,
            autocast=False,
            name=name,
        )

    @property
    def level(self) -> int:
        """The level that is shown and trained, from 0."""
        return self.__dict__["_level"]

    @property
    def fade(self) -> float:
        """How much of the level is in, from 0 to 1."""
        return float(ops.convert_to_numpy(self._fade_weight.value))

    def schedule(self, num_images: int) -> tuple[int, float]:
        """Returns `(level, fade)` after the critic has trained on so many images."""
        phase, done = divmod(num_images, self.images_per_phase)
        level = (phase + 1) // 2
        if level >= self.num_resolutions:
            return self.num_resolutions - 1, 1.0
        return level, (done / self.images_per_phase if phase % 2 else 1.0)

    def grow(self, level: int, fade: float = 1.0) -> None:
        """Shows and trains another level from now on, or more of it.

        Where a phase begins, the optimizers start anew.

        Args:
            level: Int from 0 to `num_resolutions - 1`.
            fade: Number in [0, 1]; 1 shows the whole level.

        Raises:
            ValueError: If an argument is out of its range.
        """
        level = checks.integer(
            "level", level, 0, self.num_resolutions - 1, "the last one"
        )
        fade = float(checks.fraction("fade", fade))
        begins = level != self.level or (fade == 1.0) != (self.fade == 1.0)
        self._fade_weight.assign(fade)
        self._level_weight.assign(level)
        self._show(level)
        if begins and self.compiled:
            reset_moments(self.optimizer)

    def _show(self, level):
        """Has steps made anew for a level, where it is another one."""
        if level == self.level:
            return
        self.__dict__["_level"] = level
        for kind in ("train", "test", "predict"):
            if getattr(self, f"{kind}_function") is not None:
                getattr(self, f"make_{kind}_function")(force=True)

    def fit(
        self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """Trains the model, as `AdversarialModel.fit`.

        Warns:
            UserWarning: If the first of several levels is shown and no callback would
                leave it.
        """
        given = incoming.named(keras.Model.fit, x, y, *args, **kwargs)
        callbacks = given.get("callbacks") or []
        callbacks = tree.flatten(getattr(callbacks, "callbacks", callbacks))
        is_first = self.level == 0 and self.num_resolutions > 1
        if is_first and not any(_may_grow(callback) for callback in callbacks):
            warnings.warn(
                f"`fit` of this {type(self).__name__} shows the first of "
                f"{self.num_resolutions} levels alone: give it "
                "`callbacks=[callbacks.GrowNetworks()]`, or call `grow`.",
                stacklevel=2,
            )
        return super().fit(x, y, *args, **kwargs)

    def load_own_variables(self, store):
        super().load_own_variables(store)
        self._show(int(ops.convert_to_numpy(self._level_weight.value)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "images_per_phase": self.images_per_phase}


def _may_grow(callback):
    """Whether it is `GrowNetworks`, or a function or class of a user's."""
    package = type(callback).__module__.partition(".")[0]
    is_known = package in ("keras", "keras_genmod")
    return not is_known or type(callback).__name__ in ("GrowNetworks", "LambdaCallback")
