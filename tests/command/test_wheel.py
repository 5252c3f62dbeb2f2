"""A wheel, installed where nothing but one backend is, and what it brings.

The environment is fresh, and what the wheel requires with its extras for recipes and
torch is linked from this one: so that nothing is downloaded, and nothing else is there.
"""

import ast
import json
import os
import pathlib
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib import metadata

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from tests.recipes.small_recipes import SMALL

pytestmark = pytest.mark.any_backend

ROOT = pathlib.Path(__file__).parents[2]
BACKENDS = ("tensorflow", "jax", "torch")
# Where a package is not named as what it is imported by.
PACKAGES = {"PIL": "pillow", "google": "protobuf", "sklearn": "scikit-learn"}


def brought(wheel, extras):
    """Returns the distributions that a wheel requires, and all that these require."""
    found, waiting = {}, [Requirement(f"keras_genmod[{','.join(extras)}]")]
    while waiting:
        each = waiting.pop()
        name, extras = canonicalize_name(each.name), frozenset(each.extras)
        if (name, extras) not in found:
            own = wheel if name == "keras-genmod" else metadata.distribution(name)
            found[name, extras] = own
            for other in map(Requirement, own.requires or ()):
                holds = other.marker.evaluate if other.marker else bool
                if any(holds({"extra": extra}) for extra in ("", *extras)):
                    waiting.append(other)
    return [each for each in found.values() if each is not wheel]


