import keras
import numpy as np
import pytest

from keras_genmod.callbacks import Backup

X, Y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")


def new_model(units=1):
    layers = [keras.Input((2,)), keras.layers.Dense(units), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("adam", "mse")
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


def test_an_interrupt_while_saving_loses_one_epoch(tmp_path, monkeypatch):
    class InterruptedModel(keras.Sequential):
        def save_weights(self, filepath, **kwargs):
            super().save_weights(filepath, **kwargs)
            if int(self.optimizer.iterations) == 3:
                with open(filepath, "r+b") as file:
                    file.truncate(100)
                raise KeyboardInterrupt

    layers = [keras.Input((2,)), keras.layers.Dense(1), keras.layers.Dense(1)]
    model = InterruptedModel(layers)
    model.compile("adam", "mse")
    with pytest.raises(KeyboardInterrupt):
        fit(model, tmp_path, 5)
    assert fit(new_model(), tmp_path, 5).epoch == [2, 3, 4]


def test_the_backup_of_another_model_is_refused(tmp_path):
    fit(new_model(units=1), tmp_path, 1)
    with pytest.raises(ValueError, match="does not fit this model"):
        fit(new_model(units=3), tmp_path, 2)


def test_a_folder_that_cannot_be_written_is_an_error_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="`backup_dir` must be a folder"):
        Backup(tmp_path / "file" / "backup")
