"""Metrics of generated samples: arrays in, a result with its protocol out.

Everything is NumPy and SciPy on the host, in float64, whatever the backend.
"""

from keras_genmod.metrics.bits_per_dim import bits_per_dim
from keras_genmod.metrics.classifier_score import classifier_score, inception_score
from keras_genmod.metrics.feature_statistics import FeatureStatistics
from keras_genmod.metrics.frechet_distance import (
    RankDeficientWarning,
    frechet_distance,
)
from keras_genmod.metrics.kernel_distance import kernel_distance
from keras_genmod.metrics.mode_coverage import ModeCoverage, mode_coverage
from keras_genmod.metrics.nearest_neighbours import (
    NearestNeighbours,
    nearest_neighbours,
)
from keras_genmod.metrics.outlier_auroc import OutlierScores, outlier_auroc
from keras_genmod.metrics.precision_recall_density_coverage import (
    PrecisionRecallDensityCoverage,
    precision_recall_density_coverage,
)
from keras_genmod.metrics.protocol import Protocol
from keras_genmod.metrics.results import Result, Score

__all__ = [
    "FeatureStatistics",
    "ModeCoverage",
    "NearestNeighbours",
    "OutlierScores",
    "PrecisionRecallDensityCoverage",
    "Protocol",
    "RankDeficientWarning",
    "Result",
    "Score",
    "bits_per_dim",
    "classifier_score",
    "frechet_distance",
    "inception_score",
    "kernel_distance",
    "mode_coverage",
    "nearest_neighbours",
    "outlier_auroc",
    "precision_recall_density_coverage",
]
