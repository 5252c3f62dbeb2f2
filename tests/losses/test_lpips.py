"""LPIPS is the authors' formula of the file's weights, and says what it lacks."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.losses import lpips

NAMES = ("1_conv2", "2_conv2", "3_conv3", "4_conv3", "5_conv3")
GENERATOR = np.random.default_rng(0)
X, Y = GENERATOR.random((2, 2, 4, 4, 3)).astype("float32")
LINEAR = {f"lin{i}": GENERATOR.random((1, i + 2, 1, 1)) for i in range(5)}


@pytest.fixture(scope="module")
def network():
    return of_few_channels()


def of_few_channels():
    """Returns VGG16's layers, of 2 to 6 channels."""
    inputs = x = keras.Input((4, 4, 3))
    for i, name in enumerate(NAMES):
        x = keras.layers.Dense(i + 2, activation="relu", name=f"block{name}")(x)
    return keras.Model(inputs, x)


@pytest.fixture
def file(tmp_path):
    np.savez(tmp_path / "lpips.npz", **LINEAR)
    return tmp_path / "lpips.npz"


def test_it_is_the_formula_of_the_authors(network, file):
    found = ops.convert_to_numpy(lpips(network, file)((X, Y)))
    expected = np.zeros(2)
    sides = []
    for images in (X, Y):
        scaled = (2 * images - 1 - [-0.030, -0.088, -0.188]) / [0.458, 0.448, 0.450]
        sides.append(scaled)
    for i, name in enumerate(NAMES):
        layer = network.get_layer(f"block{name}")
        kernel, bias = (ops.convert_to_numpy(w) for w in layer.weights)
        sides = [np.maximum(side @ kernel + bias, 0) for side in sides]
        units = [s / np.sqrt((s**2).sum(axis=-1, keepdims=True) + 1e-10) for s in sides]
        squared = (units[0] - units[1]) ** 2 * LINEAR[f"lin{i}"].ravel()
        expected += squared.sum(axis=-1).mean(axis=(1, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_it_is_what_sums_by_hand_once_were(tmp_path):
    # Numbers of loops in float64 over places and channels, without this package.
    generator = np.random.RandomState(1)
    x, y = generator.rand(2, 2, 4, 4, 3).astype("float32")
    model = of_few_channels()
    for layer in model.layers[1:]:
        inputs, outputs = layer.kernel.shape
        kernel = generator.randn(inputs, outputs)
        layer.set_weights([kernel, generator.randn(outputs)])
    linear = {f"lin{i}": generator.rand(1, i + 2, 1, 1) for i in range(5)}
    np.savez(tmp_path / "lpips.npz", **linear)
    found = ops.convert_to_numpy(lpips(model, tmp_path / "lpips.npz")((x, y)))
    np.testing.assert_allclose(found, [0.81941802, 0.60290017], rtol=1e-4)


def test_what_it_lacks_is_named(network, file, tmp_path):
    with pytest.raises(ValueError, match="`weights` must be the path of a .npz file"):
        lpips(network, tmp_path / "missing.npz")
    np.savez(tmp_path / "others.npz", lin0=np.ones(2))
    (tmp_path / "text.npz").write_text("no weights")
    for name in ("others", "text"):
        with pytest.raises(ValueError, match="`weights` must be .*with arrays lin0"):
            lpips(network, tmp_path / f"{name}.npz")
    np.savez(tmp_path / "wide.npz", **{f"lin{i}": np.ones(9) for i in range(5)})
    with pytest.raises(ValueError, match="`weights` must be an array"):
        lpips(network, tmp_path / "wide.npz")
    grey = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3)])
    with pytest.raises(ValueError, match="`network` must be a built"):
        lpips(grey, file)
    colour = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Conv2D(2, 3)])
    with pytest.raises(ValueError, match="`layers` must be names"):
        lpips(colour, file)
