"""Graphs in words become the arrays of scenes, or an error that names the word."""

import numpy as np
import pytest

from keras_genmod.data import scene_graphs, shape_scenes
from keras_genmod.data.scene_captions import COLOURS, PREDICATES, SHAPES, SIZES

pytestmark = pytest.mark.any_backend


def words_of(scenes, i):
    """Returns a scene's graph in words."""
    vocabularies = (SHAPES, COLOURS, SIZES)
    return {
        "objects": [
            " ".join(v[n] for v, n in zip(vocabularies, row, strict=True))
            for row in scenes.objects[i][scenes.object_mask[i]]
        ],
        "relations": [
            (s, PREDICATES[p], o)
            for s, p, o in scenes.relations[i][scenes.relation_mask[i]]
        ],
    }


def test_the_graphs_of_scenes_come_back():
    scenes = shape_scenes(40, size=32, seed=1)
    found = scene_graphs([words_of(scenes, i) for i in range(40)])
    assert list(found) == list(scenes.graphs())
    for name, values in scenes.graphs().items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].dtype == values.dtype


def test_objects_have_names_and_synonyms():
    graph = {
        "objects": {"ball": ("tiny", "crimson", "disc"), "box": "blue large square"},
        "relations": [("ball", "within", "box")],
    }
    before = {
        "objects": dict(graph["objects"]),
        "relations": [("ball", "within", "box")],
    }
    found = scene_graphs([graph], max_objects=3)
    np.testing.assert_array_equal(found["objects"][0, :2], [[0, 0, 0], [1, 2, 1]])
    np.testing.assert_array_equal(found["relations"][0, 0], [0, 4, 1])
    assert found["object_mask"].sum() == 2 and found["relation_mask"].sum() == 1
    assert graph == before


def test_other_vocabularies_have_words_of_several_parts():
    found = scene_graphs(
        [{"objects": ["traffic light", "sky"], "relations": [(1, "over", 0)]}],
        attributes=[("sky", "traffic light")],
        predicates=("near", "over"),
    )
    np.testing.assert_array_equal(found["objects"][0, :2], [[1], [0]])
    np.testing.assert_array_equal(found["relations"][0, 0], [1, 1, 0])


def test_capitals_and_articles_do_not_matter():
    plain = {"objects": [RED, BLUE], "relations": [(0, "left of", 1)]}
    said = {
        "objects": ["Small Red Circle", ("A", "LARGE", "Navy", "Box")],
        "relations": [(0, "Left Of", 1)],
    }
    other = {
        "objects": ["a small red circle", "The large blue square"],
        "relations": [(0, "To the left of", 1)],
    }
    found = scene_graphs([plain, said, other])
    for values in found.values():
        np.testing.assert_array_equal(values[1], values[0])
        np.testing.assert_array_equal(values[2], values[0])


def test_words_of_a_vocabulary_are_not_taken_for_others():
    vocabulary = {"attributes": [("a", "B", "b", "the Sky")], "predicates": ["over"]}
    found = scene_graphs([{"objects": ["a", "B", "b", "A", "the sky"]}], **vocabulary)
    np.testing.assert_array_equal(found["objects"][0, :5, 0], [0, 1, 2, 0, 3])


@pytest.mark.parametrize(
    "vocabulary,message",
    [
        ({"predicates": ("near", "far", "near")}, "`predicates` must .*twice: 'near'"),
        ({"attributes": [("x", "y"), ("z", "y")]}, "`attributes` must .*twice: 'y'"),
        ({"attributes": [("x", "x")]}, "`attributes` must .*twice: 'x'"),
    ],
)
def test_a_word_has_one_number(vocabulary, message):
    with pytest.raises(ValueError, match=message):
        scene_graphs([{"objects": ["x z"]}], **vocabulary)


