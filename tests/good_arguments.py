"""Arguments that each public constructor takes, for small things.

What `test_every_constructor.py` makes a bad argument of. Networks are made on import.
"""

import keras

from keras_genmod import bijectors, data, layers, models, networks
from tests.models.small_networks import small_network, small_time_network

IMAGE = (4, 4, 1)
LATENT = 3
TO_LATENT = small_network(IMAGE, (LATENT,))
TO_MAP = small_network(IMAGE, (2, 2, LATENT))
TO_SCORE = small_network(IMAGE, (1,))
TO_IMAGE = small_network((LATENT,), IMAGE)
TRANSLATOR = small_network(IMAGE, IMAGE)
VOCABULARY = data.Vocabulary(["a", "b"], 2)
TO_CAPTION = networks.caption_encoder(3, 2, LATENT, 4)
SIZES = {"image_shape": IMAGE, "filters": 2}
COUPLED = {"event_shape": (2,), "network": networks.coupling_mlp(2, (3,))}
SPLIT = {"event_shape": (2, 2, 4), "bijector": bijectors.Affine((2, 2, 2))}
GRAPHS = networks.scene_graph_network((2,), 2, 2, 1, 4, 3, 1, 2)
CODES = models.VQVAE(
    small_network(IMAGE, (1, 1, LATENT)),
    layers.VectorQuantizer(4, LATENT),
    small_network((1, 1, LATENT), IMAGE),
)

