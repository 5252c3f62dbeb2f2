"""TensorFlow imported without the lines that it prints, which no setting silences."""

import contextlib
import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Keeps standard error clear of TensorFlow, whenever it is imported meanwhile."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds TensorFlow where the others do; its errors stay those of Python."""

    is_asked = False

    def find_spec(self, fullname, path, target=None):
        if fullname != "tensorflow" or self.is_asked:
            return None
        self.is_asked = True  # below, by itself
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self.is_asked = False
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            loader.exec_module = _quiet(loader.exec_module)
        return spec


def _quiet(exec_module):
    def quietly(module):
        with _without_standard_error():
            exec_module(module)

    return quietly


@contextlib.contextmanager
def _without_standard_error() -> Iterator[None]:
    """Leads the file that C++ writes to, number 2, to nowhere."""
    try:
        kept = os.dup(2)
    except OSError:  # closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
