"""Training with several objectives, input gradients, compiled calls."""

from keras_genmod.engine.backend import SeedGenerator, convolution, normal, uniform
from keras_genmod.engine.compiled import compiled
from keras_genmod.engine.input_gradient import input_gradient
from keras_genmod.engine.objective import Objective
from keras_genmod.engine.optimizer_group import OptimizerGroup
from keras_genmod.engine.seeds import Seeds, seed_state

__all__ = [
    "Objective",
    "OptimizerGroup",
    "SeedGenerator",
    "Seeds",
    "compiled",
    "convolution",
    "input_gradient",
    "normal",
    "seed_state",
    "uniform",
]
