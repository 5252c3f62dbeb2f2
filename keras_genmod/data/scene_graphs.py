"""Scene graphs in words, turned into padded arrays."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_genmod import checks
from keras_genmod.data.scene_captions import (
    COLOURS,
    PREDICATES,
    SHAPES,
    SIZES,
    SYNONYMS,
)

_PLAIN = {word: plain for plain, words in SYNONYMS.items() for word in words}
_ARTICLES = ("a", "an", "the")
# Pairs of predicates that say the same from either side, and lead nowhere in a circle.
_ORDERS = (("inside", "around"), ("left of", "right of"), ("above", "below"))


def scene_graphs(
    graphs: Sequence[Mapping[str, Any]],
    max_objects: int = 6,
    max_relations: int | None = None,
    attributes: Sequence[Sequence[str]] = (SHAPES, COLOURS, SIZES),
    predicates: Sequence[str] = PREDICATES,
) -> dict[str, np.ndarray]:
    """Turns dicts of objects and relations into what `SceneGraphGAN.sample` takes.

    Each graph is a dict with `objects`, and `relations` if there are some. Objects are
    a list, or a dict from names to objects; an object is a string, or a tuple of words,
    with one word of each attribute in any order: "small red circle". Relations are
    triples of subject, predicate and object, where subject and object are places in the
    list or names of the dict. Of the words of `data.shape_scenes` the synonyms in its
    captions ("disc", "over") are understood too; capitals and articles do not matter.

    Args:
        graphs: List of such dicts, not empty.
        max_objects: Positive int, to how many objects graphs are padded.
        max_relations: Positive int, to how many relations they are padded; by default
            one for each pair of objects.
        attributes: For each attribute its words, in the order of their numbers.
        predicates: The predicates, in the order of their numbers.

    Returns:
        Dict of arrays: `objects` int32 `(n, max_objects, len(attributes))`,
        `object_mask` bool `(n, max_objects)`, `relations` int32
        `(n, max_relations, 3)`, `relation_mask` bool `(n, max_relations)`.

    Raises:
        ValueError: If a graph is empty or too large, a word is unknown or an attribute
            missing, a relation has an unknown end or two equal ones, or relations lead
            in a circle: what lies inside something that lies inside it, say; or a word
            of the attributes, or a predicate, is there twice.

    Example:
        ```python
        graphs = keras_genmod.data.scene_graphs(
            [
                {
                    "objects": {"ball": "small red circle", "box": "large blue square"},
                    "relations": [("ball", "inside", "box")],
                }
            ]
        )
        images = model.sample(graphs)
        ```
    """
    max_objects = checks.positive_int("max_objects", max_objects)
    if max_relations is None:
        max_relations = max(1, max_objects * (max_objects - 1) // 2)
    max_relations = checks.positive_int("max_relations", max_relations)
    _check_attributes(attributes)
    _check_words("predicates", predicates)
    _check_once("predicates", predicates)
    if not isinstance(graphs, (list, tuple)) or not graphs:
        raise ValueError(
            "`graphs` must be a non-empty list of dicts with 'objects' and "
            f"'relations'. Received: {type(graphs).__name__}"
        )
    num = len(graphs)
    found = {
        "objects": np.zeros((num, max_objects, len(attributes)), "int32"),
        "object_mask": np.zeros((num, max_objects), bool),
        "relations": np.zeros((num, max_relations, 3), "int32"),
        "relation_mask": np.zeros((num, max_relations), bool),
    }
    for i, graph in enumerate(graphs):
        where = f"graphs[{i}]"
        objects, places = _objects(where, graph, attributes)
        relations = _relations(where, graph, places, predicates)
        for name, mask, rows, most in (
            ("objects", "object_mask", objects, max_objects),
            ("relations", "relation_mask", relations, max_relations),
        ):
            if len(rows) > most:
                raise ValueError(
                    f"`{where}` must have at most {most} {name}; max_{name} says how "
                    f"many. Received: {len(rows)}"
                )
            if rows:
                found[name][i, : len(rows)] = rows
                found[mask][i, : len(rows)] = True
    return found


def _check_attributes(attributes):
    if not isinstance(attributes, (list, tuple)) or not attributes:
        raise ValueError(
            "`attributes` must be a non-empty list of the words of each attribute. "
            f"Received: attributes={attributes!r}"
        )
    for i, words in enumerate(attributes):
        _check_words(f"attributes[{i}]", words)
    _check_once("attributes", [word for words in attributes for word in words])


def _check_once(name, words):
    twice = [word for word, count in Counter(words).items() if count > 1]
    if twice:
        raise ValueError(
            f"`{name}` must have each word once, or it has two numbers. "
            f"Received twice: {', '.join(map(repr, twice))}"
        )


def _check_words(name, words):
    is_list = isinstance(words, (list, tuple)) and len(words) > 0
    if not is_list or not all(isinstance(word, str) for word in words):
        raise ValueError(
            f"`{name}` must be a non-empty list of strings. Received: {name}={words!r}"
        )


def _objects(where, graph, attributes):
    """Returns the numbers of each object's attributes, and places of their names."""
    unknown = (
        set(graph) - {"objects", "relations"} if isinstance(graph, Mapping) else {}
    )
    if not isinstance(graph, Mapping) or unknown:
        raise ValueError(
            f"`{where}` must be a dict with 'objects' and 'relations'. "
            f"Received: {sorted(unknown, key=str) or type(graph).__name__}"
        )
    objects = graph.get("objects", ())
    if not isinstance(objects, (list, tuple, Mapping)) or not objects:
        raise ValueError(
            f"`{where}` must have at least one object, in a list or a dict of names. "
            f"Received: objects={objects!r}"
        )
    is_named = isinstance(objects, Mapping)
    names = list(objects) if is_named else list(range(len(objects)))
    rows = [_numbers(where, objects[name], attributes) for name in names]
    return rows, {name: place for place, name in enumerate(names)}


