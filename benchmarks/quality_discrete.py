"""Discrete latents of the quality benchmark: codes, and then a model of them.

Grey images of 256 levels, 7x7 codes of 512. Half of the minutes go to the autoencoder,
half to the transformer that learns its codes: the prior of the bound, and of samples.
"""

import keras

import keras_genmod
from benchmarks.quality_entry import LOSS, Entry, compiled
from keras_genmod import layers, networks

_SHAPE, _BATCH = (28, 28, 1), 128
_NUM_CODES, _CODE_DIM, _FILTERS = 512, 64, 32
_NUM_MIXTURES = 5
_RATE = 1e-3


def _vq_vae(seed):
    encoder = networks.grid_encoder(_SHAPE, _CODE_DIM, _FILTERS, 2, num_blocks=1)
    grid = encoder.output_shape[1:3]
    num_parameters = _NUM_MIXTURES * 3  # weight, mean and scale
    model = keras_genmod.VQVAE(
        encoder,
        layers.VectorQuantizer(_NUM_CODES, _CODE_DIM, restart_threshold=0.1, seed=seed),
        networks.grid_decoder((*grid, _CODE_DIM), num_parameters, _FILTERS, 2, 1),
        likelihood="logistic_mixture",
        seed=seed,
    )
    return compiled(model, keras.optimizers.Adam(_RATE))


def _make(seed):
    vq_vae = _vq_vae(seed)
    prior = keras_genmod.CausalTransformer(
        (*vq_vae.grid, 1), _NUM_CODES, model_dim=64, num_heads=4, num_blocks=3
    )
    model = keras_genmod.TwoStage(vq_vae, prior, seed=seed)
    return compiled(model, keras.optimizers.Adam(_RATE))


def _pretrain(model, x, callbacks, epochs):
    model.autoencoder.fit(
        x, batch_size=_BATCH, epochs=epochs, verbose=0, callbacks=callbacks(0, 0.5)
    )


ENTRIES = {
    "VQ-VAE with a transformer": Entry(
        _make,
        "discrete codes",
        is_binary=False,
        batch_size=_BATCH,
        # A round is a pass over all images: their codes are kept from the first.
        round_steps=55_000 // _BATCH,
        pretrain=_pretrain,
        pretrain_share=0.5,
        **LOSS,
    )
}
