"""Whether images of scenes show the objects and relations that were asked for."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from keras_genmod import checks
from keras_genmod.metrics.protocol import Protocol, filled_in
from keras_genmod.metrics.results import Result, Score

_FARTHEST = 0.35  # in colour, from what a pixel counts as
_LARGE = 0.21  # of the image; shapes are 0.16 or 0.3 wide
_FEWEST = 5  # pixels of an object
_NUM_RELATIONS = 6  # that `_relation` tells apart
_PARTS = ("objects", "object_mask", "relations", "relation_mask")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SceneAccuracy(Result):
    """What `scene_accuracy` returns: shares in [0, 1].

    Args:
        shapes: Float, share of the objects that are found with their shape.
        colours: Float, with their colour.
        sizes: Float, with their size.
        relations: Float, share of relations that hold; NaN if there are none.
        protocol: The `Protocol`.
    """

    shapes: float
    colours: float
    sizes: float
    relations: float

    def __str__(self) -> str:
        return (
            f"shapes {self.shapes:.1%}, colours {self.colours:.1%}, sizes "
            f"{self.sizes:.1%}, relations {self.relations:.1%} [{self.protocol}]"
        )


def scene_accuracy(
    images: ArrayLike,
    graphs: dict[str, Any],
    palette: ArrayLike,
    protocol: Protocol | None = None,
) -> SceneAccuracy:
    """Finds objects by colour, and compares them with the graphs of scenes.

    Pixels take the nearest colour of the palette; connected ones are an object, whose
    box gives its size and the template that fits best (ellipse, rectangle, triangle)
    its shape. Objects of the graph are assigned to found ones so that most attributes
    agree. A relation holds if both its ends are found in their colours and the larger
    difference of the boxes' centres, or one box in the other, says so. What lies
    beneath others is found in part: on real scenes the shares are below 1, and these
    are the ceiling of a model.

    Args:
        images: Floats `(n, height, width, 3)` in [0, 1].
        graphs: Dict of `objects` `(n, O, 3)` (shape, colour, size), `object_mask`,
            `relations` `(n, R, 3)` and `relation_mask`, as
            `data.shape_scenes(...).graphs()` has them.
        palette: Floats `(num_colours + 1, 3)`, at least one colour and then the ground:
            `data.SCENE_PALETTE`.
        protocol: `Protocol` of the images, or `None`.

    Returns:
        A `SceneAccuracy`.

    Raises:
        ValueError: If images, graphs or the palette have other shapes or lengths,
            there is no object, or a relation is not between two of them.

    Note:
        Objects that nobody asked for cost nothing: speckled images find a part of what
        they are asked. Look at a distance of images beside it.

    Example:
        ```python
        scenes = keras_genmod.data.shape_scenes(500, size=32, seed=1)
        ceiling = keras_genmod.metrics.scene_accuracy(
            scenes.images, scenes.graphs(), keras_genmod.data.SCENE_PALETTE
        )
        ```
    """
    images = checks.unit_floats("images", images)
    palette = checks.unit_floats("palette", palette)
    checks.static_shape("images", images, (None, None, 3))
    checks.static_shape("palette", palette, (3,))
    if len(palette) < 2:
        raise ValueError(
            "`palette` must have at least one colour beside the ground. "
            f"Received: palette.shape={palette.shape}"
        )
    graphs = _checked_graphs(graphs, len(images))
    right, num_objects, held = np.zeros(3), 0, []
    for i, image in enumerate(images):
        places = np.flatnonzero(graphs["object_mask"][i])
        objects = graphs["objects"][i][places]
        relations = graphs["relations"][i][graphs["relation_mask"][i].astype(bool)]
        attributes, boxes = _found(image, palette)
        equal = objects[:, None] == attributes[None]  # (objects, found, 3)
        rows, columns = linear_sum_assignment(-equal.sum(axis=-1))
        right += equal[rows, columns].sum(axis=0)
        num_objects += len(objects)
        box_of = {
            places[r]: boxes[c]
            for r, c in zip(rows, columns, strict=True)
            if equal[r, c, 1]
        }
        held += [
            s in box_of and o in box_of and _relation(box_of[s], box_of[o]) == predicate
            for s, predicate, o in relations
        ]
    shares = right / num_objects
    return SceneAccuracy(
        shapes=float(shares[0]),
        colours=float(shares[1]),
        sizes=float(shares[2]),
        relations=float(np.mean(held)) if held else float("nan"),
        protocol=filled_in(protocol, metric="scene_accuracy", num_fake=len(images)),
    )


def _checked_graphs(graphs, num_images):
    """Returns the arrays of graphs, whose shapes fit one another and the images."""
    if not isinstance(graphs, Mapping) or not set(graphs) >= set(_PARTS):
        raise ValueError(
            f"`graphs` must be a dict with {', '.join(_PARTS)}. "
            f"Received: graphs={graphs!r:.80}"
        )
    found = {name: checks.numeric(f"graphs[{name!r}]", graphs[name]) for name in _PARTS}
    for values, mask in (("objects", "object_mask"), ("relations", "relation_mask")):
        checks.static_shape(f"graphs[{values!r}]", found[values], (None, 3))
        places = found[values].shape[1:2]
        checks.static_shape(f"graphs[{mask!r}]", found[mask], places)
    lengths = {name: len(values) for name, values in found.items()}
    if set(lengths.values()) != {num_images}:
        raise ValueError(
            "`graphs` must hold one graph an image. "
            f"Received: {num_images} images and arrays of lengths {lengths}"
        )
    if not found["object_mask"].any():
        raise ValueError(
            "`graphs` must have at least one object of `object_mask` (n, objects). "
            f"Received: {found['object_mask'].shape} with 0 objects"
        )
    _check_relations(found)
    return found


def _check_relations(graphs):
    """Raises a `ValueError` unless relations are known ones, between two objects."""
    for graph, place in np.argwhere(graphs["relation_mask"]):
        first, predicate, second = relation = graphs["relations"][graph, place]
        places = np.flatnonzero(graphs["object_mask"][graph])
        are_two = first != second and np.isin((first, second), places).all()
        if not are_two or predicate not in range(_NUM_RELATIONS):
            raise ValueError(
                "`graphs['relations']` must hold a predicate from 0 to "
                f"{_NUM_RELATIONS - 1} between two objects of `object_mask`. "
                f"Received: {relation.tolist()} in graph {graph}, whose objects are "
                f"{places.tolist()}"
            )


def box_iou(
    boxes: ArrayLike,
    true_boxes: ArrayLike,
    object_mask: ArrayLike,
    protocol: Protocol | None = None,
) -> Score:
    """Returns the mean intersection over union of boxes with the true ones.

    Args:
        boxes: Floats `(n, O, 4)`: left, top, right, bottom.
        true_boxes: The same.
        object_mask: `(n, O)`, which of them are objects.
        protocol: `Protocol` of the boxes, or `None`.

    Returns:
        A `Score` in [0, 1], with the standard error over scenes, whose boxes were
        drawn together.

    Raises:
        ValueError: If shapes differ, or there is no object.

    Example:
        ```python
        found = model.layout(scenes.graphs())["boxes"]
        score = keras_genmod.metrics.box_iou(found, scenes.boxes, scenes.object_mask)
        ```
    """
    found = checks.real_numbers("boxes", checks.as_numpy(boxes, "boxes"))
    true = checks.real_numbers("true_boxes", true_boxes)
    real = checks.numeric("object_mask", object_mask).astype(bool)
    if found.shape != true.shape or found.shape != (*real.shape, 4) or not real.any():
        raise ValueError(
            "`boxes` must have the shape (n, objects, 4) of `true_boxes`, for at least "
            f"one object of `object_mask` (n, objects). Received: {found.shape}, "
            f"{true.shape} and {real.shape} with {real.sum()} objects"
        )
    low = np.maximum(found[..., :2], true[..., :2])
    shared = _area(low, np.minimum(found[..., 2:], true[..., 2:]))
    union = sum(_area(b[..., :2], b[..., 2:]) for b in (found, true)) - shared
    iou = np.where(real, shared / np.maximum(union, 1e-12), 0.0).astype("float64")
    value = iou.sum() / real.sum()
    # Of a ratio of sums over scenes
    spread = (iou.sum(axis=1) - value * real.sum(axis=1)) / real.sum(axis=1).mean()
    error = spread.std(ddof=1) / np.sqrt(len(iou)) if len(iou) > 1 else None
    return Score(
        value=float(value),
        standard_error=None if error is None else float(error),
        protocol=filled_in(protocol, metric="box_iou", num_fake=len(iou)),
    )


def _area(low, high):
    return np.prod(np.maximum(high - low, 0.0), axis=-1)


def _found(image, palette):
    """Returns shape, colour and size of what an image shows, `(m, 3)`, and boxes."""
    distance = np.linalg.norm(image[:, :, None] - palette, axis=-1)
    nearest = distance.argmin(axis=-1)
    nearest[distance.min(axis=-1) > _FARTHEST] = len(palette) - 1
    attributes, boxes = [], []
    for colour in range(len(palette) - 1):
        parts, _ = ndimage.label(nearest == colour)
        for number, place in enumerate(ndimage.find_objects(parts), start=1):
            part = parts[place] == number
            if part.sum() >= _FEWEST:
                rows, columns = place
                box = (columns.start, rows.start, columns.stop, rows.stop)
                size = max(part.shape) / max(image.shape[:2]) > _LARGE
                attributes.append(
                    (_shape(ndimage.binary_fill_holes(part)), colour, size)
                )
                boxes.append(box)
    return np.reshape(attributes, (-1, 3)).astype(int), np.reshape(boxes, (-1, 4))


def _shape(part):
    """Returns which shape fits: 0 a circle, 1 a square, 2 an upright triangle."""
    v, u = ((2 * np.arange(n) + 1) / n - 1 for n in part.shape)  # in [-1, 1]
    u, v = u[None, :], v[:, None]
    templates = (u**2 + v**2 <= 1, (u**2 + v**2) >= 0, np.abs(u) <= (v + 1) / 2)
    return np.argmax([(part & t).sum() / (part | t).sum() for t in templates])


def _relation(first, second):
    """Returns the number of what the first box is to the second one."""
    for number, inner, outer in ((4, first, second), (5, second, first)):
        if (inner[:2] >= outer[:2]).all() and (inner[2:] <= outer[2:]).all():
            return number
    x, y = (first[:2] + first[2:] - second[:2] - second[2:]) / 2
    if abs(x) > abs(y):
        return 0 if x < 0 else 1
    return 2 if y < 0 else 3
