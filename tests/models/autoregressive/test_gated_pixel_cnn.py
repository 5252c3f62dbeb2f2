"""Gated PixelCNN: the paper's equations, what sees what, and both conditions."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import GatedPixelCNN
from tests.models.autoregressive.cases import dependence, make

EMBEDDINGS = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")


def numpy(x):
    return np.array(ops.convert_to_numpy(x))


@pytest.fixture(scope="module")
def embedded():
    """One small model whose conditions are vectors."""
    return make(GatedPixelCNN, (3, 4, 1), embedding_dim=3)


# The paper's equations, pixel by pixel.


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gate(gates, num_channels):
    """tanh(a) * sigmoid(b); the groups of a pixel's channels each hold some of both."""
    halves = [np.split(g, 2, axis=-1) for g in np.split(gates, num_channels, axis=-1)]
    return np.concatenate([np.tanh(a) * sigmoid(b) for a, b in halves], axis=-1)


def correlate(x, kernel, row, column, first_row):
    """Applies a kernel whose rows start at `row + first_row`; zeros lie outside."""
    total = np.zeros(kernel.shape[-1])
    taps = itertools.product(range(kernel.shape[0]), range(kernel.shape[1]))
    for i, j in taps:
        r, c = row + first_row + i, column + j - kernel.shape[1] // 2
        if 0 <= r < x.shape[0] and 0 <= c < x.shape[1]:
            total += x[r, c] @ kernel[i, j]
    return total


def plain(model, image, condition):
    """Returns the logits of one image, by loops over its pixels."""
    channels = model.image_shape[-1]
    places = list(itertools.product(*map(range, model.image_shape[:2])))

    def everywhere(function):
        values = [function(r, c) for r, c in places]
        return np.reshape(values, (*model.image_shape[:2], -1))

    def pointwise(layer, x):
        return x @ numpy(layer.kernel)[0, 0] + numpy(layer.bias)

    v = h = image
    skips = 0
    for i, block in enumerate(model.blocks):
        reach = numpy(block.vertical.kernel).shape[1] // 2
        own, other = np.split(condition @ numpy(block.condition.kernel), 2)
        kernel, bias = numpy(block.vertical.kernel), numpy(block.vertical.bias)
        vertical = own + everywhere(
            lambda r, c, v=v, k=kernel, b=bias, s=-reach: correlate(v, k, r, c, s) + b
        )
        kernel, bias = numpy(block.horizontal.kernel), numpy(block.horizontal.bias)
        horizontal = everywhere(
            lambda r, c, h=h, k=kernel, b=bias: correlate(h, k, r, c, 0) + b
        )
        horizontal = horizontal + other + vertical @ numpy(block.across.kernel)
        v, y = gate(vertical, 1), gate(horizontal, channels)
        skips = skips + pointwise(block.skip, y)
        if block.residual is not None:
            residual = pointwise(block.residual, y)
            h = residual if i == 0 else h + residual
    for layer in model.head:
        skips = pointwise(layer, np.maximum(skips, 0))
    return skips


@pytest.mark.parametrize("image_shape,kernel_size", [((4, 5, 1), 3), ((3, 3, 3), 5)])
def test_logits_follow_the_equations(image_shape, kernel_size):
    model = make(
        GatedPixelCNN,
        image_shape,
        num_blocks=2,
        kernel_size=kernel_size,
        embedding_dim=3,
    )
    images = np.random.default_rng(1).random((2, *image_shape)).astype("float32")
    expected = [plain(model, *pair) for pair in zip(images, EMBEDDINGS, strict=False)]
    np.testing.assert_allclose(
        numpy(model((images, EMBEDDINGS[:2]))), expected, rtol=1e-4, atol=1e-4
    )


# What sees what.


@pytest.mark.parametrize(
    "image_shape,num_levels,num_classes",
    [((4, 5, 1), 2, 3), ((3, 4, 3), 2, None), ((2, 3, 3), 3, None)],
)
def test_logits_depend_on_all_earlier_values_and_no_others(
    image_shape, num_levels, num_classes
):
    model = make(
        GatedPixelCNN, image_shape, num_levels=num_levels, num_classes=num_classes
    )
    labels = None if num_classes is None else np.arange(num_classes)
    found = dependence(model, labels=labels)
    size = int(np.prod(image_shape))
    np.testing.assert_array_equal(found, np.tri(size, k=-1, dtype=bool))


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_reach_is_a_rectangle_above_without_blind_spot(kernel_size):
    height, width = 7, 7
    model = make(GatedPixelCNN, (height, width, 1), kernel_size=kernel_size)
    found = dependence(model, num_images=2)
    reach = 3 + kernel_size // 2  # of the 7x7 block and of one more
    rows, columns = np.divmod(np.arange(height * width), width)
    near = (rows[:, None] - rows <= reach) & (abs(columns[:, None] - columns) <= reach)
    earlier = np.tri(height * width, k=-1, dtype=bool)
    np.testing.assert_array_equal(found, near & earlier)


