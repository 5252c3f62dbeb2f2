"""Small explicit models and stand-ins that tests of the ledger share."""

import itertools

import numpy as np
from keras import ops

from keras_genmod import RBM, VAE, NormalizingFlow, PixelCNN
from keras_genmod.bijectors import Planar
from keras_genmod.distributions import LogPartition
from tests.models.small_networks import small_network

# All binary images of 2x2 pixels.
STATES = np.array(list(itertools.product([0.0, 1.0], repeat=4)), "float32")
IMAGES = STATES.reshape(-1, 2, 2, 1)


def pixel_cnn(**kwargs):
    return PixelCNN((2, 2, 1), filters=4, num_blocks=1, seed=0, **kwargs)


def rbm(hidden_dim=3, visible_dim=4, **kwargs):
    model = RBM(visible_dim, hidden_dim, seed=0, **kwargs)
    rng = np.random.default_rng(0)
    model.couplings.assign(rng.normal(size=(visible_dim, hidden_dim)))
    model.visible_bias.assign(rng.normal(size=visible_dim))
    return model


def vae(**kwargs):
    shape = (2, 2, 1)
    return VAE(small_network(shape, (8,)), small_network((2,), shape), 2, **kwargs)


def flow():
    return NormalizingFlow(Planar(4, seed=0), seed=0)


class Given:
    """A stand-in whose log p(x) is the first value of each example."""

    likelihood_kind = "exact"
    data_shape = (3,)

    def __init__(self):
        self.batch_sizes = []

    def log_prob(self, x, condition=None):
        self.batch_sizes.append(len(x))
        return ops.convert_to_tensor(x[:, 0])


class Annealed:
    """An energy model of three values whose log Z is an estimate, by options."""

    likelihood_kind = "estimate"
    data_shape = (3,)
    runs = 0

    def log_prob(self, x, condition=None, log_partition=None):
        return -ops.convert_to_tensor(x[:, 0]) - log_partition.value

    def standardize_condition(self, condition, num_examples):
        return None

    def log_partition(self, num_temperatures=1000, num_chains=10, seed=None):
        self.runs += 1
        return LogPartition.from_log_weights([2.0, 2.0], num_temperatures, seed)