def imports(node, is_at_once=True):
    """Yields each package that is imported, and whether a module does so at once."""
    if isinstance(node, ast.Import):
        yield from ((alias.name.split(".")[0], is_at_once) for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        yield node.module.split(".")[0], is_at_once
    is_at_once = is_at_once and not isinstance(node, ast.FunctionDef)
    for child in ast.iter_child_nodes(node):
        yield from imports(child, is_at_once)


def declared(extras):
    """Returns the packages of pyproject.toml with some of its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines, known = list(project["dependencies"]), project["optional-dependencies"]
    for extra in extras:
        lines += known[extra]
    others = [Requirement(line) for line in lines]
    own = [each for each in others if each.name == project["name"]]
    names = {each.name for each in others} - {project["name"]}
    return names.union(*(declared(each.extras) for each in own))


@pytest.mark.parametrize(
    ("folder", "extras", "later"),
    [
        ("keras_genmod", (), ("data", "hub", "safetensors")),
        ("keras_genmod_command", ("recipes",), ()),
        ("recipes", ("recipes",), ()),
    ],
)
def test_what_is_imported_is_required(folder, extras, later):
    own = {"keras_genmod", "keras_genmod_command", "recipes", *sys.stdlib_module_names}
    at_once, ever = declared(extras), declared((*extras, *later))
    for path in (ROOT / folder).rglob("*.py"):
        for name, is_at_once in imports(ast.parse(path.read_text("utf-8"))):
            # Each file of the engine imports one, its own (tests/test_layering.py).
            is_backend = path.parent.name == "engine" and name in BACKENDS
            if name not in own and not is_backend:
                package = PACKAGES.get(name, name).replace("_", "-")
                known = at_once if is_at_once else ever
                assert package in known, f"{path} imports {name}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, tracked.split("\0")):
        target = folder / "checkout" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    pip(
        "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder / "dist",
        folder / "checkout",
    )  # fmt: skip
    (found,) = (folder / "dist").iterdir()
    return found


def pip(*arguments, python=sys.executable):
    words = [python, "-m", "pip", *map(str, arguments), "--quiet"]
    subprocess.run([*words, "--disable-pip-version-check"], check=True)


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """The folder of programs of an environment with the wheel in it."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=True)
    programs = place / "bin"
    pip("install", "--no-deps", wheel, python=programs / "python")
    (packages,) = place.glob("lib/python*/site-packages")
    (own,) = metadata.distributions(name="keras_genmod", path=[str(packages)])
    for found in brought(own, ("recipes", "torch")):
        for name in {file.parts[0] for file in found.files} - {"..", "__pycache__"}:
            if not (packages / name).exists():
                (packages / name).symlink_to(found.locate_file(name))
    return programs


@pytest.fixture
def run(environment, tmp_path):
    """A function that runs a program of the environment in an empty folder."""

    def call(program, *arguments, code=0, **variables):
        result = subprocess.run(
            [environment / program, *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "KERAS_BACKEND": "torch", **variables},
            capture_output=True,
            text=True,
        )
        assert result.returncode == code, result.stderr
        return result.stdout if code == 0 else result.stderr

    return call


@pytest.mark.slow
def test_the_wheel_holds_recipes_and_what_the_page_is_made_of(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"keras_genmod/recipes/{name}.py" for name in SMALL} <= names
    assert {"keras_genmod/recipes/_run.py", "keras_genmod_command/app.py"} <= names
    assert "keras_genmod/py.typed" in names
    tops = {name.split("/")[0] for name in names if "dist-info" not in name}
    assert tops == {"keras_genmod", "keras_genmod_command"}
    here = {p.relative_to(ROOT).as_posix() for p in ROOT.glob("keras_genmod*/**/*.py")}
    assert here <= names
    shipped = ("keras_genmod/presets/shipped/*/*", "keras_genmod/hype/static/*")
    for pattern in shipped:
        files = [path for path in ROOT.glob(pattern) if path.is_file()]
        assert files and {path.relative_to(ROOT).as_posix() for path in files} <= names


_EXPORT = """
import keras_genmod
import numpy as np
import torch
model = keras_genmod.from_preset("digits_vae")
(_, (_, latent_dim), _), = keras_genmod.export(model, "decoder.pt2", what="decode")
z = torch.randn(3, latent_dim)
served = torch.export.load("decoder.pt2").module()(z)
expected = model.decode(z)
np.testing.assert_allclose(served.detach(), expected.detach(), atol=1e-6)
print(keras_genmod.__file__)
"""


@pytest.mark.slow
def test_a_preset_is_exported_and_read_back(run, environment):
    assert str(environment.parent) in run("python", "-c", _EXPORT)


@pytest.mark.slow
def test_the_command_trains_samples_and_judges(run, tmp_path):
    small = ["--epochs", 1, "--limit", 40, "--hidden-dim", 8, "--latent-dim", 2]
    printed = run("keras-genmod", "train", "vae", *small, "--log-dir", "runs")
    assert "Model: runs/model.keras" in printed
    assert "lower bound" in run("keras-genmod", "info", "runs/model.keras")
    run("keras-genmod", "sample", "runs/model.keras", "--num-samples", 4)
    assert (tmp_path / "samples.png").is_file()
    judge = ["evaluate", "runs/model.keras", "digits", "--binarization", "static"]
    run("keras-genmod", *judge, "--num-samples", 70, "--out", "figures.json")
    compared = run("keras-genmod", "compare", "figures.json", "figures.json")
    assert "lower bound" in compared and "frechet_distance" in compared


@pytest.mark.slow
def test_two_folders_are_compared(run, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 12, 4, 4), "uint8")
    for name, images in zip(("real", "fake"), pixels, strict=True):
        (tmp_path / name).mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image).save(tmp_path / name / f"{i}.png")
    printed = run("keras-genmod", "fid", "real", "fake", "--features", "pixels")
    assert json.loads(printed)["samples"]["frechet_distance"]["value"] > 0


@pytest.mark.slow
def test_a_copied_recipe_runs_from_its_folder(run):
    run("keras-genmod", "copy", "planar_flow", "mine")
    printed = run("python", "mine/planar_flow.py", "--help")
    assert "--num-layers" in printed


@pytest.mark.slow
def test_an_error_is_one_line_and_nothing_else(run):
    for arguments, variables in (
        (["info", "none.keras"], {}),
        (["list"], {"KERAS_BACKEND": "tensorflow"}),
    ):
        error = run("keras-genmod", *arguments, code=2, **variables)
        assert len(error.splitlines()) == 1 and error.startswith("Error: "), error
