"""The files of a preset, and checks that keep what is read inside its folder."""

import json
import os
from typing import Any

CONFIG = "config.json"
WEIGHTS = "model.weights.h5"
SHARDS = "model.weights.json"  # says which of several files holds which weights
SAFETENSORS = "model.safetensors"
METADATA = "metadata.json"
CARD = "README.md"
SAMPLES = "samples.png"

#: Version of the layout; a larger one in a preset is of a newer package.
LAYOUT = 1

_LARGEST_TEXT = 16 * 2**20  # bytes of a JSON file


def file_of(folder: str, name: str) -> str:
    """Returns the path of a file that lies in a folder itself.

    Raises:
        ValueError: If the name leads elsewhere, or it is a link or no file.
    """
    path = os.path.join(folder, name)
    if os.path.basename(name) != name or name in ("", ".", ".."):
        raise ValueError(
            "A preset must hold its files in its folder itself. "
            f"Received: {name!r} in {folder!r}"
        )
    if os.path.islink(path):
        raise ValueError(
            f"A preset must hold no links. Received: {name!r} in {folder!r}"
        )
    if not os.path.isfile(path):
        raise ValueError(
            f"A preset must hold the file {name!r}. Received: {folder!r} without it"
        )
    return path


def read_json(folder: str, name: str) -> dict[str, Any]:
    """Returns what a JSON file of a preset holds.

    Raises:
        ValueError: If it is no JSON object, or larger than any preset writes.
    """
    path = file_of(folder, name)
    size = os.path.getsize(path)
    if size > _LARGEST_TEXT:
        raise ValueError(
            f"{name!r} of a preset must have at most {_LARGEST_TEXT} bytes. "
            f"Received: {size} bytes"
        )
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{name!r} of a preset must be JSON. Received: {path!r}, {error}"
        ) from error
    if not isinstance(found, dict):
        raise ValueError(
            f"{name!r} of a preset must be a JSON object. Received: {path!r}"
        )
    return found


def weights_of(folder: str) -> str:
    """Returns the path of a preset's weights; of several files, of their list.

    Raises:
        ValueError: If there are none, or one lies elsewhere.
    """
    if os.path.lexists(os.path.join(folder, SAFETENSORS)):
        return file_of(folder, SAFETENSORS)
    if not os.path.lexists(os.path.join(folder, SHARDS)):
        return file_of(folder, WEIGHTS)
    _shards(folder)
    return file_of(folder, SHARDS)


def num_weight_bytes(folder: str) -> int:
    """Returns the size of the files of weights that a preset is loaded from."""
    path = weights_of(folder)
    if os.path.basename(path) != SHARDS:
        return os.path.getsize(path)
    return sum(os.path.getsize(each) for each in _shards(folder))


def _shards(folder: str) -> list[str]:
    """Returns the paths of the files that a list of weights names."""
    places = read_json(folder, SHARDS).get("weight_map")
    if not isinstance(places, dict):
        raise ValueError(f"{SHARDS!r} of a preset must hold a `weight_map`")
    return [file_of(folder, n) for n in {str(e) for e in _flat(list(places.values()))}]


def _flat(nest: Any) -> list:
    if isinstance(nest, list):
        return [leaf for each in nest for leaf in _flat(each)]
    return [nest]
