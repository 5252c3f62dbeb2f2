"""SAP: whether one latent alone predicts each factor linearly."""

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod.metrics.labelled_codes import check_codes
from keras_genmod.metrics.protocol import Protocol, filled_in
from keras_genmod.metrics.results import Score


def separated_predictability(
    codes: ArrayLike, factors: ArrayLike, protocol: Protocol | None = None
) -> Score:
    """Returns the mean gap between the two latents that predict a factor best (SAP).

    A latent's score is R^2 of the least squares fit of the factor's values, 0 for a
    dead one: for factors whose values have an order. Leave out those that have none,
    such as a shape.

    Args:
        codes: Array `(n, num_latents)`, posterior means.
        factors: Whole numbers `(n, num_factors)` in order.
        protocol: A `Protocol` that says which model and data these are.

    Returns:
        `Score`: in [0, 1].

    Raises:
        ValueError: If the arguments are not as above.

    References:
        Kumar, Sattigeri and Balakrishnan, 2017, arXiv:1711.00848, section 3, there
        with a linear classifier for factors without an order.

    Example:
        ```python
        separated_predictability(model.encode(x), factors[:, 1:]).value
        ```
    """
    codes, factors = check_codes(codes, factors)
    z = codes - codes.mean(axis=0)
    v = factors - factors.mean(axis=0)
    norms = np.linalg.norm(z, axis=0)
    tiny = 1e-10 * np.abs(codes).max(axis=0) * len(codes) ** 0.5  # rounding of a mean
    z = z / np.where(norms > tiny, norms, np.inf)
    scores = (v.T @ z / np.linalg.norm(v, axis=0)[:, None]) ** 2  # (factors, latents)
    ordered = -np.sort(-np.pad(scores, ((0, 0), (0, 1))), axis=1)  # 0: no second
    return Score(
        value=float(np.mean(ordered[:, 0] - ordered[:, 1])),
        protocol=filled_in(
            protocol, metric="separated_predictability", num_real=len(codes)
        ),
    )
