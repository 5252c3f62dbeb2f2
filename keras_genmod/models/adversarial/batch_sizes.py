"""Whether the batches of arrays hold enough for each step of an objective."""


def check_steps(objective, size, batch_size):
    """Raises a `ValueError` unless each batch has an example for each step.

    Args:
        objective: `Objective`.
        size: Int, number of examples.
        batch_size: Positive int.
    """
    steps, last = objective.steps, size % batch_size or min(size, batch_size)
    if not 0 < last < steps:
        return
    if size < steps:
        way_out = f"give at least {steps} examples"
    elif batch_size < steps:
        way_out = f"give a `batch_size` of at least {steps}"
    else:
        way_out = f"give another, or leave out {_examples(last)}"
    raise ValueError(
        f"`batch_size` must leave a last batch of at least {steps} examples, one for "
        f"each step of objective {objective.name!r}: {way_out}. Received: batch_size="
        f"{batch_size} for {size} examples, the last {last} of which are a batch."
    )


def check_packs(objective, together, size, batch_size):
    """Raises a `ValueError` unless each step of each batch takes whole packs.

    Args:
        objective: `Objective`.
        together: Int of at least 2, examples a pack.
        size: Int, number of examples.
        batch_size: Positive int.
    """
    factor = objective.steps * together
    ways, batch = [], size % batch_size
    if batch_size <= size and batch_size % factor:
        ways.append(f"give a `batch_size` that is a multiple of {factor}")
        batch = batch_size
    if size % factor:  # another batch size leaves as much
        ways.append(f"leave out {_examples(size % factor)}")
    if not ways:
        return
    if size < factor:
        ways = [f"give at least {factor} examples"]
    raise ValueError(
        f"`batch_size` must leave batches of a multiple of {factor} examples, as "
        f"{together} are scored together in each of the {objective.steps} steps of "
        f"objective {objective.name!r}: {' and '.join(ways)}. Received: batch_size="
        f"{batch_size} for {size} examples, with a batch of {batch}."
    )


def _examples(number):
    return f"{number} example{'s' if number > 1 else ''}"
