"""Style transfer's terms in closed form; images apart from their batch.

The networks are pixels themselves, or a linear map of them, so that features, Gram
matrices and gradients are a few lines of NumPy.
"""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import StyleTransfer
from keras_genmod.models.restoration.style_terms import gram_matrix
from tests.autodiff import gradient

RNG = np.random.default_rng(0)
CONTENT = RNG.random((2, 4, 6, 2), dtype="float32")
STYLE = RNG.random((1, 6, 4, 2), dtype="float32") ** 2
IMAGES = RNG.random((2, 4, 6, 2), dtype="float32")
KERNEL = RNG.normal(size=(2, 3)).astype("float32")


def value(x):
    return np.array(ops.convert_to_numpy(x))


def network(factor=1.0, size=(8, 8), **kwargs):
    """Returns pixels, a linear map of them, their pooled maxima, and a classifier."""
    inputs = keras.Input((*size, 2))
    x = keras.layers.Conv2D(2, 1, use_bias=False, name="pixels", **kwargs)(inputs)
    x = keras.layers.Conv2D(3, 1, use_bias=False, name="mapped", **kwargs)(x)
    x = keras.layers.MaxPooling2D(2, name="pooled")(x)
    outputs = keras.layers.Dense(3, name="classes")(keras.layers.Flatten()(x))
    model = keras.Model(inputs, outputs)
    model.get_layer("pixels").set_weights([factor * np.eye(2)[None, None]])
    model.get_layer("mapped").set_weights([KERNEL[None, None]])
    return model


@pytest.fixture(scope="module")
def transfer():
    return StyleTransfer(network(), "mapped", ["pixels", "mapped"], [0.25, 2.0])


def gram(features):
    """Returns the Gram matrix of one image's features by a loop over its places."""
    rows = features.reshape(-1, features.shape[-1]).astype("float64")
    return sum(np.outer(row, row) for row in rows) / len(rows)


def test_gram_matrix_of_constants_is_their_product_at_any_size():
    vector = np.array([1.0, -2.0, 3.0], "float32")
    for shape in ((1, 1), (3, 5)):
        found = value(gram_matrix(np.broadcast_to(vector, (2, *shape, 3))))
        np.testing.assert_allclose(found, [np.outer(vector, vector)] * 2, rtol=1e-6)


def test_gram_matrix_is_that_of_a_loop_over_each_image():
    found = value(gram_matrix(ops.convert_to_tensor(IMAGES)))
    np.testing.assert_allclose(found, [gram(x) for x in IMAGES], rtol=1e-5)


def test_terms_are_those_of_the_formula(transfer):
    found = {k: value(v) for k, v in transfer((IMAGES, CONTENT, STYLE)).items()}
    for i, (x, c) in enumerate(zip(IMAGES, CONTENT, strict=True)):
        unit = np.abs(c @ KERNEL).mean()
        expected = np.square((x - c) @ KERNEL / unit).mean() / 2
        np.testing.assert_allclose(found["content"][i], expected, rtol=1e-5)
        expected = 0.0
        for weight, kernel in ((0.25, np.eye(2)), (2.0, KERNEL)):
            unit = np.abs(STYLE[0] @ kernel).mean()
            difference = gram(x @ kernel / unit) - gram(STYLE[0] @ kernel / unit)
            n = len(difference)
            expected += weight * np.square(difference).sum() / (4 * n**2)
        np.testing.assert_allclose(found["style"][i], expected, rtol=1e-4)


def test_variation_of_a_ramp_is_its_squared_slopes(transfer):
    rows, columns = np.mgrid[:4, :6]
    ramp = (0.1 * rows + 0.03 * columns)[None, :, :, None].repeat(2, axis=-1)
    found = value(transfer((ramp, ramp, STYLE))["variation"])
    np.testing.assert_allclose(found, 0.1**2 + 0.03**2, rtol=1e-4)


@pytest.mark.every_backend
def test_gradient_of_the_style_is_that_of_the_paper():
    transfer = StyleTransfer(network(), "pixels", "pixels")
    found = gradient(lambda x: ops.sum(transfer((x, CONTENT, STYLE))["style"]), IMAGES)
    unit = np.abs(STYLE).mean()
    for x, of_x in zip(IMAGES / unit, found, strict=True):
        difference = gram(x) - gram(STYLE[0] / unit)
        # F (G - A) / (N^2 M): equation 6 of the paper, of G over M places
        expected = x @ difference / (2**2 * 24) / unit
        np.testing.assert_allclose(of_x, expected, rtol=1e-3, atol=1e-6)


