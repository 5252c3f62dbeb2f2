"""Every model against the contract."""

import functools
import math

import keras
import numpy as np
import pytest

from keras_genmod import (
    DBM,
    DBN,
    GAN,
    RBM,
    SRGAN,
    VAE,
    VQGAN,
    VQVAE,
    VQVAE2,
    WGAN,
    WGANGP,
    Autoencoder,
    BoltzmannMachine,
    CausalTransformer,
    Colorization,
    ConsistencyModel,
    CycleGAN,
    DenoisingAutoencoder,
    DiffusionModel,
    DiscreteSchedule,
    EnergyModel,
    FactorVAE,
    FlowMatching,
    GatedPixelCNN,
    Glow,
    JointEmbedding,
    KLAutoencoder,
    LadderVAE,
    NormalizingFlow,
    Pix2Pix,
    PixelCNN,
    PixelCNNPlusPlus,
    PixelRNN,
    ProgressiveGAN,
    SceneGraphGAN,
    ScoreModel,
    StyleGAN2,
    SuperResolution,
    TextGAN,
    TwoStage,
    UniformDequantization,
    networks,
)
from keras_genmod.bijectors import ActNorm, AffineCoupling, Chain, Planar, Sigmoid
from keras_genmod.data import Vocabulary
from keras_genmod.layers import (
    ICNR,
    AdaptiveAugment,
    CaptionEncoder,
    FiniteScalarQuantizer,
    NoiseInjection,
    PersistentDropout,
    PixelShuffle,
    SpectralNormalization,
    VectorQuantizer,
)
from keras_genmod.losses import PerceptualLoss
from tests.contracts import (
    BATCH_SIZE,
    NUM_BATCHES,
    NUM_EXAMPLES,
    CompiledByXLA,
    ConditionalContract,
    ModelContract,
    ShortBatch,
    TrainingContract,
    array_of,
    assert_same_state,
    state_of,
    varies_little,
)
from tests.models.small_networks import small_network, small_time_network

pytestmark = pytest.mark.two_backends
IMAGE = (4, 4, 1)
COLOUR = (3, 3, 3)
LATENT = 3

_generator = np.random.default_rng(0)  # data alone; no test draws from it
# Three patterns, one a label, with some noise. Drawn for 22 examples on every backend.
_labels = np.arange(22) % 3
_patterns = _generator.random((3, *IMAGE)) < 0.5
_binary = _patterns[_labels] ^ (_generator.random((22, *IMAGE)) < 0.1)
_grey = 0.8 * _binary + 0.2 * _generator.random((22, *IMAGE))
LABELS = _labels[:NUM_EXAMPLES]
BINARY = _binary[:NUM_EXAMPLES].astype("float32")
GREY = _grey[:NUM_EXAMPLES].astype("float32")
COLOUR_GREYS = np.concatenate([GREY, GREY**2, 1 - GREY], axis=-1)
SMALL = GREY.reshape(-1, 2, 2, 2, 2, 1).mean((2, 4))
FOUR_GREYS = (np.round(3 * GREY) / 3).astype("float32")
FOUR_LEVELS = (_generator.integers(0, 4, (1, *COLOUR)) / 3).repeat(NUM_EXAMPLES, axis=0)
FOUR_LEVELS = FOUR_LEVELS.astype("float32")
LATENTS = _generator.normal(size=(4, LATENT)).astype("float32")
POINTS = _generator.normal((1.0, -1.0), 0.5, (22, 2)).astype("float32")[:NUM_EXAMPLES]
EMBEDDINGS = _generator.normal(size=(22, 2)).astype("float32")[:NUM_EXAMPLES]
VOCABULARY = Vocabulary(["one", "two", "three", "red", "dots"], 3)
_captions = ["one", "two red dots", "three dots"]  # a row of tokens a label
TOKENS = VOCABULARY.encode([_captions[i] for i in LABELS])
# Two objects of two kinds an image, one of them without a relation in the odd ones.
GRAPHS = {
    "objects": _generator.integers(0, 2, (22, 2, 1)),
    "object_mask": np.ones((22, 2), bool),
    "relations": np.stack([np.zeros(22), _labels % 2, np.ones(22)], 1)[:, None],
    "relation_mask": np.arange(22)[:, None] % 2 == 0,
    "boxes": np.tile([[0, 0, 0.5, 0.75], [0.5, 0.25, 1, 1]], (22, 1, 1)),
    "masks": np.ones((22, 2, 4, 4)),
}
GRAPHS = {k: v[:NUM_EXAMPLES].astype("float32") for k, v in GRAPHS.items()}
# For large steps: TensorFlow traces the updates of Adam as long as the model.
MOMENTUM = functools.partial(keras.optimizers.SGD, momentum=0.5)


