"""Plain discriminators with `normalization="spectral"`: every kernel has norm one."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import layers, networks

MADE = {
    "mlp": lambda: networks.mlp_discriminator((8,), (16, 9), None, "spectral"),
    "mlp_of_classes": lambda: networks.mlp_discriminator((8,), (5,), 3, "spectral"),
    "mlp_of_one_layer": lambda: networks.mlp_discriminator((8,), (), None, "spectral"),
    "dcgan": lambda: networks.dcgan_discriminator((16, 16, 1), 4, None, "spectral"),
    "dcgan_of_classes": lambda: networks.dcgan_discriminator(
        (8, 8, 1), 3, 3, "spectral"
    ),
}
NUM_KERNELS = {
    "mlp": 3,
    "mlp_of_classes": 2,
    "mlp_of_one_layer": 1,
    "dcgan": 3,
    "dcgan_of_classes": 3,
}


def value(x):
    return ops.convert_to_numpy(x)


def warmed(name):
    """Returns a network with kernels of random size, and vectors u that fit them."""
    network = MADE[name]()
    rng = np.random.default_rng(0)
    for weight in network.trainable_variables:
        weight.assign(3.0 * rng.standard_normal(weight.shape))
    x = [rng.random((2, *t.shape[1:]), dtype="float32") for t in network.inputs]
    for _ in range(50):
        network(x if len(x) > 1 else x[0], training=True)
    return network


@pytest.mark.parametrize("name", MADE)
def test_every_kernel_is_normalized_and_nothing_else(name):
    network = warmed(name)
    wrapped = [x for x in network.layers if isinstance(x, layers.SpectralNormalization)]
    with_kernel = [x for x in network._flatten_layers() if hasattr(x, "kernel")]
    assert {id(x.layer) for x in wrapped} == {id(x) for x in with_kernel}
    assert len(wrapped) == NUM_KERNELS[name]
    for layer in wrapped:
        kernel = value(layer.normalized_kernel())
        norm = np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), 2)
        np.testing.assert_allclose(norm, 1.0, rtol=1e-3, err_msg=layer.name)
        assert layer.layer.use_bias
    names = [type(x).__name__ for x in network._flatten_layers()]
    others = [x for x in names if "Normalization" in x]
    assert others == ["SpectralNormalization"] * len(wrapped)


@pytest.mark.parametrize("name", ["mlp", "mlp_of_one_layer"])
def test_scores_of_an_mlp_move_no_more_than_its_data(name, rng):
    network = warmed(name)
    x, y = 5 * rng.standard_normal((2, 512, 8)).astype("float32")
    moved = np.abs(value(network(x)) - value(network(y)))[:, 0]
    distance = np.linalg.norm(x - y, axis=1)
    assert np.all(moved <= 1.001 * distance)
    # Not by kernels of no size: one layer reaches the bound along its kernel.
    if name == "mlp_of_one_layer":
        along = value(network.layers[-1].normalized_kernel())[:, 0]
        moved = value(network(x + along)) - value(network(x))
        np.testing.assert_allclose(moved, 1.0, rtol=1e-3)
    # With the stored kernels it would not hold.
    plain = networks.mlp_discriminator(
        (8,), () if name == "mlp_of_one_layer" else (16, 9)
    )
    plain.set_weights([value(w.value) for w in network.trainable_variables])
    assert np.any(np.abs(value(plain(x)) - value(plain(y)))[:, 0] > 2 * distance)


@pytest.mark.parametrize("name", ["mlp", "dcgan"])
def test_file_keeps_the_normalized_scores(name, tmp_path):
    network = warmed(name)
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    x = np.random.default_rng(1).random((2, *network.input_shape[1:]), "float32")
    np.testing.assert_allclose(value(loaded(x)), value(network(x)), atol=1e-6)
