"""Metrics of disentanglement on codes whose scores are known."""

import numpy as np
import pytest

from keras_genmod.metrics import (
    beta_vae_score,
    dci,
    factor_vae_score,
    mutual_information_gap,
    separated_predictability,
)
from keras_genmod.metrics.dci import concentration
from keras_genmod.metrics.labelled_codes import partners

pytestmark = pytest.mark.any_backend

# Three factors of 4, 5 and 6 values, each combination five times.
FACTORS = np.tile(
    np.stack(np.meshgrid(*map(range, (4, 5, 6)), indexing="ij"), -1).reshape(-1, 3),
    (5, 1),
)
PERFECT = FACTORS.astype("float32") - FACTORS.mean(axis=0)
DUPLICATED = np.hstack([PERFECT, PERFECT])
DEAD = np.hstack([PERFECT, np.full((len(PERFECT), 2), 0.1, "float32")])
_scaled = PERFECT / PERFECT.std(axis=0)
EVEN = _scaled @ (np.eye(3) - 2 / 3)  # a rotation of entries 1/3 and -2/3 twice
_c, _s = np.cos(np.pi / 6), np.sin(np.pi / 6)
TURNED = _scaled @ np.array([[_c, -_s, 0], [_s, _c, 0], [0, 0, 1]])  # by 30 degrees
GROUPS = {"num_groups": 300, "group_size": 30}


@pytest.mark.parametrize("codes", [PERFECT, DEAD, -3 * PERFECT[:, ::-1]])
def test_perfect_codes_have_perfect_scores(codes):
    gap = mutual_information_gap(codes, FACTORS)
    assert gap.value == pytest.approx(1.0) and gap.ceiling == pytest.approx(1.0)
    assert separated_predictability(codes, FACTORS).value == pytest.approx(1.0)
    assert beta_vae_score(codes, FACTORS, **GROUPS).value > 0.98
    assert factor_vae_score(codes, FACTORS, **GROUPS).value == 1.0


def test_a_duplicated_code_has_no_gap_and_is_not_complete():
    assert mutual_information_gap(DUPLICATED, FACTORS).value == pytest.approx(0.0)
    found = separated_predictability(DUPLICATED, FACTORS).value
    assert found == pytest.approx(0.0, abs=1e-9)
    assert factor_vae_score(DUPLICATED, FACTORS, **GROUPS).value == 1.0
    assert beta_vae_score(DUPLICATED, FACTORS, **GROUPS).value == 1.0
    shared = dci(DUPLICATED, FACTORS, num_trees=10)
    assert shared.disentanglement == pytest.approx(1.0, abs=1e-6)
    # Of six latents two share each factor, half and half.
    expected = 1 - np.log(2) / np.log(6)
    assert shared.completeness == pytest.approx(expected, abs=0.02)
    assert shared.informativeness == 1.0


def test_rotated_codes_are_worse():
    # R^2 are the squared entries of a rotation: here 4/9, 4/9 and 1/9.
    assert separated_predictability(EVEN, FACTORS).value == pytest.approx(0, abs=1e-6)
    assert mutual_information_gap(EVEN, FACTORS).value < 0.1
    # And here 3/4 and 1/4 for two factors, 1 for the third.
    found = separated_predictability(TURNED, FACTORS).value
    assert found == pytest.approx((0.5 + 0.5 + 1) / 3, rel=1e-5)
    # Both latents have 4 * 5 values, which tell both factors: no gap but the third's.
    gaps = mutual_information_gap(TURNED, FACTORS).gaps
    np.testing.assert_allclose(gaps, [0.0, 0.0, 1.0], atol=1e-9)
    assert factor_vae_score(EVEN, FACTORS, **GROUPS).value < 0.9
    # A linear classifier joins latents: of few groups it learns that only in part.
    assert 0.6 < beta_vae_score(EVEN, FACTORS, **GROUPS).value < 0.9