RED, BLUE, CYAN = "small red circle", "large blue square", "large cyan square"
THREE = [RED, BLUE, CYAN]
BAD = [
    ({}, "at least one object"),
    ({"objects": []}, "at least one object"),
    ({"objects": 5}, "at least one object.*objects=5"),
    ({"objects": [5]}, "strings or lists of words. Received: 5"),
    (
        {"objects": [["small", ["red"], "circle"]]},
        r"known words: .*: \['red'\]",
    ),
    ({"objects": THREE, "relations": None}, "a list of relations. .*relations=None"),
    ({"objects": THREE, "relations": [5]}, r"\(subject, predicate, object\).*: 5"),
    ({"objects": THREE, "relations": [(0, ["above"], 1)]}, r"one of left of.*above"),
    (
        {"objects": THREE, "relations": [([0], "above", 1)]},
        r"its objects .*0\]",
    ),
    ({"objects": [RED], "edges": []}, r"be a dict .* Received: \['edges'\]"),
    ({"objects": [RED], "edges": [], 3: 0}, r"be a dict .* Received: \[3, 'edges'\]"),
    (
        {"objects": THREE, "relations": [(np.arange(2), "above", 1)]},
        "its objects .*arr",
    ),
    ({"objects": THREE, "relations": [(np.array(0), "above", 1)]}, "its objects .*arr"),
    ({"objects": THREE, "relations": [(0, np.arange(2), 1)]}, "one of left of.*array"),
    ({"objects": [[np.arange(2), "red", "circle"]]}, "known words: .*array"),
    (
        {"objects": THREE, "relations": [(RED, "above", BLUE)]},
        rf"\[0, 1, 2\], places in the list of objects; .*names. Received: '{RED}' in",
    ),
    (
        {"objects": {"a": RED, "b": BLUE}, "relations": [(0, "above", 1)]},
        r"\['a', 'b'\], names of the dict of objects. Received: 0 in",
    ),
    ({"objects": ["small red hexagon"]}, "known words: .*Received: 'hexagon' in"),
    ({"objects": ["red circle"]}, "word of each attribute.*none of small, large in"),
    ({"objects": ["red blue circle"]}, "one word of each attribute.*two of red,"),
    ({"objects": [RED] * 4}, "at most 3 objects"),
    ({"objects": THREE, "relations": [(0, "above", 1)] * 4}, "at most 3 relations"),
    ({"objects": THREE, "relations": [(0, "near", 1)]}, "one of left of.*'near'"),
    ({"objects": THREE, "relations": [(0, "above", 3)]}, "between its objects.*: 3 in"),
    ({"objects": THREE, "relations": [(1, "above", 1)]}, "between two objects"),
    ({"objects": THREE, "relations": ["above"]}, r"\(subject, predicate, object\)"),
    (
        {"objects": THREE, "relations": [(0, "inside", 1), (0, "around", 1)]},
        "no cycle of 'inside'. Received: (0 inside 1 inside 0|1 inside 0 inside 1)",
    ),
    (
        {
            "objects": {"a": RED, "b": BLUE, "c": CYAN},
            "relations": [
                ("a", "inside", "b"),
                ("b", "inside", "c"),
                ("a", "around", "c"),
            ],
        },
        "no cycle of 'inside'. Received: ([abc]) inside [abc] inside [abc] inside",
    ),
    (
        {"objects": THREE, "relations": [(0, "left of", 1), (1, "left of", 0)]},
        "no cycle of 'left of'",
    ),
]


@pytest.mark.parametrize("graph,message", BAD)
def test_bad_graphs_are_named(graph, message):
    good = {"objects": [RED]}
    with pytest.raises(ValueError, match=rf"`graphs\[1\]` must (.|\n)*{message}"):
        scene_graphs([good, graph], max_objects=3)


def test_chains_are_no_cycles():
    relations = [(0, "inside", 1), (1, "inside", 2), (0, "inside", 2)]
    found = scene_graphs([{"objects": THREE, "relations": relations}])
    assert found["relation_mask"].sum() == 3


@pytest.mark.parametrize("graphs", [[], {"objects": [RED]}, None, "graph"])
def test_graphs_are_a_list(graphs):
    with pytest.raises(ValueError, match="`graphs` must be a non-empty list"):
        scene_graphs(graphs)
