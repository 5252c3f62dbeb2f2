"""Metrics of generated samples: arrays in, a result with its protocol out.

Everything is NumPy and SciPy on the host, in float64, whatever the backend.
"""

from keras_genmod.metrics.bits_per_dim import bits_per_dim
from keras_genmod.metrics.classifier_score import classifier_score, inception_score
from keras_genmod.metrics.dci import DCI, dci
from keras_genmod.metrics.factor_scores import beta_vae_score, factor_vae_score
from keras_genmod.metrics.feature_statistics import FeatureStatistics
from keras_genmod.metrics.frechet_distance import (
    RankDeficientWarning,
    frechet_distance,
)
from keras_genmod.metrics.image_distance import (
    peak_signal_to_noise_ratio,
    structural_similarity,
)
from keras_genmod.metrics.kernel_distance import kernel_distance
from keras_genmod.metrics.mode_coverage import ModeCoverage, mode_coverage
from keras_genmod.metrics.mutual_information_gap import (
    MutualInformationGap,
    mutual_information_gap,
)
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
from keras_genmod.metrics.r_precision import r_precision
from keras_genmod.metrics.results import Result, Score
from keras_genmod.metrics.scene_accuracy import (
    SceneAccuracy,
    box_iou,
    scene_accuracy,
)
from keras_genmod.metrics.separated_predictability import separated_predictability

__all__ = [
    "DCI",
    "FeatureStatistics",
    "ModeCoverage",
    "MutualInformationGap",
    "NearestNeighbours",
    "OutlierScores",
    "PrecisionRecallDensityCoverage",
    "Protocol",
    "RankDeficientWarning",
    "Result",
    "SceneAccuracy",
    "Score",
    "beta_vae_score",
    "bits_per_dim",
    "box_iou",
    "classifier_score",
    "dci",
    "factor_vae_score",
    "frechet_distance",
    "inception_score",
    "kernel_distance",
    "mode_coverage",
    "mutual_information_gap",
    "nearest_neighbours",
    "outlier_auroc",
    "peak_signal_to_noise_ratio",
    "precision_recall_density_coverage",
    "r_precision",
    "scene_accuracy",
    "separated_predictability",
    "structural_similarity",
]
