"""The judge of scenes finds what is there, and nothing else."""

import numpy as np
import pytest

from keras_genmod.data import SCENE_PALETTE, shape_scenes
from keras_genmod.metrics import box_iou, scene_accuracy

pytestmark = pytest.mark.any_backend
SCENES = shape_scenes(150, size=32, seed=5)
GRAPHS = SCENES.graphs()
RELATED = SCENES.relation_mask


def judged(images=SCENES.images, **changed):
    return scene_accuracy(images, {**GRAPHS, **changed}, SCENE_PALETTE)


def test_real_scenes_are_nearly_right():
    # The ceiling of models at 32 pixels: what lies beneath others, and twins.
    found = judged()
    assert found.colours > 0.95 and found.sizes > 0.94 and found.shapes > 0.91
    assert found.relations > 0.78


def test_objects_alone_are_right():
    scenes = shape_scenes(60, size=48, seed=2, max_objects=1)
    found = scene_accuracy(scenes.images, scenes.graphs(), SCENE_PALETTE)
    assert (found.shapes, found.colours, found.sizes) == (1.0, 1.0, 1.0)
    assert np.isnan(found.relations)


@pytest.mark.parametrize("shade", [SCENE_PALETTE[-1, 0], 0.0])  # black is no colour
def test_empty_images_show_nothing(shade):
    found = judged(np.full_like(SCENES.images, shade))
    assert (found.shapes, found.colours, found.relations) == (0.0, 0.0, 0.0)


def test_what_was_not_asked_for_is_wrong():
    objects = SCENES.objects.copy()
    objects[..., 1] = (objects[..., 1] + 1) % 6
    assert judged(objects=objects).colours < 0.75
    relations = SCENES.relations.copy()
    relations[..., 1] ^= 1  # left for right, above for below, inside for around
    assert judged(relations=relations).relations < 0.05


def test_mirrored_images_have_their_sides_changed():
    relations = SCENES.relations.copy()
    sideways = relations[..., 1] < 2
    relations[..., 1] = np.where(sideways, relations[..., 1] ^ 1, relations[..., 1])
    mirrored = judged(SCENES.images[:, :, ::-1], relations=relations)
    assert abs(mirrored.relations - judged().relations) < 0.02


def test_boxes_are_compared_by_their_union():
    unreal = [0.1, 0.1, 0.9, 0.9]  # found where nothing is asked for
    true = np.array([[[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1], unreal]])
    found = np.array([[[0, 0, 0.5, 0.25], [0, 0, 0.4, 0.4], unreal]])
    mask = np.array([[True, True, False]])
    assert box_iou(found, true, mask).value == pytest.approx((0.5 + 0) / 2)
    assert box_iou(true, true, mask).value == 1.0
    two = (np.concatenate([x] * 2) for x in (found, true, mask))
    assert box_iou(*two).standard_error == 0.0


@pytest.mark.parametrize(
    "name,values,message",
    [
        ("object_mask", SCENES.object_mask[:9], "`graphs` must hold one graph an im"),
        ("relations", SCENES.relations.repeat(2, 0), "`graphs` must hold one graph an"),
        ("relation_mask", SCENES.relation_mask[:9], "`graphs` must hold one graph an"),
        ("object_mask", SCENES.object_mask[:, :5], r"`graphs\['object_mask'\]` must"),
        ("relations", SCENES.relations[..., :2], r"`graphs\['relations'\]` must have"),
        ("relation_mask", SCENES.object_mask, r"`graphs\['relation_mask'\]` must have"),
        ("objects", SCENES.objects[..., 0], r"`graphs\['objects'\]` must have shape"),
    ],
)
def test_graphs_whose_arrays_do_not_fit_are_refused(name, values, message):
    with pytest.raises(ValueError, match=message):
        judged(**{name: values})


def test_scenes_without_any_object_are_refused():
    with pytest.raises(ValueError, match="`graphs` must have at least one object"):
        judged(object_mask=0 * SCENES.object_mask, relation_mask=0 * RELATED)
    empty = SCENES.object_mask.copy()
    empty[1:] = False
    related = RELATED.copy()
    related[1:] = False
    assert judged(object_mask=empty, relation_mask=related).colours > 0  # one is enough


@pytest.mark.parametrize(
    "relation",
    [
        *((0, predicate, 1) for predicate in (6, -1, 0.5)),
        *((first, 0, second) for first, second in ((6, 0), (-1, 0), (0, 0), (0, 5))),
    ],
)
def test_relations_that_nothing_can_have_are_refused(relation):
    relations = SCENES.relations.astype("float32")
    place = int(np.argmax(RELATED[:, 0] & (SCENES.object_mask.sum(axis=1) < 6)))
    relations[place, 0] = relation
    message = rf"`graphs\['relations'\]` must hold a predicate .*in graph {place}, who"
    with pytest.raises(ValueError, match=message):
        judged(relations=relations)
    unseen = RELATED.copy()
    unseen[place] = False
    judged(relations=relations, relation_mask=unseen)


def test_objects_may_lie_anywhere_in_their_rows():
    later = {
        "objects": np.pad(SCENES.objects, [(0, 0), (1, 0), (0, 0)]),
        "object_mask": np.pad(SCENES.object_mask, [(0, 0), (1, 0)]),
        "relations": SCENES.relations + [1, 0, 1],
    }
    assert judged(**later) == judged()


def test_a_palette_has_a_colour_beside_the_ground():
    with pytest.raises(ValueError, match="`palette` must have at least one colour"):
        scene_accuracy(SCENES.images, GRAPHS, SCENE_PALETTE[-1:])


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="`graphs` must hold one graph an image"):
        judged(SCENES.images[:3])
    with pytest.raises(ValueError, match="`images` must have shape"):
        judged(SCENES.images[..., :1])
    with pytest.raises(ValueError, match="`boxes` must have the shape"):
        box_iou(SCENES.boxes[:, :2], SCENES.boxes, SCENES.object_mask)
