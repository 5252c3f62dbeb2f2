"""The posterior of latents on several levels, inferred from the highest down."""

from collections.abc import Iterator
from typing import Any

from keras import ops

from keras_genmod.distributions import Normal
from keras_genmod.distributions.distribution import sum_over_events
from keras_genmod.models.autoencoders.ladder_prior import LadderPrior
from keras_genmod.models.autoencoders.posterior import repeat


def merged(first: Normal, second: Normal) -> Normal:
    """Returns the normal whose precision is the sum of two, up to a factor the product.

    1 / v = 1 / v_1 + 1 / v_2 and mean / v = mean_1 / v_1 + mean_2 / v_2, without a
    variance that could overflow.
    """
    ratio = first.log_var - second.log_var
    share = ops.sigmoid(-ratio)  # v / v_1
    mean = second.location + share * (first.location - second.location)
    return Normal(mean, first.log_var - ops.softplus(ratio))


def normal_kl(q: Normal, p: Normal) -> Any:
    """Returns KL(q, p) in nats, in closed form, `(batch,)`."""
    ratio = ops.exp(q.log_var - p.log_var)
    squared = ops.square(q.location - p.location) * ops.exp(-p.log_var)
    return 0.5 * sum_over_events(ratio + squared - 1.0 - q.log_var + p.log_var)


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
