"""A wheel, installed where nothing but one backend is, and what it brings.

The environment is fresh, and sees the packages of this one but for the other backends
and the checkout: so that nothing is downloaded.
"""

import os
import pathlib
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest

from tests.recipes.small_recipes import SMALL

pytestmark = [pytest.mark.slow, pytest.mark.any_backend]

ROOT = pathlib.Path(__file__).parents[2]
_ALONE = """
import sys
for name in ("tensorflow", "tensorflow_datasets", "jax", "jaxlib"):
    sys.modules[name] = None
"""


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
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    (packages / "sitecustomize.py").write_text(_ALONE)
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


def test_a_preset_is_exported_and_read_back(run, environment):
    assert str(environment.parent) in run("python", "-c", _EXPORT)


def test_the_command_trains_samples_and_judges(run, tmp_path):
    small = ["--epochs", 1, "--limit", 40, "--hidden-dim", 8, "--latent-dim", 2]
    printed = run("keras-genmod", "train", "vae", *small, "--log-dir", "runs")
    assert "Model: runs/model.keras" in printed
    run("keras-genmod", "sample", "runs/model.keras", "--num-samples", 4)
    assert (tmp_path / "samples.png").is_file()
    judge = ["evaluate", "runs/model.keras", "digits", "--binarization", "static"]
    run("keras-genmod", *judge, "--num-samples", 70, "--out", "figures.json")
    compared = run("keras-genmod", "compare", "figures.json", "figures.json")
    assert "lower bound" in compared and "frechet_distance" in compared


def test_a_copied_recipe_runs_from_its_folder(run):
    run("keras-genmod", "copy", "planar_flow", "mine")
    printed = run("python", "mine/planar_flow.py", "--help")
    assert "--num-layers" in printed


def test_an_error_is_one_line_and_nothing_else(run):
    for arguments, variables in (
        (["info", "none.keras"], {}),
        (["list"], {"KERAS_BACKEND": "tensorflow"}),
    ):
        error = run("keras-genmod", *arguments, code=2, **variables)
        assert len(error.splitlines()) == 1 and error.startswith("Error: "), error


def test_importing_takes_hardly_longer_than_keras_alone(run):
    script = (
        "import time; start = time.process_time(); import keras; "
        "keras_alone = time.process_time() - start; import keras_genmod; "
        "print((time.process_time() - start) / keras_alone)"
    )
    # Of one process each; what else runs beside it only adds to one or the other.
    assert any(float(run("python", "-c", script)) <= 1.1 for _ in range(3))
