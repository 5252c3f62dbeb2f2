"""The models whose quality on MNIST is compared.

Of `CausalTransformer` there is the prior over codes alone.
"""

import keras

import keras_genmod
from benchmarks import (
    quality_adversarial,
    quality_diffusion,
    quality_discrete,
    quality_flows,
    quality_machines,
)
from benchmarks.quality_entry import LOSS, Entry, compiled
from keras_genmod import networks

_SHAPE = (28, 28, 1)


def _vae(seed):
    model = keras_genmod.VAE(
        networks.mlp_encoder(_SHAPE, (400,)),
        networks.mlp_decoder(40, _SHAPE, (400,)),
        latent_dim=40,
        seed=seed,
    )
    return compiled(model, keras.optimizers.Adam(1e-3))


def _iwae(seed):
    model = keras_genmod.VAE(
        networks.mlp_encoder(_SHAPE, (400,)),
        networks.mlp_decoder(50, _SHAPE, (400,)),
        latent_dim=50,
        objective="iwae",
        num_importance_samples=50,
        seed=seed,
    )
    return compiled(model, keras.optimizers.Adam(1e-3, epsilon=1e-4))


def _autoregressive(cls, is_binary=True, **kwargs):
    def make(seed):
        return compiled(cls(_SHAPE, seed=seed, **kwargs), keras.optimizers.Adam(1e-3))

    return Entry(make, "autoregressive", is_binary, 32, **LOSS)


_SMALL = {"filters": 32, "num_layers": 2}
_PLUS_PLUS = {"filters": 24, "num_blocks": 1, "dropout": 0.0}
ENTRIES = {
    **quality_machines.ENTRIES,
    "VAE 784-400-40": Entry(
        _vae, "autoencoders", True, 128, options={"num_samples": 200}, **LOSS
    ),
    "IWAE 784-400-50 K=50": Entry(
        _iwae,
        "autoencoders",
        True,
        20,  # as in the paper; of 50 draws each
        options={"num_samples": 5000},
        num_judged=1_000,  # of all 10,000 the bound takes some 20 minutes of a core
        **LOSS,
    ),
    **quality_flows.ENTRIES,
    "PixelCNN": _autoregressive(keras_genmod.PixelCNN),
    "GatedPixelCNN": _autoregressive(
        keras_genmod.GatedPixelCNN, filters=32, num_blocks=5
    ),
    "PixelRNN row": _autoregressive(keras_genmod.PixelRNN, kind="row", **_SMALL),
    "PixelRNN diagonal": _autoregressive(
        keras_genmod.PixelRNN, kind="diagonal", **_SMALL
    ),
    "PixelCNN++": _autoregressive(
        keras_genmod.PixelCNNPlusPlus, num_levels=2, **_PLUS_PLUS
    ),
    "PixelCNN++ of 256 levels": _autoregressive(
        keras_genmod.PixelCNNPlusPlus, is_binary=False, **_PLUS_PLUS
    ),
    **quality_adversarial.ENTRIES,
    **quality_diffusion.ENTRIES,
    **quality_discrete.ENTRIES,
}
