"""What the Boltzmann machines are to reach, and what is left."""

REACH = {  # nats a test image of MNIST, from above; 20 effective chains at least
    "RBM 784x500 CD-1": 121.0,
    "RBM 784x500 CD-3": 105.0,
    "RBM 784x500 CD-25": 86.0,
    "RBM 784x500 PCD-1": 86.0,
    "DBN 784-500-2000": 88.0,
    "DBM 784-500-1000": 86.0,
}
COLUMNS = ("model", "to reach", "reached", "left", "training", "hardware", "state")
TEXT = """## What is left of the machines

Nats a test image, the lower the better, of the best row above with 20 effective chains
or more, whatever its protocol. The CPU's rows are of minutes on one core, in which the
machines of the literature were not trained: PCD-1, the one that a card trained for five
minutes too, is past its mark there. How much of what the others lack is time and how
much the recipe is not known. CD-1 gets worse with more epochs (rows above of one
protocol); CD-3's rows differ in recipe, binarization and spacing of annealing too, and
do not show it. The DBN's newer run has too few chains to count. The DBM's older row is
gone: its annealing started the upper hidden layer, of which the data turn on 5% of the
units, by its own biases, which turn on 43%. Of the run of 20 minutes no chain left that
phase, and log Z was missed by 176 nats; by today's start, the means that mean field
finds, both spacings agree to 0.2 nats."""


def best_estimate(runs, model):
    """Returns `(run, state, likelihood)` of a model's best sound row, or `None`."""
    found = [
        (run, state, row["likelihood"])
        for run in runs
        if run["model"] == model
        for state, row in run["rows"].items()
        if row["likelihood"] is not None
        and row["likelihood"].log_partition is not None
        and not row["likelihood"].log_partition.has_few_chains
    ]
    return max(found, key=lambda row: row[2].mean, default=None)


def rows(runs, training) -> list[tuple[str, ...]]:
    """Returns a row for each machine.

    Args:
        runs: List of runs, as `quality_runs.read` returns them.
        training: Function from a run to its budget in words.
    """
    made = []
    for model, reach in REACH.items():
        best = best_estimate(runs, model)
        if best is None:
            made.append((model, f"{reach:g}", "no sound estimate", "", "", "", ""))
            continue
        run, state, found = best
        left = -found.mean - reach
        made.append(
            (
                model,
                f"{reach:g}",
                f"{-found.mean:.2f}",
                f"{left:.1f}" if left > 0 else "nothing",
                training(run),
                run["hardware"],
                state,
            )
        )
    return made
