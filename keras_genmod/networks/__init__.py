"""Ready-made networks: functions of shapes that return built Functional models."""

from keras_genmod.networks.big_gan import (
    big_gan_discriminator,
    big_gan_generator,
)
from keras_genmod.networks.caption_encoder import caption_encoder
from keras_genmod.networks.cascaded_refinement import cascaded_refinement
from keras_genmod.networks.colorization import colorization_network
from keras_genmod.networks.convolutional import (
    convolutional_decoder,
    convolutional_encoder,
)
from keras_genmod.networks.coupling import coupling_cnn, coupling_mlp
from keras_genmod.networks.dcgan import dcgan_discriminator, dcgan_generator
from keras_genmod.networks.grid import grid_decoder, grid_encoder
from keras_genmod.networks.made import made
from keras_genmod.networks.mlp import mlp_decoder, mlp_discriminator, mlp_encoder
from keras_genmod.networks.patchgan import patchgan_discriminator
from keras_genmod.networks.progressive import ProgressiveCritic, ProgressiveGenerator
from keras_genmod.networks.resnet_generator import resnet_generator
from keras_genmod.networks.sagan import sagan_discriminator, sagan_generator
from keras_genmod.networks.scene_graph import object_discriminator, scene_graph_network
from keras_genmod.networks.sngan import sngan_discriminator, sngan_generator
from keras_genmod.networks.style_gan import (
    style_gan_generator,
    style_gan_mapping,
    style_gan_synthesis,
)
from keras_genmod.networks.style_gan_discriminator import style_gan_discriminator
from keras_genmod.networks.super_resolution import sr_resnet, srgan_discriminator
from keras_genmod.networks.text_gan import text_gan_discriminator, text_gan_generator
from keras_genmod.networks.time_mlp import time_mlp
from keras_genmod.networks.unet import unet
from keras_genmod.networks.unet_generator import unet_generator
from keras_genmod.networks.vgg19 import vgg19

__all__ = [
    "ProgressiveCritic",
    "ProgressiveGenerator",
    "big_gan_discriminator",
    "big_gan_generator",
    "caption_encoder",
    "colorization_network",
    "cascaded_refinement",
    "convolutional_decoder",
    "convolutional_encoder",
    "coupling_cnn",
    "coupling_mlp",
    "dcgan_discriminator",
    "dcgan_generator",
    "grid_decoder",
    "grid_encoder",
    "made",
    "mlp_decoder",
    "mlp_discriminator",
    "mlp_encoder",
    "object_discriminator",
    "patchgan_discriminator",
    "resnet_generator",
    "sagan_discriminator",
    "sagan_generator",
    "scene_graph_network",
    "sngan_discriminator",
    "sngan_generator",
    "sr_resnet",
    "srgan_discriminator",
    "style_gan_discriminator",
    "style_gan_generator",
    "style_gan_mapping",
    "style_gan_synthesis",
    "text_gan_discriminator",
    "text_gan_generator",
    "time_mlp",
    "unet",
    "unet_generator",
    "vgg19",
]
