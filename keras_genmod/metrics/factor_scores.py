"""Scores of whether a factor that stays can be told from how codes vary."""

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import checks
from keras_genmod.metrics.labelled_codes import (
    check_codes,
    classifiers,
    halves,
    partners,
)
from keras_genmod.metrics.protocol import Protocol, filled_in
from keras_genmod.metrics.results import Score


def beta_vae_score(
    codes: ArrayLike,
    factors: ArrayLike,
    num_groups: int = 2000,
    group_size: int = 64,
    seed: int = 0,
    protocol: Protocol | None = None,
) -> Score:
    """Returns how well a linear classifier names the factor that pairs share.

    A group is `group_size` pairs of examples that share the value of one factor, drawn
    with replacement; its features are the mean absolute differences of their codes.
    Half of the groups train a logistic regression, half test it.

    Args:
        codes: Array `(n, num_latents)`, posterior means.
        factors: Whole numbers `(n, num_factors)`, at least 2 factors.
        num_groups: Int of at least 4.
        group_size: Positive int, pairs in a group.
        seed: Int, of the groups.
        protocol: A `Protocol` that says which model and data these are.

    Returns:
        `Score`: the accuracy, in [0, 1]; chance is 1 / num_factors.

    Raises:
        ImportError: If scikit-learn is not installed.
        ValueError: If the arguments are not as above.

    References:
        Higgins et al., beta-VAE, ICLR 2017.

    Note:
        Rotated codes can be perfect here, since the classifier may join latents.

    Example:
        ```python
        beta_vae_score(model.encode(x), factors).value
        ```
    """
    z, v, fixed, generator = _begin(codes, factors, num_groups, group_size, seed)
    features = np.empty((num_groups, z.shape[1]))
    for group, k in enumerate(fixed):
        first = generator.randint(0, len(z), group_size)
        second = partners(v[:, k], first, generator)
        features[group] = np.abs(z[first] - z[second]).mean(axis=0)
    deviations = features.std(axis=0)
    features = features / np.where(deviations > 0, deviations, 1.0)
    train, test = halves(num_groups, seed)
    regression = classifiers().linear_model.LogisticRegression(max_iter=1000)
    regression.fit(features[train], fixed[train])
    value = regression.score(features[test], fixed[test])
    return _score("beta_vae_score", value, z, num_groups, group_size, seed, protocol)


def factor_vae_score(
    codes: ArrayLike,
    factors: ArrayLike,
    num_groups: int = 2000,
    group_size: int = 64,
    min_variance: float = 0.05,
    seed: int = 0,
    protocol: Protocol | None = None,
) -> Score:
    """Returns how well the latent that varies least names the factor that stays.

    In a group one factor has one value. Its vote is the latent of the least variance
    over that of all codes; each latent stands for the factor of most of its votes in
    half of the groups, and the other half tests that.

    Args:
        codes: Array `(n, num_latents)`, posterior means.
        factors: Whole numbers `(n, num_factors)`, at least 2 factors.
        num_groups: Int of at least 4.
        group_size: Int of at least 2, examples in a group.
        min_variance: Number of at least 0: latents of no more variance are dead and
            have no vote. 0.05 suits means under a prior N(0, I).
        seed: Int, of the groups.
        protocol: A `Protocol` that says which model and data these are.

    Returns:
        `Score`: the accuracy, in [0, 1]; 0 if all latents are dead.

    Raises:
        ValueError: If the arguments are not as above.

    References:
        Kim and Mnih, Disentangling by factorising, 2018, arXiv:1802.05983, section 4.

    Example:
        ```python
        factor_vae_score(model.encode(x), factors).value
        ```
    """
    min_variance = checks.non_negative("min_variance", min_variance)
    checks.integer("group_size", group_size, 2)
    z, v, fixed, generator = _begin(codes, factors, num_groups, group_size, seed)
    variances = z.var(axis=0)
    is_alive = variances > min_variance
    votes = np.zeros(num_groups, "int64")
    for group, k in enumerate(fixed if is_alive.any() else ()):
        first = np.repeat(generator.randint(0, len(z)), group_size)
        chosen = z[partners(v[:, k], first, generator)][:, is_alive]
        votes[group] = np.argmin(chosen.var(axis=0) / variances[is_alive])
    train, test = halves(num_groups, seed)
    counts = np.zeros((z.shape[1], v.shape[1]))
    np.add.at(counts, (votes[train], fixed[train]), 1)
    named = counts.argmax(axis=1)[votes[test]]
    value = np.mean(named == fixed[test]) if is_alive.any() else 0.0
    return _score(
        "factor_vae_score",
        value,
        z,
        num_groups,
        group_size,
        seed,
        protocol,
        threshold=min_variance,
    )


def _begin(codes, factors, num_groups, group_size, seed):
    checks.integer("num_groups", num_groups, 4)
    checks.positive_int("group_size", group_size)
    codes, factors = check_codes(codes, factors)
    if factors.shape[1] < 2:
        raise ValueError(
            "`factors` must have at least 2 columns to tell apart. Received: "
            f"factors.shape={factors.shape}"
        )
    generator = np.random.RandomState(checks.integer("seed", seed))
    return codes, factors, np.arange(num_groups) % factors.shape[1], generator


def _score(metric, value, codes, num_groups, group_size, seed, protocol, **fields):
    filled = filled_in(
        protocol,
        metric=metric,
        num_real=len(codes),
        num_groups=num_groups,
        group_size=group_size,
        seed=seed,
        **fields,
    )
    return Score(value=float(value), protocol=filled)
