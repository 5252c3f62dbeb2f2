"""Wrong arguments: the message names the argument and says what would be right."""

import keras
import numpy as np
import pytest

from keras_genmod import (
    GAN,
    RBM,
    VAE,
    WGAN,
    WGANGP,
    Autoencoder,
    BoltzmannMachine,
    CycleGAN,
    EnergyModel,
    Glow,
    NormalizingFlow,
    Pix2Pix,
    PixelCNN,
    PixelRNN,
)
from keras_genmod.bijectors import Chain, Planar
from keras_genmod.distributions import StandardNormal
from tests.models.small_networks import small_network

IMAGE = (4, 4, 1)
OTHER = (4, 4, 2)
LATENT = 3


class Subclass(keras.Model):
    """A network without shapes."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(LATENT)

    def call(self, x):
        return self.dense(keras.ops.reshape(x, (-1, 16)))


CALLED = Subclass()
CALLED(np.ones((1, *IMAGE)))
UNBUILT = keras.Sequential([keras.layers.Dense(3)])
TO_LATENT = small_network(IMAGE, (LATENT,))
TWO_OUTPUTS = keras.Model(TO_LATENT.inputs, [TO_LATENT.output, TO_LATENT.output])
TO_SCORE = small_network(IMAGE, (1,))
TO_IMAGE = small_network((LATENT,), IMAGE)
TO_OTHER = small_network((LATENT,), OTHER)
TRANSLATOR = small_network(IMAGE, IMAGE)
IMAGE_TO_OTHER = small_network(IMAGE, OTHER)
OTHER_TO_IMAGE = small_network(OTHER, IMAGE)
OTHER_TO_SCORE = small_network(OTHER, (1,))
CONDITIONAL = small_network((LATENT,), IMAGE, num_classes=3)
WITH_BATCH_NORMALIZATION = keras.Sequential(
    [
        keras.Input(IMAGE),
        keras.Sequential([keras.layers.Flatten(), keras.layers.BatchNormalization()]),
        keras.layers.Dense(1),
    ]
)
WITH_ACTIVITY_REGULARIZER = keras.Sequential(
    [keras.Input((2,)), keras.layers.Dense(1, activity_regularizer="l2")]
)
ANY_SIZE = keras.Sequential(
    [keras.Input((None, None, 1)), keras.layers.GlobalAveragePooling2D()]
)

_features = keras.layers.Flatten()(TO_LATENT.input)
TWO_HEADS = keras.Model(TO_LATENT.input, [TO_LATENT.output, _features])
NAMED_HEADS = keras.Model(TO_LATENT.input, {"a": TO_LATENT.output, "b": _features})

GOOD = {
    Autoencoder: {"encoder": TO_LATENT, "decoder": TO_IMAGE},
    VAE: {"encoder": TO_LATENT, "decoder": TO_IMAGE, "latent_dim": LATENT},
    PixelCNN: {"image_shape": IMAGE, "filters": 4, "num_blocks": 1},
    PixelRNN: {"image_shape": IMAGE, "filters": 4, "num_layers": 1},
    GAN: {"generator": TO_IMAGE, "discriminator": TO_SCORE, "latent_dim": LATENT},
    WGAN: {"generator": TO_IMAGE, "critic": TO_SCORE, "latent_dim": LATENT},
    WGANGP: {"generator": TO_IMAGE, "critic": TO_SCORE, "latent_dim": LATENT},
    Pix2Pix: {"generator": TRANSLATOR, "discriminator": OTHER_TO_SCORE},
    CycleGAN: {
        "generator_ab": TRANSLATOR,
        "generator_ba": TRANSLATOR,
        "discriminator_a": TO_SCORE,
        "discriminator_b": TO_SCORE,
    },
    EnergyModel: {"network": TO_SCORE, "buffer_size": 10},
    Glow: {"image_shape": IMAGE, "num_scales": 1, "num_steps": 1, "filters": 2},
    NormalizingFlow: {"bijector": Planar(2)},
    BoltzmannMachine: {"visible_dim": 4},
    RBM: {"visible_dim": 4, "hidden_dim": 3},
}

POSITIVE_INTS = [
    (VAE, "latent_dim"),
    (VAE, "num_classes"),
    (PixelCNN, "filters"),
    (PixelCNN, "num_blocks"),
    (PixelRNN, "filters"),
    (PixelRNN, "num_layers"),
    (PixelRNN, "num_classes"),
    (GAN, "latent_dim"),
    (GAN, "discriminator_steps"),
    (WGAN, "critic_steps"),
    (WGANGP, "critic_steps"),
    (WGANGP, "latent_dim"),
    (EnergyModel, "num_langevin_steps"),
    (EnergyModel, "buffer_size"),
    (Glow, "num_scales"),
    (Glow, "num_steps"),
    (Glow, "filters"),
    (RBM, "visible_dim"),
    (RBM, "hidden_dim"),
    (RBM, "num_gibbs_steps"),
    (RBM, "num_chains"),
    (RBM, "num_temperatures"),
    (BoltzmannMachine, "visible_dim"),
    (BoltzmannMachine, "num_gibbs_steps"),
    (BoltzmannMachine, "num_chains"),
]
NON_NEGATIVE = [
    (VAE, "beta"),
    (WGANGP, "penalty_weight"),
    (CycleGAN, "cycle_weight"),
    (Pix2Pix, "reconstruction_weight"),
    (CycleGAN, "identity_weight"),
    (EnergyModel, "regularization"),
]
CHOICES = [
    (VAE, "likelihood"),
    (GAN, "loss"),
    (RBM, "visible"),
    (BoltzmannMachine, "statistics"),
]
NETWORKS = [
    (Autoencoder, "encoder"),
    (Autoencoder, "decoder"),
    (VAE, "encoder"),
    (VAE, "decoder"),
    (GAN, "generator"),
    (GAN, "discriminator"),
    (WGAN, "critic"),
    (WGANGP, "generator"),
    (Pix2Pix, "generator"),
    (Pix2Pix, "discriminator"),
    (CycleGAN, "generator_ab"),
    (CycleGAN, "generator_ba"),
    (CycleGAN, "discriminator_a"),
    (CycleGAN, "discriminator_b"),
    (EnergyModel, "network"),
]
OTHERS = [
    (Autoencoder, {"decoder": TO_OTHER}, "`decoder` must map shape"),
    (Autoencoder, {"encoder": ANY_SIZE}, "`encoder` must map data of a known shape"),
    (Autoencoder, {"encoder": TWO_HEADS}, "`encoder` must have one output"),
    (VAE, {"encoder": TWO_HEADS}, "`encoder` must have one output"),
    (VAE, {"encoder": NAMED_HEADS}, "`encoder` must have one output"),
    (VAE, {"decoder": TO_OTHER}, "`decoder` must map shape"),
    (VAE, {"latent_dim": 2}, "`decoder` must map shape"),
    (VAE, {"encoder": TRANSLATOR}, "`encoder` must end in features"),
    (VAE, {"num_classes": 3}, r"With `num_classes`, `encoder` must take the list"),
    (VAE, {"decoder": CONDITIONAL}, "`decoder` must take one input"),
    (PixelCNN, {"image_shape": (4, 4)}, "`image_shape` must be"),
    (PixelCNN, {"num_levels": 1}, "`num_levels` must be .*at least 2.*num_levels=1"),
    (PixelCNN, {"filters": 5}, "`filters` must be even"),
    (PixelCNN, {"image_shape": (4, 4, 3)}, "half of it at least the number of"),
    (GAN, {"generator": TO_OTHER}, "`discriminator` must take what `generator`"),
    (GAN, {"latent_dim": 2}, "`generator` must map shape"),
    (GAN, {"num_classes": 3}, "With `num_classes`, `generator` must take the list"),
    (GAN, {"generator": CONDITIONAL}, "`generator` must take one input"),
    (
        GAN,
        {"generator": CONDITIONAL, "num_classes": 4},
        r"`generator` must take one-hot labels of shape \(batch, 4\)",
    ),
    (WGAN, {"clip": 0}, "`clip` must be a finite number above 0"),
    (WGANGP, {"critic": OTHER_TO_SCORE}, "`critic` must take what `generator`"),
    (
        WGANGP,
        {"critic": WITH_BATCH_NORMALIZATION},
        "`critic` must hold no BatchNormalization",
    ),
    (WGAN, {"clip": TO_SCORE}, "`clip` must be a finite number"),
    (WGANGP, {"penalty_weight": TO_SCORE}, "`penalty_weight` must be a number"),
    (CycleGAN, {"cycle_weight": TO_SCORE}, "`cycle_weight` must be a number"),
    (CycleGAN, {"generator_ab": ANY_SIZE}, "`generator_ab` must map data of a known"),
    (CycleGAN, {"pool_size": -1}, "`pool_size` must be a non-negative int"),
    (CycleGAN, {"discriminator_a": OTHER_TO_SCORE}, "`discriminator_a` must map"),
    (CycleGAN, {"generator_ba": IMAGE_TO_OTHER}, "`generator_ba` must map"),
    (
        CycleGAN,
        {
            "generator_ab": IMAGE_TO_OTHER,
            "generator_ba": OTHER_TO_IMAGE,
            "discriminator_b": OTHER_TO_SCORE,
        },
        "`identity_weight` must be 0 where the domains have different shapes",
    ),
    (EnergyModel, {"network": TO_LATENT}, r"`network` must map.* to \(3,\)"),
    (EnergyModel, {"network": ANY_SIZE}, "`network` must map data of a known shape"),
    (
        EnergyModel,
        {"network": WITH_BATCH_NORMALIZATION},
        "`network` must hold no BatchNormalization",
    ),
    (
        EnergyModel,
        {"network": WITH_ACTIVITY_REGULARIZER},
        "`network` must hold no activity regularizers",
    ),
    (EnergyModel, {"step_size": 0}, "`step_size` must be a finite number above 0"),
    (EnergyModel, {"noise": -1}, "`noise` must be a number of at least 0"),
    (EnergyModel, {"reinitialize": 1.1}, r"`reinitialize` must be a number in \[0, 1"),
    (NormalizingFlow, {"bijector": TRANSLATOR}, "`bijector` must be a keras_genmod"),
    (NormalizingFlow, {"base": StandardNormal((3,))}, "`base` must have the event"),
]


def make(model, **changes):
    return model(**{**GOOD[model], **changes})


@pytest.mark.any_backend
@pytest.mark.parametrize("model", GOOD, ids=lambda model: model.__name__)
def test_good_arguments_are_accepted(model):
    assert make(model).built


@pytest.mark.parametrize("value", [0, -3, 1.5, True, "2"])
@pytest.mark.parametrize("model,name", POSITIVE_INTS)
def test_positive_int(model, name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive int. Received"):
        make(model, **{name: value})


@pytest.mark.parametrize("value", [-0.5, "1", None, float("nan")])
@pytest.mark.parametrize("model,name", NON_NEGATIVE)
def test_non_negative_number(model, name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be a number of at least 0"):
        make(model, **{name: value})


@pytest.mark.parametrize("model,name", CHOICES)
def test_choice(model, name):
    with pytest.raises(ValueError, match=f"`{name}` must be one of.*Received.*'none'"):
        make(model, **{name: "none"})


@pytest.mark.parametrize("network", [UNBUILT, None, keras.layers.Dense(3), CALLED])
@pytest.mark.parametrize("model,name", NETWORKS)
def test_network_must_be_built(model, name, network):
    way_out = r"keras.Sequential\(\[keras.Input\(shape\), network\]\)"
    message = f"`{name}` must be a built Keras model.*{way_out}"
    with pytest.raises(ValueError, match=message):
        make(model, **{name: network})


def test_a_subclass_becomes_a_network_as_the_message_says():
    encoder = keras.Sequential([keras.Input(IMAGE), CALLED])
    assert make(Autoencoder, encoder=encoder).built


@pytest.mark.parametrize("model,name", NETWORKS)
def test_network_has_one_output(model, name):
    with pytest.raises(ValueError, match=f"`{name}` must have one output"):
        make(model, **{name: TWO_OUTPUTS})


def test_a_bernoulli_decoder_gives_logits():
    decoder = small_network((LATENT,), IMAGE, "sigmoid")
    with pytest.warns(UserWarning, match="`decoder` ends in sigmoid.*take logits"):
        make(VAE, decoder=decoder)
    make(VAE, decoder=decoder, likelihood="normal")


@pytest.mark.parametrize("model,changes,message", OTHERS)
def test_other_constraint(model, changes, message):
    with pytest.raises(ValueError, match=message):
        make(model, **changes)


@pytest.mark.parametrize("value", [0, 1.5, "2"])
def test_planar_event_dim(value):
    with pytest.raises(ValueError, match="`event_dim` must be a positive int. Rec"):
        Planar(value)


@pytest.mark.parametrize(
    "bijectors,message",
    [([], "be a non-empty list"), ([Planar(2), Planar(3)], "fit together")],
)
def test_chain_bijectors(bijectors, message):
    with pytest.raises(ValueError, match=f"`bijectors` must {message}"):
        Chain(bijectors)


# Methods.


@pytest.mark.parametrize("model", GOOD, ids=lambda model: model.__name__)
@pytest.mark.parametrize("argument", ["loss", "metrics"])
def test_compile_takes_no_loss(model, argument):
    with pytest.raises(ValueError, match=f"brings its own loss.*Received.*{argument}"):
        make(model).compile("sgd", **{argument: "mse"})


@pytest.mark.parametrize(
    "model", [EnergyModel, GAN, NormalizingFlow, RBM, PixelCNN, VAE]
)
def test_condition_of_an_unconditional_model(model):
    with pytest.raises(ValueError, match="is not conditional; `condition` must be"):
        make(model).sample(2, condition=1)


@pytest.mark.parametrize(
    "call,message",
    [
        (lambda: make(CycleGAN).translate(np.ones((1, *IMAGE)), to="c"), "`to` must"),
        (lambda: make(CycleGAN).translate(np.ones((1, *OTHER))), "`x` must have shape"),
        (lambda: make(CycleGAN).translate(np.ones((1, *IMAGE)) * 9), "`x` must lie"),
        (lambda: make(Pix2Pix).translate(np.ones((1, *OTHER))), "`x` must have shape"),
        (lambda: make(Pix2Pix).translate(np.ones((1, *IMAGE)) * 9), "`x` must lie"),
        (lambda: make(Pix2Pix).translate(np.ones((1, *IMAGE)), -1), "`seed` must be"),
        (lambda: make(VAE).decode(np.ones((1, 2))), "`z` must have shape"),
        (lambda: make(VAE).encode(np.ones(IMAGE)), "`x` must have shape"),
        (lambda: make(VAE).log_prob(np.ones((1, *IMAGE)) * 2), r"`x` must lie in"),
        (
            lambda: make(VAE).log_prob(np.ones((1, *IMAGE)), num_samples=0),
            "`num_samples` must be a positive int",
        ),
        (
            lambda: make(PixelCNN).log_prob(np.full((1, *IMAGE), 0.4)),
            "`x` must hold the values k / 1",
        ),
        (
            lambda: make(PixelCNN).sample(1, known=np.ones(IMAGE)),
            "`known` and `mask` go together",
        ),
        (
            lambda: make(PixelCNN).sample(1, known=np.ones(OTHER), mask=np.ones(OTHER)),
            "`known` must have shape",
        ),
        (
            lambda: make(EnergyModel).sample(1, num_steps=0),
            "`num_steps` must be a positive",
        ),
        (lambda: make(EnergyModel).score(np.ones((2, 3))), "`x` must have shape"),
        (lambda: make(RBM).sample(1, num_steps=0), "`num_steps` must be a positive"),
        (lambda: make(RBM).free_energy(np.ones((2, 3))), "`x` must have shape"),
        (
            lambda: make(RBM, visible_dim=30, hidden_dim=25).log_partition(),
            r"`log_partition` enumerates 2\^25 states",
        ),
        (
            lambda: make(NormalizingFlow).log_prob(np.ones((2, 3))),
            "`x` must have shape",
        ),
        (lambda: make(NormalizingFlow).decode(np.ones(2)), "`z` must have shape"),
    ],
)
def test_method_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
