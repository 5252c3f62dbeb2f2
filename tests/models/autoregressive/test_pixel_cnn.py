"""PixelCNN: what sees what, and that probabilities are probabilities."""

import functools
import itertools

import keras
import numpy as np
import pytest
import scipy.stats
from keras import ops

from keras_genmod import PixelCNN
from tests.models.autoregressive.cases import dependence, make

BINARY = np.array(list(itertools.product([0, 1], repeat=4)), "float32")
BINARY = BINARY.reshape(16, 2, 2, 1)


pixel_cnn = functools.partial(make, PixelCNN)


def small_model(**kwargs):
    return pixel_cnn((2, 2, 1), scale=1.5, **kwargs)


def exact_probabilities(model, images=BINARY, **kwargs):
    log_prob = ops.convert_to_numpy(model.log_prob(images, **kwargs))
    return np.exp(log_prob.astype("float64"))


def one_layer(image_shape, reach, centre):
    """Says which value a masked convolution shows to which: `(seer, seen)`."""
    height, width, channels = image_shape
    shows = np.zeros((*image_shape, *image_shape), bool)
    for r, c, g in itertools.product(range(height), range(width), range(channels)):
        for s, d, h in itertools.product(range(height), range(width), range(channels)):
            near = abs(s - r) <= reach and abs(d - c) <= reach
            here = (s, d) == (r, c) and (h < g or (centre and h == g))
            shows[r, c, g, s, d, h] = near and ((s, d) < (r, c)) or here
    size = height * width * channels
    return shows.reshape(size, size).astype(int)


def receptive_field(image_shape, num_blocks):
    """Follows all paths: 7x7 mask A, then blocks of 1x1, 3x3, 1x1 mask B, then 1x1."""
    pointwise = one_layer(image_shape, 0, True)
    block = pointwise @ one_layer(image_shape, 1, True) @ pointwise
    seen = one_layer(image_shape, 3, False)
    for _ in range(num_blocks):
        seen = np.minimum(seen + block @ seen, 1)
    return pointwise @ pointwise @ seen > 0


@pytest.mark.parametrize(
    "image_shape,num_levels,num_classes",
    [((5, 7, 1), 2, 3), ((3, 4, 3), 2, None), ((3, 3, 3), 3, 2)],
)
def test_logits_depend_on_all_earlier_values_in_reach_and_no_others(
    image_shape, num_levels, num_classes
):
    model = pixel_cnn(
        image_shape,
        num_levels=num_levels,
        num_classes=num_classes,
        num_blocks=2,
        filters=24,
    )
    labels = None if num_classes is None else np.arange(num_classes)
    found = dependence(model, labels=labels)
    expected = receptive_field(image_shape, num_blocks=2)
    assert not np.any(np.triu(found))  # d logits[i] / d x[j] = 0 for all j >= i
    np.testing.assert_array_equal(found, expected)


def test_channels_of_a_pixel_come_red_green_blue():
    found = dependence(pixel_cnn((1, 1, 3), filters=24))
    np.testing.assert_array_equal(found, [[0, 0, 0], [1, 0, 0], [1, 1, 0]])


def test_blind_spot_is_above_and_to_the_right():
    # Each row up gives one more column to the right, after the three of the 7x7.
    height, width = 3, 9
    seen = receptive_field((height, width, 1), num_blocks=15)
    for i, j in itertools.product(range(height * width), repeat=2):
        up = i // width - j // width
        right = j % width - i % width
        blind = up > 0 and right > up + 2
        assert seen[i, j] == (j < i and not blind)


def test_default_for_mnist_has_53569_parameters():
    assert PixelCNN((28, 28, 1)).count_params() == 53_569


@pytest.mark.parametrize(
    "image_shape,num_levels,num_classes",
    [
        ((2, 2, 1), 2, None),
        ((2, 2, 1), 3, None),
        ((1, 2, 3), 2, None),
        ((2, 2, 1), 2, 2),
    ],
)
def test_probabilities_of_all_images_sum_to_one(image_shape, num_levels, num_classes):
    model = pixel_cnn(
        image_shape, scale=1.5, num_levels=num_levels, num_classes=num_classes
    )
    values = np.arange(num_levels) / (num_levels - 1)
    size = int(np.prod(image_shape))
    images = np.array(list(itertools.product(values, repeat=size)), "float32")
    images = images.reshape(-1, *image_shape)
    for label in [None] if num_classes is None else range(num_classes):
        condition = None if label is None else np.full(len(images), label)
        p = exact_probabilities(model, images, condition=condition)
        assert abs(p.sum() - 1.0) < 1e-5
        assert p.max() / p.min() > 2  # no uniform distribution


def test_log_prob_is_the_product_of_the_conditionals():
    model = small_model()
    logits = ops.convert_to_numpy(model(BINARY)).astype("float64")
    chances = 1.0 / (1.0 + np.exp(-logits))
    conditionals = np.where(BINARY == 1, chances, 1.0 - chances)
    expected = conditionals.prod(axis=(1, 2, 3))
    np.testing.assert_allclose(exact_probabilities(model), expected, atol=1e-6)


def counts_of(images):
    index = ops.convert_to_numpy(images).reshape(len(images), 4) @ [8, 4, 2, 1]
    return np.bincount(index.astype(int), minlength=16)


