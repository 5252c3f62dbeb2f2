"""Files of models are whole or not there."""

import keras
import numpy as np
import pytest

from keras_genmod import RBM


def test_interrupted_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    model = RBM(4, 2, seed=0)
    model.save(path)
    before = path.read_bytes()

    def half(self, filepath, **kwargs):
        with open(filepath, "wb") as file:
            file.write(before[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "save", half)
    with pytest.raises(KeyboardInterrupt):
        model.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]


def test_save_replaces_an_old_file_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "model.keras"
    for seed in (0, 1):
        model = RBM(4, 2, seed=seed)
        model.save(str(path))
    loaded = keras.saving.load_model(path)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(loaded.couplings),
        keras.ops.convert_to_numpy(model.couplings),
    )
    assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]


def test_model_checkpoint_saves_through_it(tmp_path):
    path = tmp_path / "best.keras"
    model = RBM(4, 2, seed=0)
    model.compile("sgd")
    checkpoint = keras.callbacks.ModelCheckpoint(path)
    model.fit(np.zeros((8, 4), "float32"), callbacks=[checkpoint], verbose=0)
    assert [file.name for file in tmp_path.iterdir()] == ["best.keras"]
