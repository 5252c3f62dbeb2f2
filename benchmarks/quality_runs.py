"""The files of figures: one a run, read by the page."""

import json
import pathlib
import re

from benchmarks import loops, results
from benchmarks.step_time import hardware
from keras_genmod.evaluation import LikelihoodTable

FOLDER = pathlib.Path(__file__).parent / "results"
_SCHEMA = "keras_genmod.benchmarks.run/1"


def file_name(name, minutes, seed) -> str:
    """Returns the name of a run's file, without its ending."""
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    kind, _ = hardware()
    return f"{words}-{loops.BACKEND}-{kind}-{minutes:g}min-seed{seed}"


def write(path, name, family, training, rows) -> None:
    """Writes a run's figures.

    Args:
        path: The file, replaced in one move.
        name: String, the model.
        family: String.
        training: Dict, the budget and how it was spent.
        rows: Dict by checkpoint, "last" or "best", of dicts with a `Likelihood` and
            a dict of samples' figures, or `None`.
    """
    kind, device = hardware()
    content = {
        "schema": _SCHEMA,
        "model": name,
        "family": family,
        "dataset": "mnist",
        "backend": loops.BACKEND,
        "clock": "CPU time of the process" if kind == "cpu" else "wall time",
        **{k.lower(): v for k, v in results.facts(loops.BACKEND, device).items()},
        "training": training,
        "rows": {
            checkpoint: {**row, "likelihood": _as_dict(name, row["likelihood"])}
            for checkpoint, row in rows.items()
        },
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(content, indent=1) + "\n")
    beside.replace(path)


def read(folder=FOLDER) -> list[dict]:
    """Returns all runs, likelihoods as `Likelihood`s.

    Raises:
        ValueError: If a file is none of a run.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text())
        if content.get("schema") != _SCHEMA:
            raise ValueError(f"{path} is no file of a run: schema must be {_SCHEMA!r}")
        for row in content["rows"].values():
            if row["likelihood"] is not None:
                ((_, row["likelihood"]),) = LikelihoodTable.from_json(
                    json.dumps(row["likelihood"])
                )
        found.append(content)
    return found


def _as_dict(name, likelihood):
    if likelihood is None:
        return None
    return json.loads(LikelihoodTable([(name, likelihood)]).to_json())