def assert_frequencies(counts, probabilities):
    possible = probabilities > 0
    assert np.all(counts[~possible] == 0)
    expected = probabilities[possible] / probabilities.sum() * counts.sum()
    assert scipy.stats.chisquare(counts[possible], expected).pvalue > 1e-3


def test_samples_have_the_exact_frequencies():
    model = small_model()
    counts = counts_of(model.sample(10_000, seed=0))
    assert_frequencies(counts, exact_probabilities(model))


def test_samples_of_a_class_have_its_frequencies():
    model = small_model(num_classes=2)
    condition = np.arange(10_000) % 2
    images = ops.convert_to_numpy(model.sample(10_000, condition=condition, seed=0))
    for label in range(2):
        p = exact_probabilities(model, condition=np.full(16, label))
        assert_frequencies(counts_of(images[condition == label]), p)


def test_samples_of_three_levels_have_the_exact_frequencies():
    model = pixel_cnn((1, 2, 1), scale=1.5, num_levels=3)
    pairs = np.array(list(itertools.product([0.0, 0.5, 1.0], repeat=2)), "float32")
    p = exact_probabilities(model, pairs.reshape(9, 1, 2, 1))
    images = ops.convert_to_numpy(model.sample(10_000, seed=0)).reshape(-1, 2)
    counts = np.bincount((images @ [6, 2]).astype(int), minlength=9)
    assert_frequencies(counts, p)


def test_completion_keeps_known_pixels_and_draws_the_rest_given_them():
    # Pixels 1 and 3 of 4 in raster order are known: x0 is drawn from p(x0), and x2
    # from p(x2 | x0, x1). What follows a pixel does not change its distribution.
    model = small_model()
    known = np.array([[[0], [1]], [[0], [0]]], "float32")
    mask = np.array([[[0], [1]], [[0], [1]]], bool)
    images = ops.convert_to_numpy(model.sample(10_000, seed=0, known=known, mask=mask))
    assert np.all(images[:, 0, 1] == 1) and np.all(images[:, 1, 1] == 0)

    joint = exact_probabilities(model).reshape(2, 2, 2, 2)
    first = joint.sum(axis=(1, 2, 3))
    upto_third = joint.sum(axis=3)[:, 1]  # p(x0, x1 = 1, x2)
    third = upto_third / upto_third.sum(axis=1, keepdims=True)
    expected = np.zeros((2, 2, 2, 2))
    expected[:, 1, :, 0] = first[:, None] * third
    assert_frequencies(counts_of(images), expected.reshape(16))


def masked_taps(model):
    """Returns the closed taps of every kernel, by the construction of the paper."""
    taps = []
    for kernel in (w for w in model.get_weights() if w.ndim == 4):
        height, width = kernel.shape[:2]
        closed = np.zeros(kernel.shape, bool)
        closed[height // 2 + 1 :] = True
        closed[height // 2, width // 2 + 1 :] = True
        if height == 7:
            closed[height // 2, width // 2] = True
        taps.append(kernel[closed])
    return np.concatenate(taps)


def test_masked_taps_stay_zero_in_memory_and_in_files(tmp_path):
    model = PixelCNN((4, 4, 1), filters=4, num_blocks=1, seed=0)
    assert masked_taps(model).size > 0 and np.all(masked_taps(model) == 0)
    model.compile(keras.optimizers.AdamW(0.05, weight_decay=0.1))
    images = np.random.default_rng(0).integers(0, 2, size=(32, 4, 4, 1))
    images = images.astype("float32")
    before = model.get_weights()
    model.fit(images, epochs=2, batch_size=16, verbose=0)
    assert all(np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True))
    assert np.all(masked_taps(model) == 0)

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert np.all(masked_taps(loaded) == 0)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(loaded(images)), ops.convert_to_numpy(model(images))
    )


def test_values_off_the_levels_are_an_error():
    with pytest.raises(ValueError, match="`x` must hold the values k / 2 .*Received"):
        pixel_cnn((2, 2, 1), num_levels=3).log_prob(np.full((1, 2, 2, 1), 0.4))


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"num_levels": 1}, "num_levels"),
        ({"filters": 7}, "filters"),
        ({"filters": 4, "image_shape": (2, 2, 3)}, "filters"),
        ({"num_blocks": 0}, "num_blocks"),
        ({"image_shape": (2, 2)}, "image_shape"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: "):
        PixelCNN(**{"image_shape": (2, 2, 1), **arguments})


@pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="only JAX tells what it plans to use"
)
def test_memory_of_sampling_does_not_grow_with_the_number_of_rows():
    import jax

    def planned(height):
        model = pixel_cnn((height, 8, 1), filters=32, num_blocks=3)
        arguments = {"num_samples": 16, "top_k": None, "use_cache": True}
        arguments["scored"] = True
        loop = functools.partial(PixelCNN._sample.__wrapped__, model, **arguments)
        state = ops.convert_to_tensor(np.array([1, 2], "uint32"))
        compiled = jax.jit(loop).lower(state, None, None, None, 1.0, None).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    images = 16 * 8 * (64 - 8) * 4  # bytes of the rows added to 16 images
    # The images, random numbers and chances, in two orders, and no features of them.
    assert planned(64) - planned(8) < 6 * images
