"""Trains autoregressive models on CIFAR-10 as JPEG, and says their bits/dim.

`python -m benchmarks.quality_cifar cifar10_jpeg.npz` trains each model for a small
budget and writes log-likelihoods of the test images to `results/*.json`.
The archive holds, for each split, `train_jpeg`: all JPEG files end to end, and
`train_offsets`: where each begins, and the end. Compression takes details away, so
these numbers do not compare with published ones of CIFAR-10: the data set goes by the
name `cifar10_jpeg`.
"""

import io
import time

import keras
import numpy as np
import typer
from PIL import Image

from benchmarks import quality_runs
from keras_genmod import GatedPixelCNN, PixelCNN, PixelCNNPlusPlus, evaluation

DATASET = "cifar10_jpeg"
_SHAPE = (32, 32, 3)
_LEVELS = 256
# Functions that make the models, by name.
ENTRIES = {
    "PixelCNN": lambda: PixelCNN(_SHAPE, _LEVELS, filters=48, num_blocks=5, seed=0),
    "GatedPixelCNN": lambda: GatedPixelCNN(
        _SHAPE, _LEVELS, filters=48, num_blocks=4, seed=0
    ),
    "PixelCNN++": lambda: PixelCNNPlusPlus(
        _SHAPE, _LEVELS, num_mixtures=5, filters=32, num_blocks=1, seed=0
    ),
}


def load(archive, split, limit=None):
    """Returns images `(n, 32, 32, 3)`, float32 values k / 255.

    Args:
        archive: Path of the `.npz` file.
        split: "train" or "test".
        limit: At most so many, the first ones, or `None`.
    """
    with np.load(archive) as arrays:
        files, offsets = arrays[f"{split}_jpeg"].tobytes(), arrays[f"{split}_offsets"]
    offsets = offsets[: None if limit is None else limit + 1]
    images = [
        np.asarray(Image.open(io.BytesIO(files[start:stop])))
        for start, stop in zip(offsets[:-1], offsets[1:], strict=True)
    ]
    return np.stack(images).astype("float32") / (_LEVELS - 1)


def main(
    archive: str,
    models: str = "all",
    epochs: int = 1,
    train_limit: int = 10_000,
    test_limit: int = 1_000,
    batch_size: int = 32,
):
    """Trains models on JPEG images and writes their bits/dim.

    Args:
        archive: The `.npz` file of JPEG images.
        models: "all", or names of `ENTRIES` with commas between them.
        epochs: Passes over the training images.
        train_limit: Train on at most so many images.
        test_limit: Judge by at most so many images.
        batch_size: Images of a step.
    """
    x_train = load(archive, "train", train_limit)
    x_test = load(archive, "test", test_limit)
    for name, make in ENTRIES.items():
        if models != "all" and name not in models.split(","):
            continue
        keras.utils.clear_session()
        keras.utils.set_random_seed(0)
        model = make()
        model.compile(keras.optimizers.Adam(1e-3))
        start = time.process_time()
        model.fit(x_train, epochs=epochs, batch_size=batch_size, verbose=0)
        minutes = (time.process_time() - start) / 60
        found = evaluation.evaluate_likelihood(
            model, x_test, dataset=DATASET, split="test", batch_size=batch_size
        )
        typer.echo(f"{name}, trained in {minutes:.1f} min: {found}")
        training = {
            "minutes": round(minutes, 2),
            "epochs": str(epochs),
            "images": len(x_train),
            "batch_size": batch_size,
            "seed": 0,
            "parameters": model.count_params(),
            "validation": None,
        }
        quality_runs.write_run(
            quality_runs.path(name, f"{DATASET}-{epochs}epochs", 0),
            name,
            "autoregressive",
            training,
            {"last": {"likelihood": found, "samples": None}},
            dataset=DATASET,
        )


if __name__ == "__main__":
    typer.run(main)
