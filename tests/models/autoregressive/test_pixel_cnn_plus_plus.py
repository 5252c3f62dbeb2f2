"""PixelCNN++: what sees what, its start from data, its pixels' channels."""

import itertools

import keras
import numpy as np
import pytest
import scipy.stats
from keras import ops

from keras_genmod import PixelCNNPlusPlus
from keras_genmod.layers import WeightNormalization
from tests.autodiff import jacobians
from tests.contracts import (
    EAGER_IS_FASTER,
    slow_elsewhere,
    slow_on_jax,
    torch_param,
    uncompiled,
)
from tests.models.autoregressive.cases import all_images, make, pixel_cnn_pp

IMAGES = np.random.default_rng(0).integers(0, 4, size=(16, 4, 4, 1)) / 3
IMAGES = IMAGES.astype("float32")


def numpy(x):
    return ops.convert_to_numpy(x)


def small(image_shape=(4, 4, 1), **kwargs):
    arguments = {"filters": 4, "num_blocks": 1, "num_mixtures": 2, "num_levels": 4}
    return PixelCNNPlusPlus(
        image_shape, **{**arguments, "num_resolutions": 2, "seed": 0, **kwargs}
    )


@pytest.mark.parametrize(
    "image_shape,num_resolutions",
    [torch_param((4, 4, 1), 3), torch_param((3, 5, 1), 1), ((2, 4, 3), 2)],
)
def test_outputs_depend_on_all_earlier_pixels_and_no_others(
    image_shape, num_resolutions
):
    model = make(
        pixel_cnn_pp, image_shape, num_resolutions=num_resolutions, num_mixtures=1
    )
    height, width, channels = image_shape
    images = np.random.default_rng(1).random((3, *image_shape)).astype("float32")
    num_outputs = model(images).shape[-1]
    found = jacobians(model.call, images, height * width * num_outputs)
    found = np.abs(found).sum(axis=0)
    found = found.reshape(height * width, num_outputs, height * width, channels)
    found = found.max(axis=1)
    for channel in range(channels):
        seen = found[:, :, channel] > 0
        np.testing.assert_array_equal(seen, np.tri(height * width, k=-1, dtype=bool))


@pytest.fixture(scope="module")
def one_pixel():
    """A model of one pixel, and the probabilities of red, green, blue."""
    model = make(pixel_cnn_pp, (1, 1, 3), num_levels=3, num_resolutions=1, scale=1.5)
    p = np.exp(numpy(model.log_prob(all_images((1, 1, 3), 3))).astype("float64"))
    return model, p.reshape(3, 3, 3)


def test_channels_of_a_pixel_depend_on_each_other(one_pixel):
    _, p = one_pixel
    assert abs(p.sum() - 1) < 1e-5
    independent = p.sum((1, 2))[:, None, None] * p.sum((0, 2))[None, :, None]
    assert np.abs(p.sum(2, keepdims=True) - independent).max() > 0.01


@pytest.mark.parametrize(
    "image_shape,num_levels,num_classes",
    [
        torch_param((2, 2, 1), 5, None),
        torch_param((1, 2, 1), 16, 2),
        ((1, 2, 3), 3, None),
    ],
)
def test_probabilities_of_all_images_sum_to_one(image_shape, num_levels, num_classes):
    model = make(
        pixel_cnn_pp, image_shape, num_levels=num_levels, num_classes=num_classes
    )
    images = all_images(image_shape, num_levels)
    condition = None if num_classes is None else np.full(len(images), 1)
    p = np.exp(numpy(model.log_prob(images, condition)).astype("float64"))
    assert abs(p.sum() - 1) < 1e-5
    assert p.max() / p.min() > 2  # no uniform distribution


def frequencies(images, num_levels):
    size = images.shape[1]
    index = np.round(images * (num_levels - 1)) @ num_levels ** np.arange(size)[::-1]
    return np.bincount(index.astype(int), minlength=num_levels**size)


