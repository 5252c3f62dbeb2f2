"""PixelRNN: what sees what, and that its layers train and count as in the paper."""

import itertools

import numpy as np
import pytest
from keras import ops

from keras_genmod import PixelRNN
from tests.models.autoregressive.cases import (
    condition_of,
    dependence,
    diagonal_pixel_rnn,
    make,
    row_pixel_rnn,
)

MODELS = {"row": row_pixel_rnn, "diagonal": diagonal_pixel_rnn}


def values_of(image_shape):
    """Returns (row, column, channel) of every value, in the order of the model."""
    return list(itertools.product(*map(range, image_shape)))


def paths(image_shape, shows):
    """Says which value is shown to which: `(seer, seen)`, zeros and ones."""
    values = values_of(image_shape)
    return np.array([[int(shows(seer, seen)) for seen in values] for seer in values])


def convolution(image_shape, reach, centre, rows=None):
    """A masked convolution, `reach` pixels to all sides and `rows` rows up."""

    def shows(seer, seen):
        (r, c, g), (s, d, h) = seer, seen
        if (s, d) == (r, c):
            return h < g or (centre and h == g)
        up = r - s
        above = 0 < up <= (reach if rows is None else rows) and abs(d - c) <= reach
        return above or (up == 0 and 0 < c - d <= reach)

    return paths(image_shape, shows)


def triangle(image_shape, num_layers):
    """Follows all paths of a network of Row LSTMs."""
    size = int(np.prod(image_shape))
    pointwise = convolution(image_shape, 0, True)
    inputs = convolution(image_shape, 1, True, rows=0)
    states = paths(
        image_shape,
        lambda seer, seen: seen[0] == seer[0] - 1 and abs(seen[1] - seer[1]) <= 1,
    )
    lstm = np.eye(size, dtype=int)
    for _ in range(image_shape[0]):
        lstm = np.minimum(np.eye(size, dtype=int) + states @ lstm, 1)
    block = pointwise @ lstm @ inputs
    seen = convolution(image_shape, 3, False)
    for _ in range(num_layers):
        seen = np.minimum(seen + block @ seen, 1)
    return pointwise @ pointwise @ seen > 0


SHAPES = [((3, 8, 1), 2, 3), ((3, 4, 3), 2, None), ((3, 2, 3), 3, 2)]


def found_dependence(kind, case, num_layers):
    image_shape, num_levels, num_classes = case
    model = make(
        MODELS[kind],
        image_shape,
        num_levels=num_levels,
        num_classes=num_classes,
        num_layers=num_layers,
        filters=24,
    )
    return dependence(model, labels=condition_of(model, 8))


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("case", SHAPES, ids=str)
def test_row_logits_depend_on_a_triangle(case, num_layers):
    found = found_dependence("row", case, num_layers)
    assert not np.any(np.triu(found))
    np.testing.assert_array_equal(found, triangle(case[0], num_layers))


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("case", SHAPES, ids=str)
def test_diagonal_logits_depend_on_every_earlier_value(case, num_layers):
    found = found_dependence("diagonal", case, num_layers)
    size = int(np.prod(case[0]))
    np.testing.assert_array_equal(found, np.tri(size, k=-1) > 0)


def test_row_leaves_pixels_far_to_the_right_unseen():
    seen = triangle((3, 9, 1), num_layers=1)
    assert seen[9, :9].tolist() == [True] * 4 + [False] * 5  # by the 7x7 kernel alone


@pytest.mark.parametrize("kind", MODELS)
def test_parameters_are_those_of_the_paper_s_layers(kind):
    # 7 layers with h = 16: a 7x7 convolution with mask A; in each layer gates from 2h
    # inputs and from the states, with biases, and h to 2h; two 1x1 convolutions.
    h, layers = 16, 7
    lstm = {
        "row": (3 * 2 * h + 1) * 4 * h + 3 * h * 4 * h,
        "diagonal": 2 * ((2 * h + 1) * 4 * h + 2 * h * 4 * h),
    }[kind]
    first, back = (49 + 1) * 2 * h, (h + 1) * 2 * h
    head = (2 * h + 1) * 2 * h + (2 * h + 1)
    expected = first + layers * (lstm + back) + head
    assert PixelRNN((28, 28, 1), kind=kind).count_params() == expected


@pytest.mark.parametrize("kind", MODELS)
def test_residual_connections_keep_the_first_features(kind):
    # An LSTM layer whose 1x1 convolution is zero adds nothing to its input.
    model = make(MODELS[kind], (3, 3, 1), num_layers=2)
    x = np.random.default_rng(0).integers(0, 2, (4, 3, 3, 1)).astype("float32")
    before = ops.convert_to_numpy(model(x))
    for _, back in model.blocks:
        back.set_weights([np.zeros_like(w) for w in back.get_weights()])
    without = ops.convert_to_numpy(model(x))
    features = model.first(ops.pad(x, [[0, 0], [0, 0], [0, 1], [0, 0]]))
    for layer in model.head:
        features = layer(ops.relu(features))
    np.testing.assert_allclose(
        without, ops.convert_to_numpy(features)[:, :, :3], atol=1e-6
    )
    assert np.any(before != without)


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"kind": "column"}, "kind"),
        ({"kind": None}, "kind"),
        ({"num_layers": 0}, "num_layers"),
        ({"num_layers": 13}, "num_layers"),
        ({"filters": 0}, "filters"),
        ({"filters": 7}, "filters"),
        ({"filters": 8, "image_shape": (2, 2, 3)}, "filters"),
        ({"image_shape": (2, 2)}, "image_shape"),
        ({"num_levels": 1}, "num_levels"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: "):
        PixelRNN(**{"image_shape": (2, 2, 1), **arguments})
