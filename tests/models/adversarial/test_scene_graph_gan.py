"""Objects land where graphs say, and every loss is the written one."""

import functools
import types

import keras
import numpy as np
import pytest
import scipy.special
from keras import ops

from keras_genmod import SceneGraphGAN, data, networks
from keras_genmod.engine import call_network
from tests.contracts import EAGER_IS_FASTER, array_of, slow_elsewhere
from tests.models.small_networks import small_network
from tests.models.test_contracts import GRAPHS, GREY, TestSceneGraphGAN

X = GREY.repeat(3, axis=-1)[:6]
# Three of six graphs have one object alone, whose numbers in the second place are odd.
ALONE = np.arange(6) % 2 == 1
Y = {name: values[:6].copy() for name, values in GRAPHS.items()}
Y["object_mask"][ALONE, 1] = 0
SHARE = Y["object_mask"] / Y["object_mask"].sum()
WEIGHTS = ("pixel", "box", "mask", "image", "object", "attribute")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = TestSceneGraphGAN.make()
    # A score and logits that are not near 0 for all.
    model.object_discriminator.layers[-2].bias.assign([0.5, -0.2, 0.9])
    model.compile(run_eagerly=EAGER_IS_FASTER)
    return model


def evaluated(model, **weights):
    for name in WEIGHTS:
        setattr(model, f"{name}_weight", weights.get(name, 0.0))
    return model.evaluate(X, Y, verbose=0, return_dict=True)


def losses(model):
    """Returns what the written formulas make of scores and logits, in NumPy."""
    boxes, masks = model.predict((X, Y), verbose=0).values()
    true = {"boxes": Y["boxes"], "masks": Y["masks"]}
    distance = np.abs(boxes - true["boxes"]).mean(axis=-1)
    found = {"box": (SHARE * distance).sum()}
    vectors, _, logits = model._read({k: ops.array(v) for k, v in Y.items()}, False)
    entropy = np.log1p(np.exp(-array_of(logits)))  # of masks that are 1
    found["mask"] = (SHARE * entropy.mean(axis=(-2, -1))).sum()
    return found, masks


def test_losses_of_boxes_and_masks_are_the_written_ones(model):
    expected, _ = losses(model)
    for name, value in expected.items():
        logs = evaluated(model, **{name: 2.0})
        np.testing.assert_allclose(logs["generator_loss"], 2 * value, rtol=1e-5)


def judged(model, images):
    """Returns score and logits of the two crops, the halves of the boxes."""
    crops = array_of(model._crop([images, Y["boxes"]])).reshape(-1, 2, 2, 3)
    found = array_of(model.object_discriminator(crops, training=False))
    return found[:, 0].reshape(6, 2), found[:, 1:].reshape(6, 2, 2)


def test_losses_of_the_judges_are_the_written_ones(model):
    """A generator that makes the image of ones, whatever the noise."""
    last = model.generator.layers[-2]
    last.kernel.assign(0 * last.kernel)
    last.bias.assign(0 * last.bias + 30)
    ones = np.ones_like(X)
    softplus = lambda x: np.logaddexp(0, x)  # noqa: E731
    of_real = array_of(model.image_discriminator(X, training=False))
    of_fake = array_of(model.image_discriminator(ones, training=False))
    real_score, real_logits = judged(model, X)
    fake_score, fake_logits = judged(model, ones)
    kinds = Y["objects"][..., 0].astype(int)

    def attribute_loss(logits):
        log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        log_p = np.take_along_axis(log_p, kinds[..., None], axis=-1)[..., 0]
        return -(SHARE * log_p).sum()

    expected = {
        "pixel": np.abs(X - 1).mean(),
        "image": softplus(-of_fake).mean(),
        "object": (SHARE * softplus(-fake_score)).sum(),
        "attribute": attribute_loss(fake_logits),
    }
    for name, value in expected.items():
        logs = evaluated(model, **{name: 3.0})
        np.testing.assert_allclose(logs["generator_loss"], 3 * value, rtol=1e-4)
    logs = evaluated(model)
    np.testing.assert_allclose(
        logs["image_discriminator_loss"],
        softplus(-of_real).mean() + softplus(of_fake).mean(),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        logs["object_discriminator_loss"],
        (SHARE * (softplus(-real_score) + softplus(fake_score))).sum()
        + attribute_loss(real_logits)
        + attribute_loss(fake_logits),
        rtol=1e-5,
    )


