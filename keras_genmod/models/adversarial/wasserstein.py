"""What the Wasserstein GANs share: critic and generator objectives."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Objective
from keras_genmod.models.adversarial.truncated_latents import TruncatedLatents


class Wasserstein(TruncatedLatents):
    """max over 1-Lipschitz f of E f(x) - E f(G(z)); how f is held is the subclass's.

    Args:
        generator, critic, latent_dim, critic_steps, num_classes: As in the subclasses.
        **kwargs: As in `LatentGenerator`.
    """

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        latent_dim: int,
        critic_steps: int,
        num_classes: int | None,
        **kwargs: Any,
    ) -> None:
        critic_steps = checks.positive_int("critic_steps", critic_steps)
        if hasattr(kwargs.get("augmentation"), "adapt_to"):
            raise ValueError(
                "`augmentation` must not be one that adapts to the sign of scores, as "
                "a critic's scores have no zero: give `layers.DiffAugment`, or train a "
                f"`GAN`. Received: augmentation={kwargs['augmentation']!r}"
            )
        super().__init__(
            generator, critic, "critic", latent_dim, num_classes=num_classes, **kwargs
        )
        self.critic = critic
        self.critic_steps = critic_steps
        self.distance_tracker = keras.metrics.Mean(name="wasserstein_distance")

    def define_objectives(self) -> list[Objective]:
        return [
            Objective("critic", self._critic_loss, [self.critic], self.critic_steps),
            self.generator_objective(self._generator_loss),
        ]

    def _critic_loss(self, inputs, passed_on, training):
        raise NotImplementedError

    def _distance(self, real, fake, condition, training):
        # E f(x) - E f(G(z))
        distance = ops.mean(self._score(real, condition, training)) - ops.mean(
            self._score(fake, condition, training)
        )
        self.distance_tracker.update_state(ops.stop_gradient(distance))
        return distance

    def _generator_loss(self, inputs, passed_on, training):
        # -E f(G(z))
        condition, fake = self._fake(inputs, training)
        loss = -ops.mean(self._score(fake, condition, training))
        return self._valid(loss, inputs), None

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "critic": keras.saving.serialize_keras_object(self.critic),
            "critic_steps": self.critic_steps,
        }
