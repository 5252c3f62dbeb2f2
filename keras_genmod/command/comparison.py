"""Two files of figures beside one another."""

import json
from typing import Any

from keras_genmod.command.figures import SCHEMA
from keras_genmod.evaluation import Likelihood, LikelihoodTable
from keras_genmod.metrics import Protocol, Score

# What a file of something else leads to.
_OTHER = (AttributeError, KeyError, TypeError, ValueError, RecursionError)


def read(path: str) -> dict[str, Any]:
    """Returns what `evaluate` or `fid` wrote into a file.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it holds something else.
    """
    with open(path, encoding="utf-8") as file:
        try:
            found = json.load(file)
            if found["schema"] != SCHEMA:
                raise ValueError(f"schema {found['schema']!r}")
            found["scores"] = _scores(found)
            found["row"] = _likelihood(found)
            found["sha256"] = found.get("real", {}).get("sha256")
            found["name"] = str(found["name"])
        except _OTHER as error:
            raise ValueError(
                "Figures must be in a file that `keras-genmod evaluate` or `fid` "
                f"wrote. Received: {path!r} ({error})"
            ) from error
    return found


def _scores(found: dict[str, Any]) -> dict[str, Score]:
    return {
        str(name): Score(
            value=float(fields["value"]),
            standard_error=fields.get("standard_error"),
            protocol=Protocol(**fields["protocol"]),
        )
        for name, fields in found.get("samples", {}).items()
    }


def _likelihood(found: dict[str, Any]) -> Likelihood | None:
    if found["likelihood"] is None:
        return None
    ((_, row),) = LikelihoodTable.from_json(json.dumps(found["likelihood"]))
    return row


def compare(first: str, second: str) -> str:
    """Returns a table of what two files of figures have in common, and the difference.

    Args:
        first: Path of a file of figures.
        second: Path of another.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If the files have no figure in common, or one was made in another
            way; the message names the difference.
    """
    a, b = read(first), read(second)
    rows = []
    if a["row"] is not None and b["row"] is not None:
        one, other = a["row"], b["row"]
        title = f"log p(x), nats, {one.kind.replace('_', ' ')}"
        rows.append((title, one.mean, other.mean, one.compare_to(other)))
    common = [name for name in a["scores"] if name in b["scores"]]
    if common and a["sha256"] != b["sha256"]:
        raise ValueError(
            "Figures of samples must be beside the same real images to compare. "
            f"Received: {a['real']} and {b['real']}"
        )
    for name in common:
        one, other = a["scores"][name], b["scores"][name]
        rows.append((name, float(one), float(other), one - other))
    if not rows:
        raise ValueError(
            f"Files must have a figure in common. Received: {first!r} and {second!r}"
        )
    lines = [f"{'':36}{a['name'][-15:]:>16}{b['name'][-15:]:>16}{'difference':>12}"]
    lines += [f"{name:36}{x:16.6g}{y:16.6g}{d:12.4g}" for name, x, y, d in rows]
    return "\n".join(lines)
