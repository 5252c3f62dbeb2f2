"""Diffusion models of the quality benchmark.

Grey images of 256 levels; the figures are of averaged weights. The bound is of 100 of
the schedule's steps and of 500 images: all 1,000 steps of all images would take days
of a CPU, and are tighter.
"""

import keras

import keras_genmod
from benchmarks.quality_entry import LOSS, Entry, compiled
from keras_genmod import networks

_FAMILY = "diffusion"
_SHAPE = (28, 28, 1)
_BATCH, _MOMENTUM = 64, 0.995
_FEW_STEPS = {"sampler": "dpm_solver_2m", "num_steps": 10}


def _make(cls):
    def make(seed):
        network = networks.unet(_SHAPE, 32, (1, 2, 2), 1, (7,))
        optimizer = keras.optimizers.Adam(
            1e-3, clipnorm=1.0, use_ema=True, ema_momentum=_MOMENTUM
        )
        return compiled(cls(network, _SHAPE, seed=seed), optimizer)

    return make


ENTRIES = {
    "DDPM": Entry(
        _make(keras_genmod.DiffusionModel),
        _FAMILY,
        is_binary=False,
        batch_size=_BATCH,
        options={"num_steps": 100},
        num_judged=500,
        sample_options=_FEW_STEPS,
        is_averaged=True,
        **LOSS,
    ),
    # A density takes 600 passes of each image, forwards and back.
    "flow matching": Entry(
        _make(keras_genmod.FlowMatching),
        _FAMILY,
        is_binary=False,
        batch_size=_BATCH,
        has_log_prob=False,
        sample_options=_FEW_STEPS,
        is_averaged=True,
        **LOSS,
    ),
}