def _numbers(where, item, attributes):
    """Returns the number of each attribute of one object."""
    vocabulary = {
        w: (a, n) for a, all_ in enumerate(attributes) for n, w in enumerate(all_)
    }
    if not isinstance(item, (str, list, tuple)):
        raise ValueError(
            f"`{where}` must have objects that are strings or lists of words. "
            f"Received: {item!r}"
        )
    row: list[int | None] = [None] * len(attributes)
    for word in _words(item, vocabulary):
        plain = _meant(word, vocabulary)
        if plain is None:
            raise ValueError(
                f"`{where}` must have objects of known words: {', '.join(vocabulary)}. "
                f"Received: {word!r} in {item!r}"
            )
        attribute, number = vocabulary[plain]
        if row[attribute] is not None:
            raise ValueError(
                f"`{where}` must have objects with one word of each attribute. "
                f"Received: two of {', '.join(attributes[attribute])} in {item!r}"
            )
        row[attribute] = number
    if None in row:
        missing = attributes[row.index(None)]
        raise ValueError(
            f"`{where}` must have objects with a word of each attribute. "
            f"Received: none of {', '.join(missing)} in {item!r}"
        )
    return row


def _relations(where, graph, places, predicates):
    """Returns the numbers of each relation; raises unless they can all be true."""
    rows, said = [], []
    kind = "names of the dict of objects"
    if not isinstance(graph["objects"], Mapping):
        kind = "places in the list of objects; in a dict of objects they have names"
    triples = graph.get("relations", ())
    if not isinstance(triples, (list, tuple)):
        raise ValueError(
            f"`{where}` must have a list of relations. Received: relations={triples!r}"
        )
    for triple in triples:
        if not isinstance(triple, (list, tuple)) or len(triple) != 3:
            raise ValueError(
                f"`{where}` must have relations (subject, predicate, object). "
                f"Received: {triple!r}"
            )
        subject, predicate, object_ = triple
        plain = _meant(predicate, predicates)
        if plain is None:
            raise ValueError(
                f"`{where}` must have relations with one of {', '.join(predicates)}. "
                f"Received: {predicate!r}"
            )
        for end in (subject, object_):
            if isinstance(end, bool) or not _is_key(end, places):
                raise ValueError(
                    f"`{where}` must have relations between its objects "
                    f"{list(places)}, {kind}. Received: {end!r} in {triple!r}"
                )
        if subject == object_:
            raise ValueError(
                f"`{where}` must have relations between two objects. "
                f"Received: {triple!r}"
            )
        rows.append((places[subject], list(predicates).index(plain), places[object_]))
        said.append((subject, plain, object_))
    for order in _ORDERS:
        _check_order(where, said, *order)
    return rows


def _words(item, vocabulary):
    """Returns the words of an object, a string of one or several, without articles."""
    words = item.split() if isinstance(item, str) else item
    words = [w for w in words if _meant(w, vocabulary) or _meant(w, _ARTICLES) is None]
    whole = [item, " ".join(words)] if isinstance(item, str) else []
    return next(([text] for text in whole if _meant(text, vocabulary)), words)


def _meant(word, vocabulary):
    """Returns the word of a vocabulary that is meant, or `None`."""
    if not isinstance(word, str):
        return None
    small = {known.lower(): known for known in vocabulary}
    plain = small.get(_PLAIN.get(word.lower()))
    return word if word in vocabulary else small.get(word.lower(), plain)


def _is_key(value, keys):
    try:
        return value in keys
    except TypeError:  # an array, or a list
        return False


def _check_order(where, said, forth, back):
    """Raises a `ValueError` if relations of one order lead in a circle."""
    edges: dict[Any, set] = {}
    for subject, predicate, object_ in said:
        if predicate == back:
            subject, object_ = object_, subject
        if predicate in (forth, back):
            edges.setdefault(subject, set()).add(object_)
    while edges:  # what leads nowhere further is in no circle
        ends = {o for after in edges.values() for o in after if o not in edges}
        left = {s: after - ends for s, after in edges.items()}
        left = {s: after for s, after in left.items() if after}
        if left == edges:
            circle, step = [], next(iter(edges))
            while step not in circle:
                circle.append(step)
                step = sorted(edges[step], key=str)[0]
            circle = [*circle[circle.index(step) :], step]
            raise ValueError(
                f"`{where}` must have no cycle of {forth!r}. Received: "
                + f" {forth} ".join(map(str, circle))
            )
        edges = left