GOOD = {
    models.Autoencoder: {"encoder": TO_LATENT, "decoder": TO_IMAGE},
    models.BoltzmannMachine: {"visible_dim": 4, "num_chains": 2},
    models.CausalTransformer: {
        "image_shape": IMAGE,
        "model_dim": 4,
        "num_heads": 2,
        "num_blocks": 1,
    },
    models.Colorization: {
        "network": small_network((4, 4, 1), (2, 2, models.Colorization.num_bins())),
    },
    models.ConsistencyModel: {
        "network": small_time_network((2,)),
        "data_shape": (2,),
    },
    models.CosineSchedule: {},
    models.CycleGAN: {
        "generator_ab": TRANSLATOR,
        "generator_ba": TRANSLATOR,
        "discriminator_a": TO_SCORE,
        "discriminator_b": TO_SCORE,
        "pool_size": 2,
    },
    models.DBM: {"layer_dims": [4, 3, 2], "num_chains": 2},
    models.DBN: {"layer_dims": [4, 3, 2]},
    models.DenoisingAutoencoder: {"encoder": TO_LATENT, "decoder": TO_IMAGE},
    models.DiffusionModel: {
        "network": small_time_network((2,)),
        "data_shape": (2,),
    },
    models.DiscreteSchedule: {"betas": [0.1, 0.2]},
    models.EnergyModel: {"network": TO_SCORE, "buffer_size": 2},
    models.FactorVAE: {
        "encoder": TO_LATENT,
        "decoder": TO_IMAGE,
        "discriminator": small_network((LATENT,), (1,)),
        "latent_dim": LATENT,
    },
    models.FlowMatching: {
        "network": small_time_network((2,)),
        "data_shape": (2,),
    },
    models.GAN: {
        "generator": TO_IMAGE,
        "discriminator": TO_SCORE,
        "latent_dim": LATENT,
    },
    models.GatedPixelCNN: {**SIZES, "num_blocks": 1},
    models.GenerativeModel: {"data_shape": (2,)},
    models.GeometricSchedule: {},
    models.Glow: {**SIZES, "num_scales": 1, "num_steps": 1},
    models.JointEmbedding: {
        "image_encoder": TO_LATENT,
        "caption_encoder": layers.CaptionEncoder(TO_CAPTION, VOCABULARY),
    },
    models.KLAutoencoder: {
        "encoder": TO_LATENT,
        "decoder": TO_IMAGE,
        "discriminator": TO_SCORE,
        "latent_dim": LATENT,
    },
    models.LadderVAE: {
        "encoders": [TO_LATENT, small_network((LATENT,), (4,))],
        "decoders": [small_network((2,), IMAGE), small_network((1,), (4,))],
        "latent_dims": (2, 1),
    },
    models.LinearSchedule: {},
    models.NormalizingFlow: {"bijector": bijectors.Affine((2,))},
    models.Pix2Pix: {
        "generator": TRANSLATOR,
        "discriminator": small_network((4, 4, 2), (1,)),
    },
    models.PixelCNN: {**SIZES, "num_blocks": 1},
    models.PixelCNNPlusPlus: {
        **SIZES,
        "num_mixtures": 1,
        "num_blocks": 1,
        "num_resolutions": 1,
    },
    models.PixelRNN: {**SIZES, "num_layers": 1},
    models.ProgressiveGAN: {
        "generator": networks.ProgressiveGenerator((4, 4, 1), 2, 4),
        "critic": networks.ProgressiveCritic((4, 4, 1), 4),
    },
    models.RBM: {"visible_dim": 4, "hidden_dim": 3, "num_chains": 2},
    models.SRGAN: {
        "generator": small_network(IMAGE, (8, 8, 1)),
        "discriminator": small_network((8, 8, 1), (1,)),
        "image_shape": IMAGE,
    },
    models.SceneGraphGAN: {
        "graph_network": GRAPHS,
        "generator": small_network((4, 4, 5), IMAGE),
        "image_discriminator": TO_SCORE,
        "object_discriminator": small_network((2, 2, 1), (3,)),
        "num_attributes": (2,),
        "num_predicates": 2,
    },
    models.ScoreModel: {
        "network": small_time_network((2,)),
        "data_shape": (2,),
    },
    models.StraightSchedule: {},
    models.StyleGAN2: {
        "mapping": small_network((LATENT,), (2,)),
        "synthesis": small_network((2, 2), IMAGE, "sigmoid"),
        "discriminator": TO_SCORE,
    },
    models.StyleTransfer: {
        "network": keras.Sequential(
            [keras.Input(IMAGE), keras.layers.Conv2D(2, 1, name="convolution")]
        ),
        "content_layers": "convolution",
        "style_layers": ["convolution"],
    },
    models.SuperResolution: {
        "generator": small_network(IMAGE, (8, 8, 1)),
        "image_shape": IMAGE,
    },
    models.TextGAN: {
        "generator": small_network((LATENT,), IMAGE, num_classes=2),
        "discriminator": small_network(IMAGE, (1,), num_classes=2),
        "latent_dim": LATENT,
        "embedding_dim": 2,
    },
    models.TwoStage: {
        "autoencoder": CODES,
        "prior": models.CausalTransformer((1, 1, 1), 4, 4, 2, 1),
    },
    models.UniformDequantization: {"num_levels": 4},
    models.VAE: {"encoder": TO_LATENT, "decoder": TO_IMAGE, "latent_dim": LATENT},
    models.VariationalDequantization: {
        "num_levels": 4,
        "bijector": bijectors.Affine((2,)),
    },
    models.VQGAN: {
        "encoder": TO_LATENT,
        "quantizer": layers.VectorQuantizer(4, LATENT),
        "decoder": TO_IMAGE,
        "discriminator": TO_SCORE,
    },
    models.VQVAE2: {
        "encoder": TO_MAP,
        "top_encoder": small_network((2, 2, LATENT), (1, 1, 2)),
        "top_quantizer": layers.VectorQuantizer(4, 2),
        "top_decoder": small_network((1, 1, 2), (2, 2, 1)),
        "bottom_quantizer": layers.VectorQuantizer(4, 2),
        "decoder": small_network((2, 2, 3), IMAGE),
    },
    models.VQVAE: {
        "encoder": TO_LATENT,
        "quantizer": layers.VectorQuantizer(4, LATENT),
        "decoder": TO_IMAGE,
    },
    models.WGAN: {"generator": TO_IMAGE, "critic": TO_SCORE, "latent_dim": LATENT},
    models.WGANGP: {"generator": TO_IMAGE, "critic": TO_SCORE, "latent_dim": LATENT},
    bijectors.ActNorm: {"event_shape": (2,)},
    bijectors.AdditiveCoupling: {
        "event_shape": (2,),
        "network": networks.coupling_mlp(2, (3,), 1),
    },
    bijectors.Affine: {"event_shape": (2,)},
    bijectors.AffineCoupling: COUPLED,
    bijectors.Chain: {"bijectors": [bijectors.Affine((2,))]},
    bijectors.Invert: {"bijector": bijectors.Affine((2,))},
    bijectors.Invertible1x1Convolution: {"event_shape": (2, 2, 2)},
    bijectors.InvertibleLinear: {"event_dim": 2},
    bijectors.LeakyReLU: {"event_shape": (2,)},
    bijectors.Logit: {"event_shape": (2,)},
    bijectors.MaskedAutoregressive: {
        "event_dim": 2,
        "network": networks.made(2, (3,)),
    },
    bijectors.Permutation: {"event_shape": (2,)},
    bijectors.Planar: {"event_dim": 2},
    bijectors.Radial: {"event_dim": 2},
    bijectors.RationalQuadraticSpline: {"event_shape": (2,)},
    bijectors.Sigmoid: {"event_shape": (2,)},
    bijectors.SplineCoupling: {
        "event_shape": (2,),
        "network": networks.coupling_mlp(2, (3,), 23),
    },
    bijectors.Split: SPLIT,
    bijectors.Squeeze: {"event_shape": (2, 2, 1)},
    layers.AdaptiveAugment: {},
    layers.AdaptiveInstanceNormalization: {},
    layers.Blur: {},
    layers.BoxCrop: {"size": 2},
    layers.BoxPaint: {"image_size": (2, 3)},
    layers.CaptionEncoder: {"network": TO_CAPTION, "vocabulary": VOCABULARY},
    layers.ConditionalBatchNormalization: {},
    layers.DiagonalBiLSTM: {"filters": 2},
    layers.DiffAugment: {},
    layers.EqualizedConv2D: {"filters": 2, "kernel_size": 3},
    layers.EqualizedDense: {"units": 2},
    layers.FiniteScalarQuantizer: {"levels": (3, 2)},
    layers.GaussianSampling: {},
    layers.GraphConvolution: {"units": 2, "hidden_units": 3},
    layers.GumbelQuantizer: {"num_codes": 3, "code_dim": 2},
    layers.ICNR: {},
    layers.LearnedConstant: {"shape": (2, 2, 1)},
    layers.MaskedConv2D: {"filters": 2, "kernel_size": 3, "mask": "A"},
    layers.MaskedDense: {"input_degrees": (1, 2), "output_degrees": (1, 2)},
    layers.MinibatchStandardDeviation: {},
    layers.ModulatedConv2D: {"filters": 2, "kernel_size": 3},
    layers.NoiseInjection: {},
    layers.OrthogonalRegularizer: {},
    layers.PixelNormalization: {},
    layers.PixelShuffle: {},
    layers.PersistentDropout: {"rate": 0.5},
    layers.ProjectionHead: {},
    layers.ReflectionPadding2D: {},
    layers.RowLSTM: {"filters": 2},
    layers.SceneGraphEmbedding: {
        "num_attributes": (2,),
        "num_predicates": 2,
        "units": 3,
    },
    layers.SelfAttention2D: {},
    layers.ShiftedConv2D: {"filters": 2, "kernel_size": (2, 3), "direction": "down"},
    layers.ShiftedConv2DTranspose: {"filters": 2, "direction": "down"},
    layers.SinusoidalEmbedding: {"dim": 4},
    layers.VectorQuantizer: {"num_codes": 3, "code_dim": 2},
    layers.SpectralNormalization: {"layer": keras.layers.Dense(2)},
    layers.WeightNormalization: {
        "layer": layers.ShiftedConv2D(2, (2, 3), "down", use_bias=False)
    },
    networks.ProgressiveCritic: {"image_shape": IMAGE, "filters_base": 4},
    networks.ProgressiveGenerator: {"image_shape": IMAGE, "filters_base": 4},
    networks.big_gan_discriminator: {
        "image_shape": (8, 8, 1),
        "num_classes": 2,
        "filters": 1,
    },
    networks.big_gan_generator: {
        "latent_dim": 2,
        "image_shape": (8, 8, 1),
        "num_classes": 2,
        "filters": 1,
    },
    networks.caption_encoder: {"num_tokens": 3, "length": 2, "hidden_dim": 4},
    networks.colorization_network: {
        "image_size": (8, 8),
        "num_bins": 3,
        "filters": 1,
    },
    networks.cascaded_refinement: {"layout_shape": (4, 4, 3), "filters": (2, 2)},
    networks.convolutional_decoder: {"latent_dim": 2, "image_shape": IMAGE},
    networks.convolutional_encoder: {"image_shape": IMAGE},
    networks.coupling_cnn: {**SIZES, "num_blocks": 1},
    networks.coupling_mlp: {"event_dim": 2, "hidden_dims": (3,)},
    networks.dcgan_discriminator: {**SIZES},
    networks.dcgan_generator: {"latent_dim": 2, **SIZES},
    networks.grid_decoder: {"grid_shape": (2, 2, 3), "num_channels": 1, "filters": 2},
    networks.grid_encoder: {"image_shape": IMAGE, "code_dim": 3, "filters": 2},
    networks.made: {"event_dim": 2, "hidden_dims": (3,)},
    networks.mlp_decoder: {"latent_dim": 2, "image_shape": IMAGE, "hidden_dims": (3,)},
    networks.mlp_discriminator: {"image_shape": IMAGE, "hidden_dims": (3,)},
    networks.mlp_encoder: {"image_shape": IMAGE, "hidden_dims": (3,)},
    networks.object_discriminator: {
        "crop_shape": (4, 4, 1),
        "num_attributes": (2,),
        "filters": (2,),
        "hidden_dim": 2,
    },
    networks.patchgan_discriminator: {"image_shape": (24, 24, 1), "filters": 2},
    networks.resnet_generator: {**SIZES, "num_blocks": 1, "num_downsamplings": 1},
    networks.sagan_discriminator: {
        "image_shape": (8, 8, 1),
        "filters": 1,
        "attention_side": None,
    },
    networks.sagan_generator: {
        "latent_dim": 2,
        "image_shape": (8, 8, 1),
        "filters": 1,
        "attention_side": None,
    },
    networks.scene_graph_network: {
        "num_attributes": (2,),
        "num_predicates": 2,
        "max_objects": 2,
        "max_relations": 1,
        "vector_dim": 4,
        "hidden_dim": 3,
        "num_layers": 1,
        "mask_size": 2,
    },
    networks.sngan_discriminator: {**SIZES},
    networks.sngan_generator: {"latent_dim": 2, **SIZES},
    networks.sr_resnet: {"filters": 2, "num_blocks": 1},
    networks.srgan_discriminator: {**SIZES, "num_stages": 1, "hidden_dim": 2},
    networks.style_gan_discriminator: {**SIZES, "filters_base": 8},
    networks.style_gan_generator: {
        **SIZES,
        "latent_dim": 2,
        "filters_base": 8,
        "style_dim": 2,
        "num_mappings": 1,
    },
    networks.style_gan_mapping: {"latent_dim": 2, "style_dim": 2, "num_layers": 1},
    networks.style_gan_synthesis: {**SIZES, "filters_base": 8, "style_dim": 2},
    networks.text_gan_discriminator: {**SIZES, "embedding_dim": 2},
    networks.text_gan_generator: {**SIZES, "latent_dim": 2, "embedding_dim": 2},
    networks.time_mlp: {"event_dim": 2, "hidden_dims": (3,)},
    networks.unet: {**SIZES, "multipliers": (1, 1), "num_blocks": 1},
    networks.unet_generator: {**SIZES},
}
