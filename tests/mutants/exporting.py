"""Faults of exported files."""

from tests.mutants import Mutant

_EXPORT = "tests/exporting/test_export.py"

MUTANTS = [
    Mutant(
        "exporting/endpoint.py",
        "arguments[place] = tensor",
        "arguments[place] = constants[place]",
        f"{_EXPORT} -k an_example",
    ),
    Mutant(
        "exporting/endpoint.py",
        "if len(calls) != 1 or",
        "if len(calls) < 1 or False and",
        f"{_EXPORT} -k several_programs",
        backend="torch",
    ),
    Mutant(
        "exporting/endpoint.py",
        "Input(name, (batch_size, *shape[1:]), dtype)",
        "Input(name, shape, dtype)",
        f"{_EXPORT} -k an_example",
        backend="torch",
    ),
    Mutant(
        "exporting/formats.py",
        "if backend not in chosen.needs:",
        "if False:",
        f"{_EXPORT} -k other_backends",
        backend="torch",
    ),
    Mutant(
        "exporting/formats.py",
        "missing = [each for each in needed if importlib.util.find_spec(each) is None]",
        "missing = []",
        f"{_EXPORT} -k missing_packages",
        backend="torch",
    ),
    Mutant(
        "exporting/export.py",
        "if format != SAVED_MODEL and any(",
        "if False and any(",
        f"{_EXPORT} -k holds_draws",
        backend="torch",
    ),
    Mutant(
        "exporting/formats.py",
        "return not names or",
        "return True or",
        f"{_EXPORT} -k replaces_none",
        backend="jax",
    ),
    Mutant(
        "exporting/endpoint.py",
        "    _check_options(model, what, signature, options)\n",
        "",
        f"{_EXPORT} -k has_not",
        backend="torch",
    ),
]