@pytest.mark.parametrize(
    "known", [None, torch_param((1, None, None)), (None, 0, None)], ids=str
)
def test_samples_have_the_exact_frequencies(one_pixel, known):
    # A known red conditions green by the mixture's weights too; a known green leaves
    # red as it is, and conditions blue.
    model, p = one_pixel
    p = p / p.sum()
    red = p.sum((1, 2))[:, None, None]
    green = (p.sum(2) / p.sum((1, 2))[:, None])[:, :, None]
    factors = [red, green, p / p.sum(2, keepdims=True)]
    arguments = {}
    if known is not None:
        values = np.array([k or 0 for k in known]).reshape(1, 1, 3)
        mask = np.array([k is not None for k in known]).reshape(1, 1, 3)
        arguments = {"known": values / 2, "mask": mask}
        for c, level in enumerate(known):
            if level is not None:
                shape = [1, 1, 1]
                shape[c] = 3
                factors[c] = np.eye(3)[level].reshape(shape)
    expected = (factors[0] * factors[1] * factors[2]).reshape(27)
    with uncompiled():
        images = numpy(model.sample(10_000, seed=0, **arguments)).reshape(-1, 3)
    counts = frequencies(images, 3)
    possible = expected > 0
    assert np.all(counts[~possible] == 0)
    wanted = 10_000 * expected[possible] / expected.sum()
    assert scipy.stats.chisquare(counts[possible], wanted).pvalue > 1e-3


@slow_on_jax
def test_pixel_by_pixel_gives_the_outputs_of_whole_images():
    # Two rows and columns at the coarsest of three resolutions. All weights start from
    # data, so that no part of the network is too weak to be seen.
    model = small((8, 8, 1), num_resolutions=3, num_classes=2, filters=3)
    images = np.random.default_rng(0).integers(0, 4, size=(3, 8, 8, 1)) / 3
    images, labels = images.astype("float32"), np.array([0, 1, 1])
    model.initialize(images, labels)
    for layer in normalized_layers(model):
        layer.scale.assign(ops.sign(layer.scale) * ops.maximum(layer.scale, 1.0))
    expected = numpy(model((images, labels)))
    x, condition = model.data_and_condition((images, labels))
    network = model.incremental(3, condition)
    cache, step = network.init_cache(), network.step
    if keras.backend.backend() == "jax":
        import jax

        step = jax.jit(step)
    for row, column in itertools.product(range(8), range(8)):
        if column == 0:
            cache = network.prefill(cache, row)
        outputs, cache = step(x[:, row, column], cache, row, column)
        at = expected[:, row, column]
        np.testing.assert_allclose(numpy(outputs), at, rtol=1e-3, atol=1e-3)
        cache = network.put(x[:, row, column], cache, row, column)


# The start from data. JAX compiles each operation of an eager call.


def normalized_layers(model):
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, WeightNormalization)
    ]


@slow_on_jax
def test_every_convolution_starts_from_data(monkeypatch):
    model = small(num_classes=3)
    assert not model.is_initialized
    labels = np.arange(16) % 3
    model.initialize(IMAGES, labels)
    assert model.is_initialized

    outputs, call = {}, WeightNormalization.call

    def recorded(self, inputs):
        outputs[self] = call(self, inputs)
        return outputs[self]

    monkeypatch.setattr(WeightNormalization, "call", recorded)
    model((ops.convert_to_tensor(IMAGES), labels))
    blocks = [*model.down.blocks(), *model.down_right.blocks()]
    gates = [block.second for block in blocks]  # 0.1 in the paper's code, too
    assert set(outputs) == set(normalized_layers(model)) and len(outputs) > 20
    for layer, y in outputs.items():
        deviation = 0.1 if layer in gates else 1.0
        mean, found = numpy(y).mean((0, 1, 2)), numpy(y).std((0, 1, 2))
        np.testing.assert_allclose(mean, 0, atol=1e-3)
        np.testing.assert_allclose(found, deviation, rtol=1e-2)


@slow_on_jax
@pytest.mark.parametrize("value", [0.0, torch_param(1.0)])
def test_constant_images_start_no_nan(value):
    model = small(num_resolutions=1)
    model.compile(keras.optimizers.Adam(1e-2), run_eagerly=EAGER_IS_FASTER)
    images = np.full((8, 4, 4, 1), value, "float32")
    losses = model.fit(images, epochs=3, batch_size=8, verbose=0).history["loss"]
    assert np.all(np.isfinite(losses)) and losses[-1] < losses[0]
    assert all(np.all(np.isfinite(weight)) for weight in model.get_weights())


@slow_on_jax
def test_nan_in_the_first_batch_leaves_finite_weights():
    model = small(num_resolutions=1)
    model._start(np.where(np.arange(16) == 1, np.nan, IMAGES.T).T)
    for weight in model.get_weights():
        assert np.all(np.isfinite(weight))


