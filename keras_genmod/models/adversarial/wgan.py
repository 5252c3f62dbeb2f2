"""Wasserstein GAN with clipped weights."""

import dataclasses
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Objective
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.adversarial.wasserstein import Wasserstein


@keras.saving.register_keras_serializable("keras_genmod")
class WGAN(Wasserstein):
    """Wasserstein GAN that holds the critic Lipschitz by clipping its weights.

    max over f of E f(x) - E f(G(z)), every weight of f in [-clip, clip] after each of
    its steps. Each batch takes `critic_steps` steps of the critic, each on another
    slice of the batch, then one of the generator.

    Args:
        generator: Built Keras model from latents `(batch, latent_dim)` to data: images
            in [0, 1] (end it in a sigmoid), or vectors `(batch, dim)` of any range.
            With `num_classes` it takes the list `[z, one_hot]`.
        critic: Built Keras model from data to scores (no sigmoid). With
            `num_classes` it takes the list `[x, one_hot]`.
        latent_dim: Positive int.
        critic_steps: Positive int.
        clip: Number above 0, the largest weight; may be set between epochs, also by
            callbacks (`model.clip = 0.02`).
        num_classes: Int, or `None`.
        **kwargs: `packing`, `ema_momentum`, `augmentation` as in `GAN`, but none that
            adapts; `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built, shapes do not fit, or a value is out of
            range.

    Warns:
        UserWarning: If the critic ends in a sigmoid, or a generator of images in tanh.

    References:
        Arjovsky, Chintala and Bottou, Wasserstein GAN, 2017, arXiv:1701.07875, which
        trains with `RMSprop(5e-5)`, and so does `compile()`.

    Note:
        The critic's steps of a batch split it, where the paper draws a batch for each:
        the generator's batch is `critic_steps` times the critic's. Give a batch of
        `critic_steps` times the paper's 64 for the critic to see as many.

    Example:
    ```python
    model = WGAN(generator, critic, latent_dim=64)
    model.compile()
    model.fit(images, epochs=20, batch_size=320)
    ```
    """

    clip = Adjustable(checks.positive)

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        latent_dim: int,
        critic_steps: int = 5,
        clip: float = 0.01,
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        checks.positive("clip", clip)
        super().__init__(
            generator, critic, latent_dim, critic_steps, num_classes, **kwargs
        )
        self.clip = clip
        self.finish_construction()

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        return keras.optimizers.RMSprop(5e-5)

    def define_objectives(self) -> list[Objective]:
        critic, generator = super().define_objectives()
        return [dataclasses.replace(critic, constrain=self._clipped), generator]

    def _clipped(self, weight):
        limit = ops.cast(ops.convert_to_tensor(self.clip), weight.dtype)
        return ops.clip(weight, -limit, limit)

    def _critic_loss(self, inputs, passed_on, training):
        # -(E f(x) - E f(G(z)))
        real, condition, fake = self._real_and_fake(inputs, training)
        fake = ops.stop_gradient(fake)
        loss = -self._distance(real, fake, condition, training)
        return self._valid(loss, inputs), None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "clip": float(self.clip)}
