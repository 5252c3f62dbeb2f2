"""Wasserstein GAN with gradient penalty."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.models import network_checks
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.adversarial.penalties import one_centred_penalty
from keras_genmod.models.adversarial.wasserstein import Wasserstein


@keras.saving.register_keras_serializable("keras_genmod")
class WGANGP(Wasserstein):
    """Wasserstein GAN that holds the critic Lipschitz by a penalty.

    The critic minimises E f(G(z)) - E f(x) + penalty_weight E (|grad f(x_hat)| - 1)^2
    with x_hat = e x + (1 - e) G(z), e from U[0, 1] for each example. Each batch takes
    `critic_steps` steps of the critic, each on another slice of the batch, then one
    of the generator.

    Args:
        generator: Built Keras model from latents `(batch, latent_dim)` to data: images
            in [0, 1] (end it in a sigmoid), or vectors `(batch, dim)` of any range.
            With `num_classes` it takes the list `[z, one_hot]`.
        critic: Built Keras model from data to scores, without batch normalization:
            it would tie the examples' gradients together. With `num_classes` it takes
            the list `[x, one_hot]`.
        latent_dim: Positive int.
        critic_steps: Positive int.
        penalty_weight: Number of at least 0; may be set between epochs, also by
            callbacks (`model.penalty_weight = 1.0`).
        num_classes: Int, or `None`.
        **kwargs: `packing`, `ema_momentum`, `augmentation` as in `GAN`, but none that
            adapts; `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built, shapes do not fit, the critic holds
            batch normalization, or a value is out of range.

    Warns:
        UserWarning: If the critic ends in a sigmoid, or a generator of images in tanh.

    References:
        Gulrajani et al., Improved training of Wasserstein GANs, 2017,
        arXiv:1704.00028, which trains with `Adam(1e-4, beta_1=0.0, beta_2=0.9)`, and so
        does `compile()`.

    Note:
        - The critic's steps of a batch split it, where Algorithm 1 draws a batch for
          each: the generator's batch is `critic_steps` times the critic's. Give a
          batch of `critic_steps` times the paper's 64 for the critic to see as many.
        - Gradients are those of public images, in [0, 1]: slope 1 there is slope 1/2 of
          the authors' images, in [-1, 1], and so is the distance.
        - The learning rate is constant; on CIFAR-10 the authors' code lets it fall to
          zero linearly. Give a `LearningRateScheduler`, or in a dict a schedule for
          each network: the critic's counts `critic_steps` updates a batch.

    Example:
    ```python
    model = WGANGP(
        networks.dcgan_generator(64, (28, 28, 1)),
        networks.dcgan_discriminator((28, 28, 1), normalization="layer"),
        latent_dim=64,
    )
    model.compile()
    model.fit(images, epochs=20, batch_size=320)
    ```
    """

    penalty_weight = Adjustable(checks.non_negative)

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        latent_dim: int,
        critic_steps: int = 5,
        penalty_weight: float = 10.0,
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        checks.non_negative("penalty_weight", penalty_weight)
        super().__init__(
            generator, critic, latent_dim, critic_steps, num_classes, **kwargs
        )
        network_checks.no_batch_normalization(
            "critic", critic, "the penalty needs the gradient of each example alone"
        )
        self.penalty_weight = penalty_weight
        self.penalty_tracker = keras.metrics.Mean(name="gradient_penalty")
        self.finish_construction()

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        return keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9)

    def _critic_loss(self, inputs, passed_on, training):
        # -(E f(x) - E f(G(z))) + penalty_weight E (|grad f(x_hat)| - 1)^2
        real, condition, fake = self._real_and_fake(inputs, training)
        fake = ops.stop_gradient(fake)
        distance = self._distance(real, fake, condition, training)
        penalty = self._penalty(real, fake, condition, training)
        loss = ops.convert_to_tensor(self.penalty_weight) * penalty - distance
        return self._valid(loss, inputs), None

    def _penalty(self, real, fake, condition, training):
        # E (|grad f(x_hat)| - 1)^2
        score = self._penalized_score(condition, training)
        penalty = one_centred_penalty(score, real, fake, self.seed_generator)
        self.penalty_tracker.update_state(ops.stop_gradient(penalty))
        return penalty

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "penalty_weight": float(self.penalty_weight)}
