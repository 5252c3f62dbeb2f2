"""Ladder VAE: latents on several levels, inferred from the highest down.

Sonderby, Raiko, Maaloe, Sonderby and Winther, Ladder variational autoencoders, 2016,
arXiv:1602.02282.

Departure: batch normalization, which the paper uses in all layers, is up to the
networks that are handed over.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions import Normal
from keras_genmod.engine import Seeds, compiled
from keras_genmod.models import network_checks
from keras_genmod.models.adjustable import Adjustable, step_counter
from keras_genmod.models.autoencoders.kl_terms import warmed_up
from keras_genmod.models.autoencoders.ladder_posterior import (
    LadderPosterior,
    normal_kl,
)
from keras_genmod.models.autoencoders.ladder_prior import LadderPrior
from keras_genmod.models.autoencoders.latent_variables import LatentVariables
from keras_genmod.models.autoencoders.posterior import normal_heads


@keras.saving.register_keras_serializable("keras_genmod")
class LadderVAE(LatentVariables):
    """VAE with levels of latents, whose posterior uses the prior of each level.

    p(x, z) = p(x | z_1) p(z_1 | z_2) ... p(z_{L-1} | z_L) p(z_L), p(z_L) = N(0, I)
    q(z_L | x) = N(mean_L(x), var_L(x))
    q(z_l | x, z_{l+1}) = N(mean_l(x), var_l(x)) p(z_l | z_{l+1}) / constant

    that is, the normal that the encoders make of the data and that of the prior, merged
    by their precisions: what is inferred corrects what the level above has said. With
    KL_l that of q(z_l | x, z_{l+1}) and p(z_l | z_{l+1}), in closed form at a drawn
    z_{l+1},

    log p(x) >= E_q[log p(x | z_1)] - beta sum_l E_q[KL_l]

    Training reports `kl` and each `kl_<l>` in nats: a level that has nothing to say
    has 0. `fit` ignores labels of shape `(batch,)`; `y` of the data's shape is what is
    to be made of `x`, as in a `VAE`.

    Latents of all levels stand side by side, `(batch, sum(latent_dims))`, the lowest
    first. The data depend on z_1 alone: `decode` looks at no others.

    Args:
        encoders: Sequence of L built Keras models, from data to features `(batch, n)`,
            then from the features below to those above.
        decoders: Sequence of L built Keras models: from z_1 to an output of the data's
            shape (logits for "bernoulli", means for "normal"), then from each z_l to
            features `(batch, m)` of what p(z_{l-1} | z_l) is.
        latent_dims: Sequence of L positive ints, latents of each level, the lowest
            first; at most 32 levels.
        likelihood: "bernoulli" or "normal", as in `VAE`.
        beta: Weight of the KL, at least 0. Callbacks may set `model.beta`.
        kl_warm_up: Int, steps in which that weight rises from 0 to `beta`; 0 for none.
            Without it higher levels are seldom used. The steps taken are a weight.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built, or an argument does not fit the others.

    References:
        - Sonderby et al., Ladder variational autoencoders, 2016, arXiv:1602.02282.

    Example:
    ```python
    mlp = networks.mlp_encoder
    model = LadderVAE(
        [mlp((28, 28, 1), (256,)), mlp((256,), (64,))],
        [networks.mlp_decoder(32, (28, 28, 1), (256,)), mlp((8,), (64,))],
        latent_dims=(32, 8),
        kl_warm_up=10_000,
    )
    model.compile("adam")
    model.fit(x, epochs=50, batch_size=128)
    ```
    """

    takes_targets = True
    beta = Adjustable(checks.non_negative)
    kl_warm_up = Adjustable(checks.integer)

    def __init__(
        self,
        encoders: Sequence[keras.Model],
        decoders: Sequence[keras.Model],
        latent_dims: Sequence[int],
        likelihood: str = "bernoulli",
        beta: float = 1.0,
        kl_warm_up: int = 0,
        **kwargs: Any,
    ) -> None:
        dims = checks.sizes("latent_dims", latent_dims)
        checks.choice("likelihood", likelihood, ("bernoulli", "normal"))
        data_shape, up, down = _check_networks(encoders, decoders, dims)
        if likelihood == "bernoulli":
            network_checks.warn_unless_scores("decoders[0]", decoders[0])
        super().__init__(data_shape=data_shape, **kwargs)
        self.encoders, self.decoders = list(encoders), list(decoders)
        self.latent_dims, self.latent_shape = dims, (sum(dims),)
        self.latent_dim = sum(dims)
        self.likelihood = likelihood
        self.num_levels = 2 if likelihood == "bernoulli" else None
        self.beta, self.kl_warm_up = beta, kl_warm_up
        self.warm_up_steps = step_counter(self, "warm_up_steps")
        pairs = zip(dims, up, strict=True)
        self.evidence_heads = [normal_heads(dim, features) for dim, features in pairs]
        pairs = zip(dims[:-1], down, strict=True)
        self.prior_heads = [normal_heads(dim, features) for dim, features in pairs]
        self.posterior_flow, self.prior_flow = None, None
        self.prior = LadderPrior(dims, self.decoders[1:], self.prior_heads)
        if likelihood == "normal":
            self.output_log_var = self.add_weight(
                (), "zeros", "float32", autocast=False, name="output_log_var"
            )
        names = ["reconstruction", "kl", *(f"kl_{i + 1}" for i in range(len(dims)))]
        self.parts = {name: keras.metrics.Mean(name=name) for name in names}
        self.finish_construction()

    def _posterior(self, x, condition, training=False):
        evidence, features = [], x
        for encoder, (mean, log_var) in zip(
            self.encoders, self.evidence_heads, strict=True
        ):
            features = encoder(features, training=training)
            evidence.append(Normal(mean(features), log_var(features)))
        return LadderPosterior(evidence, self.prior)

    def _decode(self, z, condition, training=False):
        lowest = z[:, : self.latent_dims[0]]
        return ops.cast(self.decoders[0](lowest, training=training), "float32")

    def _descend(self, x, seed, training=False):
        """Returns the output for latents that are drawn, and each level's KL."""
        posterior = self._posterior(x, None, training)
        levels = list(posterior.descend(lambda q: q.sample(seed), training))
        lowest, _, _ = levels[-1]
        kls = [normal_kl(q, p) for _, q, p in reversed(levels)]
        return self._decode(lowest, None, training), kls

    def call(self, inputs, training=False):
        x, _ = self.data_and_condition(inputs)
        output, kls = self._descend(x, self.seed_generator, training)
        return {"output": output, "kl": ops.stack(kls, axis=1)}  # (batch, levels)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        data, _ = self.data_and_condition(x)
        data = data if y is None else ops.cast(y, "float32")
        reconstruction = self._reconstruction(y_pred["output"], data)
        kl = ops.sum(y_pred["kl"], axis=1)
        levels = [y_pred["kl"][:, i] for i in range(len(self.latent_dims))]
        values = reconstruction, kl, *levels
        for tracker, value in zip(self.parts.values(), values, strict=True):
            tracker.update_state(value, sample_weight)
        weight = warmed_up(self, training)
        return self.mean_loss(reconstruction + weight * kl, sample_weight)

    @compiled()
    def _encode(self, x, condition):
        x, _ = self.data_and_condition(self._join(x, condition))
        return self._posterior(x, None).mean()

    @compiled()
    def _elbo(self, state, x, condition):
        data, _ = self.data_and_condition(self._join(x, condition))
        output, kls = self._descend(data, Seeds(state))
        return self._output_distribution(output).log_prob(data) - sum(kls)

    def decode_from(self, z: Any, level: int) -> Any:
        """Returns the data of one level's latents, means in place of those below.

        Args:
            z: Latents `(batch, latent_dims[level])` of that level.
            level: Int from 0, the lowest.

        Returns:
            Float32 tensor `(batch, *data_shape)`, the mean of p(x | z_1).

        Raises:
            ValueError: If there is no such level, or `z` has another shape.
        """
        level = checks.integer("level", level)
        if level >= len(self.latent_dims):
            raise ValueError(
                f"`level` must be below {len(self.latent_dims)}, the number of levels. "
                f"Received: level={level}"
            )
        checks.shape("z", z, (self.latent_dims[level],))
        return self._decode_from(z, level=level)

    @compiled()
    def _decode_from(self, z, *, level):
        z = ops.cast(z, "float32")
        for below in reversed(range(level)):
            z = self.prior.of_level(below, z).location
        return self._output_distribution(self._decode(z, None)).mean()

    def get_config(self):
        config = super().get_config()
        del config["num_classes"]
        serialize = keras.saving.serialize_keras_object
        return {
            **config,
            "encoders": [serialize(network) for network in self.encoders],
            "decoders": [serialize(network) for network in self.decoders],
            "latent_dims": self.latent_dims,
            "likelihood": self.likelihood,
            "beta": float(self.beta),
            "kl_warm_up": int(float(self.kl_warm_up)),
        }


