"""Wasserstein GAN with gradient penalty."""

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import input_gradient, uniform
from keras_genmod.models import network_checks
from keras_genmod.models.adversarial.wasserstein import Wasserstein


@keras.saving.register_keras_serializable("keras_genmod")
class WGANGP(Wasserstein):
    """Wasserstein GAN that holds the critic Lipschitz by a penalty.

    The critic minimises E f(G(z)) - E f(x) + penalty_weight E (|grad f(x_hat)| - 1)^2
    with x_hat = e x + (1 - e) G(z), e from U[0, 1] for each example. Each batch takes
    `critic_steps` steps of the critic, each on another slice of the batch, then one
    of the generator.

    Args:
        generator: Built Keras model from latents `(batch, latent_dim)` to data. With
            `num_classes` it takes the list `[z, one_hot]`.
        critic: Built Keras model from data to scores, without batch normalization:
            it would tie the examples' gradients together. With `num_classes` it takes
            the list `[x, one_hot]`.
        latent_dim: Positive int.
        critic_steps: Positive int.
        penalty_weight: Number of at least 0.
        num_classes: Int, or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built, shapes do not fit, the critic holds
            batch normalization, or a value is out of range.

    References:
        Gulrajani et al., Improved training of Wasserstein GANs, 2017,
        arXiv:1704.00028, which trains with `Adam(1e-4, beta_1=0.0, beta_2=0.9)`.

    Example:
    ```python
    model = WGANGP(
        networks.dcgan_generator(64, (28, 28, 1)),
        networks.dcgan_discriminator((28, 28, 1), normalization="layer"),
        latent_dim=64,
    )
    model.compile(keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9))
    model.fit(images, epochs=20, batch_size=320)
    ```
    """

    def __init__(
        self,
        generator,
        critic,
        latent_dim,
        critic_steps=5,
        penalty_weight=10.0,
        num_classes=None,
        **kwargs,
    ):
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

    def _penalty(self, real, fake, condition, training):
        ones = (1,) * (len(real.shape) - 1)
        e = uniform((ops.shape(real)[0], *ones), self.seed_generator)
        mixed = e * real + (1.0 - e) * fake
        gradient = input_gradient(lambda x: self._score(x, condition, training), mixed)
        axes = tuple(range(1, len(real.shape)))
        # The small number keeps the gradient of the root finite at zero.
        norm = ops.sqrt(ops.sum(ops.square(gradient), axis=axes) + 1e-12)
        penalty = ops.mean(ops.square(norm - 1.0))
        self.penalty_tracker.update_state(ops.stop_gradient(penalty))
        return self.penalty_weight * penalty

    def get_config(self):
        return {**super().get_config(), "penalty_weight": self.penalty_weight}
