"""Faults of files, backups and batches of log-probabilities."""

from tests.mutants import Mutant

_BATCHES = "tests/models/test_log_prob_batches.py"
_DAMAGED = "tests/models/test_damaged_files.py"
_BACKUP = "tests/callbacks/test_backup.py"

MUTANTS = [
    Mutant(
        "models/generative_model.py",
        "derived_state(state, batch)",
        "derived_state(state, 0)",
        _BATCHES,
    ),
    Mutant(
        "models/importance_weighting.py",
        "limit // batch_size",
        "limit",
        _BATCHES,
    ),
    Mutant(
        "models/saving.py",
        "if self.callbacks_in_fit is not None:",
        "if True:",
        _DAMAGED,
        backend="torch",
    ),
    Mutant(
        "models/stored_arrays.py",
        "if missing or unknown:",
        "if unknown:",
        _DAMAGED,
    ),
    Mutant(
        "engine/optimizer_group.py",
        "types.MappingProxyType(dict(members))",
        "dict(members)",
        _DAMAGED,
    ),
    Mutant(
        "callbacks/backup.py",
        'run_state.put_back(others, notes["callbacks"])',
        "pass",
        _BACKUP,
    ),
    Mutant(
        "callbacks/backup.py",
        '"epoch": epoch + 1',
        '"epoch": epoch',
        _BACKUP,
    ),
    Mutant(
        "callbacks/run_state.py",
        "int(number) < epoch",
        "int(number) <= epoch",
        _BACKUP,
    ),
]
