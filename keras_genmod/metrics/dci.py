"""Disentanglement, completeness and informativeness of codes."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import checks
from keras_genmod.metrics.labelled_codes import check_codes, classifiers, halves
from keras_genmod.metrics.protocol import Protocol, filled_in
from keras_genmod.metrics.results import Result


@dataclasses.dataclass(frozen=True, kw_only=True)
class DCI(Result):
    """What `dci` returns.

    Args:
        disentanglement: Float in [0, 1]: 1 if each latent matters to one factor.
        completeness: Float in [0, 1]: 1 if to each factor one latent matters.
        informativeness: Float in [0, 1], accuracy of factors on the test half.
        importance: Tuple of rows, one a latent, of what it matters to each factor.
        protocol: The `Protocol`.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    importance: tuple[tuple[float, ...], ...]

    def __str__(self) -> str:
        return (
            f"disentanglement {self.disentanglement:.4g}, completeness "
            f"{self.completeness:.4g}, informativeness {self.informativeness:.4g} "
            f"[{self.protocol}]"
        )


def dci(
    codes: ArrayLike,
    factors: ArrayLike,
    num_trees: int = 10,
    seed: int = 0,
    protocol: Protocol | None = None,
) -> DCI:
    r"""Scores codes by which latents boosted trees use to predict each factor.

        disentanglement = sum_i rho_i (1 - H_K(P_i)),   P_ik = R_ik / sum_k R_ik

    with R the importances, rho_i the share of latent i in them all, and H in base K,
    the number of factors. Completeness is the same over latents. A dead latent has no
    importance, so no share.

    Args:
        codes: Array `(n, num_latents)` of at least 2 latents, posterior means.
        factors: Whole numbers `(n, num_factors)`, at least 2 factors.
        num_trees: Positive int, boosting stages; each trains a tree a value.
        seed: Int, of the halves to train and to test on.
        protocol: A `Protocol` that says which model and data these are.

    Returns:
        `DCI`: three numbers, the importances and their protocol.

    Raises:
        ImportError: If scikit-learn is not installed.
        ValueError: If the arguments are not as above.

    References:
        Eastwood and Williams, ICLR 2018; boosted trees as Locatello et al., 2018,
        arXiv:1811.12359.

    Example:
        ```python
        dci(model.encode(x), factors).disentanglement
        ```
    """
    num_trees = checks.positive_int("num_trees", num_trees)
    seed = checks.integer("seed", seed)
    codes, factors = check_codes(codes, factors)
    for name, array in (("codes", codes), ("factors", factors)):
        if array.shape[1] < 2:
            raise ValueError(
                f"`{name}` must have at least 2 columns: one has nothing to be mixed "
                f"with. Received: {name}.shape={array.shape}"
            )
    ensemble = classifiers().ensemble
    train, test = halves(len(codes), seed)
    importances, accuracies = [], []
    for factor in factors.T:
        trees = ensemble.GradientBoostingClassifier(
            n_estimators=num_trees, random_state=seed
        ).fit(codes[train], factor[train])
        importances.append(trees.feature_importances_)
        accuracies.append(trees.score(codes[test], factor[test]))
    importance = np.stack(importances, axis=1)  # (latents, factors)
    return DCI(
        disentanglement=concentration(importance),
        completeness=concentration(importance.T),
        informativeness=float(np.mean(accuracies)),
        importance=tuple(tuple(map(float, row)) for row in importance),
        protocol=filled_in(
            protocol, metric="dci", num_real=len(codes), num_trees=num_trees, seed=seed
        ),
    )


def concentration(importance: np.ndarray) -> float:
    """Returns 1 - entropy of each row in base of its length, weighed by its sum."""
    sums = importance.sum(axis=1)
    if sums.sum() == 0:
        return 0.0
    shares = importance / np.where(sums > 0, sums, 1.0)[:, None]
    logs = np.log(np.where(shares > 0, shares, 1.0))
    entropies = -np.sum(shares * logs, axis=1) / np.log(importance.shape[1])
    return float(np.sum(sums / sums.sum() * (1.0 - entropies)))
