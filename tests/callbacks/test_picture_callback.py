import pathlib
import warnings

import keras
import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_genmod.callbacks import PictureCallback, image_grid

X, Y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")


class Steps(PictureCallback):
    """Draws grey images and notes how many steps the model's state has taken."""

    def __init__(self, log_dir, name="steps", images=None, **kwargs):
        super().__init__(log_dir, name, **kwargs)
        self.images = np.full((2, 4, 4, 1), 0.5) if images is None else images
        self.noted = []

    def draw(self, model):
        self.noted.append(int(model.optimizer.iterations))
        return self.images


def new_model(**kwargs):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", **kwargs)
    return model


def fit(model, callback, epochs=2, **kwargs):  # 4 batches an epoch
    callbacks = [callback, *kwargs.pop("callbacks", [])]
    kwargs = {"x": X, "y": Y, "batch_size": 2, **kwargs}
    model.fit(epochs=epochs, callbacks=callbacks, verbose=0, **kwargs)
    return [path.name for path in sorted((callback_dir(callback)).glob("*"))]


def callback_dir(callback):
    return pathlib.Path(callback._writer.log_dir) / "pictures"


def test_pictures_are_named_after_the_epochs_done(tmp_path):
    callback = Steps(tmp_path, every=2)
    names = fit(new_model(), callback, epochs=5)
    assert names == ["steps_epoch_0002.png", "steps_epoch_0004.png"]
    assert callback.noted == [0, 8, 16]


def test_a_picture_is_the_same_in_the_file_and_in_tensorboard(tmp_path):
    images = np.random.default_rng(0).random((6, 4, 4, 3))
    fit(new_model(), Steps(tmp_path, images=images, num_columns=3), epochs=1)
    path = tmp_path / "pictures" / "steps_epoch_0001.png"
    with Image.open(path) as picture:
        assert np.array_equal(np.asarray(picture), image_grid(images, 3))
    (event,) = EventAccumulator(str(tmp_path / "train")).Reload().Images("steps")
    assert event.step == 0  # as Keras counts epochs, beside the losses
    assert event.encoded_image_string == path.read_bytes()


def test_a_run_that_goes_on_counts_on(tmp_path):
    callback = Steps(tmp_path, every=2)
    names = fit(new_model(), callback, epochs=4, initial_epoch=3)
    assert names == ["steps_epoch_0004.png"]


@pytest.mark.every_backend
@pytest.mark.parametrize(
    ("every_steps", "steps_per_execution", "drawn"),
    [
        (3, 1, [3, 6]),
        (4, 1, [4, 8]),
        (1, 1, [1, 2, 3, 4, 5, 6, 7, 8]),
        (5, 1, [5]),
        (3, 2, [4, 6]),
        (1, 4, [4, 8]),
    ],
)
def test_pictures_show_the_state_after_so_many_steps(
    every_steps, steps_per_execution, drawn, tmp_path
):
    if steps_per_execution > 1 and keras.backend.backend() == "torch":
        pytest.skip("Keras has one step an execution on torch")
    callback = Steps(tmp_path, every_steps=every_steps)
    model = new_model(steps_per_execution=steps_per_execution)
    names = fit(model, callback)
    assert names == [f"steps_step_{step:08d}.png" for step in drawn]
    assert callback.noted == [0, *drawn]


def test_steps_go_on_in_a_run_that_goes_on(tmp_path):
    names = fit(new_model(), Steps(tmp_path, every_steps=3), initial_epoch=1)
    assert names == ["steps_step_00000006.png"]


def test_steps_of_an_epoch_of_unknown_length_are_counted(tmp_path):
    batches = ((X[:2], Y[:2]) for _ in range(5))
    callback = Steps(tmp_path, every_steps=2)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*ran out of data")
        fit(new_model(), callback, 1, x=batches, y=None, batch_size=None, shuffle=False)
    assert callback.noted == [0, 2, 4]


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="JAX alone keeps state")
def test_no_state_is_synced_between_pictures(tmp_path, monkeypatch):
    synced = []

    class Model(keras.Sequential):
        def jax_state_sync(self):
            if getattr(self, "_jax_state", None) and not self._jax_state_synced:
                synced.append(True)
            super().jax_state_sync()

    model = Model([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    fit(model, Steps(tmp_path / "epochs"))
    assert len(synced) == 2  # Keras' own, at each epoch's end
    synced.clear()
    fit(model, Steps(tmp_path / "steps", every_steps=2), epochs=1)
    assert len(synced) == 2  # after steps 2 and 4
    callbacks = keras.callbacks.CallbackList([Steps(tmp_path, every_steps=1)])
    assert callbacks._async_train  # Keras waits for no batch's losses


@pytest.mark.parametrize(
    "images", [np.zeros((8, 2)), np.zeros((8, 4, 4, 2)), np.zeros((8, 4, 4, 4, 1))]
)
def test_data_that_are_no_images_are_an_error_before_training(images, tmp_path):
    model = new_model()
    with pytest.raises(ValueError, match="Steps draws images of shape .* Sequential"):
        fit(model, Steps(tmp_path, images=images))
    assert int(model.optimizer.iterations) == 0


def test_rows_of_pixels_become_images(tmp_path):
    images = np.linspace(0, 1, 32).reshape(2, 16)
    callback = Steps(tmp_path, images=images, image_shape=(4, 4, 1))
    fit(new_model(), callback, epochs=1)
    with Image.open(tmp_path / "pictures" / "steps_epoch_0001.png") as picture:
        expected = image_grid(images.reshape(2, 4, 4))
        assert np.array_equal(np.asarray(picture), expected)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("every", 0),
        ("every", "epoch"),
        ("every_steps", 0),
        ("num_columns", 1.5),
        ("name", ""),
        ("name", "a/b"),
    ],
)
def test_other_arguments_are_refused(argument, value, tmp_path):
    with pytest.raises(ValueError, match=f"`{argument}` must be"):
        Steps(tmp_path, **{argument: value})


def test_a_folder_that_cannot_be_written_is_an_error_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="`log_dir` must be a folder"):
        Steps(tmp_path / "file" / "run")
