"""Spectral norm one by SVD, gradients by hand, the same at inference."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.layers import SpectralNormalization
from keras_genmod.models.adversarial.penalties import zero_centred_penalty
from tests.autodiff import gradients

WRAPPED = {
    "dense": (lambda: keras.layers.Dense(5), (4,)),
    "convolution": (lambda: keras.layers.Conv2D(4, 3, padding="same"), (6, 5, 3)),
    "transposed": (lambda: keras.layers.Conv2DTranspose(4, 3, strides=2), (3, 3, 2)),
    "embedding": (lambda: keras.layers.Embedding(6, 3), ()),
}


def made(name, **kwargs):
    make, shape = WRAPPED[name]
    layer = SpectralNormalization(make(), **kwargs)
    layer.build((None, *shape))
    return layer


def inputs_of(name, batch=7):
    if name == "embedding":
        return np.arange(6)
    rng = np.random.default_rng(0)
    return rng.standard_normal((batch, *WRAPPED[name][1])).astype("float32")


def matrix(kernel, name):
    kernel = np.swapaxes(kernel, 2, 3) if name == "transposed" else kernel
    return kernel.reshape(-1, kernel.shape[-1])


def norm(kernel, name):
    return np.linalg.svd(matrix(kernel, name), compute_uv=False)[0]


@pytest.mark.parametrize("name", WRAPPED)
def test_kernel_has_spectral_norm_one_and_is_the_one_that_calls_use(name):
    layer = made(name)
    raw = layer.layer.get_weights()
    for _ in range(50):
        layer.normalized_kernel(training=True)
    kernel = ops.convert_to_numpy(layer.normalized_kernel())
    np.testing.assert_allclose(norm(kernel, name), 1.0, rtol=1e-3)
    np.testing.assert_allclose(kernel, raw[0] / norm(raw[0], name), rtol=2e-3)
    x = inputs_of(name)
    plain = WRAPPED[name][0]()
    plain.build((None, *WRAPPED[name][1]))
    plain.set_weights([kernel, *(w + 0.1 for w in raw[1:])])
    for weight in layer.layer.weights[1:]:
        weight.assign(weight + 0.1)
    for training in (True, False):
        found = ops.convert_to_numpy(layer(x, training=training))
        expected = ops.convert_to_numpy(plain(x))
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(layer.layer.get_weights()[0], raw[0])


@pytest.mark.every_backend
def test_gradient_is_that_through_the_norm(rng):
    # dL/dW = (G - <G, W'> v u^T) / sigma, for L = <G, W'>
    layer = made("dense")
    for _ in range(50):
        layer.normalized_kernel(training=True)
    g = rng.standard_normal((4, 5)).astype("float32")
    found, *_ = gradients(
        lambda: ops.sum(ops.multiply(layer.normalized_kernel(training=True), g)),
        layer.trainable_variables[:1],
    )
    left, sigma, right = np.linalg.svd(layer.layer.get_weights()[0].astype("float64"))
    normalized = layer.layer.get_weights()[0] / sigma[0]
    along = np.sum(g * normalized) * np.outer(left[:, 0], right[0])
    np.testing.assert_allclose(found, (g - along) / sigma[0], rtol=1e-3, atol=1e-4)


def penalty_by_hand(kernels, x):
    """Returns E |df/dx|^2 of w^T tanh(V^T x) with w, V = kernels over their norms."""
    first, second = (kernel / np.linalg.norm(kernel, 2) for kernel in kernels)
    slopes = 1.0 - np.tanh(x @ first) ** 2
    return np.mean(np.sum(((slopes * second[:, 0]) @ first.T) ** 2, axis=1))


def differences(function, arrays, step=1e-5):
    """Returns the derivative in each array, by central differences."""
    found = [np.zeros_like(array) for array in arrays]
    for array, derivative in zip(arrays, found, strict=True):
        for i in np.ndindex(array.shape):
            start = array[i]
            array[i] = start + step
            above = function(arrays)
            array[i] = start - step
            derivative[i] = (above - function(arrays)) / (2 * step)
            array[i] = start
    return found


@pytest.mark.every_backend
@pytest.mark.parametrize("training", [False, True])
def test_gradient_under_a_penalty_of_the_gradient_is_that_of_differences(training, rng):
    model = keras.Sequential(
        [
            keras.Input((3,)),
            SpectralNormalization(
                keras.layers.Dense(4, activation="tanh", use_bias=False)
            ),
            SpectralNormalization(keras.layers.Dense(1, use_bias=False)),
        ]
    )
    for variable in model.trainable_variables:
        variable.assign(rng.standard_normal(variable.shape))
    for _ in range(100):
        for layer in model.layers:
            layer.normalized_kernel(training=True)
    x = rng.standard_normal((6, 3)).astype("float32")

    def penalty():
        return zero_centred_penalty(lambda y: model(y, training=training), x)

    kernels = [layer.layer.get_weights()[0].astype("float64") for layer in model.layers]
    by_hand = penalty_by_hand(kernels, x)
    np.testing.assert_allclose(ops.convert_to_numpy(penalty()), by_hand, rtol=1e-4)
    expected = differences(lambda arrays: penalty_by_hand(arrays, x), kernels)
    found = gradients(penalty, model.trainable_variables)
    for derivative, of_differences in zip(found, expected, strict=True):
        assert np.abs(of_differences).max() > 0.01
        np.testing.assert_allclose(derivative, of_differences, rtol=1e-3, atol=1e-4)


def network():
    return keras.Sequential(
        [
            keras.Input((4, 4, 2)),
            SpectralNormalization(keras.layers.Conv2D(3, 3, padding="same")),
            keras.layers.LeakyReLU(),
            keras.layers.Flatten(),
            SpectralNormalization(keras.layers.Dense(6)),
            SpectralNormalization(keras.layers.Dense(1)),
        ]
    )


@pytest.fixture(scope="module")
def trained():
    """Returns a network after 40 steps, and data: plain Keras training."""
    keras.utils.set_random_seed(0)
    model = network()
    model.compile(keras.optimizers.Adam(0.002), loss="mse")
    x = np.random.default_rng(1).standard_normal((32, 4, 4, 2)).astype("float32")
    start = [w.copy() for w in model.get_weights()]
    model.fit(x, 3 * x[:, 0, 0, :1], epochs=10, batch_size=8, verbose=0)
    return model, x, start


def normalized(model):
    return [layer for layer in model.layers if isinstance(layer, SpectralNormalization)]


@pytest.mark.every_backend
def test_kernels_at_inference_have_norm_one_after_training(trained):
    model, _, _ = trained
    stored = []
    for layer in normalized(model):
        kernel = ops.convert_to_numpy(layer.normalized_kernel())
        np.testing.assert_allclose(norm(kernel, ""), 1.0, atol=1e-2)
        stored.append(norm(layer.layer.get_weights()[0], ""))
    assert np.max(np.abs(np.array(stored) - 1.0)) > 0.2  # which is not what is stored


def test_training_moves_weights_and_vectors_and_prediction_neither(trained):
    model, x, start = trained
    before = model.get_weights()
    assert all(np.any(a != b) for a, b in zip(start, before, strict=True) if a.size > 1)
    first, second = (model.predict(x, verbose=0) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_file_keeps_outputs_and_vectors(trained, tmp_path):
    model, x, _ = trained
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    found = loaded.predict(x, verbose=0)
    np.testing.assert_allclose(found, model.predict(x, verbose=0), atol=1e-6)


def test_vector_is_no_trainable_weight_and_float32(dtype_policy):
    dtype_policy("mixed_bfloat16")
    layer = made("dense")
    assert len(layer.trainable_variables) == 2
    outputs = layer(inputs_of("dense"), training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    assert layer.u.dtype == "float32"
    np.testing.assert_allclose(np.linalg.norm(layer.u.numpy()), 1.0, rtol=1e-3)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.LayerNormalization(),
        "dense",
        keras.layers.Dense(2, activity_regularizer="l2"),
    ],
)
def test_other_layers_are_refused(layer):
    with pytest.raises(ValueError, match="`layer` must .*Received: "):
        SpectralNormalization(layer)


@pytest.mark.parametrize("change", ["lora", "int8"])
@pytest.mark.parametrize("name", ["dense", "embedding"])
def test_a_layer_that_keeps_no_one_kernel_of_floats_is_refused(change, name):
    layer = made(name)
    if change == "lora":
        layer.layer.enable_lora(2)
    else:
        layer.layer.quantize("int8")
    with pytest.raises(ValueError, match="`layer` must keep one kernel.*Received"):
        layer(inputs_of(name))


def test_there_is_no_kernel_before_the_layer_is_built():
    layer = SpectralNormalization(keras.layers.Dense(2))
    with pytest.raises(ValueError, match="must be built .*Received"):
        layer.normalized_kernel()