def test_every_term_is_least_at_the_image_itself(transfer):
    found = transfer((CONTENT, CONTENT, CONTENT))
    np.testing.assert_array_equal(value(found["content"]), 0.0)
    np.testing.assert_array_equal(value(found["style"]), 0.0)
    made = transfer.transfer(CONTENT, CONTENT, num_steps=3)
    np.testing.assert_array_equal(value(made), CONTENT)


def test_style_knows_no_places_and_no_size(transfer):
    tiled = np.tile(STYLE, (1, 2, 3, 1))[:, ::-1]
    found = transfer((tiled, tiled, STYLE))["style"]
    np.testing.assert_allclose(value(found), 0.0, atol=1e-9)


def test_terms_do_not_depend_on_the_scale_of_features():
    one, large = (
        StyleTransfer(network(factor), "mapped", ["mapped"]) for factor in (1.0, 50.0)
    )
    found = (t((IMAGES, CONTENT, STYLE)) for t in (one, large))
    for a, b in zip(*(f.values() for f in found), strict=True):
        np.testing.assert_allclose(value(a), value(b), rtol=1e-4)


@pytest.mark.parametrize("average", [True, False])
def test_pooling_takes_means_where_asked_for(average):
    transfer = StyleTransfer(network(), "pooled", "mapped", average_pooling=average)

    def pooled(x):
        blocks = (x @ KERNEL).reshape(2, 2, 2, 3, 2, 3)
        return blocks.mean((2, 4)) if average else blocks.max((2, 4))

    x, c = pooled(IMAGES), pooled(CONTENT)
    unit = np.abs(c).mean((1, 2, 3))
    expected = np.square(x - c).mean((1, 2, 3)) / unit**2 / 2
    found = value(transfer((IMAGES, CONTENT, STYLE))["content"])
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.fixture(scope="module")
def calls(transfer):
    """Returns what is made of contents, in a batch and alone, by one compiled call."""

    def made(content, **kwargs):
        options = {"num_steps": 40, "learning_rate": 0.05, **kwargs}
        return value(transfer.transfer(content, STYLE, **options))

    return made


@pytest.mark.every_backend
def test_steps_go_down_to_style_and_content(transfer, calls):
    made = calls(CONTENT, style_weight=100.0)
    before = value(transfer((CONTENT, CONTENT, STYLE))["style"])
    found = {k: value(v) for k, v in transfer((made, CONTENT, STYLE)).items()}
    assert np.all(found["style"] < 0.05 * before)
    # From noise, and without a style, to the content itself.
    made = calls(CONTENT, style_weight=0.0, start="noise")
    assert np.abs(made - CONTENT).mean() < 0.02


def test_an_image_does_not_depend_on_its_batch(calls):
    made = calls(CONTENT)
    for i in range(2):
        np.testing.assert_allclose(calls(CONTENT[i : i + 1])[0], made[i], atol=2e-3)


def test_pixels_stay_in_their_range(calls):
    made = calls(CONTENT, learning_rate=1.0, style_weight=100.0)
    assert made.dtype == "float32" and made.min() >= 0 and made.max() <= 1


def test_noise_is_that_of_the_seed_and_images_go_on(calls):
    nothing = {"content_weight": 0.0, "style_weight": 0.0, "start": "noise"}
    one, other = (calls(CONTENT, seed=seed, **nothing) for seed in (0, 1))
    np.testing.assert_array_equal(one, calls(CONTENT, seed=0, **nothing))
    assert np.abs(one - other).mean() > 0.1 and one.std() > 0.2
    np.testing.assert_array_equal(calls(CONTENT, **{**nothing, "start": one}), one)


def test_variation_smooths(calls):
    made = calls(CONTENT, content_weight=0.0, style_weight=0.0, variation_weight=1.0)
    assert made.std(axis=(1, 2)).max() < 0.3 * CONTENT.std(axis=(1, 2)).min()


