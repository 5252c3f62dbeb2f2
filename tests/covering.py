"""Which backends run which test by default; `--every-backend` runs all on all.

torch compiles nothing and runs every test. What a backend has a part of its own in runs
on TensorFlow and JAX, too: the engine, and what all models have in common; and so does
what says itself where it runs (`skipif`). A property of one layer's, bijector's or
model's mathematics, of a network, callback or recipe runs on one of the two beside
torch. Which one follows from its name alone, so that a new test moves no other, and a
new model's tests fall under the rule by themselves. A marker says otherwise, for
a function, a class or a file. What trains a row of the contract once more costs as much
as all its other properties: of those, each backend tries every other row.
"""

import pathlib
import re
import zlib

import pytest

#: Rooms that run everywhere, and so do files directly in `models/`.
EVERYWHERE = {"engine"}
MARKERS = ("any_backend", "two_backends", "every_backend")
# Two tests in five are TensorFlow's, which takes the longest over what all run.
_SHARING = ("tensorflow", "jax", "jax", "tensorflow", "jax")
_OF_ANY_BACKEND = re.compile(
    r"^pytestmark = (\[[^\]]*)?pytest\.mark\.any_backend\b", re.MULTILINE
)
_TESTS = pathlib.Path(__file__).parent


def runs_on(item: pytest.Item, backend: str) -> bool:
    """Returns whether a backend runs a test by default."""
    if backend not in _SHARING:
        return True
    path = item.path.relative_to(_TESTS)
    marks = [mark.name for mark in item.iter_markers()]  # the nearest first
    chosen = [name for name in marks if name in MARKERS]
    if chosen:
        kind = chosen[0]
    else:
        kind = "every_backend" if "skipif" in marks else default_of(path)
    if kind == "two_backends":
        if "trains_anew" in marks and is_left_out(item):
            return False
        return backend == home_of(path, item)
    return kind == "every_backend"


def skips_file(path: pathlib.Path, backend: str) -> bool:
    """Returns whether all tests of a file run elsewhere, as its first lines say.

    Such a file is not even imported.
    """
    if backend not in _SHARING or path.suffix != ".py":
        return False
    text = path.read_text("utf-8")
    others = re.search(r"mark\.(two_backends|every_backend)", text)
    return _OF_ANY_BACKEND.search(text) is not None and others is None


def default_of(path: pathlib.PurePath) -> str:
    """Returns the marker of a file that has none."""
    of_all_models = path.parts[0] == "models" and len(path.parts) == 2
    if of_all_models or len(path.parts) == 1 or path.parts[0] in EVERYWHERE:
        return "every_backend"
    return "two_backends"


def home_of(path: pathlib.PurePath, item: pytest.Item) -> str:
    """Returns which of the two compiled backends a test runs on beside torch.

    Tests of a class stay together, and so do those of one case of a file, `[case]`:
    they share what was trained and compiled.
    """
    if item.cls is not None:
        own = item.cls.__name__
    elif hasattr(item, "callspec"):
        own = item.callspec.id
    else:
        own = item.name
    return one_of_two(f"{path.as_posix()}::{own}")


def is_left_out(item: pytest.Item) -> bool:
    """Returns whether a row's further training is left to torch: every other one."""
    return zlib.crc32(f"{item.cls.__name__}::{item.name}".encode()) % 2 == 1


def one_of_two(name: str) -> str:
    """Returns the compiled backend of a name: always the same."""
    return _SHARING[zlib.crc32(name.encode()) % len(_SHARING)]
