"""The prior of latents on several levels, each above the next."""

from typing import Any

from keras import ops

from keras_genmod.distributions import Normal
from keras_genmod.engine import normal


class LadderPrior:
    """p(z) = p(z_L) p(z_{L-1} | z_L) ... p(z_1 | z_2), with p(z_L) = N(0, I).

    Args:
        latent_dims: Tuple of ints, latents of each level from the lowest, z_1.
        networks: Network of each level but the highest, from the latents above it to
            features.
        heads: For each of these the layers from features to mean and log-variance.
    """

    def __init__(self, latent_dims: tuple[int, ...], networks: Any, heads: Any) -> None:
        self._latent_dims, self._networks, self._heads = latent_dims, networks, heads
        self.event_shape = (sum(latent_dims),)

    def of_level(self, level: int, above: Any, training: bool = False) -> Normal:
        """Returns p(z_level | z above); of the highest level N(0, I).

        Args:
            level: Int from 0, the lowest.
            above: Latents `(batch, dim)` of the level above; of the highest level any
                tensor `(batch, ...)`, for its length.
            training: Whether the networks are called to train.
        """
        if level == len(self._networks):
            shape = (ops.shape(above)[0], self._latent_dims[level])
            return Normal(ops.zeros(shape), 0.0)
        features = self._networks[level](above, training=training)
        mean_head, log_var_head = self._heads[level]
        return Normal(mean_head(features), log_var_head(features))

    def split(self, z: Any) -> list[Any]:
        """Returns the latents of each level, from the lowest, of `(batch, sum)`."""
        parts, start = [], 0
        for size in self._latent_dims:
            parts.append(z[:, start : start + size])
            start += size
        return parts

    def log_prob(self, value: Any) -> Any:
        """Returns the log-density of all levels in nats, shape `(batch,)`."""
        parts, total = self.split(value), 0.0
        for level, part in enumerate(parts):
            above = parts[min(level + 1, len(parts) - 1)]
            total = total + self.of_level(level, above).log_prob(part)
        return total

    def sample(self, num_samples: int, seed: Any) -> Any:
        """Returns float32 draws of all levels, `(num_samples, sum)`."""
        z = normal((num_samples, self._latent_dims[-1]), seed)
        parts = [z]
        for level in reversed(range(len(self._networks))):
            parts.append(self.of_level(level, parts[-1]).sample(seed))
        return ops.concatenate(parts[::-1], axis=1)
