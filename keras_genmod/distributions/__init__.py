"""Weightless distributions; the contract is in `distribution.py`."""

from keras_genmod.distributions.bernoulli import Bernoulli
from keras_genmod.distributions.categorical import Categorical
from keras_genmod.distributions.discretized_logistic_mixture import (
    DiscretizedLogisticMixture,
)
from keras_genmod.distributions.distribution import Distribution
from keras_genmod.distributions.log_partition import LogPartition
from keras_genmod.distributions.normal import Normal
from keras_genmod.distributions.standard_normal import StandardNormal

__all__ = [
    "Bernoulli",
    "Categorical",
    "DiscretizedLogisticMixture",
    "Distribution",
    "LogPartition",
    "Normal",
    "StandardNormal",
]
