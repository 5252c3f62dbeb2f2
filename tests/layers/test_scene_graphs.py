"""Graphs know no order of objects, and layouts put each object where its box is."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.engine import input_gradient
from keras_genmod.layers import BoxCrop, BoxPaint, GraphConvolution, SceneGraphEmbedding
from tests.contracts import array_of

RNG = np.random.default_rng(0)
# Four objects and a place without one; relations, and a place without one.
VECTORS = RNG.normal(size=(2, 5, 3)).astype("float32")
PREDICATES = RNG.normal(size=(2, 4, 2)).astype("float32")
RELATIONS = np.array([[[0, 0, 1], [1, 1, 2], [3, 0, 1], [0, 0, 0]]] * 2, "int32")
MASK = np.array([[True, True, True, False], [True, True, False, False]])


@pytest.fixture(scope="module")
def convolution():
    keras.utils.set_random_seed(0)
    layer = GraphConvolution(4, 6)
    layer.build([VECTORS.shape, PREDICATES.shape, RELATIONS.shape, MASK.shape])
    return layer


def run(layer, *inputs):
    found = layer([ops.convert_to_tensor(x) for x in inputs])
    return [array_of(x) for x in found] if isinstance(found, list) else array_of(found)


def test_objects_change_places_freely(convolution):
    vectors, predicates = run(convolution, VECTORS, PREDICATES, RELATIONS, MASK)
    order = np.array([3, 0, 4, 1, 2])
    relations = RELATIONS.copy()
    relations[..., [0, 2]] = np.argsort(order)[RELATIONS[..., [0, 2]]]
    moved = run(convolution, VECTORS[:, order], PREDICATES, relations, MASK)
    np.testing.assert_allclose(moved[0], vectors[:, order], atol=1e-5)
    np.testing.assert_allclose(moved[1], predicates, atol=1e-5)


def test_relations_change_places_freely(convolution):
    vectors, _ = run(convolution, VECTORS, PREDICATES, RELATIONS, MASK)
    order = np.array([2, 3, 0, 1])
    other = (x[:, order] for x in (PREDICATES, RELATIONS, MASK))
    moved, _ = run(convolution, VECTORS, *other)
    np.testing.assert_allclose(moved, vectors, atol=1e-5)


def test_what_is_padded_changes_nothing(convolution):
    vectors, _ = run(convolution, VECTORS, PREDICATES, RELATIONS, MASK)
    noise = np.where(MASK[..., None], PREDICATES, 100.0).astype("float32")
    ends = np.where(MASK[..., None], RELATIONS, 2)
    padded = VECTORS.copy()
    padded[:, 4] = 100.0
    found, _ = run(convolution, padded, noise, ends, MASK)
    np.testing.assert_allclose(found, vectors, atol=1e-5)


def test_a_graph_convolution_as_the_formula_has_it(convolution):
    def dense(name, x):
        layer = getattr(convolution, name)
        kernel, bias = array_of(layer.kernel), array_of(layer.bias)
        return np.maximum(x @ kernel + bias, 0)

    total, count = np.zeros((5, 6)), np.zeros((5, 1))
    for (s, _, o), p in zip(RELATIONS[0][:3], PREDICATES[0], strict=False):
        triple = np.concatenate([VECTORS[0, s], p, VECTORS[0, o]])
        edge = dense("edge", dense("edge_hidden", triple))
        for end, part in ((s, edge[:6]), (o, edge[10:])):
            total[end] += part
            count[end] += 1
    expected = dense("node", dense("node_hidden", total / np.maximum(count, 1)))
    vectors, _ = run(convolution, VECTORS, PREDICATES, RELATIONS, MASK)
    np.testing.assert_allclose(vectors[0], expected, atol=1e-5)


def test_every_object_is_related_to_the_image():
    layer = SceneGraphEmbedding((3, 2), 2, 4)
    objects = np.array([[[0, 1], [2, 0], [0, 0]]], "int32")
    mask = np.array([[True, True, False]])
    vectors, predicates, relations, related = run(
        layer, objects, mask, RELATIONS[:1], MASK[:1]
    )
    table = array_of(layer.attributes)
    np.testing.assert_allclose(vectors[0, :2], table[[0, 2]] + table[[4, 3]], atol=1e-6)
    assert not vectors[0, 2].any()
    np.testing.assert_array_equal(vectors[0, 3], array_of(layer.image)[0])
    np.testing.assert_array_equal(relations[0, 4:], [[0, 2, 3], [1, 2, 3], [2, 2, 3]])
    np.testing.assert_array_equal(related[0], [*MASK[0], *mask[0]])
    in_image = np.tile(array_of(layer.in_image), (3, 1))
    np.testing.assert_array_equal(predicates[0, 4:], in_image)


# Boxes: left, top, right, bottom.
BOXES = np.array([[[0, 0, 1, 1], [0.13, 0.21, 0.77, 0.4], [0.5, 0.5, 0.5, 0.9]]])
BOXES = BOXES.astype("float32")


def test_the_mass_of_a_layout_is_the_area_of_its_boxes():
    painted = run(BoxPaint((8, 16)), np.ones((1, 3, 5, 5), "float32"), BOXES)
    left, top, right, bottom = BOXES[0].T
    area = (right - left) * (bottom - top)
    np.testing.assert_allclose(painted[0].mean(axis=(1, 2)), area, atol=1e-6)
    np.testing.assert_allclose(painted[0, 0], 1.0)


def test_the_whole_image_as_a_box_keeps_the_mask(rng):
    masks = rng.random((1, 3, 8, 8), dtype="float32")
    boxes = np.tile(BOXES[:, :1], (1, 3, 1))
    np.testing.assert_allclose(run(BoxPaint((8, 8)), masks, boxes), masks, atol=1e-6)
    images = np.moveaxis(masks, 1, -1)
    found = run(BoxCrop(8), images, BOXES[:, :1])[:, 0]
    np.testing.assert_allclose(found, images, atol=1e-6)


def test_a_crop_of_whole_pixels_is_a_slice(rng):
    images = rng.random((2, 8, 12, 3), dtype="float32")
    boxes = np.array([[[4 / 12, 2 / 8, 8 / 12, 6 / 8]]] * 2, "float32")
    found = run(BoxCrop(4), images, boxes)
    np.testing.assert_allclose(found[:, 0], images[:, 2:6, 4:8], atol=1e-6)


def test_painting_puts_left_to_the_left_and_top_to_the_top():
    mask = np.array([[[[1.0, 0.0], [0.0, 0.0]]]], "float32")  # its upper left corner
    (painted,) = run(BoxPaint((8, 8)), mask, np.array([[[0, 0.5, 0.5, 1]]], "float32"))
    assert painted[0, 4, 0] == 1 and painted[0, :4].max() == 0
    assert painted[0, 7, 0] < 1e-6 and painted[0, 4, 3] < 1e-6


def test_boxes_without_width_are_finite():
    boxes = np.array([[[0.5, 0.5, 0.5, 0.5]]], "float32")
    assert not run(BoxPaint((4, 4)), np.ones((1, 1, 2, 2), "float32"), boxes).any()
    assert np.isfinite(run(BoxCrop(2), np.ones((1, 4, 4, 1), "float32"), boxes)).all()


@pytest.mark.parametrize(
    "layer,size", [(BoxPaint((4, 4)), (1, 1, 3, 3)), (BoxCrop(2), (1, 4, 4, 1))]
)
def test_gradients_of_boxes_without_width_are_finite(layer, size):
    values = ops.reshape(ops.arange(np.prod(size), dtype="float32"), size)

    def score(boxes):
        return ops.sum(ops.reshape(layer([values, boxes]), (1, -1)), axis=1)

    for box in ([0.5, 0.5, 0.5, 0.5], [0.2, 0.3, 0.2, 0.9], [0.0, 0.0, 0.0, 0.0]):
        gradient = array_of(input_gradient(score, np.array([[box]], "float32")))
        assert gradient.shape == (1, 1, 4) and np.isfinite(gradient).all()


@pytest.mark.parametrize(
    "layer",
    [
        GraphConvolution(4, 6, name="a"),
        SceneGraphEmbedding((3, 2), 2, 4, name="b"),
        BoxCrop(4, name="c"),
        BoxPaint((4, 8), name="d"),
    ],
)
def test_config_round_trip(layer):
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
