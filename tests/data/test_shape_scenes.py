"""All that is said of scenes is read off their pixels again."""

import dataclasses
import re

import numpy as np
import pytest

from keras_genmod.data import shape_scenes
from keras_genmod.data.scene_captions import (
    COLOURS,
    PREDICATES,
    SHAPES,
    SIZES,
    SYNONYMS,
)
from keras_genmod.data.shape_scenes import HELD_OUT_ATTRIBUTES, HELD_OUT_RELATIONS

pytestmark = pytest.mark.any_backend
NUM = 150
PLAIN = {word: plain for plain, words in SYNONYMS.items() for word in words}


@pytest.fixture(scope="module")
def scenes():
    return shape_scenes(NUM, size=48, seed=3)


def facts(scenes, i):
    """Returns the names of a scene's objects, and its relations between them."""
    objects = [
        (SIZES[size], COLOURS[colour], SHAPES[shape])
        for shape, colour, size in scenes.objects[i][scenes.object_mask[i]]
    ]
    edges = scenes.relations[i][scenes.relation_mask[i]]
    return objects, [(objects[s], PREDICATES[p], objects[o]) for s, p, o in edges]


def test_arrays_are_padded_with_nothing(scenes):
    assert scenes.images.shape == (NUM, 48, 48, 3) and scenes.images.dtype == np.float32
    assert scenes.objects.shape == (NUM, 6, 3) and scenes.relations.shape[1:] == (15, 3)
    counts = scenes.object_mask.sum(axis=1)
    assert set(counts) == {1, 2, 3, 4, 5, 6}
    np.testing.assert_array_equal(
        scenes.relation_mask.sum(axis=1), counts * (counts - 1) // 2
    )
    for mask, name in (
        (scenes.object_mask, "objects"),
        (scenes.object_mask, "boxes"),
        (scenes.object_mask, "masks"),
        (scenes.relation_mask, "relations"),
    ):
        assert not getattr(scenes, name)[~mask].any()
        np.testing.assert_array_equal(np.sort(mask, axis=1)[:, ::-1], mask)


def test_scenes_of_one_object_have_a_place_for_a_relation():
    scenes = shape_scenes(3, size=32, seed=0, max_objects=1)
    assert scenes.relations.shape == (3, 1, 3) and not scenes.relation_mask.any()


def test_masks_part_the_image_by_colour(scenes):
    colours = {}
    for image, objects, masks in zip(
        scenes.images, scenes.objects, scenes.masks, strict=True
    ):
        assert masks.sum(axis=0).max() <= 1
        assert (image[~masks.any(axis=0)] == np.float32(0.92)).all()  # the ground
        for (_, colour, _), mask in zip(objects, masks, strict=True):
            if mask.any():
                (seen,) = {tuple(pixel) for pixel in image[mask]}
                assert colours.setdefault(colour, seen) == seen
    assert len(set(colours.values())) == len(COLOURS)


def test_boxes_hold_the_pixels_and_nothing_else():
    scenes = shape_scenes(60, size=40, seed=1, max_objects=1)
    for box, mask in zip(scenes.boxes[:, 0], scenes.masks[:, 0], strict=True):
        rows, columns = mask.nonzero()
        extent = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(box * 40, extent, atol=1e-4)


def test_shapes_and_sizes_can_be_told_by_their_areas():
    scenes = shape_scenes(90, size=128, seed=1, max_objects=1)
    expected = {"circle": np.pi, "square": 1.8**2, "triangle": 2.0}
    for (shape, _, size), mask in zip(
        scenes.objects[:, 0], scenes.masks[:, 0], strict=True
    ):
        radius = 128 * (0.08, 0.15)[size]
        area = expected[SHAPES[shape]] * radius**2
        assert mask.sum() == pytest.approx(area, rel=0.1)


def test_sizes_are_those_of_coins_but_for_a_quarter_of_first_pairs():
    scenes = shape_scenes(1500, size=16, seed=4, max_objects=2)
    pairs = scenes.objects[scenes.object_mask[:, 1]]
    large_and_small = (pairs[:, :, 2] == (1, 0)).all(axis=1)
    is_inside = scenes.relations[scenes.object_mask[:, 1], 0, 1] >= 4
    alike = pairs[:, 0, 1] == pairs[:, 1, 1]  # in colour: none lies inside the other
    assert large_and_small[is_inside].all() and not is_inside[alike].any()
    for chosen in (slice(None), alike):
        share = large_and_small[chosen].mean()
        assert share == pytest.approx(0.25 + 0.75 * 0.25, abs=0.07)
    alone = scenes.objects[~scenes.object_mask[:, 1], 0, 2]
    assert alone.mean() == pytest.approx(0.5, abs=0.05)


