"""The files of figures: one a run, read by the page."""

import json
import pathlib
import re

from benchmarks import loops, results
from benchmarks.step_time import hardware
from keras_genmod.evaluation import LikelihoodTable

FOLDER = pathlib.Path(__file__).parent / "results"
_RUN = "keras_genmod.benchmarks.run/1"
_TABLE = "keras_genmod.benchmarks.table/1"


def file_name(name, budget, seed) -> str:
    """Returns the name of a run's file, without its ending."""
    words = re.sub(r"[^a-z0-9]+", "_", name.lower().replace("+", "p")).strip("_")
    kind, _ = hardware()
    return f"{words}-{loops.BACKEND}-{kind}-{budget}-seed{seed}"


def path(name, budget, seed, folder=FOLDER) -> pathlib.Path:
    """Returns the file of a run."""
    return folder / f"{file_name(name, budget, seed)}.json"


def write_run(path, name, family, training, rows, dataset="mnist") -> None:
    """Writes a run's figures.

    Args:
        path: The file, replaced in one move.
        name: String, the model.
        family: String.
        training: Dict, the budget and how it was spent.
        rows: Dict by state, "last" or "best", of dicts with a `Likelihood` and a dict
            of samples' figures, or `None`.
        dataset: String.
    """
    known = {
        "model": name,
        "family": family,
        "dataset": dataset,
        **_circumstances(),
        "training": training,
        "rows": {
            state: {**row, "likelihood": likelihood_as_dict(name, row["likelihood"])}
            for state, row in rows.items()
        },
    }
    _replace(path, {"schema": _RUN, **known})


def write_table(path, title, text, tables) -> None:
    """Writes tables of figures that are no training run's.

    Args:
        path: The file, replaced in one move.
        title: String, a heading of the page.
        text: String below it.
        tables: List of dicts with `caption`, `columns` and `rows`, of strings.
    """
    known = {"title": title, "text": text, **_circumstances(), "tables": tables}
    _replace(path, {"schema": _TABLE, **known})


def read(folder=FOLDER) -> tuple[list[dict], list[dict]]:
    """Returns all runs, likelihoods as `Likelihood`s, and all tables.

    Raises:
        ValueError: If a file is none of either.
    """
    found: dict = {_RUN: [], _TABLE: []}
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text())
        if content.get("schema") not in found:
            raise ValueError(
                f"{path} must be of a run or a table. Received: schema "
                f"{content.get('schema')!r}, not one of {list(found)}"
            )
        found[content["schema"]].append(content)
    for run in found[_RUN]:
        for row in run["rows"].values():
            if row["likelihood"] is not None:
                text = json.dumps(row["likelihood"])
                ((_, row["likelihood"]),) = LikelihoodTable.from_json(text)
    return found[_RUN], found[_TABLE]


def likelihood_as_dict(name, likelihood):
    """Returns what JSON keeps of a `Likelihood`, or `None`."""
    if likelihood is None:
        return None
    return json.loads(LikelihoodTable([(name, likelihood)]).to_json())


def _circumstances():
    kind, device = hardware()
    facts = results.facts(loops.BACKEND, device)
    return {
        "backend": loops.BACKEND,
        "clock": "CPU time" if kind == "cpu" else "wall time",
        **{name.lower(): value for name, value in facts.items()},
    }


def _replace(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(content, indent=1) + "\n")
    beside.replace(path)
