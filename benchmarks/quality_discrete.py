"""Discrete latents of the quality benchmark: codes, and then a model of them.

Images of 256 levels, a quarter of their sides in codes of 512. Half of the minutes go
to the autoencoder, half to the transformer that learns its codes: the prior of the
bound, and of samples.
"""

import functools

import keras

import keras_genmod
from benchmarks.quality_entry import LOSS, Entry, compiled
from keras_genmod import layers, networks
from keras_genmod.distributions import DiscretizedLogisticMixture

_MNIST, _BATCH = (28, 28, 1), 128
_NUM_CODES, _CODE_DIM, _FILTERS = 512, 64, 32
_NUM_MIXTURES = 5
_RATE = 1e-3


def _vq_vae(image_shape, seed):
    encoder = networks.grid_encoder(image_shape, _CODE_DIM, _FILTERS, 2, num_blocks=1)
    grid = encoder.output_shape[1:3]
    each = DiscretizedLogisticMixture.num_parameters(image_shape[-1])
    model = keras_genmod.VQVAE(
        encoder,
        layers.VectorQuantizer(_NUM_CODES, _CODE_DIM, restart_threshold=0.1, seed=seed),
        networks.grid_decoder(
            (*grid, _CODE_DIM), _NUM_MIXTURES * each, _FILTERS, 2, num_blocks=1
        ),
        likelihood="logistic_mixture",
        seed=seed,
    )
    return compiled(model, keras.optimizers.Adam(_RATE))


def _make(image_shape, seed):
    vq_vae = _vq_vae(image_shape, seed)
    prior = keras_genmod.CausalTransformer(
        (*vq_vae.grid, 1), _NUM_CODES, model_dim=64, num_heads=4, num_blocks=3
    )
    model = keras_genmod.TwoStage(vq_vae, prior, seed=seed)
    return compiled(model, keras.optimizers.Adam(_RATE))


def _pretrain(model, x, callbacks, epochs):
    clock, backup = callbacks(0, 0.5)
    model.autoencoder.fit(
        x,
        batch_size=_BATCH,
        # Of a run that goes on: one more batch would move the codebook.
        epochs=1 if clock.is_over else epochs,
        verbose=0,
        callbacks=[clock, backup],
    )


def _usage(model, x_test):
    found = model.autoencoder.evaluate(
        x_test, batch_size=_BATCH, verbose=0, return_dict=True
    )
    return (
        f"test images use {found['code_usage']:.1%} of {_NUM_CODES} codes, "
        f"perplexity {found['perplexity']:.0f}"
    )


def entry(image_shape, num_images):
    """Returns the entry of a VQ-VAE and its prior.

    Args:
        image_shape: Tuple, its sides divisible by 4.
        num_images: Int, that training has.
    """
    return Entry(
        functools.partial(_make, image_shape),
        "discrete codes",
        is_binary=False,
        batch_size=_BATCH,
        # A round is a pass over all images: their codes are kept from the first.
        round_steps=num_images // _BATCH,
        pretrain=_pretrain,
        pretrain_share=0.5,
        remark=_usage,
        **LOSS,
    )


ENTRIES = {"VQ-VAE with a transformer": entry(_MNIST, 55_000)}
