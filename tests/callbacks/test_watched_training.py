"""Training goes the same ways whether callbacks look on or not, and resumed or not."""

import keras
import pytest

from keras_genmod.callbacks import (
    Backup,
    EvaluateSamples,
    Interpolation,
    LatentTraversal,
    Reconstructions,
    SampleGrid,
)
from tests.callbacks.small_models import X, fit, gan, vae
from tests.contracts import assert_same_state, state_of, torch_param


def watching(model, folder):
    pictures = [
        SampleGrid(folder, num_samples=4, every_steps=2),
        LatentTraversal(folder, values=[-1.0, 1.0]),
        Interpolation(folder, num_paths=2, num_steps=3, every=2),
    ]
    if hasattr(model, "reconstruct"):
        pictures.append(Reconstructions(folder, X[:4]))
    quality = EvaluateSamples(
        X,
        ["kernel_distance", "coverage"],
        every=4,
        num_samples=20,
        batch_size=8,
        log_dir=folder,
    )
    table = keras.callbacks.CSVLogger(folder / "log.csv", append=True)
    return [*pictures, quality, table]


def files(folder):
    """Returns what a run leaves, by name, but for times."""
    paths = [*folder.glob("pictures/*.png"), folder / "log.csv"]
    return {path.name: path.read_bytes() for path in paths}


def train(make, epochs, folder=None, backup=()):
    """Trains a model that starts like every other one here."""
    keras.utils.set_random_seed(2)
    model = make()
    callbacks = [] if folder is None else watching(model, folder)
    fit(model, [*callbacks, *backup], epochs, shuffle=False)
    return model


@pytest.mark.parametrize("make", [torch_param(vae), gan])
def test_watched_training_is_the_same_bit_for_bit_and_so_is_a_resumed_run(
    make, tmp_path
):
    one, two = tmp_path / "straight", tmp_path / "resumed"
    alone = train(make, 4)
    assert_same_state(state_of(train(make, 4, one)), state_of(alone))

    for epochs in (2, 4):
        resumed = train(make, epochs, two, [Backup(two / "backup")])
    assert_same_state(state_of(resumed), state_of(alone))
    assert resumed.history.epoch == [2, 3]
    assert len(files(one)) >= 6 + 4 + 2 + 1
    assert files(two) == files(one)
