"""Results carry their protocol, and refuse to be compared under different ones."""

import dataclasses
import operator

import numpy as np
import pytest

from keras_genmod import metrics

pytestmark = pytest.mark.any_backend

RNG = np.random.default_rng(0)
REAL, FAKE, OTHER = RNG.normal(size=(3, 40, 3))


def kernel_distance(fake, **arguments):
    settings = {"num_subsets": 4, "subset_size": 10, **arguments}
    return metrics.kernel_distance(REAL, fake, **settings)


def test_equal_protocols_compare():
    near, far = kernel_distance(FAKE), kernel_distance(OTHER + 2.0)
    assert near < far and far > near and not near > far
    assert near - far == near.value - far.value
    assert near.compare_to(far)["value"] == near.value - far.value
    assert float(near) == near.value
    assert near == kernel_distance(FAKE)


DIFFERENT = {
    "seed": {"seed": 7},
    "subset_size": {"subset_size": 12},
    "num_subsets": {"num_subsets": 5},
    "features": {"protocol": metrics.Protocol(features="inception")},
    "weights_hash": {"protocol": metrics.Protocol(weights_hash="abc")},
    "resize": {"protocol": metrics.Protocol(resize="bilinear")},
    "split": {"protocol": metrics.Protocol(split="test")},
}


@pytest.mark.parametrize("field", DIFFERENT)
@pytest.mark.parametrize("compare", [operator.lt, operator.gt, operator.sub])
def test_different_protocols_refuse(field, compare):
    first, second = kernel_distance(FAKE), kernel_distance(FAKE, **DIFFERENT[field])
    with pytest.raises(ValueError, match=f"same protocol.*Received: {field}: "):
        compare(first, second)


def test_different_counts_and_metrics_refuse():
    score = kernel_distance(FAKE)
    with pytest.raises(ValueError, match="num_fake: 40 and 30"):
        score.compare_to(kernel_distance(FAKE[:30]))
    p = np.eye(4).repeat(10, axis=0)
    with pytest.raises(ValueError, match="metric: 'classifier_score' and 'inception"):
        metrics.classifier_score(p).compare_to(metrics.inception_score(p))


def test_results_of_several_numbers_compare_by_name():
    first, second = (
        metrics.precision_recall_density_coverage(REAL, x, k)
        for x, k in ((FAKE, 3), (OTHER, 3))
    )
    difference = first.compare_to(second)
    assert set(difference) == {"precision", "recall", "density", "coverage"}
    with pytest.raises(ValueError, match="k: 3 and 5"):
        first.compare_to(metrics.precision_recall_density_coverage(REAL, FAKE, 5))
    with pytest.raises(TypeError, match="`other` must be a Precision"):
        first.compare_to(kernel_distance(FAKE))


def test_every_metric_keeps_the_caller_s_protocol():
    source = metrics.Protocol(
        features="digits/dense", weights_hash="ab", resize="none", split="test"
    )
    p = np.eye(4).repeat(10, axis=0)
    results = [
        metrics.frechet_distance(REAL, FAKE, protocol=source),
        metrics.kernel_distance(REAL, FAKE, None, protocol=source),
        metrics.classifier_score(p, protocol=source),
        metrics.inception_score(p, protocol=source),
        metrics.precision_recall_density_coverage(REAL, FAKE, protocol=source),
        metrics.nearest_neighbours(FAKE, REAL, protocol=source),
        metrics.mode_coverage(FAKE, REAL, radius=1.0, protocol=source),
        metrics.outlier_auroc(FAKE[:, 0], REAL[:, 0], protocol=source),
    ]
    names = set()
    for result in results:
        kept = {field: getattr(result.protocol, field) for field in ("split", "resize")}
        assert kept == {"split": "test", "resize": "none"}
        assert result.protocol.features == "digits/dense"
        names.add(result.protocol.metric)
    assert len(names) == len(results)


def test_results_are_frozen_and_print_their_protocol():
    score = kernel_distance(FAKE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        score.value = 0.0
    assert "num_real=40" in str(score) and "seed=2020" in str(score)
