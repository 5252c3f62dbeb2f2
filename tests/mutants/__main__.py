"""Tries the faults, two at a time, each in a copy of the checkout.

On torch a fault is tried by a fork of a process that has imported torch, Keras and
pytest: most faults need less time than these imports.
"""

import argparse
import contextlib
import importlib
import io
import multiprocessing
import os
import pathlib
import pkgutil
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

import tests.mutants
from tests.mutants import Mutant

ROOT = pathlib.Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".*", "runs", "*.egg-info")
BACKEND = os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ["OMP_NUM_THREADS"] = "1"


def rooms() -> dict[str, list[Mutant]]:
    """Returns the faults of each file of this folder."""
    names = [module.name for module in pkgutil.iter_modules(tests.mutants.__path__)]
    return {
        name: importlib.import_module(f"tests.mutants.{name}").MUTANTS
        for name in names
        if name != "__main__"
    }


def try_mutant(mutant: Mutant) -> tuple[bool, str]:
    """Returns whether the tests notice a fault, and the end of what they printed."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "checkout"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        file = copy / "keras_genmod" / mutant.file
        text = file.read_text("utf-8")
        if text.count(mutant.old) != 1:
            return False, f"the old text stands {text.count(mutant.old)} times in it"
        file.write_text(text.replace(mutant.old, mutant.new), "utf-8")
        arguments = ["-q", "-x", "-p", "no:xdist", "-p", "no:cacheprovider"]
        arguments += ["--every-backend"]  # whichever has the tests by default
        arguments += shlex.split(mutant.tests)
        if BACKEND == "torch" and mutant.backend in (None, BACKEND):
            code, output = run_here(copy, arguments)
        else:
            code, output = run_apart(copy, arguments, mutant.backend or BACKEND)
    # 1: tests ran and failed. Anything else, such as no test found, is no proof.
    return code == 1, output[-1200:]


def run_here(copy, arguments):
    """Runs pytest in this process, which then is of no further use."""
    import pytest

    for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
        del sys.modules[name]
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        code = pytest.main(arguments)
    return code, output.getvalue()


def run_apart(copy, arguments, backend):
    """Runs pytest in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=copy,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    return result.returncode, result.stdout + result.stderr


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("rooms", nargs="*", help="all, if none is named")
    parser.add_argument("--only", type=int, help="the number of one fault of a room")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    chosen = [
        (f"{room}[{i}]", mutant)
        for room, mutants in rooms().items()
        if not arguments.rooms or room in arguments.rooms
        for i, mutant in enumerate(mutants)
        if arguments.only in (None, i)
    ]
    if BACKEND == "torch":
        for module in ("keras", "pytest", "scipy.stats"):
            importlib.import_module(module)
    survivors, start = 0, time.monotonic()
    context = multiprocessing.get_context("fork")
    with context.Pool(arguments.workers, maxtasksperchild=1) as pool:
        outcomes = pool.imap(try_mutant, [mutant for _, mutant in chosen])
        for (name, mutant), (noticed, output) in zip(chosen, outcomes, strict=True):
            verdict = "noticed" if noticed else "SURVIVED"
            print(f"{verdict} {name} {mutant.file}: {mutant.new.strip()[:60]!r}")
            if not noticed:
                survivors += 1
                print(output)
    seconds = time.monotonic() - start
    print(f"{len(chosen)} faults, {survivors} survived, {seconds:.0f} s")
    return int(survivors > 0)


if __name__ == "__main__":
    sys.exit(main())