class TestVQVAE(ModelContract):
    data = (BINARY,)
    sample_range = (0, 1)

    @staticmethod
    def make():
        # Codes that nothing comes to start again from random vectors.
        return VQVAE(
            small_network(IMAGE, (2, 2, LATENT), dropout=0.3),
            VectorQuantizer(6, LATENT, decay=0.9, restart_threshold=0.3),
            small_network((2, 2, LATENT), IMAGE),
        )

    @staticmethod
    def outputs(model):
        codes = model.encode(BINARY)
        return model.decode(codes), model.log_prob(BINARY)

    def test_the_codebook_and_its_counts_have_moved(self, run):
        moved = ("codebook", "counts", "sums", "num_steps")
        for name, before in run.start.items():
            if name.split("/")[-1] in moved:
                assert np.any(run.states[0][name] != before), name
                assert np.any(run.states[1][name] != run.states[0][name]), name


@varies_little
class TestVQVAE2(ModelContract):
    data = (BINARY,)
    sample_range = (0, 1)

    @staticmethod
    def make():
        return VQVAE2(
            small_network(IMAGE, (2, 2, LATENT)),
            small_network((2, 2, LATENT), (1, 1, 2)),
            VectorQuantizer(6, 2, decay=0.9, restart_threshold=0.3),
            small_network((1, 1, 2), (2, 2, 1)),
            VectorQuantizer(6, LATENT, decay=0.9, restart_threshold=0.3),
            small_network((2, 2, 1 + LATENT), IMAGE),
        )

    @staticmethod
    def outputs(model):
        codes = model.encode(BINARY)
        return model.decode(codes), model.log_prob(BINARY)


class TestVQGAN(ModelContract):
    data = (GREY,)
    falls = None
    sample_range = (0, 1)

    @staticmethod
    def make():
        return VQGAN(
            small_network(IMAGE, (2, 2, LATENT), dropout=0.3),
            VectorQuantizer(6, LATENT, decay=0.9, restart_threshold=0.3),
            small_network((2, 2, LATENT), IMAGE, "sigmoid"),
            small_network(IMAGE, (1,), use_bias=False),
            PerceptualLoss(
                keras.Sequential(
                    [keras.Input(IMAGE), keras.layers.Conv2D(2, 3, name="features")]
                ),
                "features",
            ),
            discriminator_start=1,
        )

    @staticmethod
    def outputs(model):
        return model.reconstruct(GREY), model.predict(GREY, verbose=0)


class TestFactorVAE(ModelContract):
    data = (GREY,)
    falls = None
    data_in_unit_range = False

    @staticmethod
    def make():
        return FactorVAE(
            small_network(IMAGE, (6,)),
            small_network((LATENT,), IMAGE),
            small_network((LATENT,), (1,), dropout=0.3),
            LATENT,
            likelihood="normal",
        )

    @staticmethod
    def outputs(model):
        return model.encode(GREY), model.reconstruct(GREY)


class TestLadderVAE(ModelContract):
    data = (BINARY,)
    falls = "reconstruction"  # the weight of the KL rises
    sample_range = (0, 1)

    @staticmethod
    def make():
        return LadderVAE(
            [small_network(IMAGE, (6,)), small_network((6,), (4,))],
            [small_network((LATENT,), IMAGE), small_network((2,), (4,))],
            (LATENT, 2),
            kl_warm_up=3,
        )

    @staticmethod
    def outputs(model):
        return model.encode(BINARY), model.reconstruct(BINARY)


@varies_little
class TestKLAutoencoder(ModelContract):
    data = (GREY,)
    falls = None
    sample_range = (0, 1)

    @staticmethod
    def make():
        return KLAutoencoder(
            small_network(IMAGE, (2, 2, 4)),
            small_network((2, 2, 2), IMAGE, "sigmoid"),
            small_network(IMAGE, (1,), use_bias=False),
            (2, 2, 2),
            discriminator_start=1,
        )

    @staticmethod
    def outputs(model):
        return model.encode(GREY), model.reconstruct(GREY)


class TestTwoStage(ConditionalContract):
    data = (BINARY, LABELS)
    is_random = False
    learning_rate = 0.03
    sample_range = (0, 1)

    @staticmethod
    def make():
        autoencoder = VQVAE(
            small_network(IMAGE, (2, 2, 2)),
            FiniteScalarQuantizer((3, 2)),
            small_network((2, 2, 2), IMAGE),
        )
        # One that was trained before: a run that goes on is given it, too.
        generator = np.random.default_rng(3)
        for weight in autoencoder.trainable_variables:
            weight.assign(generator.normal(size=weight.shape))
        prior = CausalTransformer(
            (2, 2, 1), 6, model_dim=16, num_heads=2, num_blocks=1, num_classes=3
        )
        return TwoStage(autoencoder, prior)

    @staticmethod
    def outputs(model):
        return model.log_prob(BINARY, LABELS)


@pytest.mark.every_backend
class TestAutoencoder(CompiledByXLA, ModelContract):
    data = (GREY,)
    is_random = False
    sample_arguments = None
    data_in_unit_range = False

    @staticmethod
    def make():
        return Autoencoder(
            small_network(IMAGE, (LATENT,)), small_network((LATENT,), IMAGE, "sigmoid")
        )

    @staticmethod
    def outputs(model):
        return model.encode(GREY), model.reconstruct(GREY)


