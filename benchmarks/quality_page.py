"""Makes the page of qualities from the files of runs: `make results`.

`python -m benchmarks.quality_page` reads `results/*.json` and writes QUALITY.md whole.
A model of `quality_models.ENTRIES` that no file is of stands there as not run.
"""

import collections
import json
import math
import pathlib

import typer

from benchmarks import (
    published,
    quality_cifar,
    quality_models,
    quality_runs,
    quality_targets,
    quality_texts,
)
from keras_genmod.evaluation.likelihood import SIGNS

PATH = pathlib.Path(__file__).parent / "QUALITY.md"
_LIKELIHOOD = (
    "model",
    "family",
    "log p(x), nats",
    "95%",
    "bits/dim",
    "effective chains",
    "state",
    "training",
    "hardware, date",
    "published, this protocol",
    "published, other protocols",
    "command",
)
_SAMPLES = (
    "model",
    "family",
    "Frechet",
    "over the floor",
    "KID x 1000",
    "precision",
    "recall",
    "classifier score",
    "state",
    "training",
    "hardware, date",
    "command",
)


def interval(likelihood) -> tuple[float, float]:
    """Returns the ends of 95% of the mean, and of log Z where it is an estimate."""
    spread = 1.96 * (likelihood.standard_error or 0.0)
    low, high = likelihood.mean - spread, likelihood.mean + spread
    if (found := likelihood.log_partition) is not None:
        low, high = low - (found.high - found.value), high + (found.value - found.low)
    return low, high


def verdict(run, likelihood, other) -> str:
    """Returns how a row stands to a number of its protocol, with both budgets.

    Better is marked where the budget is not larger.
    """
    if other.in_bits:
        bits = math.log(2.0) * likelihood.num_dims
        offset = likelihood.bits_per_dim + likelihood.mean / bits
        high, low = (offset - end / bits for end in interval(likelihood))
        better, worse = high < other.value, low > other.value
    else:
        low, high = interval(likelihood)
        better, worse = low > other.value, high < other.value
    word = "better" if better else "worse" if worse else "equal"
    if other.budget is None:
        return f"{word}, its budget is not known"
    epochs = sum(map(float, run["training"]["epochs"].split(" + ")))
    if better and epochs <= other.budget:
        word = f"**{word}**"
    return f"{word}, in {100 * epochs / other.budget:.2g}% of its epochs"


def is_same(other, likelihood) -> bool:
    """Returns whether a published number is of the protocol of a likelihood."""
    protocol = likelihood.protocol
    drawn = (protocol.binarization or "").split("(")[0] or None
    return (
        other.same
        and protocol.count == 10_000
        and (other.kind, other.binarization) == (protocol.kind, drawn)
    )


def training(run) -> str:
    """Returns the budget of a run in words."""
    known = run["training"]
    spent = f"{known['minutes']:g} min, {known['epochs']} epochs"
    words = f"{spent} of {known['images']:,} images"
    return "; ".join([words, *filter(None, [known.get("remark")])])


def _ends(run):
    place = f"{run['hardware']}, {run['backend']}, {run['date']}"
    return place, f"`{run['command']}`" + run.get("note", "")


def likelihood_row(run, state, found) -> list[str]:
    """Returns the cells of a row of likelihoods."""
    low, high = interval(found)
    same, others = [], []
    for other in published.beside(run["model"]) if run["dataset"] == "mnist" else ():
        if is_same(other, found):
            same.append(f"{other}: {verdict(run, found, other)}")
        else:
            others.append(str(other))
    chains, sums = "", found.log_partition
    if sums is not None:
        chains = f"{sums.effective_sample_size:.1f} of {sums.num_chains}"
        chains += " (!)" if sums.has_few_chains else ""
    bits = found.bits_per_dim
    place, command = _ends(run)
    return [
        run["model"],
        run["family"],
        f"{SIGNS[found.kind]} {found.mean:.2f}",
        f"{low:.2f} to {high:.2f}" if math.isfinite(high) else f"{low:.2f}, open above",
        "" if bits is None else f"{bits:.4f}",
        chains,
        state,
        training(run),
        place,
        "; ".join(same),
        "; ".join(others),
        command,
    ]


def samples_row(run, state, found) -> list[str]:
    """Returns the cells of a row of samples."""
    place, command = _ends(run)
    return [
        run["model"],
        run["family"],
        f"{found['frechet']:.3g}",
        f"{found['frechet'] / found['floor']:.1f}",
        f"{1e3 * found['kernel']:.3g}",
        f"{found['precision']:.3f}",
        f"{found['recall']:.3f}",
        f"{found['classifier_score']:.2f}",
        state,
        training(run),
        place,
        command,
    ]