def test_default_for_mnist_has_255841_parameters():
    assert GatedPixelCNN((28, 28, 1)).count_params() == 255_841


# Conditions.


def test_embeddings_that_are_one_hot_are_labels(embedded):
    labelled = make(GatedPixelCNN, (3, 4, 1), num_classes=3)
    labels = np.arange(6) % 3
    embeddings = np.eye(3, dtype="float32")[labels]
    images = numpy(labelled.sample(6, labels, seed=0))
    np.testing.assert_array_equal(numpy(embedded.sample(6, embeddings, seed=0)), images)
    np.testing.assert_allclose(
        numpy(embedded.log_prob(images, embeddings)),
        numpy(labelled.log_prob(images, labels)),
        rtol=1e-6,
    )
    assert np.ptp(numpy(labelled.log_prob(np.zeros((3, 3, 4, 1)), [0, 1, 2]))) > 0.01


@pytest.mark.parametrize("completes", [False, True])
def test_caches_change_no_value_with_embeddings(embedded, completes):
    arguments = {"seed": 3, "return_log_prob": True}
    if completes:
        rng = np.random.default_rng(0)
        arguments["known"] = rng.integers(0, 2, size=(6, 3, 4, 1))
        arguments["mask"] = rng.random((6, 3, 4, 1)) < 0.5
    images, log_prob = embedded.sample(6, EMBEDDINGS, **arguments)
    naive, naive_log_prob = embedded.sample(6, EMBEDDINGS, **arguments, use_cache=False)
    np.testing.assert_array_equal(numpy(images), numpy(naive))
    np.testing.assert_allclose(numpy(log_prob), numpy(naive_log_prob), rtol=1e-4)
    if not completes:
        expected = numpy(embedded.log_prob(images, EMBEDDINGS))
        np.testing.assert_allclose(numpy(log_prob), expected, rtol=1e-4)


def test_an_embedding_a_sample_or_one_for_all(embedded):
    one = numpy(embedded.sample(6, EMBEDDINGS[0], seed=5))
    each = numpy(embedded.sample(6, np.tile(EMBEDDINGS[0], (6, 1)), seed=5))
    np.testing.assert_array_equal(one, each)
    assert np.any(numpy(embedded.sample(6, -20 * EMBEDDINGS[0], seed=5)) != one)


def test_file_keeps_the_kind_of_condition(embedded, tmp_path):
    embedded.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    images = numpy(embedded.sample(6, EMBEDDINGS, seed=0))
    np.testing.assert_array_equal(numpy(loaded.sample(6, EMBEDDINGS, seed=0)), images)


@pytest.mark.parametrize(
    "condition,message",
    [
        (None, "needs embeddings, as `y` in `fit`"),
        (np.arange(6), r"Embeddings must have shape \(6, 3\).*Received shape \(6, 6\)"),
        (EMBEDDINGS[:5], r"Embeddings must have shape \(6, 3\).*Received shape"),
        (EMBEDDINGS * np.inf, "Embeddings must be finite. Received"),
    ],
    ids=["none", "labels", "too_few", "infinite"],
)
def test_bad_embedding_is_an_error(embedded, condition, message):
    with pytest.raises(ValueError, match=message):
        embedded.sample(6, condition)
    if np.ndim(condition) != 1:  # in `fit` there is no one for all
        embedded.compile()
        with pytest.raises(ValueError, match=message):
            embedded.fit(np.zeros((6, 3, 4, 1)), condition, verbose=0)


def test_unknown_embedding_in_a_stream_gives_nan(embedded):
    broken = np.where(np.arange(6)[:, None] == 2, np.nan, EMBEDDINGS)
    embedded.compile()
    # The first batch is looked at on the host.
    batches = [EMBEDDINGS, *itertools.repeat(broken, 5)]
    stream = ((np.zeros((6, 3, 4, 1)), embeddings) for embeddings in batches)
    logs = embedded.evaluate(stream, steps=2, verbose=0, return_dict=True)
    assert np.isnan(logs["loss"])


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"num_levels": 1}, "num_levels"),
        ({"filters": 0}, "filters"),
        ({"filters": 4, "image_shape": (2, 2, 3)}, "filters"),
        ({"num_blocks": 0}, "num_blocks"),
        ({"kernel_size": 4}, "kernel_size"),
        ({"kernel_size": 1}, "kernel_size"),
        ({"image_shape": (2, 2)}, "image_shape"),
        ({"num_classes": 0}, "num_classes"),
        ({"embedding_dim": 0}, "embedding_dim"),
        ({"embedding_dim": 3, "num_classes": 3}, "embedding_dim"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: "):
        GatedPixelCNN(**{"image_shape": (2, 2, 1), **arguments})
