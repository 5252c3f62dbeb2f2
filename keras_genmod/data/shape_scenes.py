"""Scenes of shapes whose every fact is known: boxes, masks, graphs and captions."""

import dataclasses

import numpy as np

from keras_genmod import checks
from keras_genmod.data.scene_captions import (
    COLOURS,
    PREDICATES,
    SHAPES,
    SIZES,
    captions_of,
)

HELD_OUT_ATTRIBUTES = (("square", "red"), ("circle", "blue"))
HELD_OUT_RELATIONS = (("triangle", "above", "circle"), ("circle", "below", "triangle"))
SPLITS = ("all", "train", "held_out")

#: The colours of `COLOURS` in their order, and then the ground, `(7, 3)` in [0, 1].
SCENE_PALETTE = np.array(
    [
        (0.86, 0.16, 0.16),
        (0.15, 0.62, 0.25),
        (0.18, 0.34, 0.85),
        (0.95, 0.80, 0.15),
        (0.55, 0.22, 0.68),
        (0.10, 0.70, 0.75),
        (0.92, 0.92, 0.92),
    ]
)
_RADII = np.array([0.08, 0.15])  # of small and large shapes, of the side of the image
_SHARE_INSIDE = 0.25  # of scenes in which a small shape lies inside a large one
_LARGEST_OVERLAP = 0.2  # of the smaller box
_TRIES = 60  # places tried before a scene is begun anew


@dataclasses.dataclass(frozen=True)
class ShapeScenes:
    """Scenes as arrays, padded to the largest numbers of objects and relations.

    Args:
        images: float32 `(num, size, size, 3)` in [0, 1].
        objects: int32 `(num, max_objects, 3)`: shape, colour and size of each object,
            numbers in `SHAPES`, `COLOURS`, `SIZES`; 0 where there is none.
        object_mask: Bool `(num, max_objects)`, whether there is one.
        boxes: float32 `(num, max_objects, 4)` in [0, 1]: left, top, right, bottom of
            the pixels that an object covers, also where another lies on them.
        masks: Bool `(num, max_objects, size, size)`, the pixels that show an object.
        relations: int32 `(num, max_relations, 3)`: subject, predicate and object;
            subject and object are numbers of objects, the predicate of `PREDICATES`.
        relation_mask: Bool `(num, max_relations)`, whether there is one.
        captions: List of tuples of four strings, all true of the scene.
    """

    images: np.ndarray
    objects: np.ndarray
    object_mask: np.ndarray
    boxes: np.ndarray
    masks: np.ndarray
    relations: np.ndarray
    relation_mask: np.ndarray
    captions: list[tuple[str, ...]]

    def graphs(self) -> dict[str, np.ndarray]:
        """Returns the graphs alone, what samples of scenes are conditioned on."""
        names = ("objects", "object_mask", "relations", "relation_mask")
        return {name: getattr(self, name) for name in names}

    def conditions(self) -> dict[str, np.ndarray]:
        """Returns the graphs with boxes and masks, the `y` of `SceneGraphGAN.fit`."""
        return {**self.graphs(), "boxes": self.boxes, "masks": self.masks}


@dataclasses.dataclass(frozen=True)
class _Scene:
    """One scene before it is drawn."""

    attributes: np.ndarray  # (objects, 3)
    centres: np.ndarray  # (objects, 2), x and y
    relations: np.ndarray  # (relations, 3)


