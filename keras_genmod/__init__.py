"""Generative models for Keras 3 on TensorFlow, JAX and PyTorch.

Import it before `keras.saving.load_model` reads one of its models: importing registers
the classes by whose names Keras finds them.
"""

# First: it says what Keras lacks to start.
import keras_genmod.backend_choice  # noqa: F401
from keras_genmod import (
    bijectors,
    callbacks,
    data,
    distributions,
    evaluation,
    latents,
    layers,
    metrics,
    networks,
)
from keras_genmod.models import (
    DBM,
    DBN,
    GAN,
    RBM,
    VAE,
    WGAN,
    WGANGP,
    AdversarialModel,
    Autoencoder,
    BoltzmannMachine,
    CausalTransformer,
    CosineSchedule,
    CycleGAN,
    DiffusionModel,
    DiscreteSchedule,
    EnergyModel,
    FlowMatching,
    GatedPixelCNN,
    GenerativeModel,
    Glow,
    LinearSchedule,
    NoiseSchedule,
    NormalizingFlow,
    PixelCNN,
    PixelCNNPlusPlus,
    PixelRNN,
    StraightSchedule,
    UniformDequantization,
    VariationalDequantization,
)
from keras_genmod.version import VERSION

__version__ = VERSION

__all__ = [
    "AdversarialModel",
    "Autoencoder",
    "BoltzmannMachine",
    "CausalTransformer",
    "CosineSchedule",
    "CycleGAN",
    "DBM",
    "DBN",
    "DiffusionModel",
    "DiscreteSchedule",
    "EnergyModel",
    "FlowMatching",
    "GAN",
    "GatedPixelCNN",
    "GenerativeModel",
    "Glow",
    "LinearSchedule",
    "NoiseSchedule",
    "NormalizingFlow",
    "PixelCNN",
    "PixelCNNPlusPlus",
    "PixelRNN",
    "RBM",
    "StraightSchedule",
    "UniformDequantization",
    "VAE",
    "VariationalDequantization",
    "WGAN",
    "WGANGP",
    "bijectors",
    "callbacks",
    "data",
    "distributions",
    "evaluation",
    "latents",
    "layers",
    "metrics",
    "networks",
]
