"""The reparameterization trick."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import SeedGenerator, normal


@keras.saving.register_keras_serializable("keras_genmod")
class GaussianSampling(keras.layers.Layer):
    """Draws z = mean + exp(log_var / 2) * eps with eps from N(0, I).

    The draw is differentiable in both inputs. It is float32 under every policy.

    Args:
        seed: Int for a repeatable stream of draws, or `None`.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: Pair `(mean, log_var)` of float tensors of one shape.

    Returns:
        Float32 tensor of that shape.

    References:
        Kingma and Welling, Auto-encoding variational Bayes, 2013, arXiv:1312.6114.

    Example:
    ```python
    z = GaussianSampling(seed=0)((ops.zeros((4, 2)), ops.zeros((4, 2))))
    ```
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.seed = checks.seed("seed", seed)
        self.seed_generator = SeedGenerator(seed)
        self.built = True

    def call(self, inputs):
        mean, log_var = (ops.cast(tensor, "float32") for tensor in inputs)
        noise = normal(ops.shape(mean), self.seed_generator)
        return mean + ops.exp(0.5 * log_var) * noise

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}