def test_each_attribute_has_logits_of_its_own():
    logits = np.random.default_rng(0).normal(size=(2, 5)).astype("float32")
    graph = {
        "objects": ops.array([[[1, 2], [0, 1]]], "float32"),
        "object_mask": ops.ones((1, 2)),
    }
    told = types.SimpleNamespace(num_attributes=(2, 3))
    found = SceneGraphGAN._attribute_loss(told, ops.array(logits), graph)
    log_p = [scipy.special.log_softmax(x, axis=1) for x in np.split(logits, [2], 1)]
    first, second = log_p[0][0, 1] + log_p[1][0, 2], log_p[0][1, 0] + log_p[1][1, 1]
    expected = -(first + second) / 2
    np.testing.assert_allclose(array_of(found), expected, rtol=1e-5)


@pytest.fixture(scope="module")
def painter():
    return TestSceneGraphGAN.make()


def test_what_is_padded_changes_no_image(painter):
    graph = {name: Y[name][ALONE] for name in list(Y)[:4]}
    other = {name: values.copy() for name, values in graph.items()}
    other["objects"][:, 1] = 1 - other["objects"][:, 1]
    other["relations"][:] = [[[1, 1, 0]]]
    other["relation_mask"][:] = graph["relation_mask"][:] = 0
    images = [array_of(painter.sample(g, seed=1)) for g in (graph, other)]
    np.testing.assert_allclose(*images, atol=1e-6)
    masks = array_of(painter.layout(graph)["masks"])
    assert masks[:, 0].max() > 0 and not masks[:, 1].any()


def test_objects_in_another_order_have_the_same_layout(painter):
    graph = {name: Y[name][~ALONE] for name in list(Y)[:4]}
    turned = {
        "objects": graph["objects"][:, ::-1].copy(),
        "object_mask": graph["object_mask"],
        "relations": graph["relations"].copy(),
        "relation_mask": graph["relation_mask"],
    }
    turned["relations"][..., [0, 2]] = 1 - graph["relations"][..., [0, 2]]
    before = array_of(painter.layout(graph)["layout"])
    np.testing.assert_allclose(array_of(painter.layout(turned)["layout"]), before, 1e-5)


def test_relations_change_the_layout(painter):
    graph = {name: Y[name][[0, 2]] for name in list(Y)[:4]}
    graph["relation_mask"] = np.ones((2, 1))
    changed = {**graph, "relations": graph["relations"] * [1, 0, 1] + [0, 1, 0]}
    same = {**graph, "relations": graph["relations"] * [1, 0, 1]}
    boxes = [array_of(painter.layout(g)["boxes"]) for g in (changed, same)]
    assert np.abs(boxes[0] - boxes[1]).max() > 1e-4


@pytest.mark.parametrize("logits", ["wild", "as far and as wide as can be"])
def test_boxes_lie_in_the_image_in_order(painter, logits):
    network = keras.models.clone_model(painter.graph_network)
    network.set_weights([30 * w for w in painter.graph_network.get_weights()])
    if logits != "wild":
        boxes = network.output["boxes"]
        (head,) = [layer for layer in network.layers if layer.output is boxes]
        head.set_weights([0 * head.kernel, np.full(4, 30.0)])
    model = SceneGraphGAN(
        network,
        painter.generator,
        painter.image_discriminator,
        painter.object_discriminator,
        (2,),
        2,
    )
    boxes = array_of(model.layout({k: Y[k] for k in list(Y)[:4]})["boxes"])
    assert boxes.min() >= 0 and boxes.max() <= 1 + 1e-6
    assert np.all(boxes[..., :2] <= boxes[..., 2:] + 1e-6)
    assert not boxes[ALONE, 1].any()


def test_a_given_layout_is_the_one_of_the_image(painter):
    graph = {name: Y[name] for name in list(Y)[:4]}
    own = painter.layout(graph)
    again = painter.layout({**graph, "boxes": own["boxes"]})
    np.testing.assert_allclose(array_of(again["masks"]), array_of(own["masks"]), 1e-4)
    given = painter.layout(Y)
    half = np.zeros((4, 4), "float32")
    half[:3, :2] = 1  # the first box, which its mask of ones fills
    for painted in array_of(given["masks"])[:, 0]:
        np.testing.assert_allclose(painted, half, atol=1e-6)
    vectors, _, _ = painter._read({k: ops.array(v) for k, v in graph.items()}, False)
    layout = np.einsum("bohw,bod->bhwd", array_of(given["masks"]), array_of(vectors))
    np.testing.assert_allclose(array_of(given["layout"]), layout, atol=1e-5)