class TestDenoisingAutoencoder(ModelContract):
    data = (GREY,)
    falls = None
    sample_arguments = None
    data_in_unit_range = False

    @staticmethod
    def make():
        return DenoisingAutoencoder(
            small_network(IMAGE, (LATENT,)),
            small_network((LATENT,), IMAGE, "sigmoid"),
            noise_level=0.3,
        )

    @staticmethod
    def outputs(model):
        return model.score(GREY), model.reconstruct(GREY)


class TestJointEmbedding(ModelContract):
    data = (GREY, TOKENS)
    is_random = False
    sample_arguments = None

    @staticmethod
    def make():
        network = networks.caption_encoder(6, 3, LATENT, 4)
        return JointEmbedding(
            small_network(IMAGE, (LATENT,)), CaptionEncoder(network, VOCABULARY)
        )

    @staticmethod
    def outputs(model):
        captions = model.encode_captions(["one", "two red dots"])
        return model.encode_images(GREY), captions


class TestTextGAN(ModelContract):
    data = (GREY, EMBEDDINGS)
    falls = None
    sample_arguments = {"condition": "two red dots"}
    sample_range = (0, 1)

    @staticmethod
    def make():
        network = networks.caption_encoder(6, 3, 2, 4)
        return TextGAN(
            small_network((LATENT,), IMAGE, "sigmoid", num_classes=2),
            small_network(IMAGE, (1,), num_classes=2, dropout=0.3),
            LATENT,
            embedding_dim=2,
            caption_encoder=CaptionEncoder(network, VOCABULARY),
            ema_momentum=0.9,
        )

    def test_weights_of_nan_draw_nan(self, run):
        with pytest.raises(ValueError, match="Embeddings must be finite"):
            super().test_weights_of_nan_draw_nan(run)

    @staticmethod
    def outputs(model):
        return model.decode(LATENTS, EMBEDDINGS[:4]), model.predict(
            (GREY, EMBEDDINGS), verbose=0
        )


class TestScoreModel(ModelContract):
    data = (POINTS,)
    falls = None
    data_in_unit_range = False
    sample_arguments = {"num_steps": 5}

    @staticmethod
    def make():
        return ScoreModel(small_time_network((2,)), (2,), sigma_max=5.0)

    @staticmethod
    def outputs(model):
        return model.score(POINTS, 0.5), model.log_prob(POINTS, num_steps=3)


@pytest.mark.every_backend
class TestVAE(ModelContract):
    data = (BINARY,)
    sample_range = (0, 1)

    @staticmethod
    def make():
        # The unseeded dropout draws random numbers that Keras saves nowhere.
        return VAE(
            small_network(IMAGE, (6,), dropout=0.3),
            small_network((LATENT,), IMAGE),
            LATENT,
        )

    @staticmethod
    def outputs(model):
        return model.encode(BINARY), model.reconstruct(BINARY)


@varies_little
class TestNormalVAE(ModelContract):
    data = (GREY,)
    data_in_unit_range = False

    @staticmethod
    def make():
        return VAE(
            small_network(IMAGE, (6,)),
            small_network((LATENT,), IMAGE),
            LATENT,
            likelihood="normal",
            beta=2.0,
        )

    @staticmethod
    def outputs(model):
        return model.encode(GREY), model.reconstruct(GREY)


@pytest.mark.every_backend
class TestConditionalVAE(ShortBatch, ConditionalContract):
    policy = "mixed_float16"
    data = (BINARY, LABELS)
    sample_range = (0, 1)

    @staticmethod
    def make():
        return VAE(
            small_network(IMAGE, (6,), num_classes=3),
            small_network((LATENT,), IMAGE, num_classes=3),
            LATENT,
            num_classes=3,
        )

    @staticmethod
    def outputs(model):
        return model.encode(BINARY, LABELS), model.reconstruct(BINARY, LABELS)


@varies_little
class TestImportanceWeightedVAE(TrainingContract):
    data = (BINARY,)

    @staticmethod
    def make():
        return VAE(
            small_network(IMAGE, (6,)),
            small_network((LATENT,), IMAGE),
            LATENT,
            objective="dreg",
            num_importance_samples=3,
        )


@varies_little
class TestTotalCorrelationVAE(ModelContract):
    data = (BINARY,)
    falls = "reconstruction"  # the weight of the KL rises
    sample_range = (0, 1)

    @staticmethod
    def make():
        return VAE(
            small_network(IMAGE, (6,)),
            small_network((LATENT,), IMAGE),
            LATENT,
            free_bits=0.01,
            kl_warm_up=4,
            tc_weight=2.0,
            num_examples=22,
        )

    @staticmethod
    def outputs(model):
        return model.encode(BINARY), model.reconstruct(BINARY)


