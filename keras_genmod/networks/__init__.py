"""Ready-made networks: functions of shapes that return built Functional models."""

from keras_genmod.networks.convolutional import (
    convolutional_decoder,
    convolutional_encoder,
)
from keras_genmod.networks.dcgan import dcgan_discriminator, dcgan_generator
from keras_genmod.networks.mlp import mlp_decoder, mlp_discriminator, mlp_encoder
from keras_genmod.networks.patchgan import patchgan_discriminator
from keras_genmod.networks.resnet_generator import resnet_generator

__all__ = [
    "convolutional_decoder",
    "convolutional_encoder",
    "dcgan_discriminator",
    "dcgan_generator",
    "mlp_decoder",
    "mlp_discriminator",
    "mlp_encoder",
    "patchgan_discriminator",
    "resnet_generator",
]