def shape_scenes(
    num: int,
    size: int = 32,
    seed: int = 0,
    max_objects: int = 6,
    split: str = "all",
) -> ShapeScenes:
    """Draws scenes of one to six coloured shapes, with all that can be said of them.

    Shape, colour and size are drawn independently, but for the sizes of the first two
    objects: of a quarter of the scenes of two or more the first is large and the second
    small, and lies inside it, if colours differ and the first is no triangle; else they
    keep these sizes all the same. A scene whose shapes find no place is drawn anew,
    one of large shapes more often. Boxes overlap by at most a fifth of the smaller one,
    but for small shapes that lie inside large ones. Each pair of objects has one
    relation, read from a random side: left of, right of, above, below (by the larger
    difference of the centres), inside, around.

    Args:
        num: Positive int, scenes.
        size: Positive int, at least 16, height and width in pixels.
        seed: Int; the same one gives the same scenes everywhere.
        max_objects: Int from 1 to 6.
        split: `"train"` leaves out what `HELD_OUT_ATTRIBUTES` (red squares, blue
            circles) and `HELD_OUT_RELATIONS` (triangles above circles) hold, each
            scene of `"held_out"` has some of it, `"all"` draws without regard to them.

    Returns:
        A `ShapeScenes`.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        ```python
        scenes = keras_genmod.data.shape_scenes(100, size=32, split="train")
        scenes.captions[0]  # four sentences
        ```
    """
    num = checks.positive_int("num", num)
    size = checks.integer("size", size, 16, 1024)
    seed = checks.required_seed("seed", seed)
    max_objects = checks.integer("max_objects", max_objects, 1, 6)
    checks.choice("split", split, SPLITS)
    # RandomState's stream is frozen across NumPy versions.
    rng = np.random.RandomState(seed)
    scenes: list[_Scene] = []
    while len(scenes) < num:
        scene = _scene(rng, rng.randint(1, max_objects + 1))
        wanted = split == "all" or _is_held_out(scene) == (split == "held_out")
        if scene is not None and wanted:
            scenes.append(scene)
    drawn = [_draw(scene, size) for scene in scenes]
    images, boxes, masks = zip(*drawn, strict=True)
    num_edges = max(1, max_objects * (max_objects - 1) // 2)  # a place, if empty
    objects, object_mask = _padded([s.attributes for s in scenes], max_objects)
    relations, relation_mask = _padded([s.relations for s in scenes], num_edges)
    return ShapeScenes(
        images=np.stack(images),
        objects=objects.astype("int32"),
        object_mask=object_mask,
        boxes=_padded(list(boxes), max_objects)[0].astype("float32"),
        masks=_padded(list(masks), max_objects)[0].astype(bool),
        relations=relations.astype("int32"),
        relation_mask=relation_mask,
        captions=[captions_of(s.attributes, s.relations, rng) for s in scenes],
    )


def _scene(rng: np.random.RandomState, count: int) -> _Scene | None:
    """Returns a scene of so many objects, or `None` where they found no place."""
    limits = (len(SHAPES), len(COLOURS), len(SIZES))
    attributes = np.stack([rng.randint(0, n, count) for n in limits], axis=1)
    inside = count > 1 and rng.random_sample() < _SHARE_INSIDE
    if inside:  # the second one in the first one, which leaves room at its middle
        # Also where it then is not: other sizes would change the scenes of all seeds.
        attributes[:2, 2] = (1, 0)
        # What has the colour around it is not seen, and a triangle has no room.
        inside = attributes[0, 1] != attributes[1, 1] and attributes[0, 0] < 2
    radii, centres = _RADII[attributes[:, 2]], np.zeros((count, 2))
    for i in range(count):
        if i == 1 and inside:
            centres[1] = centres[0]
            continue
        for _ in range(_TRIES):
            centres[i] = rng.uniform(radii[i], 1 - radii[i], 2)
            shared = [_overlap(centres, radii, i, j) for j in range(i)]
            if max(shared, default=0) <= _LARGEST_OVERLAP:
                break
        else:
            return None
    return _Scene(attributes, centres, _relations(rng, centres, inside))


def _overlap(centres: np.ndarray, radii: np.ndarray, i: int, j: int) -> float:
    """Returns what two boxes share, of the smaller one."""
    reach = radii[i] + radii[j] - np.abs(centres[i] - centres[j])
    smaller = 2 * min(radii[i], radii[j])
    return float(np.prod(np.clip(reach, 0, smaller)) / smaller**2)


def _relations(
    rng: np.random.RandomState, centres: np.ndarray, inside: bool
) -> np.ndarray:
    """Returns a relation a pair of objects, `(pairs, 3)`."""
    edges = []
    for j in range(len(centres)):
        for i in range(j):
            first, second = (i, j) if rng.random_sample() < 0.5 else (j, i)
            if inside and (i, j) == (0, 1):
                name = "inside" if first == 1 else "around"
            else:
                x, y = centres[first] - centres[second]
                if abs(x) > abs(y):
                    name = "left of" if x < 0 else "right of"
                else:
                    name = "above" if y < 0 else "below"
            edges.append((first, PREDICATES.index(name), second))
    return np.array(edges, int).reshape(-1, 3)


def _is_held_out(scene: _Scene | None) -> bool:
    """Whether a scene has attributes or relations that training scenes lack."""
    if scene is None:
        return False
    shapes = [SHAPES[i] for i in scene.attributes[:, 0]]
    colours = [COLOURS[i] for i in scene.attributes[:, 1]]
    held_out = set(zip(shapes, colours, strict=True)) & set(HELD_OUT_ATTRIBUTES)
    triples = {
        (shapes[first], PREDICATES[predicate], shapes[second])
        for first, predicate, second in scene.relations
    }
    return bool(held_out or triples & set(HELD_OUT_RELATIONS))


def _draw(scene: _Scene, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the image, the boxes and the masks; later objects lie on top."""
    image = np.full((size, size, 3), SCENE_PALETTE[-1])
    count = len(scene.attributes)
    masks, boxes = np.zeros((count, size, size), bool), np.zeros((count, 4))
    middle = (np.arange(size) + 0.5) / size
    for i, (shape, colour, scale) in enumerate(scene.attributes):
        u = (middle[None, :] - scene.centres[i, 0]) / _RADII[scale]
        v = (middle[:, None] - scene.centres[i, 1]) / _RADII[scale]
        covered = _covered(SHAPES[shape], u, v)
        image[covered] = SCENE_PALETTE[colour]
        masks[:i] &= ~covered
        masks[i] = covered
        rows = np.flatnonzero(covered.any(axis=1))
        columns = np.flatnonzero(covered.any(axis=0))
        box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        boxes[i] = np.array(box) / size
    return image.astype("float32"), boxes, masks


def _covered(shape: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Returns which pixels lie in a shape of radius 1 around 0."""
    if shape == "circle":
        return u**2 + v**2 <= 1
    if shape == "square":
        return (np.abs(u) <= 0.9) & (np.abs(v) <= 0.9)
    return (v <= 1) & (np.abs(u) <= (v + 1) / 2)  # upright, its tip at the top


def _padded(rows: list[np.ndarray], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns arrays of several lengths as one with zeros behind, and what is real."""
    padded = np.zeros((len(rows), length, *rows[0].shape[1:]), rows[0].dtype)
    real = np.zeros((len(rows), length), bool)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
        real[i, : len(row)] = True
    return padded, real
