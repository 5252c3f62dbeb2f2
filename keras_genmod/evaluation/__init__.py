"""Models judged: features of images, likelihoods with their kind, anomaly scores."""

from keras_genmod.evaluation.anomaly_score import AnomalyScores, anomaly_score
from keras_genmod.evaluation.draw_samples import draw_samples
from keras_genmod.evaluation.evaluate_likelihood import evaluate_likelihood
from keras_genmod.evaluation.feature_extractor import FeatureExtractor
from keras_genmod.evaluation.inception_v3 import inception_v3
from keras_genmod.evaluation.input_complexity import input_complexity
from keras_genmod.evaluation.likelihood import Likelihood, LikelihoodProtocol
from keras_genmod.evaluation.likelihood_table import LikelihoodTable
from keras_genmod.evaluation.outlier_table import OutlierTable
from keras_genmod.evaluation.score_corrections import (
    complexity_corrected,
    likelihood_ratio,
)

__all__ = [
    "AnomalyScores",
    "FeatureExtractor",
    "Likelihood",
    "LikelihoodProtocol",
    "LikelihoodTable",
    "OutlierTable",
    "anomaly_score",
    "complexity_corrected",
    "draw_samples",
    "evaluate_likelihood",
    "inception_v3",
    "input_complexity",
    "likelihood_ratio",
]