@slow_on_jax
def test_fit_starts_the_weights_once(monkeypatch, tmp_path):
    calls = []
    start = PixelCNNPlusPlus._start

    def counted(self, inputs):
        calls.append(len(inputs))
        start(self, inputs)

    monkeypatch.setattr(PixelCNNPlusPlus, "_start", counted)
    model = small(num_resolutions=1)
    model.compile("adam", run_eagerly=EAGER_IS_FASTER)
    batches = ((IMAGES[i : i + 4],) for i in (0, 4))  # read to its end
    model.fit(batches, steps_per_epoch=2, shuffle=False, verbose=0)
    assert calls == [4] and int(model.optimizer.iterations) == 2
    model.fit(IMAGES, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.is_initialized and calls == [4]


def test_bad_data_start_nothing():
    model = small()
    model.compile("adam")
    with pytest.raises(ValueError, match="`x` must hold the values k / 3"):
        model.fit(np.full((4, 4, 4, 1), 0.4, "float32"), verbose=0)
    assert not model.is_initialized


# Training.


@slow_on_jax
def test_dropout_is_on_in_training_only():
    model = small(dropout=0.5, num_resolutions=1)
    x = ops.convert_to_tensor(IMAGES)
    first, second = (numpy(model(x, training=True)) for _ in range(2))
    assert np.any(first != second)
    first, second = (numpy(model(x)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    model = small(dropout=0, num_resolutions=1)
    np.testing.assert_array_equal(
        numpy(model(x, training=True)), numpy(model(x, training=False))
    )


@slow_on_jax
def test_activations_are_dropped(monkeypatch):
    dropped = []

    def recorded(x, rate, seed):
        dropped.append(numpy(x))
        return x

    monkeypatch.setattr(keras.random, "dropout", recorded)
    model = small(dropout=0.5, num_resolutions=1, num_blocks=2)
    model(ops.convert_to_tensor(IMAGES), training=True)
    assert len(dropped) == 2 * (2 + 2)  # once a block
    for x in dropped:
        positive, negative = np.split(x, 2, axis=-1)  # elu of y and of -y
        assert x.shape[-1] == 2 * model.filters
        np.testing.assert_allclose(
            np.minimum(positive, negative),
            np.expm1(-np.maximum(positive, negative)),
            atol=1e-5,
        )


@slow_elsewhere
def test_it_learns_dependent_channels():
    # Green repeats red, blue is its opposite: 2 bits a pixel instead of 6.
    keras.utils.set_random_seed(0)
    red = np.arange(64).reshape(64, 1, 1, 1) % 4 / 3
    images = np.concatenate([red, red, 1 - red], axis=-1).astype("float32")
    model = small((1, 1, 3), num_mixtures=4, num_resolutions=1, dropout=0)
    model.compile(keras.optimizers.Adam(0.2))
    model.fit(images, epochs=12, batch_size=64, verbose=0)
    assert -numpy(model.log_prob(images)).mean() < 0.6 * 3 * np.log(4)


@slow_on_jax
def test_number_of_outputs_and_of_blocks():
    for channels, num_outputs in ((1, 15), (3, 50)):
        image = np.zeros((1, 1, 1, channels))
        model = small(image.shape[1:], num_mixtures=5, num_resolutions=1)
        assert model(image).shape[-1] == num_outputs
    model = small((2, 2, 1), num_blocks=2)
    for stream in (model.down, model.down_right):
        assert [len(blocks) for blocks in stream.encoder] == [2, 2]
        assert [len(blocks) for blocks in stream.decoder] == [3, 2]


@pytest.mark.parametrize(
    "name,value",
    [
        *itertools.product(
            ["num_mixtures", "filters", "num_blocks", "num_resolutions"], [0, 1.5]
        ),
        ("dropout", 1.0),
        ("dropout", -0.1),
        ("num_levels", 1),
        ("num_classes", 0),
        ("image_shape", (4, 6)),
    ],
)
def test_bad_argument_is_named(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: "):
        small(**{name: value})


def test_sides_that_cannot_be_halved_are_an_error():
    with pytest.raises(
        ValueError, match="`image_shape` must have sides divisible by 4"
    ):
        small((4, 6, 1), num_resolutions=3)