def table(columns, rows) -> str:
    """Returns a Markdown table without columns that are empty in all rows."""
    kept = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(str(line[i]) for i in kept)} |" for line in lines)


def _words(run, state):
    """Returns which state a row is of, where it may be both."""
    is_both = run["training"].get("validation") and set(run["rows"]) == {"last"}
    return "last = best" if is_both else state


def _grouped(runs, figure, protocol):
    """Returns rows `(run, state, found)` of all runs, by protocol."""
    groups = collections.defaultdict(list)
    for run in runs:
        for state, row in run["rows"].items():
            if (found := row[figure]) is not None:
                groups[protocol(found)].append((run, _words(run, state), found))
    return groups


def likelihoods(runs) -> list[str]:
    """Returns the sections of likelihoods."""
    parts = ["## Log-likelihood"]
    for protocol, rows in _grouped(runs, "likelihood", lambda f: f.protocol).items():
        rows.sort(key=lambda row: -row[2].mean)
        parts.append(f"{protocol}:")
        parts.append(table(_LIKELIHOOD, [likelihood_row(*row) for row in rows]))
    return parts


def samples(runs) -> list[str]:
    """Returns the sections of samples."""
    parts = ["## Samples against test images", quality_texts.OF_SAMPLES]
    for protocol, rows in _grouped(runs, "samples", lambda f: f["protocol"]).items():
        rows.sort(key=lambda row: row[2]["frechet"])
        floor = rows[0][2]["floor"]
        parts.append(
            f"{protocol}. Training images in place of samples: {floor:.3g}, the floor."
        )
        parts.append(table(_SAMPLES, [samples_row(*row) for row in rows]))
    return parts


def other_tables(found) -> list[str]:
    """Returns the sections of tables that are no training run's."""
    parts = []
    for one in found:
        parts += [f"## {one['title']}", one["text"]]
        if (remark := quality_texts.REMARKS.get(one["title"])) is not None:
            parts.append(remark)
        facts = ("hardware", "versions", "date", "command")
        parts.append(
            "\n".join(
                f"- {name.capitalize()}: "
                + (f"`{one[name]}`" if name == "command" else one[name])
                for name in facts
            )
        )
        for member in one["tables"]:
            parts += [member["caption"]] if member["caption"] else []
            parts.append(table(member["columns"], member["rows"]))
    return parts


def not_run(runs) -> list[str]:
    """Returns the section of models that no file is of."""
    # A note says that a run is older than the command that stands for it.
    known = {
        (run["dataset"], run["model"])
        for run in runs
        if "--minutes" in run["command"] and not run.get("note")
    }
    rows = [
        [
            name + suffix,
            f"`python -m benchmarks.quality --models '{name}' --minutes 60{option}`",
        ]
        for dataset, entries, suffix, option in (
            ("mnist", quality_models.ENTRIES, "", ""),
            (
                quality_cifar.DATASET,
                quality_cifar.ENTRIES,
                f", {quality_cifar.DATASET}",
                " --cifar cifar10_jpeg.npz",
            ),
        )
        for name in entries
        if (dataset, name) not in known
    ]
    parts = ["## Not run", quality_texts.NO_ROW]
    if rows:
        parts += ["By today's command, though older rows may stand above:"]
        parts += [table(("model", "command"), rows)]
    return parts


def page(folder=quality_runs.FOLDER) -> str:
    """Returns the whole page."""
    runs, tables = quality_runs.read(folder)
    families = sorted({run["family"] for run in runs})
    figures = ("likelihood", "samples")
    number = sum(
        row[figure] is not None
        for run in runs
        for row in run["rows"].values()
        for figure in figures
    )
    counted = (
        f"{number} rows, of likelihood and of samples, last and best, of {len(runs)} "
        f"runs of {len(families)} families: {', '.join(families)}."
    )
    left = table(quality_targets.COLUMNS, quality_targets.rows(runs, training))
    parts = [quality_texts.INTRODUCTION.strip(), counted, *likelihoods(runs)]
    parts += [quality_targets.TEXT, left, *samples(runs)]
    return "\n\n".join([*parts, *other_tables(tables), *not_run(runs)]) + "\n"


def main(check: bool = False):
    """Writes the page.

    Args:
        check: Write nothing, and fail where the page is not that of the files.
    """
    text = page()
    if check and text != PATH.read_text():
        raise SystemExit("QUALITY.md is not of benchmarks/results: run `make results`")
    if not check:
        PATH.write_text(text)
        typer.echo(json.dumps({"page": PATH.name, "characters": len(text)}))


if __name__ == "__main__":
    typer.run(main)