def _check_networks(encoders, decoders, latent_dims):
    """Returns the data's shape and the features' shapes on the way up and down.

    Raises:
        ValueError: If the networks do not follow one another.
    """
    size = len(latent_dims)
    for name, networks in (("encoders", encoders), ("decoders", decoders)):
        if not isinstance(networks, (list, tuple)) or len(networks) != size:
            raise ValueError(
                f"`{name}` must be a list of a network for each of {size} levels, as "
                f"`latent_dims` has them. Received: {name}={networks!r}"
            )
    if size > 32:
        raise ValueError(
            "`latent_dims` must have at most 32 levels. "
            f"Received: latent_dims={latent_dims}"
        )
    data_shape, features = network_checks.shapes("encoders[0]", encoders[0])
    network_checks.known_shape("encoders[0]", (*data_shape, *features))
    up = [features]
    for i, network in enumerate(encoders[1:], 1):
        below, features = network_checks.shapes(f"encoders[{i}]", network)
        if below != up[-1]:
            raise ValueError(
                f"`encoders[{i}]` must take the features of the one before, "
                f"{up[-1]} (without the batch). Received a network of {below}"
            )
        up.append(features)
    network_checks.maps("decoders[0]", decoders[0], latent_dims[:1], data_shape)
    down = []
    for i, network in enumerate(decoders[1:], 1):
        above, features = network_checks.shapes(f"decoders[{i}]", network)
        if above != latent_dims[i : i + 1]:
            raise ValueError(
                f"`decoders[{i}]` must take the latents of its level, "
                f"({latent_dims[i]},) (without the batch). Received a network of "
                f"{above}"
            )
        down.append(features)
    for name, shapes in (("encoders", up), ("decoders[1:]", down)):
        for shape in shapes:
            network_checks.features(name, shape)
    return data_shape, up, down
