"""Latents on several levels, each above the next: their prior and their posterior."""

from collections.abc import Iterator
from typing import Any

from keras import ops

from keras_genmod.distributions import Normal
from keras_genmod.distributions.distribution import sum_over_events
from keras_genmod.engine import normal
from keras_genmod.models.autoencoders.posterior import repeat


def merged(first: Normal, second: Normal) -> Normal:
    """Returns the normal whose precision is the sum of two, up to a factor the product.

    1 / v = 1 / v_1 + 1 / v_2 and mean / v = mean_1 / v_1 + mean_2 / v_2, without a
    variance that could overflow.
    """
    share = ops.sigmoid(second.log_var - first.log_var)  # v / v_1
    mean = second.location + share * (first.location - second.location)
    return Normal(mean, -ops.logaddexp(-first.log_var, -second.log_var))


def normal_kl(q: Normal, p: Normal) -> Any:
    """Returns KL(q, p) in nats, in closed form, `(batch,)`."""
    ratio = ops.exp(q.log_var - p.log_var)
    squared = ops.square(q.location - p.location) * ops.exp(-p.log_var)
    return 0.5 * sum_over_events(ratio + squared - 1.0 - q.log_var + p.log_var)


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


class LadderPosterior:
    """q(z | x) = q(z_L | x) q(z_{L-1} | x, z_L) ... q(z_1 | x, z_2).

    q(z_l | x, z_{l+1}) is the prior p(z_l | z_{l+1}) merged with what the data say of
    the level, a normal of its own; of the highest level it is the latter alone.

    Args:
        evidence: List of the normals that the data give, from the lowest level.
        prior: `LadderPrior`.
    """

    def __init__(self, evidence: list[Normal], prior: LadderPrior) -> None:
        self._evidence, self._prior = evidence, prior

    def descend(
        self, draw: Any, training: bool = False
    ) -> Iterator[tuple[Any, Normal, Normal]]:
        """Yields z_l, q(z_l | x, z_{l+1}) and p(z_l | z_{l+1}), the highest first.

        Args:
            draw: Function from the normal q to z_l.
            training: Whether the networks are called to train.
        """
        above = self._evidence[-1].location
        for level in reversed(range(len(self._evidence))):
            p, q = self._prior.of_level(level, above, training), self._evidence[level]
            if level < len(self._evidence) - 1:
                q = merged(q, p)
            above = draw(q)
            yield above, q, p

    def mean(self) -> Any:
        """Returns the mean of each level, given those above, `(batch, sum)`."""
        parts = [z for z, _, _ in self.descend(lambda q: q.location)]
        return ops.concatenate(parts[::-1], axis=1)

    def sample_and_log_prob(self, seed: Any) -> tuple[Any, Any]:
        """Returns a draw of each entry, `(batch, sum)`, and log q of it, `(batch,)`."""
        parts, total = [], 0.0
        for z, q, _ in self.descend(lambda q: q.sample(seed)):
            parts.append(z)
            total = total + q.log_prob(z)
        return ops.concatenate(parts[::-1], axis=1), total

    def repeat(self, size: int) -> "LadderPosterior":
        """Returns the posterior with each entry of the batch `size` times in a row."""
        evidence = [
            Normal(repeat(q.location, size), repeat(q.log_var, size))
            for q in self._evidence
        ]
        return LadderPosterior(evidence, self._prior)
