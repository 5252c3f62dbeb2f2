"""
A model of your own
===================

Two losses and two optimizers in forty lines, trained by ``fit``.
"""

import keras
import matplotlib.pyplot as plt
from keras import ops

from keras_genmod import AdversarialModel, data, networks
from keras_genmod.engine import Objective, Seeds, call_network, compiled

# %%
# The generator should draw points whose mean critic score is high, and the critic tell
# points from samples; least squares for both (Mao et al., 2017).


@keras.saving.register_keras_serializable("mine")
class LeastSquaresGAN(AdversarialModel):
    """Two networks, two losses."""

    def __init__(self, generator, critic, latent_dim, **kwargs):
        super().__init__(data_shape=critic.input_shape[1:], **kwargs)
        self.generator, self.critic = generator, critic
        self.latent_dim = latent_dim
        self.finish_construction()

    def define_objectives(self):
        return [
            Objective("critic", self._critic_loss, [self.critic]),
            Objective("generator", self._generator_loss, [self.generator]),
        ]

    def _scores(self, num, training, seed):
        z = keras.random.normal((num, self.latent_dim), seed=seed)
        return call_network(
            self.critic, call_network(self.generator, z, training), training
        )

    def _critic_loss(self, x, passed_on, training):
        real = call_network(self.critic, x, training)
        fake = self._scores(ops.shape(x)[0], training, self.seed_generator)
        return ops.mean((real - 1) ** 2 + fake**2), None

    def _generator_loss(self, x, passed_on, training):
        fake = self._scores(ops.shape(x)[0], training, self.seed_generator)
        return ops.mean((fake - 1) ** 2), None

    @compiled()
    def _sample(self, state, condition, *, num_samples):
        z = keras.random.normal((num_samples, self.latent_dim), seed=Seeds(state))
        return self.generator(z, training=False)


points, _ = data.load("two_moons", "train")
model = LeastSquaresGAN(
    networks.mlp_decoder(2, (2,), hidden_dims=(64, 64)),
    networks.mlp_discriminator((2,), (64, 64)),
    latent_dim=2,
    seed=0,
)
model.compile({"critic": keras.optimizers.Adam(2e-3), "generator": "adam"})
history = model.fit(points[:5000], epochs=60, batch_size=256, verbose=0).history

# %%
# Losses of a game do not fall; look at the samples.

drawn = ops.convert_to_numpy(model.sample(2000, seed=0))
figure, axes = plt.subplots(1, 2, figsize=(7, 3))
axes[0].plot(history["critic_loss"], label="critic")
axes[0].plot(history["generator_loss"], label="generator")
axes[0].set_xlabel("epoch")
axes[0].legend()
axes[1].plot(*points[:2000].T, ".", markersize=1, color="gray", label="data")
axes[1].plot(*drawn.T, ".", markersize=1, label="samples")
axes[1].set_ylim(-2.8, 4.5)
axes[1].legend(markerscale=8, loc="upper center", ncols=2)
axes[1].set_aspect("equal")
figure.tight_layout()