def test_dead_codes_are_finite_and_score_nothing():
    dead = np.full((len(FACTORS), 3), 0.1, "float32")
    assert mutual_information_gap(dead, FACTORS).value == 0.0
    assert separated_predictability(dead, FACTORS).value == 0.0
    assert factor_vae_score(dead, FACTORS, **GROUPS).value == 0.0
    assert beta_vae_score(dead, FACTORS, **GROUPS).value < 0.5  # chance is 1 / 3
    # Without a threshold a dead latent must not divide by zero either.
    found = factor_vae_score(DEAD, FACTORS, min_variance=0.0, **GROUPS)
    assert found.value == 1.0
    assert dci(dead, FACTORS, num_trees=1).disentanglement == 0.0


@pytest.mark.parametrize("num_values,ceiling", [(40, 0.812), (32, 0.85), (20, 1.0)])
def test_the_ceiling_is_that_of_a_perfect_code_in_bins(num_values, ceiling):
    factors = np.arange(num_values)[:, None].repeat(3, axis=0)
    codes = factors * 0.5 - 3.0
    gap = mutual_information_gap(codes, factors)
    assert gap.ceiling == pytest.approx(ceiling, abs=2e-3)
    assert gap.value == pytest.approx(gap.ceiling)
    assert mutual_information_gap(codes, factors, 40).value == pytest.approx(1.0)
    assert f"ceiling {gap.ceiling:.4g}" in str(gap) and "num_bins=20" in str(gap)


def test_independent_codes_have_hardly_any_information():
    codes = np.random.default_rng(0).normal(size=(len(FACTORS), 3))
    assert mutual_information_gap(codes, FACTORS).value < 0.1
    assert separated_predictability(codes, FACTORS).value < 0.05
    assert beta_vae_score(codes, FACTORS, **GROUPS).value < 0.6


def test_dci_of_perfect_mixed_and_dead_codes():
    perfect = dci(DEAD, FACTORS)
    for value in (perfect.disentanglement, perfect.completeness):
        assert value == pytest.approx(1.0, abs=0.02)
    assert perfect.informativeness == 1.0
    np.testing.assert_allclose(np.array(perfect.importance)[3:], 0.0)
    mixed = dci(EVEN, FACTORS)
    assert mixed.disentanglement < 0.7 and mixed.completeness < 0.7
    shares = np.array([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    # Rows of share 1/2 each: 1 - log 2 / log 3, and 1; the dead row has none.
    expected = 0.5 * (1 - np.log(2) / np.log(3)) + 0.5
    assert concentration(shares) == pytest.approx(expected)


def test_partners_share_the_value_and_are_any_of_those():
    values = np.array([2, 0, 1, 0, 2, 0])
    first = np.tile(np.arange(6), 200)
    found = partners(values, first, np.random.RandomState(0))
    assert np.all(values[found] == values[first])
    assert {tuple(p) for p in zip(first, found, strict=True)} == {
        (i, j) for i in range(6) for j in range(6) if values[i] == values[j]
    }


@pytest.mark.parametrize(
    "codes,factors,message",
    [
        (PERFECT[:-1], FACTORS, "`codes` and `factors` must"),
        (PERFECT, FACTORS + 0.5, "`factors` must be whole"),
        (PERFECT, 0 * FACTORS, "`factors` must each take two"),
        (PERFECT * np.nan, FACTORS, "`codes` must"),
    ],
)
def test_bad_arrays_are_named(codes, factors, message):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        mutual_information_gap(codes, factors)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="`num_bins` must be an int of at least 2"):
        mutual_information_gap(PERFECT, FACTORS, 1)
    for metric in (beta_vae_score, factor_vae_score):
        with pytest.raises(ValueError, match="`num_groups` must"):
            metric(PERFECT, FACTORS, num_groups=3)
        with pytest.raises(ValueError, match="`factors` must have at least 2 col"):
            metric(PERFECT, FACTORS[:, :1])
    with pytest.raises(ValueError, match="`codes` must have at least 2 columns"):
        dci(PERFECT[:, :1], FACTORS)