@varies_little
class TestFlowVAE(ModelContract):
    data = (BINARY,)
    sample_range = (0, 1)

    @staticmethod
    def make():
        return VAE(
            small_network(IMAGE, (6,)),
            small_network((LATENT,), IMAGE),
            LATENT,
            posterior_flow=Chain([Planar(LATENT, condition_dim=6), Planar(LATENT)]),
            prior_flow=Planar(LATENT),
        )

    @staticmethod
    def outputs(model):
        return model.encode(BINARY), model.reconstruct(BINARY)


@varies_little
class TestPixelCNN(ModelContract):
    data = (BINARY,)
    is_random = False
    sample_levels = 2

    @staticmethod
    def make():
        return PixelCNN(IMAGE, filters=4, num_blocks=1)

    @staticmethod
    def outputs(model):
        return model.log_prob(BINARY)


@varies_little
class TestColourPixelCNN(ModelContract):
    data = (FOUR_LEVELS,)
    is_random = False
    sample_levels = 4

    @staticmethod
    def make():
        return PixelCNN(COLOUR, num_levels=4, filters=12, num_blocks=1)

    @staticmethod
    def outputs(model):
        return model.log_prob(FOUR_LEVELS)


class TestConditionalPixelCNN(ConditionalContract):
    data = (BINARY, LABELS)
    is_random = False
    sample_levels = 2

    @staticmethod
    def make():
        return PixelCNN(IMAGE, filters=4, num_blocks=1, num_classes=3)

    @staticmethod
    def outputs(model):
        return model.log_prob(BINARY, LABELS)


class TestPixelCNNPlusPlus(ConditionalContract):
    data = (FOUR_GREYS, LABELS)
    optimizer = MOMENTUM
    sample_levels = 4

    @staticmethod
    def make():
        return PixelCNNPlusPlus(
            IMAGE,
            num_levels=4,
            num_mixtures=1,
            filters=2,
            num_blocks=1,
            num_resolutions=1,
            num_classes=3,
        )

    @staticmethod
    def outputs(model):
        return model.log_prob(FOUR_GREYS, LABELS)


class TestGatedPixelCNN(ConditionalContract):
    data = (BINARY, LABELS)
    is_random = False
    sample_levels = 2

    @staticmethod
    def make():
        return GatedPixelCNN(IMAGE, filters=4, num_blocks=1, num_classes=3)

    @staticmethod
    def outputs(model):
        return model.log_prob(BINARY, LABELS)


class TestGatedPixelCNNOfEmbeddings(TrainingContract):
    data = (BINARY, EMBEDDINGS)
    is_random = False

    @staticmethod
    def make():
        return GatedPixelCNN(IMAGE, filters=4, num_blocks=1, embedding_dim=2)


class TestCausalTransformer(ConditionalContract):
    data = (BINARY, LABELS)
    is_random = False
    learning_rate = 0.03
    resumed_on_gpu_atol = 1e-5
    sample_levels = 2

    @staticmethod
    def make():
        return CausalTransformer(
            IMAGE, model_dim=16, num_heads=2, num_blocks=1, num_classes=3
        )

    @staticmethod
    def outputs(model):
        return model.log_prob(BINARY, LABELS)


class TestRowPixelRNN(ModelContract):
    data = (FOUR_LEVELS,)
    is_random = False
    sample_levels = 4

    @staticmethod
    def make():
        return PixelRNN(COLOUR, num_levels=4, kind="row", filters=12, num_layers=1)

    @staticmethod
    def outputs(model):
        return model.log_prob(FOUR_LEVELS)


@varies_little
class TestDiagonalPixelRNN(ConditionalContract):
    data = (BINARY, LABELS)
    is_random = False
    sample_levels = 2

    @staticmethod
    def make():
        return PixelRNN(IMAGE, kind="diagonal", filters=4, num_layers=1, num_classes=3)

    @staticmethod
    def outputs(model):
        return model.log_prob(BINARY, LABELS)


class GANCase:
    data = (GREY,)
    falls = None
    loss = "non_saturating"

    @classmethod
    def make(cls):
        return GAN(
            small_network((LATENT,), IMAGE, "sigmoid"),
            small_network(IMAGE, (1,), dropout=0.3),
            LATENT,
            loss=cls.loss,
            discriminator_steps=2,
        )


@pytest.mark.every_backend
class TestGAN(ShortBatch, GANCase, ModelContract):
    sample_range = (0, 1)

    @staticmethod
    def outputs(model):
        return model.decode(LATENTS), model.predict(GREY, verbose=0)


@varies_little
class TestMinimaxGAN(GANCase, TrainingContract):
    loss = "minimax"


@varies_little
class TestLeastSquaresGAN(GANCase, TrainingContract):
    loss = "least_squares"


@varies_little
class TestHingeGAN(GANCase, TrainingContract):
    loss = "hinge"


def normalized_generator():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((LATENT,)),
            layers.Dense(8),
            layers.BatchNormalization(),
            layers.Dense(math.prod(IMAGE), activation="sigmoid"),
            layers.Reshape(IMAGE),
        ]
    )


def spectral_critic(image_shape):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(image_shape),
            SpectralNormalization(layers.Conv2D(3, 3, activation="tanh")),
            layers.Flatten(),
            layers.Dropout(0.3),
            SpectralNormalization(layers.Dense(1)),
        ]
    )