def test_boxes_overlap_little_but_inside_others(scenes):
    for i in range(NUM):
        inside = {
            frozenset((s, o))
            for s, p, o in scenes.relations[i][scenes.relation_mask[i]]
            if PREDICATES[p] in ("inside", "around")
        }
        boxes = scenes.boxes[i][scenes.object_mask[i]].astype("float64")
        for j, second in enumerate(boxes):
            for k, first in enumerate(boxes[:j]):
                low = np.maximum(first[:2], second[:2])
                shared = np.prod(np.clip(np.minimum(first[2:], second[2:]) - low, 0, 1))
                smaller = min(np.prod(b[2:] - b[:2]) for b in (first, second))
                # Boxes of pixels exceed those of shapes by half a pixel a side.
                limit = 1.0 if frozenset((k, j)) in inside else 0.45
                assert shared / smaller <= limit + 1e-6


def test_relations_hold_in_the_image(scenes):
    seen, centres = set(), (scenes.boxes[..., :2] + scenes.boxes[..., 2:]) / 2
    for i in range(NUM):
        for s, p, o in scenes.relations[i][scenes.relation_mask[i]]:
            name, (x, y) = PREDICATES[p], centres[i, s] - centres[i, o]
            first, second = scenes.boxes[i, s], scenes.boxes[i, o]
            seen.add(name)
            near = 2 / 48  # centres of pixels' boxes are off by half a pixel each
            if name in ("left of", "right of"):
                assert (x < 0) == (name == "left of") and abs(x) > abs(y) - near
            elif name in ("above", "below"):
                assert (y < 0) == (name == "above") and abs(y) > abs(x) - near
            else:
                inner, outer = (first, second)[:: 1 if name == "inside" else -1]
                assert (inner[:2] >= outer[:2]).all() and (inner[2:] <= outer[2:]).all()
    assert seen == set(PREDICATES)


def test_captions_are_true_in_whatever_words(scenes):
    words = "|".join(sorted(PLAIN, key=len, reverse=True))
    for i, captions in enumerate(scenes.captions):
        objects, relations = facts(scenes, i)
        assert len(captions) == 4
        found = []
        for text in captions:
            plain = [PLAIN[word] for word in re.findall(rf"\b({words})\b", text)]
            nouns = [w for w in plain if w not in PREDICATES]
            named = list(zip(*[iter(nouns)] * 3, strict=True))
            found.append((named, [w for w in plain if w in PREDICATES]))
        assert found[0][0] == objects
        assert sorted(found[1][0]) == sorted(objects)
        if len(objects) > 1:
            (first, second), (predicate,) = found[2]
            assert (first, predicate, second) in relations
        assert found[3][0][0] in objects
        assert captions[3].startswith(
            ("one", "two", "three", "four", "five", "six")[len(objects) - 1]
        )
    used = {word for text in sum(scenes.captions, ()) for word in PLAIN if word in text}
    assert used == set(PLAIN)


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_training_scenes_lack_what_held_out_ones_have(split):
    scenes = shape_scenes(80, seed=2, split=split)
    for i in range(80):
        objects, relations = facts(scenes, i)
        pairs = {(shape, colour) for _, colour, shape in objects}
        triples = {(s[2], p, o[2]) for s, p, o in relations}
        held_out = pairs & set(HELD_OUT_ATTRIBUTES) or triples & set(HELD_OUT_RELATIONS)
        assert bool(held_out) == (split == "held_out")


def test_a_seed_gives_its_scenes_and_small_images_show_all():
    first, second, other = (shape_scenes(20, 16, seed=s) for s in (5, 5, 6))
    for field in dataclasses.fields(first):
        np.testing.assert_array_equal(
            getattr(first, field.name), getattr(second, field.name)
        )
    assert (first.images != other.images).any()
    assert (first.boxes[first.object_mask][:, 2:] > 0).all()


@pytest.mark.parametrize(
    "name, value",
    [
        ("num", 0),
        ("size", 15),
        ("seed", -1),
        ("max_objects", 7),
        ("max_objects", 0),
        ("split", "test"),
    ],
)
def test_bad_arguments_are_named(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must"):
        shape_scenes(**{"num": 1, name: value})
