"""Arithmetic with mean latents."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_genmod import checks
from keras_genmod.latents.arrays import as_latents
from keras_genmod.metrics import NearestNeighbours, nearest_neighbours
from keras_genmod.metrics.features import check_same_width


@dataclasses.dataclass(frozen=True, eq=False)
class Analogy:
    """What `analogy` returns.

    Args:
        latent: Float32 array of shape `(1, latent_dim)`, ready for `decode`.
        neighbours: `NearestNeighbours` of it among the latents given, or `None`.
    """

    latent: np.ndarray
    neighbours: NearestNeighbours | None


def analogy(
    positive: Sequence, negative: Sequence = (), among: Any = None, k: int = 5
) -> Analogy:
    """Adds and subtracts the mean latents of groups of examples.

    latent = sum of mean(group) over `positive` - the same over `negative`, so that
    `analogy([smiling_women, men], [women])` is a smiling man.

    Args:
        positive: Sequence of arrays `(n, latent_dim)`, groups that are added; the
            numbers of examples may differ.
        negative: Sequence of such groups, which are subtracted.
        among: Array of shape `(m, latent_dim)` of which the nearest to the result are
            looked for, such as the latents of the training set; or `None`.
        k: Integer, how many of them.

    Returns:
        An `Analogy`: the latent, and the nearest of `among`.

    Raises:
        ValueError: If nothing is added, groups differ in width, or there are fewer
            than `k` in `among`.

    References:
        Radford, Metz and Chintala, 2015, "Unsupervised representation learning with
        deep convolutional generative adversarial networks", arXiv:1511.06434.

    Example:
        ```python
        z = keras_genmod.latents.encode(model, x)
        groups = [z[labels == digit] for digit in (8, 3, 0)]
        found = keras_genmod.latents.analogy(groups[:2], groups[2:], among=z)
        image = keras_genmod.latents.decode(model, found.latent)
        x[found.neighbours.indices[0]]  # what it resembles
        ```
    """
    added, subtracted = _means("positive", positive), _means("negative", negative)
    if not added:
        raise ValueError(
            "`positive` must hold at least one group of latents. Received none"
        )
    for name, means in (("positive", added), ("negative", subtracted)):
        for mean in means:
            check_same_width(name, len(added[0]), len(mean), "`positive[0]`")
    latent = np.sum(added, axis=0) - np.sum(subtracted, axis=0)
    neighbours = None
    if among is not None:
        neighbours = nearest_neighbours(latent[None], as_latents("among", among), k)
    return Analogy(latent[None].astype("float32"), neighbours)


def around(
    z: Any, num_neighbours: int, scale: float = 0.25, seed: int = 0
) -> np.ndarray:
    """Returns random latents around given ones, to see how stable a result is.

    As in the paper on DCGAN: uniform noise in [-scale, scale) on each dimension.

    Args:
        z: Array of shape `(n, latent_dim)`.
        num_neighbours: Positive integer.
        scale: Number of at least 0, the noise's largest size, in units of the latents.
        seed: Integer for the noise.

    Returns:
        Float32 array of shape `(n, num_neighbours, latent_dim)`.

    Raises:
        ValueError: If a shape or a value is not as above.

    References:
        Radford, Metz and Chintala, 2015, arXiv:1511.06434, figure 7.

    Example:
        ```python
        found = keras_genmod.latents.analogy([smiling_women, men], [women])
        images = keras_genmod.latents.decode(model, around(found.latent, 8))
        ```
    """
    z = as_latents("z", z)
    num_neighbours = checks.positive_int("num_neighbours", num_neighbours)
    scale = checks.non_negative("scale", scale)
    rng = np.random.default_rng(checks.required_seed("seed", seed))
    noise = rng.uniform(-scale, scale, (len(z), num_neighbours, z.shape[1]))
    return (z[:, None] + noise).astype("float32")


def _means(name: str, groups: Sequence) -> list[np.ndarray]:
    groups = checks.items(name, groups)
    return [as_latents(f"{name}[{i}]", g).mean(axis=0) for i, g in enumerate(groups)]
