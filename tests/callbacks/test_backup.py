import errno
import os
import shutil
import subprocess
import sys
import types

import h5py
import keras
import numpy as np
import pytest

from keras_genmod import RBM
from keras_genmod.callbacks import Backup
from tests.contracts import EAGER_IS_FASTER

X, Y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")


def new_model(units=1):
    layers = [keras.Input((2,)), keras.layers.Dense(units), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("adam", "mse", run_eagerly=EAGER_IS_FASTER)
    return model


def fit(model, folder, epochs, *callbacks):
    return model.fit(
        X, Y, epochs=epochs, callbacks=[Backup(folder), *callbacks], verbose=0
    )


def test_a_run_goes_on_and_then_is_finished(tmp_path):
    assert fit(new_model(), tmp_path, 2).epoch == [0, 1]
    assert fit(new_model(), tmp_path, 5).epoch == [2, 3, 4]
    finished = new_model()
    assert fit(finished, tmp_path, 5).epoch == []
    assert int(finished.optimizer.iterations) == 5


@pytest.mark.every_backend
def test_two_starts_equal_one(tmp_path):
    model = new_model()
    start = model.get_weights()
    fit(model, tmp_path / "one", 4)
    halves = new_model()
    halves.set_weights(start)
    fit(halves, tmp_path / "two", 2)
    halves = new_model()
    fit(halves, tmp_path / "two", 4)
    for left, right in zip(model.get_weights(), halves.get_weights(), strict=True):
        assert np.array_equal(left, right)


@pytest.mark.parametrize("renamed", [False, True])
def test_a_kill_at_any_rename_repeats_no_epoch(renamed, tmp_path, monkeypatch):
    renames, replace = [], os.replace

    def killed(source, target):
        renames.append(target)
        if len(renames) == 3 and not renamed:
            raise KeyboardInterrupt
        replace(source, target)
        if len(renames) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(new_model(), tmp_path, 5)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "latest.weights.h5",
        "lock",
    ]
    model = new_model()
    assert fit(model, tmp_path, 5).epoch == list(range(3 if renamed else 2, 5))
    assert int(model.optimizer.iterations) == 5


def test_a_full_disk_leaves_the_state_before_and_nothing_beside(tmp_path, monkeypatch):
    fit(new_model(), tmp_path, 2)
    before = (tmp_path / "latest.weights.h5").read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="could not be written.*No space.*make room"):
        fit(new_model(), tmp_path, 5)
    monkeypatch.undo()
    assert (tmp_path / "latest.weights.h5").read_bytes() == before
    assert not list(tmp_path.glob("next*"))
    assert fit(new_model(), tmp_path, 3).epoch == [2]


def test_too_little_room_is_told_before_anything_is_written(tmp_path, monkeypatch):
    usage = types.SimpleNamespace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    monkeypatch.setattr(os, "replace", None)
    with pytest.raises(OSError, match="No space"):
        fit(new_model(), tmp_path, 1)


def truncate(path):
    with open(path, "r+b") as file:
        file.truncate(2000)


def notes(value):
    def change(path):
        with h5py.File(path, "r+") as file:
            file.attrs["keras_genmod"] = value

    return change


def foreign(path):
    new_model().save_weights(path)


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        foreign,
        lambda path: path.write_text("nothing"),
        notes("nothing"),
        notes("[]"),
        notes('{"epoch": -1, "callbacks": {}}'),
        notes('{"epoch": 1.5, "callbacks": {}}'),
        notes('{"epoch": 1, "callbacks": []}'),
        notes('{"epoch": 1, "callbacks": {"array": 7}}'),
    ],
)
def test_a_damaged_backup_is_named(damage, tmp_path):
    fit(new_model(), tmp_path, 1)
    damage(tmp_path / "latest.weights.h5")
    message = "The backup '.*latest.weights.h5' is damaged, or none of `Backup`"
    with pytest.raises(ValueError, match=message):
        fit(new_model(), tmp_path, 2)


