"""The models, a folder a family."""

from keras_genmod.models.adversarial.adversarial_model import AdversarialModel
from keras_genmod.models.adversarial.cycle_gan import CycleGAN
from keras_genmod.models.adversarial.gan import GAN
from keras_genmod.models.adversarial.pix2pix import Pix2Pix
from keras_genmod.models.adversarial.progressive_gan import ProgressiveGAN
from keras_genmod.models.adversarial.scene_graph_gan import SceneGraphGAN
from keras_genmod.models.adversarial.style_gan2 import StyleGAN2
from keras_genmod.models.adversarial.text_gan import TextGAN
from keras_genmod.models.adversarial.wgan import WGAN
from keras_genmod.models.adversarial.wgan_gp import WGANGP
from keras_genmod.models.autoencoders.autoencoder import Autoencoder
from keras_genmod.models.autoencoders.denoising_autoencoder import DenoisingAutoencoder
from keras_genmod.models.autoencoders.factor_vae import FactorVAE
from keras_genmod.models.autoencoders.ladder_vae import LadderVAE
from keras_genmod.models.autoencoders.vae import VAE
from keras_genmod.models.autoregressive.causal_transformer import CausalTransformer
from keras_genmod.models.autoregressive.gated_pixel_cnn import GatedPixelCNN
from keras_genmod.models.autoregressive.pixel_cnn import PixelCNN
from keras_genmod.models.autoregressive.pixel_cnn_plus_plus import PixelCNNPlusPlus
from keras_genmod.models.autoregressive.pixel_rnn import PixelRNN
from keras_genmod.models.captions.joint_embedding import JointEmbedding
from keras_genmod.models.diffusion.consistency_model import ConsistencyModel
from keras_genmod.models.diffusion.cosine_schedule import CosineSchedule
from keras_genmod.models.diffusion.diffusion_model import DiffusionModel
from keras_genmod.models.diffusion.discrete_schedule import DiscreteSchedule
from keras_genmod.models.diffusion.flow_matching import FlowMatching
from keras_genmod.models.diffusion.geometric_schedule import GeometricSchedule
from keras_genmod.models.diffusion.linear_schedule import LinearSchedule
from keras_genmod.models.diffusion.noise_schedule import NoiseSchedule
from keras_genmod.models.diffusion.score_model import ScoreModel
from keras_genmod.models.diffusion.straight_schedule import StraightSchedule
from keras_genmod.models.discrete.kl_autoencoder import KLAutoencoder
from keras_genmod.models.discrete.two_stage import TwoStage
from keras_genmod.models.discrete.vq_gan import VQGAN
from keras_genmod.models.discrete.vq_vae import VQVAE
from keras_genmod.models.discrete.vq_vae_2 import VQVAE2
from keras_genmod.models.energy.boltzmann_machine import BoltzmannMachine
from keras_genmod.models.energy.dbm import DBM
from keras_genmod.models.energy.dbn import DBN
from keras_genmod.models.energy.energy_model import EnergyModel
from keras_genmod.models.energy.rbm import RBM
from keras_genmod.models.flows.glow import Glow
from keras_genmod.models.flows.normalizing_flow import NormalizingFlow
from keras_genmod.models.flows.uniform_dequantization import UniformDequantization
from keras_genmod.models.flows.variational_dequantization import (
    VariationalDequantization,
)
from keras_genmod.models.generative_model import GenerativeModel
from keras_genmod.models.restoration.colorization import Colorization
from keras_genmod.models.restoration.srgan import SRGAN
from keras_genmod.models.restoration.style_transfer import StyleTransfer
from keras_genmod.models.restoration.super_resolution import SuperResolution

__all__ = [
    "AdversarialModel",
    "Autoencoder",
    "BoltzmannMachine",
    "CausalTransformer",
    "Colorization",
    "ConsistencyModel",
    "CosineSchedule",
    "CycleGAN",
    "DBM",
    "DBN",
    "DenoisingAutoencoder",
    "DiffusionModel",
    "DiscreteSchedule",
    "EnergyModel",
    "FactorVAE",
    "FlowMatching",
    "GAN",
    "GatedPixelCNN",
    "GenerativeModel",
    "GeometricSchedule",
    "Glow",
    "JointEmbedding",
    "KLAutoencoder",
    "LadderVAE",
    "LinearSchedule",
    "NoiseSchedule",
    "NormalizingFlow",
    "Pix2Pix",
    "PixelCNN",
    "PixelCNNPlusPlus",
    "PixelRNN",
    "ProgressiveGAN",
    "RBM",
    "SRGAN",
    "SceneGraphGAN",
    "ScoreModel",
    "StraightSchedule",
    "StyleGAN2",
    "StyleTransfer",
    "SuperResolution",
    "TextGAN",
    "TwoStage",
    "UniformDequantization",
    "VAE",
    "VQGAN",
    "VQVAE",
    "VQVAE2",
    "VariationalDequantization",
    "WGAN",
    "WGANGP",
]
