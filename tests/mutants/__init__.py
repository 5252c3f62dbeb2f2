"""Deliberate faults, and the tests that must notice each.

A fault that no test notices is a property that no test proves. Each file here lists
the faults of one room of the package; `make mutants` copies the checkout, puts one
fault at a time into the copy, runs the tests that the fault names, and reports which
faults survive. A text that is no longer in its file, or there twice, is an error, so
that the list stays true.

    python -m tests.mutants                 all, on the backend of KERAS_BACKEND
    python -m tests.mutants energy flows    those of some rooms
    python -m tests.mutants --only 3 energy one of them
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A change that makes the package wrong.

    Args:
        file: The file to change, below `keras_genmod/`.
        old: Text that stands in it once.
        new: What takes its place.
        tests: Arguments of pytest, the tests that must notice; as few as will do.
        backend: The backend to run on, where the fault lives on one alone.
    """

    file: str
    old: str
    new: str
    tests: str
    backend: str | None = None
