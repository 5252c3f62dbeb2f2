"""Every constructor of the room refuses nonsense by name: flows, VAEs, networks."""

import keras
import numpy as np
import pytest

from keras_genmod import (
    VAE,
    Autoencoder,
    Glow,
    NormalizingFlow,
    UniformDequantization,
    VariationalDequantization,
    bijectors,
    networks,
)
from keras_genmod.distributions import StandardNormal
from keras_genmod.layers import GaussianSampling

pytestmark = pytest.mark.any_backend

NONSENSE = [
    (None,),
    np.zeros(3),
    np.array([2, 2]),
    10**12,
    -1,
    float("nan"),
    {},
    {"a"},
    object(),
    "nonsense",
    [[1]],
    1j,
]
ENCODER, DECODER = networks.mlp_encoder((4,), (3,)), networks.mlp_decoder(2, (4,))
AFFINE = bijectors.Affine((2,))
COUPLING = {"event_shape": (4,), "mask": "half", "flip": False, "condition_dim": None}
MLP = {"hidden_dims": (3,), "num_classes": None, "activation": "relu"}
GOOD = {
    Autoencoder: {"encoder": networks.mlp_encoder((4,), (2,)), "decoder": DECODER},
    VAE: {
        "encoder": ENCODER,
        "decoder": DECODER,
        "latent_dim": 2,
        "likelihood": "normal",
        "num_classes": None,
        "posterior_flow": None,
        "prior_flow": None,
        "seed": None,
    },
    Glow: {
        "image_shape": (2, 2, 1),
        "num_scales": 1,
        "num_steps": 1,
        "filters": 1,
        "num_levels": 4,
        "num_classes": None,
        "seed": None,
    },
    NormalizingFlow: {
        "bijector": AFFINE,
        "base": None,
        "dequantization": None,
        "num_classes": None,
        "seed": None,
    },
    UniformDequantization: {"num_levels": 4},
    VariationalDequantization: {"num_levels": 4, "bijector": AFFINE, "network": None},
    StandardNormal: {"event_shape": (2,)},
    GaussianSampling: {"seed": None},
    bijectors.ActNorm: {"event_shape": (2,)},
    bijectors.Affine: {"event_shape": (2,)},
    bijectors.AdditiveCoupling: {
        **COUPLING,
        "network": networks.coupling_mlp(4, (), 1),
    },
    bijectors.AffineCoupling: {**COUPLING, "network": networks.coupling_mlp(4, ())},
    bijectors.SplineCoupling: {
        **COUPLING,
        "network": networks.coupling_mlp(4, (), 5),
        "num_bins": 2,
    },
    bijectors.Chain: {"bijectors": [AFFINE]},
    bijectors.Invert: {"bijector": AFFINE},
    bijectors.Invertible1x1Convolution: {
        "event_shape": (2, 2, 3),
        "matrix": None,
        "seed": None,
    },
    bijectors.InvertibleLinear: {"event_dim": 3, "matrix": None, "seed": None},
    bijectors.Logit: {"event_shape": (2,), "margin": 0.0},
    bijectors.Sigmoid: {"event_shape": (2,), "margin": 0.0},
    bijectors.LeakyReLU: {"event_shape": (2,)},
    bijectors.MaskedAutoregressive: {
        "event_dim": 3,
        "network": networks.made(3),
        "condition_dim": None,
    },
    bijectors.Permutation: {"event_shape": (3,), "permutation": None, "seed": None},
    bijectors.Planar: {"event_dim": 2, "condition_dim": None, "seed": None},
    bijectors.Radial: {"event_dim": 2, "condition_dim": None, "seed": None},
    bijectors.RationalQuadraticSpline: {
        "event_shape": (2,),
        "num_bins": 2,
        "condition_dim": None,
    },
    bijectors.Split: {
        "event_shape": (2, 2, 4),
        "bijector": bijectors.Affine((2, 2, 2)),
        "prior_network": None,
    },
    bijectors.Squeeze: {"event_shape": (2, 2, 1)},
    networks.mlp_encoder: {"image_shape": (4,), **MLP},
    networks.mlp_decoder: {
        "latent_dim": 2,
        "image_shape": (4,),
        "output_activation": None,
        **MLP,
    },
    networks.mlp_discriminator: {
        "image_shape": (4,),
        "hidden_dims": (3,),
        "num_classes": None,
    },
    networks.convolutional_encoder: {
        "image_shape": (4, 4, 1),
        "filters": (2,),
        "num_classes": None,
    },
    networks.convolutional_decoder: {
        "latent_dim": 2,
        "image_shape": (4, 4, 1),
        "filters": (2,),
        "num_classes": None,
        "output_activation": None,
    },
    networks.coupling_mlp: {
        "event_dim": 4,
        "hidden_dims": (2,),
        "outputs_per_dim": 2,
        "condition_dim": None,
        "activation": "relu",
        "num_moving": None,
    },
    networks.coupling_cnn: {
        "image_shape": (2, 2, 2),
        "filters": 2,
        "num_blocks": 1,
        "outputs_per_channel": 2,
        "condition_dim": None,
        "num_moving": None,
    },
    networks.made: {
        "event_dim": 4,
        "hidden_dims": (4,),
        "outputs_per_dim": 2,
        "condition_dim": None,
        "activation": "relu",
        "seed": None,
    },
}


@pytest.mark.parametrize("constructor", GOOD, ids=lambda found: found.__name__)
def test_nonsense_is_an_error_that_names_the_argument(constructor):
    good = GOOD[constructor]
    for name in good:
        for value in NONSENSE:
            with pytest.raises((ValueError, TypeError), match=f"`{name}`"):
                constructor(**{**good, name: value})


@pytest.mark.parametrize("value", ["1", None, -0.5, 0, np.zeros(2), float("nan")])
def test_scales_of_maps_are_positive_numbers(value):
    for make in (
        lambda: bijectors.LeakyReLU((2,), slope=value),
        lambda: bijectors.RationalQuadraticSpline((2,), 2, bound=value),
    ):
        with pytest.raises(ValueError, match="`(slope|bound)` must be a finite number"):
            make()


def test_what_is_kept_is_plain_python():
    made = [
        bijectors.Planar(np.int64(2), seed=np.int64(3)),
        bijectors.Sigmoid((np.int32(2),), margin=np.float32(0.25)),
        bijectors.RationalQuadraticSpline((2,), np.int64(2), np.float64(3.0)),
        UniformDequantization(np.int64(4)),
    ]
    for layer in made:
        values = keras.tree.flatten(layer.get_config())
        assert not any(isinstance(value, np.generic) for value in values)