class TestGANWithEverything(ModelContract):
    """Each argument that changes a step is on, so that a run resumes with all."""

    data = (GREY,)
    falls = None
    optimizer = MOMENTUM
    sample_arguments = {"truncation": 1.0}
    sample_range = (0, 1)

    @staticmethod
    def make():
        return GAN(
            normalized_generator(),
            spectral_critic((*IMAGE[:2], 2 * IMAGE[2])),
            LATENT,
            packing=2,
            r1_weight=0.1,
            r2_weight=0.1,
            gradient_penalty_weight=0.1,
            label_smoothing=0.1,
            instance_noise=0.1,
            top_k=0.7,
            augmentation=AdaptiveAugment(num_images=100, interval=1, probability=0.5),
            ema_momentum=0.5,
        )

    @staticmethod
    def outputs(model):
        images = GREY[: 2 * BATCH_SIZE]  # a row a pack: as many on all backends
        return model.decode(LATENTS), model.predict(images, verbose=0)

    def test_predict_has_one_row_an_example(self, run):
        outputs = run.model.predict(self.data[0], batch_size=2, verbose=0)
        assert len(outputs) == NUM_EXAMPLES // 2  # a row a pack


@pytest.mark.every_backend
class TestConditionalGAN(ConditionalContract):
    policy = "mixed_float16"
    data = (GREY, LABELS)
    falls = None
    sample_range = (0, 1)

    @staticmethod
    def make():
        return GAN(
            small_network((LATENT,), IMAGE, "sigmoid", num_classes=3),
            small_network(IMAGE, (1,), num_classes=3),
            LATENT,
            num_classes=3,
        )

    @staticmethod
    def outputs(model):
        return model.predict((GREY, LABELS), verbose=0)


class TestWGAN(ModelContract):
    data = (GREY,)
    falls = None
    sample_range = (0, 1)

    @staticmethod
    def make():
        return WGAN(
            small_network((LATENT,), IMAGE, "sigmoid"),
            small_network(IMAGE, (1,), use_bias=False),
            LATENT,
            critic_steps=2,
        )

    @staticmethod
    def outputs(model):
        return model.decode(LATENTS), model.predict(GREY, verbose=0)


class TestWGANGP(ModelContract):
    data = (GREY,)
    falls = None
    sample_range = (0, 1)

    @staticmethod
    def make():
        return WGANGP(
            small_network((LATENT,), IMAGE, "sigmoid"),
            small_network(IMAGE, (1,), use_bias=False),
            LATENT,
            critic_steps=2,
        )

    @staticmethod
    def outputs(model):
        return model.decode(LATENTS), model.predict(GREY, verbose=0)


@varies_little
class TestConditionalWGANGP(TrainingContract):
    data = (GREY, LABELS)
    falls = None

    @staticmethod
    def make():
        return WGANGP(
            small_network((LATENT,), IMAGE, "sigmoid", num_classes=3),
            small_network(IMAGE, (1,), num_classes=3, use_bias=False),
            LATENT,
            critic_steps=1,
            num_classes=3,
        )


class TestCycleGAN(ModelContract):
    data = ((GREY, 1 - GREY),)
    falls = "cycle"
    sample_arguments = None

    @staticmethod
    def make():
        # The pools fill in the first epoch, so that a resumed run finds them full.
        return CycleGAN(
            small_network(IMAGE, IMAGE, "sigmoid"),
            small_network(IMAGE, IMAGE, "sigmoid"),
            small_network(IMAGE, (2, 2, 1)),
            small_network(IMAGE, (2, 2, 1)),
            pool_size=11,
        )

    @staticmethod
    def outputs(model):
        return model.translate(GREY, to="b"), model.translate(GREY, to="a")

    def test_pools_hold_past_translations(self, run):
        for pool in (run.model.pool_a, run.model.pool_b):
            images = array_of(pool.images)
            assert int(pool.count) == 11
            assert np.all(images.max(axis=(1, 2, 3)) > 0)
            assert len(np.unique(images, axis=0)) == 11


class TestColorization(ModelContract):
    data = (COLOUR_GREYS,)
    is_random = False
    sample_arguments = None

    @staticmethod
    def make():
        num_bins = Colorization.num_bins(40.0)
        network = small_network((4, 4, 1), (2, 2, num_bins))
        return Colorization(network, bin_size=40.0, num_neighbours=2)

    @staticmethod
    def outputs(model):
        return model.colorize(GREY), model.colorize(COLOUR_GREYS, 1.0)


class TestSuperResolution(ModelContract):
    data = (SMALL, GREY)
    is_random = False
    sample_arguments = None

    @staticmethod
    def make():
        network = keras.Sequential(
            [
                keras.Input((None, None, 1)),
                keras.layers.Conv2D(4, 2, padding="same", kernel_initializer=ICNR(2)),
                PixelShuffle(2),
                keras.layers.BatchNormalization(),
                keras.layers.Conv2D(1, 1, dtype="float32"),
            ]
        )
        return SuperResolution(network, (2, 2, 1))

    @staticmethod
    def outputs(model):
        return model.upscale(SMALL)


