"""What all autoregressive models promise: densities, and sampling with caches."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import CausalTransformer, GatedPixelCNN, PixelCNN
from tests.contracts import slow_elsewhere, torch_param, uncompiled
from tests.models.autoregressive.cases import (
    SMALL,
    all_images,
    condition_of,
    diagonal_pixel_rnn,
    make,
    pixel_cnn_pp,
    row_pixel_rnn,
)

MODELS = pytest.mark.parametrize("cls", SMALL, ids=lambda cls: cls.__name__)
GREY = ((2, 4, 1), {"num_levels": 2, "num_classes": 3})
COLOURS = ((2, 3, 3), {"num_levels": 256})
# So wide that two rows, and three, are drawn at a time; `num_blocks` for paths upwards.
WIDE_GREY = ((4, 8, 1), {"num_levels": 2, "num_classes": 3, "num_blocks": 2})
WIDE_COLOURS = ((5, 12, 3), {"num_levels": 256, "num_blocks": 2})
# Each model draws both kinds, one in float64 (on torch alone) and one in float32.
KINDS = {
    CausalTransformer: (COLOURS, GREY),
    GatedPixelCNN: (GREY, COLOURS),
    PixelCNN: (WIDE_COLOURS, WIDE_GREY),
    pixel_cnn_pp: (GREY, COLOURS),  # two resolutions, and one
    row_pixel_rnn: (COLOURS, GREY),
    diagonal_pixel_rnn: (GREY, COLOURS),
}


def numpy(x):
    return ops.convert_to_numpy(x)


@pytest.fixture(scope="module", params=KINDS, ids=lambda cls: cls.__name__)
def model(request):
    """One model for several tests: what it compiles, it compiles once."""
    image_shape, arguments = KINDS[request.param][1]
    return make(request.param, image_shape, **arguments)


def draw(model, num_samples, **arguments):
    """Draws as users do, compiled."""
    arguments = {"seed": 3, "return_log_prob": True, **arguments}
    return [numpy(x) for x in model.sample(num_samples, **arguments)]


def both_ways(model, num_samples, **arguments):
    """Draws with the caches, and without; XLA would have draws of its own."""
    with uncompiled():
        return [
            draw(model, num_samples, **arguments, use_cache=c) for c in (True, False)
        ]


def completion(model, share):
    """Returns arguments of `sample`: a share of the values of an image is known."""
    rng = np.random.default_rng(0)
    known = rng.integers(0, model.num_levels, size=model.image_shape)
    return {
        "condition": condition_of(model, 6),
        "known": known / (model.num_levels - 1),
        "mask": rng.random(model.image_shape) < share,
    }


# A mask of nothing makes the compiled calls serve for the completions, too.
def test_caches_change_no_value_that_is_drawn(model):
    ways = both_ways(model, 6, **completion(model, 0.0))
    (images, log_prob), (naive, naive_log_prob) = ways
    np.testing.assert_array_equal(images, naive)
    np.testing.assert_allclose(log_prob, naive_log_prob, rtol=1e-4)
    assert len(np.unique(images.reshape(6, -1), axis=0)) > 1
    with uncompiled():
        alone = numpy(model.sample(6, seed=3, **completion(model, 0.0)))
    np.testing.assert_array_equal(alone, images)


def test_log_prob_of_samples_is_what_the_loop_says(model):
    images, log_prob = draw(model, 6, **completion(model, 0.0))
    expected = numpy(model.log_prob(images, condition_of(model, 6)))
    np.testing.assert_allclose(log_prob, expected, rtol=1e-4, atol=1e-4)


def test_draws_of_nan_weights_are_nan(model):
    weights = model.get_weights()
    try:
        model.set_weights([np.full_like(weight, np.nan) for weight in weights])
        images, log_prob = draw(model, 6, **completion(model, 0.0))
        with uncompiled():
            naive, _ = draw(model, 6, **completion(model, 0.0), use_cache=False)
    finally:
        model.set_weights(weights)
    assert np.all(np.isnan(images)) and np.all(np.isnan(naive))
    assert np.all(np.isnan(log_prob))


def test_data_that_a_stream_should_not_hold_are_nan(model):
    last = model.num_levels - 1
    right = np.zeros((1, *model.image_shape), "float32")
    right[:, 0] = 1.0
    broken = np.where(right == 0, np.nan, right)
    wrong = [2 * right - 1, 255 * right, right + 0.4 / last, broken]
    x = ops.convert_to_tensor(np.concatenate([right, *wrong]))
    condition = condition_of(model, 5)
    outputs = model.call(x if condition is None else (x, condition))
    log_prob = numpy(model._log_prob_on_levels(x, outputs))
    np.testing.assert_array_equal(np.isnan(log_prob), [False] + 4 * [True])


def test_completion_is_the_same_with_caches(model):
    arguments = completion(model, 0.5)
    (images, log_prob), (naive, naive_log_prob) = both_ways(model, 6, **arguments)
    np.testing.assert_array_equal(images, naive)
    np.testing.assert_allclose(log_prob, naive_log_prob, rtol=1e-4, atol=1e-4)
    known, mask = arguments["known"], arguments["mask"]
    kept = np.repeat(known[mask][None], 6, axis=0)
    np.testing.assert_allclose(images[:, mask], kept, atol=1e-6)
    _, log_prob = draw(model, 6, **completion(model, 1.0))
    np.testing.assert_array_equal(log_prob, 0)


@MODELS
def test_probabilities_of_all_images_sum_to_one(cls):
    model = make(cls, (2, 3, 1), scale=1.5, num_classes=2)
    images = all_images((2, 3, 1), 2)
    for label in range(2):
        condition = np.full(len(images), label)
        p = np.exp(numpy(model.log_prob(images, condition)).astype("float64"))
        assert abs(p.sum() - 1) < 1e-5
        assert p.max() / p.min() > 2  # no uniform distribution


@slow_elsewhere  # two programs a model; `test_float64.py` draws from all everywhere
@MODELS
def test_caches_change_nothing_in_float64(cls, float64):
    image_shape, arguments = KINDS[cls][0]
    model = make(cls, image_shape, **arguments)
    (images, _), (naive, _) = both_ways(model, 8, condition=condition_of(model, 8))
    np.testing.assert_array_equal(images, naive)
    assert len(np.unique(images.reshape(8, -1), axis=0)) > 1


@slow_elsewhere  # on torch a loop over more than eight rows is recorded, or warns
@MODELS
def test_images_of_many_rows_are_drawn_in_the_same_way(cls, float64):
    model = make(cls, (12, 4, 1))
    (images, log_prob), (naive, _) = both_ways(model, 4)
    np.testing.assert_array_equal(images, naive)
    np.testing.assert_allclose(log_prob, numpy(model.log_prob(images)), rtol=1e-5)
    compiled = draw(model, 4)[0]
    if keras.backend.backend() != "tensorflow":  # where XLA has draws of its own
        np.testing.assert_array_equal(compiled, images)
    for _ in range(4):  # on torch the recorded calls, from the third time on
        np.testing.assert_array_equal(draw(model, 4)[0], compiled)
        # Another loop, which leaves out the log-probabilities.
        np.testing.assert_array_equal(numpy(model.sample(4, seed=3)), compiled)


# The two that draw in ways of their own.
@pytest.fixture(scope="module", params=[PixelCNN, torch_param(pixel_cnn_pp)])
def trained(request):
    model = make(request.param, (3, 4, 1))
    model.compile(keras.optimizers.Adam(0.01))
    stripes = np.zeros((32, 3, 4, 1), "float32")
    stripes[::2, ::2] = 1
    stripes[1::2, :, ::2] = 1
    model.fit(stripes, epochs=2, batch_size=16, verbose=0)
    return model


def test_caches_change_nothing_after_training(trained):
    images = numpy(trained.sample(8, seed=5))
    naive = numpy(trained.sample(8, seed=5, use_cache=False))
    np.testing.assert_array_equal(images, naive)


def test_a_mask_of_nothing_changes_nothing(trained):
    masked = trained.sample(8, seed=5, **completion(trained, 0.0))
    np.testing.assert_array_equal(numpy(masked), numpy(trained.sample(8, seed=5)))


def test_low_temperatures_draw_the_likeliest_values(trained):
    cold = numpy(trained.sample(8, seed=0, temperature=1e-6))
    assert len(np.unique(cold.reshape(8, -1), axis=0)) == 1
    log_prob = numpy(trained.log_prob(trained.sample(8, seed=0)))
    assert numpy(trained.log_prob(cold))[0] > np.mean(log_prob)


@slow_elsewhere
@MODELS
def test_outputs_are_float32_in_half_precision(cls, dtype_policy):
    dtype_policy("mixed_bfloat16")
    outputs = make(cls, (1, 2, 1))(np.zeros((1, 1, 2, 1), "float32"))
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"


def test_temperature_divides_the_logits():
    model = make(PixelCNN, (1, 1, 1), num_levels=3)
    arguments = {"seed": 0, "return_log_prob": True, "temperature": 3.0}
    images, log_prob = model.sample(8, **arguments)
    levels = (numpy(images).reshape(8, 1) * 2).astype(int)
    logits = numpy(model(numpy(images)))[:, 0, 0] / 3.0
    expected = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = np.take_along_axis(expected, levels, axis=-1)[:, 0]
    np.testing.assert_allclose(numpy(log_prob), expected, rtol=1e-4)


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan"), "hot"])
def test_bad_temperature_is_named(temperature):
    model = make(PixelCNN, (1, 1, 1))
    with pytest.raises(ValueError, match="`temperature` must be a finite .*Received"):
        model.sample(1, temperature=temperature)
