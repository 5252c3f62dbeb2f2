"""The models, a folder a family."""

from keras_genmod.models.adversarial.cycle_gan import CycleGAN
from keras_genmod.models.adversarial.gan import GAN
from keras_genmod.models.adversarial.wgan import WGAN
from keras_genmod.models.adversarial.wgan_gp import WGANGP
from keras_genmod.models.autoencoders.autoencoder import Autoencoder
from keras_genmod.models.autoencoders.vae import VAE
from keras_genmod.models.autoregressive.causal_transformer import CausalTransformer
from keras_genmod.models.autoregressive.gated_pixel_cnn import GatedPixelCNN
from keras_genmod.models.autoregressive.pixel_cnn import PixelCNN
from keras_genmod.models.autoregressive.pixel_cnn_plus_plus import PixelCNNPlusPlus
from keras_genmod.models.autoregressive.pixel_rnn import PixelRNN
from keras_genmod.models.energy.rbm import RBM
from keras_genmod.models.flows.normalizing_flow import NormalizingFlow

__all__ = [
    "Autoencoder",
    "CausalTransformer",
    "CycleGAN",
    "GAN",
    "GatedPixelCNN",
    "NormalizingFlow",
    "PixelCNN",
    "PixelCNNPlusPlus",
    "PixelRNN",
    "RBM",
    "VAE",
    "WGAN",
    "WGANGP",
]
