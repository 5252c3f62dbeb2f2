"""Classifier score, mode coverage, bits per dimension, outliers: known answers."""

import math

import numpy as np
import pytest
from scipy.special import softmax

from keras_genmod import metrics

pytestmark = pytest.mark.any_backend

CENTRES = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [5.0, 5.0]])


def test_sure_and_even_classes_score_their_number():
    one_hot = np.eye(7).repeat(30, axis=0)
    score = metrics.classifier_score(one_hot, num_splits=1)
    assert score.value == pytest.approx(7.0)
    assert score.standard_error is None


def test_unsure_and_collapsed_classes_score_one():
    for row in (np.full(4, 0.25), np.eye(4)[2]):
        score = metrics.classifier_score(np.tile(row, (40, 1)))
        assert score.value == pytest.approx(1.0)
        assert score.standard_error == pytest.approx(0.0, abs=1e-12)


def test_standard_error_is_of_the_mean_over_parts():
    p = softmax(np.random.default_rng(0).normal(size=(200, 5)), axis=1)
    score = metrics.classifier_score(p, num_splits=5)
    assert score.standard_error == pytest.approx(
        score.standard_deviation * math.sqrt(5 / 4) / math.sqrt(5)
    )


def test_order_does_not_matter_to_one_part():
    rng = np.random.default_rng(0)
    p = softmax(rng.normal(size=(200, 5)), axis=1)
    scores = [metrics.classifier_score(x, 1) for x in (p, rng.permutation(p))]
    assert scores[0].value == pytest.approx(scores[1].value, rel=1e-12)


def test_modes_of_points():
    points = np.array([[0.0, 0.1], [0.1, 0.0], [1.0, 0.0], [3.0, 3.0]])
    result = metrics.mode_coverage(points, CENTRES, radius=0.1)
    assert result.num_modes_found == 2
    assert result.high_quality_share == 0.75
    expected = 2 / 3 * math.log(2 / 3 * 4) + 1 / 3 * math.log(1 / 3 * 4)
    assert result.kl == pytest.approx(expected)


def test_modes_of_labels():
    result = metrics.mode_coverage(np.arange(1000), 1000)
    assert (result.num_modes_found, result.high_quality_share) == (1000, 1.0)
    assert result.kl == pytest.approx(0.0, abs=1e-12)
    collapsed = metrics.mode_coverage(np.array([3, 3, -1]), 1000)
    assert collapsed.kl == pytest.approx(math.log(1000))
    assert collapsed.high_quality_share == pytest.approx(2 / 3)


def test_frequencies_of_the_data_count():
    labels = np.repeat([0, 1], [30, 10])
    result = metrics.mode_coverage(labels, 2, frequencies=[0.75, 0.25])
    assert result.kl == pytest.approx(0.0, abs=1e-12)
    assert metrics.mode_coverage(labels, 2, frequencies=[1.0, 0.0]).kl == np.inf


def test_no_sample_near_a_mode():
    result = metrics.mode_coverage(CENTRES + 100.0, CENTRES, radius=0.1)
    assert (result.num_modes_found, result.high_quality_share) == (0, 0.0)
    assert np.isnan(result.kl)


def test_bits_per_dim():
    uniform = 784 * math.log(256)
    assert metrics.bits_per_dim(uniform, 784) == pytest.approx(8.0)
    np.testing.assert_allclose(
        metrics.bits_per_dim([uniform, 0.0], 784), [8, 0], rtol=1e-15
    )


def test_outlier_scores_at_their_ends():
    perfect = metrics.outlier_auroc([0.0, 1.0], [2.0, 3.0])
    assert (perfect.auroc, perfect.average_precision) == (1.0, 1.0)
    assert perfect.fpr_at_95_tpr == 0.0
    reversed_ = metrics.outlier_auroc([2.0, 3.0], [0.0, 1.0])
    assert (reversed_.auroc, reversed_.fpr_at_95_tpr) == (0.0, 1.0)
    assert metrics.outlier_auroc([1.0] * 3, [1.0]).auroc == 0.5
