"""Names of a model's variables that are the same in each process and model.

Keras numbers layers, generators and optimizers as they are made: those of a model that
is loaded have other numbers. Here the variables of one name are numbered in the order
of the model.
"""

import collections
import re
from collections.abc import Iterable
from typing import Any

import keras

_NUMBER = re.compile(r"_\d+(?=_|/|$)")


def groups_of(model: keras.Model) -> dict[str, dict[str, keras.Variable]]:
    """Returns the variables of each kind by their names, with slashes between parts."""
    optimizer: Any = getattr(model, "optimizer", None)
    slots = [("", optimizer)] if optimizer is not None else []
    if hasattr(optimizer, "members"):
        slots = [(f"{name}/", member) for name, member in optimizer.members.items()]
    return {
        "trainable_variables": _named(model.trainable_variables),
        "non_trainable_variables": _named(model.non_trainable_variables),
        "optimizer_variables": {
            f"{prefix}{name}": variable
            for prefix, member in slots
            for name, variable in _named(member.variables).items()
        },
        "metrics_variables": _named(model.metrics_variables),
    }


def _named(variables: Iterable[keras.Variable]) -> dict[str, keras.Variable]:
    named, counts = {}, collections.Counter[str]()
    for variable in variables:
        name = _NUMBER.sub("", variable.path)
        named[f"{name}_{counts[name]}" if counts[name] else name] = variable
        counts[name] += 1
    return named


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """Returns dicts in dicts, one for each part of a name."""
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *parts, last = name.split("/")
        place = tree
        for part in parts:
            place = place.setdefault(part, {})
        place[last] = value
    return tree


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns what `nested` made a tree of."""
    values = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            values.update(flat(value, f"{prefix}{key}/"))
        else:
            values[f"{prefix}{key}"] = value
    return values
