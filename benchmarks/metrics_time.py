"""Times metrics beside what is usually used: SciPy's sqrtm, prdc, scikit-learn.

`python -m benchmarks.metrics_time --write` measures and puts the table into
RESULTS.md. Both sides run in one process on the same float64 arrays in turns: package,
reference, package, ... Each round gives one ratio of times; the table shows the median
and the range. Peak memory is what a process of its own takes beyond its inputs.
"""

import contextlib
import importlib.metadata
import io
import math
import multiprocessing
import statistics
import time
import warnings

import keras
import numpy as np
import typer

from benchmarks import resident_memory, results
from benchmarks.references import metric_references
from keras_genmod import metrics

COLUMNS = (
    "metric",
    "against",
    "N",
    "d",
    "s",
    "s, reference",
    "times faster",
    "of rounds",
    "relative difference",
    "peak MiB",
    "MiB, reference",
)
_SHAPES = ((10_000, 64), (10_000, 2048), (1_000, 2048))


def _of_statistics(x):
    return metrics.FeatureStatistics().update(x)


def _prdc(real, fake):
    found = metrics.precision_recall_density_coverage(real, fake)
    return [found.precision, found.recall, found.density, found.coverage]


def _kernel_distance(real, fake):
    subset_size = min(1000, len(real))
    return metrics.kernel_distance(real, fake, 20, subset_size).value


def _nearest_neighbours(real, fake):
    return metrics.nearest_neighbours(fake, real, k=5).distances


# Name: (against, the package, the reference, what prepares each side's inputs).
CASES = {
    "frechet_distance": (
        "SciPy sqrtm, as pytorch-fid",
        lambda real, fake: metrics.frechet_distance(real, fake).value,
        lambda real, fake: metric_references.frechet_distance(
            metric_references.moments(real), metric_references.moments(fake)
        ),
        None,
    ),
    "frechet_distance of statistics": (
        "SciPy sqrtm, as pytorch-fid",
        lambda real, fake: metrics.frechet_distance(real, fake).value,
        metric_references.frechet_distance,
        (_of_statistics, metric_references.moments),
    ),
    "precision_recall_density_coverage": (
        "prdc",
        _prdc,
        metric_references.prdc,
        None,
    ),
    "kernel_distance": (
        "scikit-learn polynomial_kernel",
        _kernel_distance,
        metric_references.kernel_distance,
        None,
    ),
    "nearest_neighbours": (
        "scikit-learn NearestNeighbors",
        _nearest_neighbours,
        metric_references.nearest_neighbours,
        None,
    ),
}


def make_sets(count: int, dim: int):
    """Returns `(real, fake)`: correlated normal features, in float64."""
    rng = np.random.default_rng(0)
    scales = rng.uniform(0.5, 1.5, size=(2, dim))
    real, fake = rng.normal(size=(2, count, dim)) * scales[:, None]
    return real, fake + 0.02


def prepare(name: str, count: int, dim: int, side: int):
    """Returns a function without arguments that runs one side (0: the package)."""
    sets = make_sets(count, dim)
    _, *sides, preparations = CASES[name]
    if preparations is not None:
        sets = tuple(preparations[side](x) for x in sets)
    return lambda: _quiet(sides[side], *sets)


def _quiet(function, *arguments):
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # few samples, as meant; prdc prints
        return function(*arguments)


def peak(name: str, count: int, dim: int, side: int) -> int:
    """Returns the bytes that one side takes beyond its inputs, in this process."""
    run = prepare(name, count, dim, side)
    _quiet(CASES[name][1 + side], *_small_inputs(name, side))  # imports
    before = resident_memory.now()
    resident_memory.restart_peak()
    run()
    return max(resident_memory.peak() - before, 0)


def _small_inputs(name, side):
    sets, preparations = make_sets(40, 4), CASES[name][3]
    return sets if preparations is None else [preparations[side](x) for x in sets]


def measure(name: str, count: int, dim: int, rounds: int, memory: bool) -> list[str]:
    """Returns one row of the table."""
    runs = [prepare(name, count, dim, side) for side in (0, 1)]
    for side in (0, 1):
        _quiet(CASES[name][1 + side], *_small_inputs(name, side))
    pairs, values = [], []
    for _ in range(rounds):
        timed = [_timed(run) for run in runs]
        pairs.append([seconds for seconds, _ in timed])
        values = [np.asarray(value, np.float64) for _, value in timed]
    ratios = [other / ours for ours, other in pairs]
    ours, other = (statistics.median(s) for s in zip(*pairs, strict=True))
    difference = np.abs(values[0] - values[1]).max() / np.abs(values[1]).max()
    peaks = ["", ""]
    if memory:
        peaks = [f"{_peak_of_process(name, count, dim, s) / 2**20:.0f}" for s in (0, 1)]
    return [
        f"`{name}`" if " " not in name else name,
        CASES[name][0],
        f"{count:,}",
        f"{dim:,}",
        f"{ours:.3g}",
        f"{other:.3g}",
        f"{statistics.median(ratios):.1f}",
        f"{min(ratios):.1f} to {max(ratios):.1f}",
        f"{difference:.0e}" if difference else "0",
        *peaks,
    ]


def _timed(run):
    start = time.perf_counter()
    value = run()
    seconds = time.perf_counter() - start
    if not np.isfinite(value).all():
        raise ValueError(f"The value is not finite: {value}.")
    return seconds, value


def _peak_of_process(*arguments):
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(peak, arguments)


def _shapes_of(name, shapes):
    # Of few samples the package keeps the features, not statistics.
    few = name == "frechet_distance of statistics"
    return [(count, dim) for count, dim in shapes if count > dim or not few]


def main(
    cases: str = "all",
    rounds: int = 3,
    scale: float = 1.0,
    memory: bool = True,
    write: bool = False,
):
    """Times metrics and prints a Markdown table.

    Args:
        cases: "all", or names of `CASES` with commas between them.
        rounds: Rounds of both sides in turn.
        scale: Factor on counts and dimensions, below 1 for a rehearsal.
        memory: Measure peak memory too, in processes of their own.
        write: Put the table into RESULTS.md.
    """
    names = tuple(CASES) if cases == "all" else tuple(cases.split(","))
    if unknown := sorted(set(names) - set(CASES)):
        raise typer.BadParameter(
            f"`cases` must be of {', '.join(CASES)}. Received: {unknown}"
        )
    shapes = [(math.ceil(n * scale), math.ceil(d * scale)) for n, d in _SHAPES]
    rows = []
    for name in names:
        for count, dim in _shapes_of(name, shapes):
            rows.append(measure(name, count, dim, rounds, memory))
            typer.echo(" ".join(rows[-1]), err=True)
    versions = ", ".join(
        f"{package} {importlib.metadata.version(package)}"
        for package in ("scipy", "scikit-learn", "prdc")
    )
    text = "\n".join(
        [
            "## Time of metrics",
            "",
            f"Float64 on the host, {rounds} rounds in turns. Above 1 times faster: the "
            "package is. `frechet_distance` counts means and covariances in, `of "
            "statistics` does not; KID is over 20 subsets of 1,000, the others k = 5.",
            "",
            *results.circumstances(keras.backend.backend(), results.processor()),
            f"- References: {versions}",
            "",
            *(
                f"| {' | '.join(row)} |"
                for row in [COLUMNS, ["---"] * len(COLUMNS), *rows]
            ),
        ]
    )
    print(text)
    if write:
        results.write_section("metrics_time", text)


if __name__ == "__main__":
    typer.run(main)
