"""Nearest training samples of generated ones: does the model copy?"""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import checks
from keras_genmod.metrics.features import check_pair
from keras_genmod.metrics.neighbour_search import nearest
from keras_genmod.metrics.protocol import Protocol, filled_in
from keras_genmod.metrics.ranking import share_above
from keras_genmod.metrics.results import Result


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class NearestNeighbours(Result):
    """What `nearest_neighbours` returns.

    Args:
        indices: Integer array `(num_fake, k)`, rows of `real`, nearest first.
        distances: float64 array `(num_fake, k)`, Euclidean, in the inputs' units.
        share_nearer: Float in [0, 1], or `None` without a held-out set.
        protocol: The `Protocol`.
    """

    indices: np.ndarray
    distances: np.ndarray
    share_nearer: float | None


def nearest_neighbours(
    fake: ArrayLike,
    real: ArrayLike,
    k: int = 1,
    held_out: ArrayLike | None = None,
    protocol: Protocol | None = None,
) -> NearestNeighbours:
    r"""Finds the training samples nearest to each generated one.

    With a held-out set it also tests for memorisation: the share of pairs of a
    generated and a held-out sample of which the generated one is nearer to the
    training set (ties count half),

        P( min_i |y - x_i| < min_i |h - x_i| ).

    About 0.5: as far away as new data; towards 1: copies; towards 0: far from the data.

    Args:
        fake: Array of shape `(num_fake, ...)`, pixels or features; trailing axes are
            flattened.
        real: Array of shape `(num_real, ...)`, the training set.
        k: Integer, neighbours a sample.
        held_out: Array of shape `(num_held_out, ...)` of data that the model was not
            trained on, or `None`.
        protocol: A `Protocol` that says which features these are.

    Returns:
        `NearestNeighbours`: indices, distances, `share_nearer` and their protocol.

    Raises:
        ValueError: If there are fewer real samples than `k`, a value is not finite, or
            the sets differ in width.

    References:
        Meehan, Chaudhuri and Dasgupta, 2020, "A three sample hypothesis test for
        evaluating generative models", arXiv:2004.05675.

    Example:
        ```python
        found = nearest_neighbours(model.sample(16), x_train, held_out=x_test)
        x_train[found.indices[:, 0]]  # beside the samples
        found.share_nearer
        ```
    """
    real, fake = check_pair(_flat("real", real), _flat("fake", fake))
    k = checks.integer("k", k, 1, len(real), "the number of real samples")
    sets = [fake]
    if held_out is not None:
        names = ("real", "held_out")
        sets.append(check_pair(real, _flat("held_out", held_out), names=names)[1])
    found = [nearest(x, real, k) for x in sets]
    indices, squared = found[0]
    # Squared distances: their order is the same.
    share = share_above(found[1][1][:, 0], squared[:, 0]) if len(found) > 1 else None
    return NearestNeighbours(
        indices=indices,
        distances=np.sqrt(squared),
        share_nearer=share,
        protocol=filled_in(
            protocol,
            metric="nearest_neighbours",
            num_real=len(real),
            num_fake=len(fake),
            num_held_out=None if held_out is None else len(sets[1]),
            k=k,
        ),
    )


def _flat(name: str, x: ArrayLike) -> np.ndarray:
    x = checks.real_numbers(name, x)
    return x.reshape(len(x), -1) if x.ndim > 1 and x.size else x
