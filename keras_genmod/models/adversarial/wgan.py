"""Wasserstein GAN with clipped weights."""

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.models.adversarial.wasserstein import Wasserstein


@keras.saving.register_keras_serializable("keras_genmod")
class _Clip(keras.constraints.Constraint):
    """Keeps every value of a variable in [-limit, limit]."""

    def __init__(self, limit):
        self.limit = limit

    def __call__(self, value):
        return ops.clip(ops.convert_to_tensor(value), -self.limit, self.limit)

    def get_config(self):
        return {"limit": self.limit}


@keras.saving.register_keras_serializable("keras_genmod")
class WGAN(Wasserstein):
    """Wasserstein GAN that holds the critic Lipschitz by clipping its weights.

    max over f of E f(x) - E f(G(z)), every weight of f in [-clip, clip] after each of
    its steps. Each batch takes `critic_steps` steps of the critic, each on another
    slice of the batch, then one of the generator.

    Args:
        generator: Built Keras model from latents `(batch, latent_dim)` to data. With
            `num_classes` it takes the list `[z, one_hot]`.
        critic: Built Keras model from data to scores. With `num_classes` it takes
            the list `[x, one_hot]`. Its trainable variables are given the constraint
            that clips them.
        latent_dim: Positive int.
        critic_steps: Positive int.
        clip: Positive number, the largest weight.
        num_classes: Int, or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built, shapes do not fit, or a value is out of
            range.

    References:
        Arjovsky, Chintala and Bottou, Wasserstein GAN, 2017, arXiv:1701.07875, which
        trains with `RMSprop(5e-5)`.

    Example:
    ```python
    model = WGAN(generator, critic, latent_dim=64)
    model.compile(keras.optimizers.RMSprop(5e-5))
    model.fit(images, epochs=20, batch_size=320)
    ```
    """

    def __init__(
        self,
        generator,
        critic,
        latent_dim,
        critic_steps=5,
        clip=0.01,
        num_classes=None,
        **kwargs,
    ):
        checks.non_negative("clip", clip)
        if clip == 0:
            raise ValueError("`clip` must be above 0. Received: clip=0")
        super().__init__(
            generator, critic, latent_dim, critic_steps, num_classes, **kwargs
        )
        self.clip = clip
        for variable in critic.trainable_variables:
            variable.constraint = _Clip(clip)
        self.finish_construction()

    def _penalty(self, real, fake, condition, training):
        return 0.0

    def get_config(self):
        return {**super().get_config(), "clip": self.clip}
