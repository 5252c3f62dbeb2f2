"""Models of CIFAR-10 as JPEG in the quality benchmark, and how its files are read.

`python -m benchmarks.quality --cifar cifar10_jpeg.npz` trains them by the clock. The
archive holds, for each split, `train_jpeg`: all JPEG files end to end, and
`train_offsets`: where each begins, and the end. Compression takes details away, so
these numbers do not compare with published ones of CIFAR-10: the data set goes by the
name `cifar10_jpeg`.
"""

import io

import keras
import numpy as np
from PIL import Image

from benchmarks import quality_diffusion, quality_discrete
from benchmarks.quality_entry import LOSS, Entry, compiled
from keras_genmod import GatedPixelCNN, PixelCNN, PixelCNNPlusPlus

DATASET = "cifar10_jpeg"
_SHAPE = (32, 32, 3)
_LEVELS = 256
_NUM_TEST = 2_000  # test images, and as many samples
_NUM_JUDGED = 200  # of them have their likelihood computed


def _autoregressive(cls, **arguments):
    """Returns the entry of a model of pixels, without samples.

    Those of 3,072 values, one after the other, take hours of a core.
    """

    def make(seed):
        model = cls(_SHAPE, _LEVELS, seed=seed, **arguments)
        return compiled(model, keras.optimizers.Adam(1e-3))

    return Entry(
        make,
        "autoregressive",
        is_binary=False,
        batch_size=32,
        num_judged=_NUM_JUDGED,
        has_samples=False,
        **LOSS,
    )


ENTRIES = {
    "PixelCNN": _autoregressive(PixelCNN, filters=32, num_blocks=7),
    "GatedPixelCNN": _autoregressive(GatedPixelCNN, filters=33, num_blocks=7),
    "PixelCNN++": _autoregressive(
        PixelCNNPlusPlus, num_mixtures=5, filters=32, num_blocks=1
    ),
    "VQ-VAE with a transformer": quality_discrete.entry(_SHAPE, 45_000),
    "DDPM": quality_diffusion.ddpm(_SHAPE, _NUM_JUDGED),
}


def load(archive, split, limit=None):
    """Returns images `(n, 32, 32, 3)`, float32 values k / 255: the first of a split.

    Args:
        archive: Path of the `.npz` file.
        split: "train" or "test", of which there are 2,000 at most.
        limit: At most so many, or `None`.
    """
    if split == "test":
        limit = min(limit or _NUM_TEST, _NUM_TEST)
    with np.load(archive) as arrays:
        files, offsets = arrays[f"{split}_jpeg"].tobytes(), arrays[f"{split}_offsets"]
    offsets = offsets[: None if limit is None else limit + 1]
    images = [
        np.asarray(Image.open(io.BytesIO(files[start:stop])))
        for start, stop in zip(offsets[:-1], offsets[1:], strict=True)
    ]
    return np.stack(images).astype("float32") / (_LEVELS - 1)
