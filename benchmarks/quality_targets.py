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
protocol). Five times the minutes took the DBN from -95.25 to -92.90 nats, and five
times the temperatures its estimate from 8 effective chains to 64; its first layer alone
is an RBM by PCD-1, which is ahead of it in a quarter of the time: the layer on top, of
2,000 units that start from nothing, has not come as far as the prior that it replaces,
or the bound loses as much; which of the two was not measured. Annealing of the DBM
begins with its upper hidden layer at the means that mean field finds: from its own
biases, which turn on 43% of units of which the data turn on 5%, no chain left that
phase, and log Z was missed by 176 nats."""


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
