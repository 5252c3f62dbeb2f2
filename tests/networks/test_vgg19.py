"""VGG19 of a file sees what Keras' own sees, of images in [0, 1]."""

import h5py
import keras
import numpy as np
import pytest
from keras import ops
from keras.src.legacy.saving import legacy_h5_format

from keras_genmod import networks

pytestmark = pytest.mark.any_backend  # files, and the layers of Keras
X = np.random.default_rng(0).random((1, 32, 35, 3), dtype="float32")


@pytest.fixture(scope="module")
def plain():
    keras.utils.set_random_seed(0)
    return keras.applications.VGG19(include_top=False, weights=None)


@pytest.mark.parametrize("name", ["notop.h5", "vgg.weights.h5"])
def test_it_is_the_network_of_keras_behind_its_own_preprocessing(plain, name, tmp_path):
    path = tmp_path / name
    if name == "notop.h5":  # of the format of the file that Keras publishes
        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, plain)
    else:
        plain.save_weights(path)
    made = networks.vgg19(path)
    first = "block1_conv1"
    found, expected = (
        keras.Model(m.inputs[0], [m.get_layer(first).output, m.output])(x)
        for m, x in (
            (made, X),
            (plain, keras.applications.vgg19.preprocess_input(255 * X)),
        )
    )
    for a, b in zip(found, expected, strict=True):
        a, b = ops.convert_to_numpy(a), ops.convert_to_numpy(b)
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * np.abs(b).max())
    assert made.input_shape == (None, None, None, 3)


def test_a_file_that_is_none_is_named(tmp_path):
    for path in (tmp_path / "missing.h5", None):
        with pytest.raises(ValueError, match="`weights` must be the path of a file"):
            networks.vgg19(path)
    (tmp_path / "text.h5").write_text("no weights")
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with h5py.File(tmp_path / "other.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, other)
    for name in ("text.h5", "other.h5"):
        with pytest.raises(ValueError, match="`weights` must be a file of weights"):
            networks.vgg19(tmp_path / name)
