import keras
import numpy as np
import pytest
from PIL import Image

from keras_genmod import RBM
from keras_genmod.callbacks import Reconstructions, image_grid
from tests.callbacks.small_models import IMAGE, LABELS, X, drawn, fit, gan, vae


def reconstruct(model, *inputs):
    return keras.ops.convert_to_numpy(model.reconstruct(*inputs))


def test_each_row_stands_over_its_reconstructions(tmp_path):
    model, callback = vae(), Reconstructions(tmp_path, X[:6], num_columns=3)
    rows = drawn(callback, model).reshape(4, 3, *IMAGE)
    made = reconstruct(model, X[:6]).reshape(2, 3, *IMAGE)
    assert np.array_equal(rows[::2], X[:6].reshape(2, 3, *IMAGE))
    assert np.array_equal(rows[1::2], made)


def test_the_file_shows_the_model_of_that_epoch(tmp_path):
    model = vae()
    fit(model, [Reconstructions(tmp_path, X[:4])], epochs=1)
    images = np.concatenate([X[:4], reconstruct(model, X[:4])])
    with Image.open(tmp_path / "pictures" / "reconstructions_epoch_0001.png") as file:
        assert np.array_equal(np.asarray(file), image_grid(images, 4))


def test_labels_go_with_the_data(tmp_path):
    model = vae(num_classes=2)
    callback = Reconstructions(tmp_path, X[:4], condition=LABELS[:4])
    made = reconstruct(model, X[:4], LABELS[:4])
    assert np.array_equal(drawn(callback, model)[4:], made)


def test_an_rbm_of_rows_of_pixels_is_shown_as_images(tmp_path):
    model = RBM(16, 3)
    model.compile("sgd")
    rows = X.reshape(-1, 16)
    callback = Reconstructions(tmp_path, rows[:4], image_shape=IMAGE)
    model.fit(rows, epochs=1, callbacks=[callback], verbose=0)
    images = np.concatenate([rows[:4], reconstruct(model, rows[:4])])
    with Image.open(tmp_path / "pictures" / "reconstructions_epoch_0001.png") as file:
        expected = image_grid(images.reshape(8, *IMAGE), 4)
        assert np.array_equal(np.asarray(file), expected)


@pytest.mark.parametrize(
    ("make", "x", "message"),
    [
        (gan, X[:4], "Reconstructions needs a model with `reconstruct`. .* GAN"),
        (vae, X[:4, :3], "`x` must have shape"),
        (lambda: vae(2), X[:4], "needs class labels"),
    ],
)
def test_a_model_that_cannot_is_an_error_before_training(make, x, message, tmp_path):
    callback = Reconstructions(tmp_path, x)
    callback.set_model(make())
    with pytest.raises(ValueError, match=message):
        callback.on_train_begin()


def test_columns_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ValueError, match="`num_columns` must divide"):
        Reconstructions(tmp_path, X[:4], num_columns=3)