def test_half_precision_has_the_terms_of_single(transfer):
    # Such features are no numbers of 16 bits.
    half = network(1e5, dtype="mixed_float16")
    made = StyleTransfer(half, "mapped", ["pixels", "mapped"], [0.25, 2.0])
    found, expected = (t((IMAGES, CONTENT, STYLE)) for t in (made, transfer))
    for name in expected:
        np.testing.assert_allclose(value(found[name]), value(expected[name]), rtol=1e-3)


def test_the_network_is_copied_and_frozen(transfer):
    given = network()
    made = StyleTransfer(given, "mapped", ["pixels", "mapped"], [0.25, 2.0])
    given.get_layer("mapped").kernel.assign(np.zeros((1, 1, 2, 3)))
    found, expected = (t((IMAGES, CONTENT, STYLE)) for t in (made, transfer))
    np.testing.assert_allclose(value(found["content"]), value(expected["content"]))
    assert not made.trainable_variables


def test_config_and_weights_make_it_again(transfer):
    again = StyleTransfer.from_config(transfer.get_config())
    assert again.get_config() == transfer.get_config()
    again.set_weights(transfer.get_weights())
    found, expected = (t((IMAGES, CONTENT, STYLE)) for t in (again, transfer))
    for name in expected:
        np.testing.assert_array_equal(value(found[name]), value(expected[name]))


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"content_layers": "relu"}, "`content_layers` must be names of layers"),
        ({"content_layers": "classes"}, "`content_layers` must be .* a height"),
        ({"style_layers": []}, "`style_layers` must be names"),
        ({"style_layers": ["mapped", "mapped"]}, "`style_layers` must name each"),
        ({"style_layer_weights": [1.0, 2.0]}, "`style_layer_weights` must be 1 num"),
        ({"style_layer_weights": [-1.0]}, "`style_layer_weights` must be a number"),
        ({"average_pooling": 1}, "`average_pooling` must be"),
        ({"network": keras.layers.Dense(2)}, "`network` must be a built"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    good = {"network": network(), "content_layers": "mapped", "style_layers": "mapped"}
    with pytest.raises(ValueError, match=message):
        StyleTransfer(**{**good, **arguments})


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"content": CONTENT[0]}, "`content` must have shape"),
        ({"content": 255 * CONTENT}, r"`content` must .*\[0, 1\]"),
        ({"style": STYLE[..., :1]}, "`style` must have shape"),
        ({"style": np.repeat(STYLE, 3, axis=0)}, "`style` must be one image, or one"),
        ({"start": "style"}, "`start` must be one of"),
        ({"start": None}, "`start` must be one of"),
        ({"start": CONTENT[:1]}, "`start` must have the shape of `content`"),
        ({"num_steps": 0}, "`num_steps` must be a positive int"),
        ({"learning_rate": 0.0}, "`learning_rate` must be"),
        ({"style_weight": -1.0}, "`style_weight` must be"),
        ({"style_weight": 1e39}, "`style_weight` must be from 1.2e-38 to 3.4e.38"),
        ({"style_weight": 1e-50}, "`style_weight` must be from 1.2e-38 to 3.4e.38"),
        ({"content_weight": 1e39}, "`content_weight` must be from"),
        ({"variation_weight": 1e39}, "`variation_weight` must be from"),
        ({"learning_rate": 1e39}, "`learning_rate` must be from .*Received: .*1e.39"),
        ({"learning_rate": 1e-50}, "`learning_rate` must be from"),
        ({"seed": None}, "`seed` must be"),
    ],
)
def test_bad_images_and_numbers_are_named(transfer, arguments, message):
    with pytest.raises(ValueError, match=message):
        transfer.transfer(**{"content": CONTENT, "style": STYLE, **arguments})


def test_weights_of_layers_are_numbers_of_float32():
    for weight in (-1.0, 1e39, 1e-50):
        with pytest.raises(ValueError, match="`style_layer_weights` must be"):
            StyleTransfer(network(), "mapped", ["pixels", "mapped"], [0.0, weight])


def test_images_that_pooling_leaves_nothing_of_are_refused():
    pooled = StyleTransfer(network(), "pooled", "mapped")
    with pytest.raises(ValueError, match="`content` must be larger"):
        pooled.transfer(CONTENT[:, :1], STYLE)
