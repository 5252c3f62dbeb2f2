"""The numbers are those of the packages that published them."""

import json
import pathlib

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics as sklearn_metrics
from sklearn.neighbors import NearestNeighbors

from keras_genmod import metrics
from tests.oracles import metric_cases

pytestmark = pytest.mark.any_backend

ORACLES = pathlib.Path(metric_cases.__file__).parent
FROZEN = json.loads((ORACLES / "frozen_metrics.json").read_text())["numbers"]
FULL_RANK = ["small", "large subsets"]


@pytest.mark.parametrize("case", FULL_RANK)
@pytest.mark.parametrize(
    "package", ["pytorch_fid", "frechet_inception_distance", "torchmetrics"]
)
def test_frechet_distance(case, package):
    real, fake = metric_cases.FEATURES[case].sets()
    score = metrics.frechet_distance(real, fake)
    np.testing.assert_allclose(score.value, FROZEN[case][package], rtol=1e-9)


@pytest.mark.parametrize(
    "package", ["pytorch_fid", "frechet_inception_distance", "torchmetrics"]
)
def test_frechet_distance_of_few_samples(package):
    real, fake = metric_cases.FEATURES["few samples"].sets()
    with pytest.warns(metrics.RankDeficientWarning):
        score = metrics.frechet_distance(real, fake)
    # Square roots of rounded zeros limit the other packages here, not this one.
    np.testing.assert_allclose(score.value, FROZEN["few samples"][package], rtol=1e-5)


@pytest.mark.parametrize("name", metric_cases.FEATURES)
def test_kernel_distance_on_the_same_subsets(name):
    case = metric_cases.FEATURES[name]
    score = metrics.kernel_distance(
        *case.sets(), case.num_subsets, case.subset_size, case.seed
    )
    mean = FROZEN[name]["kernel_inception_distance_mean"]
    deviation = FROZEN[name]["kernel_inception_distance_std"]
    np.testing.assert_allclose(score.value, mean, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(score.standard_deviation, deviation, atol=1e-12)


@pytest.mark.parametrize("name", metric_cases.LOGITS)
@pytest.mark.parametrize("score", [metrics.inception_score, metrics.classifier_score])
def test_inception_score(name, score):
    case = metric_cases.LOGITS[name]
    probabilities = softmax(case.logits(), axis=1)
    score = score(probabilities, case.num_splits, case.seed)
    np.testing.assert_allclose(
        [score.value, score.standard_deviation],
        [FROZEN[name]["inception_score_mean"], FROZEN[name]["inception_score_std"]],
        rtol=1e-10,
    )


@pytest.mark.parametrize("sizes", [(300, 300), (1500, 1100), (40, 90)])
@pytest.mark.parametrize("dim", [2, 64])
@pytest.mark.parametrize("k", [1, 5])
def test_precision_recall_density_coverage(sizes, dim, k, capsys):
    prdc = pytest.importorskip("prdc")
    rng = np.random.default_rng(0)
    real = rng.normal(size=(sizes[0], dim)) + 10.0
    fake = 0.9 * rng.normal(size=(sizes[1], dim)) + 10.1
    ours = metrics.precision_recall_density_coverage(real, fake, k)
    theirs = prdc.compute_prdc(real, fake, nearest_k=k)
    for name in ("precision", "recall", "coverage"):
        count = sizes[1] if name == "precision" else sizes[0]
        assert round(getattr(ours, name) * count) == round(theirs[name] * count)
        assert getattr(ours, name) == pytest.approx(theirs[name], abs=1e-12)
    assert ours.density == pytest.approx(theirs["density"], abs=1e-12)


@pytest.mark.parametrize("shape", [(30, 3), (2100, 20)])
def test_nearest_neighbours(shape):
    rng = np.random.default_rng(1)
    real, fake = rng.normal(size=(2, *shape))
    found = metrics.nearest_neighbours(fake, real, k=4)
    distances, indices = NearestNeighbors(n_neighbors=4).fit(real).kneighbors(fake)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-9)


@pytest.mark.parametrize("decimals", [1, 8])  # with and without ties
def test_outlier_scores(decimals):
    rng = np.random.default_rng(2)
    inside = rng.normal(size=300).round(decimals)
    outside = (rng.normal(size=80) + 1.0).round(decimals)
    result = metrics.outlier_auroc(inside, outside)
    is_outlier = np.repeat([0, 1], [300, 80])
    scores = np.concatenate([inside, outside])
    false, true, _ = sklearn_metrics.roc_curve(
        is_outlier, scores, drop_intermediate=False
    )
    precision = sklearn_metrics.average_precision_score(is_outlier, scores)
    assert result.auroc == pytest.approx(
        sklearn_metrics.roc_auc_score(is_outlier, scores), abs=1e-12
    )
    assert result.average_precision == pytest.approx(precision, abs=1e-12)
    assert result.fpr_at_95_tpr == pytest.approx(false[true >= 0.95].min(), abs=1e-12)