def test_a_folder_of_another_process_is_refused(tmp_path):
    script = (
        "import fcntl, sys; file = open(sys.argv[1], 'a')\n"
        "fcntl.lockf(file, fcntl.LOCK_EX); print('locked', flush=True)\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path / "lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        other.stdout.readline()
        with pytest.raises(OSError, match="another process is training there"):
            fit(new_model(), tmp_path, 1)
        other.kill()
    assert fit(new_model(), tmp_path, 1).epoch == [0]


def test_the_next_fit_without_it_starts_from_its_own_epoch(tmp_path):
    fit(new_model(), tmp_path, 2)
    model = new_model()
    fit(model, tmp_path, 3)
    assert model.fit(X, Y, epochs=1, verbose=0).epoch == [0]


# The state of other callbacks, with a model of the package.


def machine():
    model = RBM(4, 2, seed=0)
    model.compile("sgd", run_eagerly=True)
    return model


class Values(keras.callbacks.Callback):
    """Logs a value an epoch."""

    def __init__(self, *values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        logs["value"] = self.values[epoch]


def run(folder, epochs, *callbacks, model=None):
    model = machine() if model is None else model
    x = np.zeros((4, 4), "float32")
    callbacks = [*callbacks, Backup(folder)]
    return model.fit(x, epochs=epochs, callbacks=callbacks, verbose=0).epoch


def stopping(patience=1):
    return keras.callbacks.EarlyStopping(
        "value", mode="min", patience=patience, restore_best_weights=True
    )


def test_a_run_that_was_stopped_stays_so(tmp_path, capsys):
    values, model = Values(2, 1, 3, 3, 3), machine()
    assert run(tmp_path, 5, values, stopping(), model=model) == [0, 1, 2]
    again = machine()
    assert run(tmp_path, 5, values, stopping(), model=again) == []
    assert "stopped early after epoch 3; nothing is trained" in capsys.readouterr().out
    for found, expected in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)  # the best ones
    assert run(tmp_path, 5, values, stopping(patience=3)) == [3, 4]


def test_patience_counts_on(tmp_path):
    values = Values(1, 2, 2, 2, 2, 2)
    assert run(tmp_path, 2, values, stopping(patience=3)) == [0, 1]
    assert run(tmp_path, 6, values, stopping(patience=3)) == [2, 3]


def test_the_best_stays_the_best(tmp_path):
    best = tmp_path / "best.keras"
    values = Values(1, 5, 3)

    def checkpoint():
        return keras.callbacks.ModelCheckpoint(
            best, monitor="value", mode="min", save_best_only=True
        )

    run(tmp_path, 1, values, checkpoint())
    first = best.read_bytes()
    run(tmp_path, 3, values, checkpoint())
    assert best.read_bytes() == first


def test_what_is_kept_comes_before(tmp_path):
    callbacks = [Backup(tmp_path), stopping()]
    with pytest.raises(ValueError, match="Received after it: EarlyStopping"):
        machine().fit(np.zeros((4, 4)), callbacks=callbacks, verbose=0)


class Killed(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize("epoch", [0, 2])
def test_no_row_of_a_table_is_there_twice(epoch, tmp_path):
    path = tmp_path / "log.csv"

    def table():
        return keras.callbacks.CSVLogger(path, append=True)

    killed = table()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, 4, killed, Killed(epoch))
    killed.on_train_end()  # closes its file
    with open(path, "a") as file:
        file.write("3,0." if epoch else "")  # a row that a kill cut
    run(tmp_path, 4, table())
    numbers = [line.split(",")[0] for line in path.read_text().splitlines()]
    assert numbers == ["epoch", "0", "1", "2", "3"]


def test_the_backup_of_another_model_is_refused(tmp_path):
    fit(new_model(units=1), tmp_path, 1)
    with pytest.raises(ValueError, match="does not fit this model"):
        fit(new_model(units=3), tmp_path, 2)


def test_a_folder_that_cannot_be_written_is_an_error_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="`backup_dir` must be a folder"):
        Backup(tmp_path / "file" / "backup")
