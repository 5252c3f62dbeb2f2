"""The examples in docstrings, run on toys of the names that they take for granted."""

import ast
import importlib
import pathlib
import re
import textwrap
from typing import NamedTuple

import keras
import numpy as np
import pytest

import keras_genmod
from tests.docstrings.smaller import SMALLER, SMALLER_IN_MODELS
from tests.docstrings.toys import FILES, TOYS, TOYS_OF

pytestmark = pytest.mark.usefixtures("untraced")
ROOT = pathlib.Path(keras_genmod.__file__).parent
ROOMS = ("bijectors", "evaluation", "layers", "metrics", "networks")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)
ON_TORCH_ALONE = ("exporting/export.py",)  # each backend writes its own formats
# What an example that cannot run says in its first line.
REASON = re.compile(r"# Not run by the tests: .+\.")


class Example(NamedTuple):
    """A block of Python in a docstring."""

    path: str  # below the package
    name: str  # what it documents
    text: str

    @property
    def in_models(self):
        return self.path.startswith("models/")

    @property
    def image_shape(self):
        """The first shape of images that the example names."""
        found = re.search(r"\((\d+), \1, (\d)\)", self.smaller)
        return (int(found[1]), int(found[1]), int(found[2])) if found else (8, 8, 1)

    @property
    def smaller(self):
        """The text with less to compute."""
        text = self.text
        for number, less in (SMALLER_IN_MODELS if self.in_models else SMALLER).items():
            text = re.sub(number, less, text)
        return text


def examples():
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        source = path.read_text()
        if "```python" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            text = isinstance(node, DOCUMENTED) and ast.get_docstring(node)
            for block in re.findall(r" *```python\n(.*?) *```", text or "", re.DOTALL):
                name = str(path.relative_to(ROOT))
                found.append(
                    Example(name, getattr(node, "name", ""), textwrap.dedent(block))
                )
    return found


def names_for(example):
    """Returns what the example may name: its module's, the package's, and toys."""
    names = dict(vars(keras_genmod))
    for room in ROOMS:
        names |= vars(getattr(keras_genmod, room))
    names |= {
        "keras": keras,
        "np": np,
        "numpy": np,
        "ops": keras.ops,
        "keras_genmod": keras_genmod,
    }
    if example.path.endswith(".py"):
        module = f"keras_genmod.{example.path.removesuffix('.py').replace('/', '.')}"
        names |= vars(importlib.import_module(module.removesuffix(".__init__")))
    toys = {**TOYS, **TOYS_OF.get(example.path, {})}
    used = {
        node.id
        for node in ast.walk(ast.parse(example.text))
        if isinstance(node, ast.Name)
    }
    return names | {name: toys[name](example) for name in used & toys.keys()}


def shapes_said(text):
    """Returns each expression of a shape and the shape that its comment says."""
    return re.findall(r"^(\S.*shape)\s+# (\([^)]*\))", text, re.MULTILINE)


EXAMPLES = examples()


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "example",
    [
        pytest.param(example, id=f"{example.path}-{example.name}")
        for example in EXAMPLES
        if not REASON.match(example.text)
        and (example.path not in ON_TORCH_ALONE or keras.backend.backend() == "torch")
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")  # of toys: few images, few batches
def test_example(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, write in FILES.items():
        if f'"{name}"' in example.text:
            write(tmp_path / name)
    names = names_for(example)
    text = example.smaller
    exec(compile(text, f"{example.path} {example.name}", "exec"), names)
    if text == example.text:
        for code, said in shapes_said(text):
            assert tuple(eval(code, names)) == eval(said, names)


@pytest.mark.any_backend
def test_few_examples_cannot_run():
    unrun = [example for example in EXAMPLES if REASON.match(example.text)]
    assert len(EXAMPLES) > 190
    assert len(unrun) <= 7
