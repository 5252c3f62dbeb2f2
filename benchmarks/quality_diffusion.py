"""Diffusion models of the quality benchmark.

Images of 256 levels; the figures are of averaged weights. The bound is of 100 of the
schedule's steps and of few images: all 1,000 steps of all images would take days of a
CPU, and are tighter.
"""

import keras

import keras_genmod
from benchmarks.quality_entry import LOSS, Entry, compiled
from keras_genmod import networks

_FAMILY = "diffusion"
_MNIST = (28, 28, 1)
_BATCH, _MOMENTUM = 32, 0.995
_FEW_STEPS = {"sampler": "dpm_solver_2m", "num_steps": 15}


def _make(cls, image_shape):
    def make(seed):
        # Few channels where the image is large: 1.6 times as many images a second as
        # with 32, 64 and 64, and about as many weights.
        lowest = image_shape[0] // 4
        network = networks.unet(image_shape, 16, (1, 2, 5), 1, (lowest,))
        optimizer = keras.optimizers.Adam(
            1e-3, clipnorm=1.0, use_ema=True, ema_momentum=_MOMENTUM
        )
        return compiled(cls(network, image_shape, seed=seed), optimizer)

    return make


def ddpm(image_shape, num_judged):
    """Returns the entry of a DDPM of images of a shape, its sides divisible by 4."""
    return Entry(
        _make(keras_genmod.DiffusionModel, image_shape),
        _FAMILY,
        is_binary=False,
        batch_size=_BATCH,
        options={"num_steps": 100},
        num_judged=num_judged,
        sample_options=_FEW_STEPS,
        is_averaged=True,
        **LOSS,
    )


ENTRIES = {
    "DDPM": ddpm(_MNIST, 500),
    # A density takes 600 passes of each image, forwards and back.
    "flow matching": Entry(
        _make(keras_genmod.FlowMatching, _MNIST),
        _FAMILY,
        is_binary=False,
        batch_size=_BATCH,
        has_log_prob=False,
        sample_options=_FEW_STEPS,
        is_averaged=True,
        **LOSS,
    ),
}
