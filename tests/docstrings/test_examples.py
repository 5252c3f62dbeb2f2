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
from tests.docstrings.toys import FILES, TOYS, TOYS_OF

pytestmark = pytest.mark.usefixtures("untraced")
ROOT = pathlib.Path(keras_genmod.__file__).parent
ROOMS = ("bijectors", "evaluation", "layers", "metrics", "networks")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)
ON_TORCH_ALONE = ("exporting/export.py",)  # each backend writes its own formats
# What an example that cannot run says in its first line.
REASON = re.compile(r"# Not run by the tests: .+\.")
# Examples train for epochs; one shows that they train.
SMALLER = {
    r"\bepochs=\d+": "epochs=1",
    r"\bnum_steps=\d{3,}": "num_steps=2",
    r"\bnum_temperatures=[\d_]+": "num_temperatures=10",
    r"\bimages_per_phase=[\d_]+": "images_per_phase=8",
    r"\bnum_samples=\d+": "num_samples=2",
    r"range\(30\)": "range(2)",
}
# Of models, whose networks would take seconds.
SMALLER_IN_MODELS = {
    **SMALLER,
    r"\(28, 28,": "(8, 8,",
    r"\(7, 7,": "(2, 2,",
    r"\[784, 500, \d+\]": "[64, 8, 8]",
    r"\b784, 500\b": "64, 8",
    r"\b784\b": "64",
    r"\(256, 256, (\d)\)": r"(32, 32, \1), 4",
    r"filters_base=\d+": "filters_base=16",
    r"num_scales=3, num_steps=8": "num_scales=2, num_steps=1",
    r"(PixelCNN|PixelRNN)\(\(8, 8, 1\)": r"\1((4, 4, 1), filters=4",
    r"filters=4, kind": "filters=4, num_layers=1, kind",
    r"PixelCNN\(\(4, 4, 1\), filters=4": r"\g<0>, num_blocks=1",
    r"Plus\(\(32, 32, 3\), filters=64, num_blocks=2": (
        "Plus((4, 4, 3), filters=4, num_blocks=1"
    ),
    r"Glow\(\(32, 32, 3\)": "Glow((8, 8, 3)",
    r"resnet_generator\(shape": r"\g<0>, filters=4, num_blocks=1",
    r"(patchgan_discriminator\(\(32, 32, 3\)|\(shape), num_layers": (
        r"\1, filters=4, num_layers"
    ),
    r"(grid_encoder|grid_decoder)\(.*\), \w+": r"\g<0>, filters=4",
    r"style_gan(\w+)\(\(32, 32, 3\), 64": r"style_gan\1((8, 8, 3), 4",
    r"project\(images\[:4\]": "project(images[:1], num_steps=2",
    r"complete\(corrupted, known": r"\g<0>, num_steps=2",
    r'log_partition\("ais", seed': 'log_partition("ais", num_temperatures=10, seed',
    r"sample\(16": "sample(2",
    r"\(128, 128\)": "(8,)",
    r"range\(16\)": "range(2)",
}


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
        for node in ast.walk(ast.parse(path.read_text())):
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
    assert len(unrun) <= 16
