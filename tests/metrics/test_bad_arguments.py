"""Bad input is named, with what was received."""

import numpy as np
import pytest

from keras_genmod import metrics

pytestmark = pytest.mark.any_backend

X = np.random.default_rng(0).normal(size=(30, 4))
NAN = np.where(np.arange(4) == 2, np.nan, X)
P = np.eye(4).repeat(5, axis=0)

TWO_SETS = {
    "frechet_distance": metrics.frechet_distance,
    "kernel_distance": lambda r, f: metrics.kernel_distance(r, f, 2, 10),
    "all of kernel_distance": lambda r, f: metrics.kernel_distance(r, f, None),
    "precision": metrics.precision_recall_density_coverage,
    "nearest_neighbours": lambda r, f: metrics.nearest_neighbours(f, r),
}
BAD_SETS = {
    "NaN": (X, NAN, "`fake` must be finite. Received: fake with 30 NaN"),
    "infinite": (np.full_like(X, np.inf), X, "`real` must be finite"),
    "width": (X, X[:, :3], "`fake` must have 4 features .* Received: 3"),
    "text": (X, np.full((30, 4), "a"), "`fake` must hold real numbers"),
    "empty": (X[:0], X, "`real` must have "),
    "rank": (X, X[:, 0], "`fake` must have the shape"),
}


@pytest.mark.parametrize("metric", TWO_SETS)
@pytest.mark.parametrize("case", BAD_SETS)
def test_two_sets(metric, case):
    real, fake, message = BAD_SETS[case]
    with pytest.raises(ValueError, match=message):
        TWO_SETS[metric](real, fake)


prdc = metrics.precision_recall_density_coverage
modes = metrics.mode_coverage
LABELS = np.array([0, 1, 1])
CALLS = {
    "one sample": (lambda: metrics.frechet_distance(X[:1], X), "`real` must have at"),
    "protocol": (lambda: metrics.frechet_distance(X, X, "test"), "`protocol` must be"),
    "k of all": (lambda: prdc(X, X[:5], 5), "`k` must be at most 4"),
    "k of zero": (lambda: prdc(X, X, 0), "`k` must be a positive int"),
    "k of a half": (lambda: prdc(X, X, 0.5), "`k` must be a positive int"),
    "neighbours": (lambda: metrics.nearest_neighbours(X, X[:2], 3), "`k` must be at m"),
    "held out": (
        lambda: metrics.nearest_neighbours(X, X, held_out=X[:, :2]),
        "`held_out` must have 4 features",
    ),
    "subset": (lambda: metrics.kernel_distance(X, X), "`subset_size` must be at most"),
    "subsets": (lambda: metrics.kernel_distance(X, X, 0, 9), "`num_subsets` must be"),
    "seed": (
        lambda: metrics.kernel_distance(X, X, 2, 9, -1),
        "`seed` must be a non-negative",
    ),
    "splits": (lambda: metrics.classifier_score(P, 21), "`num_splits` must be at most"),
    "logits": (lambda: metrics.classifier_score(X), "`probabilities` must not be neg"),
    "sums": (lambda: metrics.classifier_score(P / 2), "are these logits"),
    "dims": (lambda: metrics.bits_per_dim(1.0, 0), "`num_dims` must be a positive int"),
    "nats": (lambda: metrics.bits_per_dim(np.nan, 2), "`nats` must be finite"),
    "scores": (lambda: metrics.outlier_auroc([], [1.0]), "`scores_in` must have the"),
    "score rank": (lambda: metrics.outlier_auroc([1.0], X), "`scores_out` must have"),
    "labels": (lambda: modes(X[:, 0], 3), "`samples` must be integer labels"),
    "label range": (lambda: modes(LABELS, 1), r"`samples` must lie in \[0, 1\)"),
    "label radius": (lambda: modes(LABELS, 2, 1.0), "`radius` must be left out"),
    "radius": (lambda: modes(X, X), "`radius` must be a positive number"),
    "mode width": (lambda: modes(X, X[:, :2], 1.0), "`samples` must have 2 features"),
    "frequencies": (
        lambda: modes(LABELS, 2, frequencies=[0.5, 0.6]),
        "`frequencies` must be 2 shares",
    ),
    "covariance": (
        lambda: metrics.FeatureStatistics().covariance,
        "`covariance` must be of at least 2 samples",
    ),
    "update": (
        lambda: metrics.FeatureStatistics().update(X).update(X[:, :2]),
        "`features` must have 4 features",
    ),
}


@pytest.mark.parametrize("case", CALLS)
def test_call(case):
    call, message = CALLS[case]
    with pytest.raises(ValueError, match=f"{message}.*Received: "):
        call()
