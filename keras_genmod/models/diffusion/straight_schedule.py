"""The schedule of straight ways."""

from typing import Any

import keras

from keras_genmod.models.diffusion.noise_schedule import NoiseSchedule


@keras.saving.register_keras_serializable("keras_genmod")
class StraightSchedule(NoiseSchedule):
    """alpha(t) = 1 - t and sigma(t) = t, in continuous time.

    x_t goes from data to noise on a straight line; nothing of the data is left at
    t = 1.

    References:
        - Liu, Gong and Liu, Flow straight and fast, 2022, arXiv:2209.03003.

    Example:
    ```python
    model = DiffusionModel(network, (2,), StraightSchedule(), prediction="data")
    ```
    """

    def alpha(self, t: Any) -> Any:
        return 1.0 - t

    def sigma(self, t: Any) -> Any:
        return 1.0 * t
