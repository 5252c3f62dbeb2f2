"""Checks of scene graphs: on the host with messages, in a step by NaN."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from keras_genmod import checks


def check_padded(name: str, graphs: Any, max_objects: int, max_relations: int) -> None:
    """Checks that graphs are arrays, padded to the numbers that a model takes.

    Args:
        name: What to call them in a message.
        graphs: What should be a dict of arrays.
        max_objects: Int.
        max_relations: Int.

    Raises:
        ValueError: If they are lists, or in words, or padded to other numbers.
    """
    made = (
        f"`data.scene_graphs(graphs, max_objects={max_objects}, "
        f"max_relations={max_relations})`"
    )
    if isinstance(graphs, (list, tuple)):
        raise ValueError(
            f"`{name}` must be graphs as one dict of arrays, which {made} makes of a "
            f"list of dicts. Received: a {type(graphs).__name__} of {len(graphs)}"
        )
    graphs = graphs if isinstance(graphs, dict) else {}
    for part, most in (("objects", max_objects), ("relations", max_relations)):
        if part in graphs and _has_words(graphs[part]):
            raise ValueError(
                f"`{part}` must be an array of numbers, which {made} makes of words in "
                f"a list of graphs. Received: {part}={graphs[part]!r:.80}"
            )
        shape = tuple(getattr(graphs.get(part), "shape", ()))
        if len(shape) in (2, 3) and shape[-2] != most:
            raise ValueError(
                f"`{part}` must have shape (batch, {most}, {shape[-1]}): {made} pads "
                f"graphs so. Received: {part}.shape={shape}"
            )


def _has_words(values):
    if isinstance(values, (list, tuple)):
        return any(map(_has_words, values))
    if isinstance(values, np.ndarray):
        return values.dtype.kind in "OSUT"
    return isinstance(values, (str, Mapping))


def check_graphs(
    arrays: dict[str, np.ndarray], num_attributes: Sequence[int], num_predicates: int
) -> None:
    """Checks the values of padded graphs, and of boxes and masks where there are some.

    Args:
        arrays: Dict of `objects`, `object_mask`, `relations`, `relation_mask`, and
            maybe of `boxes` and `masks`, of the right shapes.
        num_attributes: How many values each attribute has.
        num_predicates: Int.

    Raises:
        ValueError: If a graph is empty, a number is unknown, a relation has an end in
            a place without an object or both in one, or boxes or masks lie outside of
            the image.
    """
    for name in ("object_mask", "relation_mask"):
        if not np.isin(arrays[name], (0, 1)).all():
            raise ValueError(f"`{name}` must hold booleans, or 0 and 1.")
    real = arrays["object_mask"].astype(bool)  # (batch, objects)
    empty = np.flatnonzero(~real.any(axis=1))
    if empty.size:
        raise ValueError(
            "`object_mask` must have at least one object in each graph. "
            f"Received: graph {empty[0]} is empty"
        )
    objects = arrays["objects"]
    for i, size in enumerate(num_attributes):
        _check_numbers(f"objects[..., {i}]", objects[..., i][real], size)
    related = arrays["relation_mask"].astype(bool)
    relations = arrays["relations"]
    _check_numbers("relations[..., 1]", relations[..., 1][related], num_predicates)
    for place in (0, 2):
        numbers = relations[..., place]
        _check_numbers(f"relations[..., {place}]", numbers[related], real.shape[1])
        graph, _ = np.nonzero(related)
        ends = numbers[related].astype(int)
        if not real[graph, ends].all():
            wrong = np.flatnonzero(~real[graph, ends])[0]
            raise ValueError(
                "`relations` must lie between objects of `object_mask`. Received: "
                f"graph {graph[wrong]} with one of object {ends[wrong]}, which is none"
            )
    itself = related & (relations[..., 0] == relations[..., 2])
    if itself.any():
        raise ValueError(
            "`relations` must lie between two objects. Received: graph "
            f"{np.nonzero(itself)[0][0]} with one of object "
            f"{int(relations[itself][0, 0])} to itself"
        )
    if "boxes" in arrays:
        boxes = arrays["boxes"][real]
        checks.unit_range("boxes", boxes)
        if (boxes[:, :2] > boxes[:, 2:]).any():
            raise ValueError(
                "`boxes` must hold left, top, right, bottom, in this order. Received a "
                "box that ends before it begins"
            )
    if "masks" in arrays:
        checks.unit_range("masks", arrays["masks"])


def _check_numbers(name, numbers, size):
    if numbers.size and not (
        numbers.min() >= 0
        and numbers.max() < size
        and np.array_equal(numbers, np.round(numbers))
    ):
        raise ValueError(
            f"`{name}` must hold ints from 0 to {size - 1}. Received values from "
            f"{numbers.min()} to {numbers.max()}"
        )


def is_graph(graph: Any, num_attributes: Sequence[int], num_predicates: int) -> Any:
    """Returns whether each graph of a batch is what `check_graphs` lets pass.

    Args:
        graph: Dict of tensors, those of `check_graphs`, with boxes and masks.
        num_attributes: How many values each attribute has.
        num_predicates: Int.

    Returns:
        Bool tensor `(batch,)`.
    """
    graph = {name: ops.cast(values, "float32") for name, values in graph.items()}
    is_object, is_related = graph["object_mask"], graph["relation_mask"]
    real, related = is_object > 0, is_related > 0
    valid = ops.any(real, axis=1)
    for flags in (is_object, is_related):
        valid &= ops.all((flags == 0) | (flags == 1), axis=1)
    objects, relations = graph["objects"], graph["relations"]
    for i, size in enumerate(num_attributes):
        valid &= ops.all(_is_number(objects[..., i], size) | ~real, axis=1)
    num = objects.shape[1]
    for i, size in enumerate((num, num_predicates, num)):
        valid &= ops.all(_is_number(relations[..., i], size) | ~related, axis=1)
    for i in (0, 2):
        ends = ops.cast(ops.clip(relations[..., i], 0, num - 1), "int32")
        exists = ops.take_along_axis(is_object, ends, axis=1) > 0  # (batch, relations)
        valid &= ops.all(exists | ~related, axis=1)
    valid &= ops.all((relations[..., 0] != relations[..., 2]) | ~related, axis=1)
    boxes = graph["boxes"]
    inside = ops.all((boxes >= 0) & (boxes <= 1), axis=-1)
    inside &= ops.all(boxes[..., :2] <= boxes[..., 2:], axis=-1)
    valid &= ops.all(inside | ~real, axis=1)
    masks = graph["masks"]
    return valid & ops.all((masks >= 0) & (masks <= 1), axis=(1, 2, 3))


def _is_number(values, size):
    return (values >= 0) & (values < size) & (values == ops.floor(values))