def test_caller_s_arrays_stay_as_they_are(painter):
    graph = {name: Y[name].copy() for name in list(Y)[:4]}
    painter.sample(graph)
    painter.layout(graph)
    assert list(graph) == list(Y)[:4]
    for name, values in graph.items():
        np.testing.assert_array_equal(values, Y[name])


def changed(name, place, value):
    values = Y[name].copy()
    values[place] = value
    return {**Y, name: values}


BAD = {
    "object": (changed("objects", (1, 0, 0), 2), r"`objects\[..., 0\]` .* 0 to 1"),
    "negative": (changed("objects", (1, 0, 0), -1), r"`objects\[..., 0\]` .* 0 to 1"),
    "fraction": (changed("objects", (1, 0, 0), 0.5), r"`objects\[..., 0\]` must hold"),
    "predicate": (changed("relations", (0, 0, 1), 2), r"`relations\[..., 1\]` must"),
    "itself": (
        changed("relations", (2, 0, 2), Y["relations"][2, 0, 0]),
        "`relations` must lie between two objects. Received: graph 2 with one of obj",
    ),
    "end": (
        changed("relations", (0, 0, 2), 5),
        r"`relations\[..., 2\]` must hold ints",
    ),
    "no end": (changed("object_mask", (2, 1), 0), "Received: graph 2 with one of obj"),
    "empty": (changed("object_mask", (1, 0), 0), "Received: graph 1 is empty"),
    "mask": (changed("object_mask", (1, 0), 2), "`object_mask` must hold booleans"),
    "outside": (changed("boxes", (0, 0, 2), 1.5), r"`boxes` must lie in \[0, 1\]"),
    "box": (changed("boxes", (0, 0, 0), 0.9), "`boxes` must hold left, top, right"),
    "masks": (changed("masks", (0, 0), -1), r"`masks` must lie in \[0, 1\]"),
}


WORDS = {"objects": ["red", "blue"], "relations": [(0, "near", 1)]}
PADDED = r"`data.scene_graphs\(graphs, max_objects=2, max_relations=1\)`"


@pytest.mark.parametrize(
    "graphs,message",
    [
        ([WORDS], f"`condition` must be graphs as one dict of arrays, which {PADDED}"),
        ((WORDS, WORDS), f"`condition` must be graphs .*{PADDED}.*a tuple of 2"),
        ([], f"`condition` must be graphs .*{PADDED}"),
        (WORDS, f"`objects` must be an array of numbers, which {PADDED}"),
        ({"objects": {"a": "red"}}, f"`objects` must be an array .*{PADDED}"),
        ({"objects": [("small", "red")]}, f"`objects` must be an array .*{PADDED}"),
        (
            {"objects": Y["objects"], "relations": WORDS["relations"]},
            f"`relations` must be an array of numbers, which {PADDED}",
        ),
        (
            {**Y, "objects": Y["objects"].repeat(3, axis=1)},
            rf"`objects` must have shape \(batch, 2, 1\): {PADDED} pads .*\(6, 6, 1\)",
        ),
        (
            {**Y, "relations": Y["relations"].repeat(2, axis=1)},
            rf"`relations` must have shape \(batch, 1, 3\): {PADDED} pads",
        ),
    ],
)
def test_graphs_in_words_and_of_other_sizes_say_who_makes_them(
    painter, graphs, message
):
    for call in ((graphs,), (1, graphs)):
        with pytest.raises(ValueError, match=message):
            painter.sample(*call)
    with pytest.raises(ValueError, match=message):
        painter.layout(graphs)


def test_what_the_message_names_is_taken(painter):
    graphs = data.scene_graphs(
        [WORDS], 2, 1, attributes=[("red", "blue")], predicates=("near", "far")
    )
    assert painter.sample(graphs).shape == (1, *X.shape[1:])


def test_masks_need_their_boxes(painter):
    graphs = {name: values for name, values in Y.items() if name != "boxes"}
    for method in (painter.sample, painter.layout):
        with pytest.raises(ValueError, match="`masks` must come with `boxes`"):
            method(graphs)
    for name in ("boxes", "masks"):
        graphs.pop(name, None)
    assert painter.sample({**graphs, "boxes": Y["boxes"]}).shape == X.shape


@pytest.mark.parametrize("kind", BAD)
def test_bad_graphs_are_named(painter, kind):
    graphs, message = BAD[kind]
    for method in (painter.sample, painter.layout):
        with pytest.raises(ValueError, match=message):
            method(graphs)


@pytest.mark.parametrize("kind", BAD)
def test_bad_graphs_in_a_stream_have_no_loss(model, kind):
    graphs, _ = BAD[kind]
    logs = keras.Model.test_on_batch(model, X, graphs, return_dict=True)
    assert np.isnan(logs["generator_loss"]) and np.isnan(logs["loss"])