class TestSRGAN(ModelContract):
    data = (SMALL, GREY)
    is_random = False
    falls = "reconstruction"
    sample_arguments = None

    @staticmethod
    def make():
        return SRGAN(
            small_network((2, 2, 1), IMAGE),
            small_network(IMAGE, (1,), use_bias=False),
            (2, 2, 1),
            PerceptualLoss(
                keras.Sequential(
                    [keras.Input(IMAGE), keras.layers.Conv2D(2, 3, name="features")]
                ),
                "features",
                unit_length=False,
            ),
        )

    @staticmethod
    def outputs(model):
        return model.upscale(SMALL), model.predict((SMALL, GREY), verbose=0)


class TestPix2Pix(ModelContract):
    data = ((GREY, 1 - GREY),)
    falls = "reconstruction"
    sample_arguments = None

    @staticmethod
    def make():
        translator = small_network(IMAGE, IMAGE, "sigmoid")
        hidden = PersistentDropout(0.2)(translator.layers[-2].input)
        outputs = translator.layers[-1](translator.layers[-2](hidden))
        return Pix2Pix(
            keras.Model(translator.input, outputs), small_network((4, 4, 2), (2, 2, 1))
        )

    @staticmethod
    def outputs(model):
        # What noise cannot change, which every backend draws otherwise.
        before = keras.Model(model.generator.input, model.generator.layers[2].output)
        pair = np.concatenate([GREY, 1 - GREY], axis=-1)
        found = before(GREY), model.discriminator(pair)
        return [keras.ops.cast(output, "float32") for output in found]


class TestSceneGraphGAN(ModelContract):
    data = (GREY.repeat(3, axis=-1), GRAPHS)
    falls = "boxes"
    sample_arguments = {"condition": {k: v[0] for k, v in GRAPHS.items()}}
    sample_range = (0, 1)

    @staticmethod
    def make():
        return SceneGraphGAN(
            networks.scene_graph_network((2,), 2, 2, 1, 6, 8, 1, mask_size=2),
            small_network((4, 4, 7), (4, 4, 3), "sigmoid"),
            small_network((4, 4, 3), (1,)),
            small_network((2, 2, 3), (3,), dropout=0.3),
            num_attributes=(2,),
            num_predicates=2,
        )

    @staticmethod
    def outputs(model):
        return model.layout(GRAPHS)


class TestProgressiveGAN(ModelContract):
    data = (GREY.repeat(2, axis=1).repeat(2, axis=2),)
    falls = None
    optimizer = MOMENTUM
    sample_range = (0, 1)

    @staticmethod
    def make():
        model = ProgressiveGAN(
            networks.ProgressiveGenerator((8, 8, 1), LATENT, filters_base=8),
            networks.ProgressiveCritic((8, 8, 1), filters_base=8),
        )
        model.grow(1, 0.5)  # within a fade each weight is used
        return model

    @staticmethod
    def outputs(model):
        return model.decode(LATENTS)


def noisy_synthesis():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((3, 2)),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(math.prod(IMAGE)),
            layers.Reshape(IMAGE),
            NoiseInjection(),
            layers.Activation("sigmoid"),
        ]
    )


class TestStyleGAN2(ConditionalContract):
    """Penalties are due in some steps and not in others."""

    data = (GREY, LABELS)
    falls = None
    sample_arguments = {"condition": 1, "truncation": 0.7, "cutoff": 2}
    sample_range = (0, 1)

    @staticmethod
    def make():
        return StyleGAN2(
            small_network((LATENT,), (2,), num_classes=3),
            noisy_synthesis(),
            small_network(IMAGE, (1,), num_classes=3),
            augmentation=AdaptiveAugment(num_images=100, interval=1, probability=0.5),
            r1_weight=0.1,
            path_length_weight=0.1,
            r1_interval=2,
            path_length_interval=3,
            ema_half_life=20,
            num_classes=3,
        )

    @staticmethod
    def outputs(model):
        styles = model.map_latents(LATENTS, np.array([0, 1, 2, 0]))
        return styles, model.decode_styles(styles)

    def test_what_training_tracks_has_moved(self, run):
        tracked = "mean_style mean_path_length num_steps images_seen ema_momentum"
        for name, before in run.start.items():
            if name.split("/")[-1] in tracked.split():
                assert np.any(run.states[0][name] != before), name
                assert np.any(run.states[1][name] != run.states[0][name]), name


class FullPrecision:
    """A model that computes nothing in half precision, whatever the policy."""

    test_mixed_precision_stays_finite = None  # equal to what is

    def test_half_precision_changes_nothing(self, run, dtype_policy):
        dtype_policy("mixed_bfloat16")
        model = self.compiled()
        self.fit(model)
        assert_same_state(state_of(model), run.states[0], atol=1e-6)


