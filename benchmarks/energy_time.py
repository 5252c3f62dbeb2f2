"""Times an RBM's epoch beside scikit-learn's, and annealed importance sampling.

`python -m benchmarks.energy_time --write` measures and puts the table into RESULTS.md.
Both sides of the epoch are PCD-1 with batches of 100 and as many chains, on the same
float32 images in one process, in turns; both have warmed up. Peak memory is what a
process of its own takes beyond its inputs, resident on the host, once warm.
"""

import importlib.metadata
import math
import multiprocessing
import statistics
import time

import keras
import numpy as np
import typer

import keras_genmod
from benchmarks import resident_memory, results

COLUMNS = (
    "task",
    "against",
    "size",
    "s",
    "s, reference",
    "times faster",
    "of rounds",
    "peak MiB",
    "MiB, reference",
)
_RATE = 0.05
_VISIBLE, _HIDDEN, _BATCH = 784, 500, 100
_EXAMPLES, _TEMPERATURES, _CHAINS = 60_000, 10_000, 100


def make_images(count: int, dim: int) -> np.ndarray:
    """Returns binary images, float32 `(count, dim)`, as sparse as MNIST's."""
    rng = np.random.default_rng(0)
    rates = rng.uniform(0.0, 0.3, size=dim)
    return (rng.random((count, dim)) < rates).astype("float32")


def rbm_epoch(sizes):
    """Returns a function that trains the package's RBM for an epoch."""
    images = make_images(sizes["examples"], sizes["visible"])
    model = keras_genmod.RBM(
        sizes["visible"], sizes["hidden"], persistent=True, num_chains=_BATCH, seed=0
    )
    model.compile(keras.optimizers.SGD(_RATE))

    def run():
        logs = model.fit(images, batch_size=_BATCH, verbose=0).history
        return logs["reconstruction"][-1]

    return run


def sklearn_epoch(sizes):
    """Returns a function that trains scikit-learn's RBM for an epoch."""
    from sklearn.neural_network import BernoulliRBM

    images = make_images(sizes["examples"], sizes["visible"])
    model = BernoulliRBM(
        sizes["hidden"],
        learning_rate=_RATE,
        batch_size=_BATCH,
        n_iter=1,
        random_state=0,
    )
    return lambda: model.fit(images).components_.sum()


def annealing(sizes):
    """Returns a function that estimates log Z of a random RBM of MNIST's size."""
    model = keras_genmod.RBM(sizes["visible"], sizes["hidden"], seed=0)
    rng = np.random.default_rng(0)
    model.couplings.assign(0.05 * rng.normal(size=model.couplings.shape))
    model.visible_bias.assign(np.full(sizes["visible"], -2.0))
    return lambda: (
        model.log_partition(
            "ais", sizes["temperatures"], num_chains=sizes["chains"], seed=0
        ).value
    )


# Name: (against, what prepares the package's side, the reference's or None).
CASES = {
    "RBM PCD-1 epoch": ("scikit-learn BernoulliRBM", rbm_epoch, sklearn_epoch),
    "annealed importance sampling": ("", annealing, None),
}


def sizes_at(scale: float) -> dict:
    """Returns the sizes of all cases, times a factor."""
    full = {
        "examples": _EXAMPLES,
        "visible": _VISIBLE,
        "hidden": _HIDDEN,
        "temperatures": _TEMPERATURES,
        "chains": _CHAINS,
    }
    return {name: max(math.ceil(size * scale), 2) for name, size in full.items()}


def _timed(run, clock):
    start = clock()
    value = run()
    seconds = clock() - start
    if not np.isfinite(value):
        raise ValueError(f"The value is not finite: {value}.")
    return seconds


def peak(name: str, side: int, scale: float) -> int:
    """Returns the bytes that one warm side takes beyond its inputs, in this process."""
    run = CASES[name][1 + side](sizes_at(scale))
    run()
    before = resident_memory.now()
    resident_memory.restart_peak()
    run()
    return max(resident_memory.peak() - before, 0)


def _peak_of_process(*arguments):
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(peak, arguments)


def measure(name: str, rounds: int, scale: float, memory: bool, clock) -> list[str]:
    """Returns one row of the table, in the seconds of a clock."""
    against, *makers = CASES[name]
    sizes = sizes_at(scale)
    runs = [make(sizes) for make in makers if make is not None]
    for run in runs:
        run()  # compiles
    times = [[_timed(run, clock) for run in runs] for _ in range(rounds)]
    ours, *others = (statistics.median(t) for t in zip(*times, strict=True))
    ratios = [pair[1] / pair[0] for pair in times] if others else []
    peaks = ["", ""]
    if memory:
        found = [_peak_of_process(name, side, scale) for side in range(len(runs))]
        peaks = [f"{p / 2**20:.0f}" for p in found] + [""] * (2 - len(found))
    shape = f"{sizes['visible']}x{sizes['hidden']}"
    work = f"{sizes['temperatures']:,} temperatures, {sizes['chains']} chains"
    if others:
        work = f"{sizes['examples']:,} examples, batches of {_BATCH}"
    return [
        name,
        against,
        f"{shape}, {work}",
        f"{ours:.3g}",
        f"{others[0]:.3g}" if others else "",
        f"{statistics.median(ratios):.1f}" if ratios else "",
        f"{min(ratios):.1f} to {max(ratios):.1f}" if ratios else "",
        *peaks,
    ]


def main(
    cases: str = "all",
    rounds: int = 3,
    scale: float = 1.0,
    memory: bool = True,
    cpu_seconds: bool = False,
    write: bool = False,
):
    """Times energy models and prints a Markdown table.

    Args:
        cases: "all", or names of `CASES` with commas between them.
        rounds: Rounds of both sides in turn.
        scale: Factor on all sizes, below 1 for a rehearsal.
        memory: Measure peak memory too, in processes of their own.
        cpu_seconds: Count the process's CPU time, not the clock's: on a busy machine.
        write: Put the table into RESULTS.md.
    """
    clock = time.process_time if cpu_seconds else time.perf_counter
    measured = "CPU time of the process" if cpu_seconds else "wall time"
    names = tuple(CASES) if cases == "all" else tuple(cases.split(","))
    if unknown := sorted(set(names) - set(CASES)):
        raise typer.BadParameter(
            f"`cases` must be of {', '.join(CASES)}. Received: {unknown}"
        )
    rows = []
    for name in names:
        rows.append(measure(name, rounds, scale, memory, clock))
        typer.echo(" ".join(rows[-1]), err=True)
    backend = keras.backend.backend()
    text = "\n".join(
        [
            f"## Time of energy models on {backend}",
            "",
            f"Medians of {rounds} warm rounds in turns, {measured}; above 1 times "
            "faster: the package is. Memory is the host's.",
            "",
            *results.circumstances(backend, results.processor()),
            f"- Reference: scikit-learn {importlib.metadata.version('scikit-learn')}",
            "",
            *(
                f"| {' | '.join(row)} |"
                for row in [COLUMNS, ["---"] * len(COLUMNS), *rows]
            ),
        ]
    )
    print(text)
    if write:
        results.write_section(f"energy_time_{backend}", text)


if __name__ == "__main__":
    typer.run(main)