@slow_elsewhere
def test_every_weight_of_the_ready_made_networks_gets_a_gradient():
    """The networks of the paper in small: none of their branches is unused."""
    keras.utils.set_random_seed(2)
    judge = networks.object_discriminator((8, 8, 3), (2,), (4, 6), 8)
    found = {
        "graph": networks.scene_graph_network((2,), 2, 2, 1, 8, 8, 2, 4),
        "generator": networks.cascaded_refinement((8, 8, 5), (16, 8)),
        "judge": judge,
    }
    graph = {k: ops.array(v) for k, v in list(Y.items())[:4]}
    rng = np.random.default_rng(0)
    inputs = {
        "graph": graph,
        "generator": rng.normal(size=(6, 8, 8, 5)).astype("float32"),
        "judge": rng.random((6, 8, 8, 3), dtype="float32"),
    }
    assert judge.output_shape == (None, 3)
    for name, network in found.items():
        before = network.get_weights()
        for weight, old in zip(network.trainable_variables, before, strict=True):
            # The loss changes with the weight: a gradient without a backend's own.
            step = 1e-2 * rng.normal(size=old.shape).astype("float32")
            outputs = [
                array_of(x)
                for x in keras.tree.flatten(call_network(network, inputs[name], False))
            ]
            weight.assign(old + step)
            moved = [
                array_of(x)
                for x in keras.tree.flatten(call_network(network, inputs[name], False))
            ]
            weight.assign(old)
            changes = [np.abs(a - b).max() for a, b in zip(outputs, moved, strict=True)]
            assert max(changes) > 0, weight.path


def test_boxes_move_with_their_head_however_small_they_are():
    """A head that ends in a ReLU dies: boxes of 0 stay so, without a gradient."""
    network = graph_network((2,))
    graph = {k: ops.array(v) for k, v in list(Y.items())[:4]}
    boxes = network.output["boxes"]
    (head,) = [layer for layer in network.layers if layer.output is boxes]
    found = []
    for bias in (-30.0, -29.0):
        head.bias.assign(np.full(4, bias))
        found.append(array_of(network(graph)["boxes"]))
    np.testing.assert_allclose(found[1] - found[0], 1.0, atol=1e-4)
    assert found[0].max() < 0


def test_an_image_is_drawn_alone():
    """Its normalization is of its own groups, in training too: no batch has a part."""
    network = networks.cascaded_refinement((8, 8, 5), (16, 8))
    kinds = {type(layer).__name__ for layer in network.layers}
    assert "GroupNormalization" in kinds and "BatchNormalization" not in kinds
    x = np.random.default_rng(0).normal(size=(3, 8, 8, 5)).astype("float32")
    alone, together = (array_of(network(y, training=True)) for y in (x[:1], x))
    np.testing.assert_allclose(alone[0], together[0], atol=1e-5)


def test_image_scores_are_maps_of_one_channel():
    network = networks.patchgan_discriminator((32, 32, 3), 4, 2)
    assert network.output_shape[-1] == 1


@functools.cache
def small_arguments():
    return {
        "graph_network": graph_network((2,)),
        "generator": small_network((4, 4, 7), (4, 4, 3), "sigmoid"),
        "image_discriminator": small_network((4, 4, 3), (1,)),
        "object_discriminator": small_network((2, 2, 3), (3,)),
        "num_attributes": (2,),
        "num_predicates": 2,
    }


def graph_network(num_attributes):
    return networks.scene_graph_network(num_attributes, 2, 2, 1, 6, 8, 1, mask_size=2)


def network(*shapes):
    return functools.partial(small_network, *shapes)


@pytest.mark.parametrize(
    "name,make",
    [
        ("graph_network", network((4, 4, 3), (1,))),
        ("graph_network", lambda: graph_network((2, 3))),
        ("generator", network((4, 4, 6), (4, 4, 3))),  # no noise
        ("generator", network((2, 4, 7), (4, 4, 3))),
        ("image_discriminator", network((4, 4, 1), (1,))),
        ("object_discriminator", network((2, 2, 3), (4,))),
        ("object_discriminator", network((2, 3, 3), (3,))),
        ("num_attributes", lambda: 2),
        ("num_predicates", lambda: 0),
        ("box_weight", lambda: -1.0),
    ],
)
def test_bad_argument_is_named(name, make):
    value = make()
    with pytest.raises(ValueError, match=f"`{name}` must .*Received"):
        SceneGraphGAN(**{**small_arguments(), name: value})