@pytest.mark.every_backend
class TestNormalizingFlow(CompiledByXLA, FullPrecision, ModelContract):
    data = (POINTS,)
    is_random = False
    data_in_unit_range = False

    @staticmethod
    def make():
        return NormalizingFlow(Chain([Planar(2), Planar(2)]))

    @staticmethod
    def outputs(model):
        return model.log_prob(POINTS), model.encode(POINTS)


class TestDiffusionModel(ModelContract):
    policy = "mixed_float16"
    data = (GREY,)
    falls = None  # times and noise of six steps vary more
    sample_arguments = {"num_steps": 5, "sampler": "ddpm"}
    sample_range = (0, 1)

    @staticmethod
    def make():
        return DiffusionModel(
            small_time_network(IMAGE, dropout=0.3),
            IMAGE,
            "linear",
            "noise",
            loss_weight="min_snr",
        )

    @staticmethod
    def outputs(model):
        return model.denoise(GREY, 0.5)


@varies_little
class TestDiffusionModelOfVariances(ModelContract):
    data = (FOUR_GREYS,)
    falls = None
    sample_arguments = {"num_steps": 5, "sampler": "ddpm"}
    sample_range = (0, 1)

    @staticmethod
    def make():
        return DiffusionModel(
            small_time_network(IMAGE, outputs_per_value=2),
            IMAGE,
            DiscreteSchedule([0.1, 0.2, 0.3, 0.4, 0.5]),
            learned_variance=True,
            num_levels=4,
        )

    @staticmethod
    def outputs(model):
        return model.denoise(FOUR_GREYS, 0.5)


class TestConditionalDiffusionModel(ShortBatch, ConditionalContract):
    data = (POINTS, LABELS)
    falls = None
    data_in_unit_range = False
    sample_arguments = {"condition": 1, "num_steps": 5, "guidance": 2.0}

    @staticmethod
    def make():
        return DiffusionModel(
            small_time_network((2,), num_classes=3), (2,), num_classes=3
        )

    @staticmethod
    def outputs(model):
        density = model.log_prob(POINTS, LABELS, method="ode", num_steps=3)
        return density, model.score(POINTS, 0.5, LABELS)


class TestFlowMatching(ModelContract):
    policy = "mixed_float16"
    data = (GREY,)
    falls = None
    sample_arguments = {"num_steps": 5}
    sample_range = (0, 1)

    @staticmethod
    def make():
        return FlowMatching(small_time_network(IMAGE, dropout=0.3), IMAGE)

    @staticmethod
    def outputs(model):
        return model.encode(GREY, sampler="heun", num_steps=3)


@varies_little
class TestConditionalFlowMatching(ConditionalContract):
    data = (POINTS, LABELS)
    falls = None
    data_in_unit_range = False
    sample_arguments = {"condition": 1, "num_steps": 5, "guidance": 2.0}

    @staticmethod
    def make():
        return FlowMatching(
            small_time_network((2,), num_classes=3), (2,), num_classes=3
        )

    @staticmethod
    def outputs(model):
        return model.log_prob(POINTS, LABELS, num_steps=3)


class TestConsistencyModel(ModelContract):
    data = (POINTS, LABELS)
    falls = None
    data_in_unit_range = False
    sample_arguments = {"condition": 1, "num_steps": 2}

    @staticmethod
    def make():
        network = small_time_network((2,), num_classes=3, dropout=0.3)
        teacher = DiffusionModel(
            small_time_network((2,), num_classes=3), (2,), num_classes=3
        )
        return ConsistencyModel(
            network, (2,), teacher, num_scales=6, num_classes=3, guidance=2.0
        )

    @staticmethod
    def outputs(model):
        return model.denoise(POINTS, 0.5, LABELS)


@varies_little
class TestConsistencyModelAlone(ModelContract):
    policy = "mixed_float16"
    data = (GREY,)
    falls = None
    sample_range = (0, 1)

    @staticmethod
    def make():
        return ConsistencyModel(small_time_network(IMAGE), IMAGE, num_scales=6)

    @staticmethod
    def outputs(model):
        return model.denoise(GREY, 0.5)


class TestEnergyModel(ModelContract):
    data = (GREY,)
    falls = None
    sample_arguments = {"num_steps": 5}
    sample_range = (0, 1)

    @staticmethod
    def make():
        return EnergyModel(
            small_network(IMAGE, (1,)),
            num_langevin_steps=3,
            step_size=0.1,
            buffer_size=30,
            regularization=0.1,
            data_range=(0, 1),
        )

    @staticmethod
    def outputs(model):
        return model.energy(GREY), model.score(GREY)


@pytest.mark.every_backend
class TestConditionalFlow(ShortBatch, ConditionalContract):
    data = (FOUR_GREYS, LABELS)
    sample_levels = 4

    @staticmethod
    def make():
        couplings = [
            AffineCoupling(
                IMAGE,
                small_network(IMAGE, (4, 4, 2), num_classes=3),
                mask="checkerboard",
                flip=flip,
                condition_dim=3,
            )
            for flip in (False, True)
        ]
        return NormalizingFlow(
            Chain([*couplings, ActNorm(IMAGE), Sigmoid(IMAGE, margin=0.05)]),
            dequantization=UniformDequantization(4),
            num_classes=3,
        )

    @staticmethod
    def outputs(model):
        return model.encode(FOUR_GREYS, LABELS)


