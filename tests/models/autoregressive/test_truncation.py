"""Top-k and nucleus sampling leave the levels in that they should."""

import numpy as np
import pytest
from keras import ops

from keras_genmod import CausalTransformer, PixelCNNPlusPlus
from keras_genmod.models.autoregressive.truncation import truncated
from tests.contracts import torch_param
from tests.models.autoregressive.cases import make

CHANCES = np.array([[0.1, 0.4, 0.2, 0.3], [0.25, 0.25, 0.25, 0.25]], "float32")


def left(top_k, top_p):
    """Returns which levels are within reach."""
    top_p = None if top_p is None else ops.cast(top_p, "float32")
    logits = truncated(ops.array(np.log(CHANCES)), top_k, top_p)
    return ops.convert_to_numpy(ops.softmax(logits)) > 0


@pytest.mark.parametrize(
    "top_k,top_p,expected",
    [
        (None, None, [1, 1, 1, 1]),
        (2, None, [0, 1, 0, 1]),
        (9, None, [1, 1, 1, 1]),
        (None, 0.65, [0, 1, 0, 1]),  # 0.4 + 0.3 reach it
        (None, 0.75, [0, 1, 1, 1]),
        (None, 1e-6, [0, 1, 0, 0]),
        (2, 0.55, [0, 1, 0, 0]),  # 0.4 / 0.7 of what top_k leaves
    ],
)
def test_the_likeliest_levels_stay(top_k, top_p, expected):
    np.testing.assert_array_equal(left(top_k, top_p)[0], expected)


def test_levels_that_are_as_likely_as_the_last_one_stay():
    assert left(2, None)[1].all()


@pytest.fixture(scope="module", params=[torch_param(2), 5])
def model(request):
    model = make(CausalTransformer, (2, 2, 1), num_levels=request.param)
    model.head.kernel.assign(20 * ops.convert_to_numpy(model.head.kernel))
    return model


def draw(model, seed, **options):
    return ops.convert_to_numpy(model.sample(8, seed=seed, **options))


@pytest.mark.parametrize("options", [{"top_k": 1}, {"top_p": 1e-6}])
def test_the_likeliest_level_alone_leaves_nothing_to_chance(model, options):
    first = draw(model, 0, **options)
    np.testing.assert_array_equal(first, draw(model, 1, **options))
    np.testing.assert_array_equal(first, np.broadcast_to(first[:1], first.shape))
    uncached = draw(model, 0, use_cache=False, **options)
    np.testing.assert_array_equal(first, uncached)
    # No other level is likelier where it was drawn.
    outputs = ops.convert_to_numpy(model(first[:1]))[0]
    if model.num_levels == 2:
        likeliest = outputs > 0
    else:
        likeliest = outputs.argmax(-1)[..., None] / (model.num_levels - 1)
    np.testing.assert_allclose(first[0], likeliest, atol=1e-6)


def test_nothing_left_out_changes_nothing(model):
    plain = draw(model, 3)
    np.testing.assert_array_equal(plain, draw(model, 3, top_k=model.num_levels))
    np.testing.assert_array_equal(plain, draw(model, 3, top_p=1.0))


def test_log_prob_of_the_only_levels_left_is_zero(model):
    _, log_prob = model.sample(4, seed=0, top_k=1, return_log_prob=True)
    np.testing.assert_allclose(ops.convert_to_numpy(log_prob), 0.0, atol=1e-5)


@pytest.mark.parametrize("options", [{"top_k": 0}, {"top_p": 0.0}, {"top_p": 1.5}])
def test_bad_limits_are_named(model, options):
    with pytest.raises(ValueError, match=f"`{next(iter(options))}` must be"):
        model.sample(2, **options)


def test_mixtures_have_no_single_levels():
    model = PixelCNNPlusPlus((2, 2, 1), 4, 1, 2, 1, 1)
    with pytest.raises(ValueError, match="`top_k` and `top_p` must be None"):
        model.sample(2, top_k=1)