class TestGlow(ModelContract):
    policy = "mixed_float16"
    data = (FOUR_GREYS,)
    sample_levels = 4

    @staticmethod
    def make():
        return Glow(IMAGE, num_scales=2, num_steps=1, filters=4, num_levels=4)

    @staticmethod
    def outputs(model):
        return model.encode(FOUR_GREYS)


@pytest.mark.every_backend
class TestRBM(FullPrecision, ModelContract):
    data = (BINARY.reshape(NUM_EXAMPLES, -1),)
    falls = "reconstruction"
    sample_arguments = {"num_steps": 20}
    sample_levels = 2

    @staticmethod
    def make():
        return RBM(16, 5, num_gibbs_steps=2)

    @staticmethod
    def outputs(model):
        v = BINARY.reshape(NUM_EXAMPLES, -1)
        return model.free_energy(v), model.reconstruct(v), model.log_prob(v)


@varies_little
class TestPersistentRBM(TestRBM):
    @staticmethod
    def make():
        return RBM(16, 5, persistent=True, num_chains=9)

    def test_predict_has_one_row_an_example(self, run):
        outputs = run.model.predict(*self.data, batch_size=8, verbose=0)
        assert outputs["data"].shape == (NUM_EXAMPLES, 16)
        assert outputs["chain"].shape == (
            NUM_BATCHES * 9,
            16,
        )  # the chains, once a batch


@varies_little
class TestNormalRBM(TestRBM):
    data = ((BINARY.reshape(NUM_EXAMPLES, -1) - 0.5) * 2,)
    data_in_unit_range = False
    sample_levels = None

    @staticmethod
    def make():
        return RBM(16, 5, visible="normal")


@pytest.mark.every_backend
class TestCategoricalRBM(ShortBatch, FullPrecision, TrainingContract):
    data = (np.stack([1 - BINARY, BINARY], axis=-1).reshape(NUM_EXAMPLES, 16, 2),)
    falls = "reconstruction"

    @staticmethod
    def make():
        return RBM(16, 5, "categorical", 2, persistent=True, num_temperatures=3)


class TestBoltzmannMachine(FullPrecision, ModelContract):
    data = (BINARY.reshape(NUM_EXAMPLES, -1)[:, :8],)
    falls = None
    sample_arguments = {"num_steps": 20}
    sample_levels = 2

    @staticmethod
    def make():
        return BoltzmannMachine(8, 3, temperature=1.5, num_chains=9)

    @staticmethod
    def outputs(model):
        v = BINARY.reshape(NUM_EXAMPLES, -1)[:, :8]
        return model.free_energy(v), model.log_prob(v)

    def test_predict_has_one_row_an_example(self, run):
        outputs = run.model.predict(*self.data, batch_size=8, verbose=0)
        assert outputs["clamped"].shape == (NUM_EXAMPLES, 11)
        assert outputs["chain"].shape == (
            NUM_BATCHES * 9,
            11,
        )  # the chains, once a batch


class TestDBN(FullPrecision, ModelContract):
    data = (BINARY.reshape(NUM_EXAMPLES, -1),)
    falls = "reconstruction"
    sample_arguments = {"num_steps": 20}
    sample_levels = 2

    @staticmethod
    def make():
        return DBN([16, 5, 4])

    @staticmethod
    def outputs(model):
        v = BINARY.reshape(NUM_EXAMPLES, -1)
        return model.encode(v), model.reconstruct(v)


class TestDBM(FullPrecision, ModelContract):
    data = (BINARY.reshape(NUM_EXAMPLES, -1),)
    falls = "reconstruction"
    sample_arguments = {"num_steps": 20}
    sample_levels = 2

    @staticmethod
    def make():
        return DBM([16, 5, 4], num_chains=9)

    @staticmethod
    def outputs(model):
        v = BINARY.reshape(NUM_EXAMPLES, -1)
        return model.free_energy(v), model.reconstruct(v), model.log_prob(v)

    def test_predict_has_one_row_an_example(self, run):
        outputs = run.model.predict(*self.data, batch_size=8, verbose=0)
        assert outputs["even"].shape == (NUM_EXAMPLES, 16 + 4)
        assert outputs["chain"].shape == (
            NUM_BATCHES * 9,
            16 + 4,
        )  # the chains, once a batch


def test_every_kind_of_step_is_tried_in_both_precisions():
    kinds = {
        "one loss": (TestVAE, TestConditionalVAE),
        "objectives": (TestGAN, TestConditionalGAN),
        "weights that start from data": (TestConditionalFlow, TestGlow),
    }
    for kind, cases in kinds.items():
        policies = {case.policy for case in cases}
        assert policies == {"mixed_float16", "mixed_bfloat16"}, kind
