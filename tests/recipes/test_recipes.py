import ast
import importlib
import json
import os
import pathlib
import sys
import zipfile

import keras
import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

FOLDER = pathlib.Path(__file__).parents[2] / "recipes"

# Arguments that make each recipe small; each also has a `limit` of examples.
SMALL = {
    "anomaly": {"hidden_dim": 24, "latent_dim": 2, "filters": 4, "num_blocks": 1},
    "autoencoder": {"hidden_dim": 16},
    "conditional_gan": {"filters": 4, "latent_dim": 8},
    "conditional_vae": {"hidden_dim": 16, "latent_dim": 4},
    "cycle_gan": {"filters": 4, "num_blocks": 1},
    "feature_classifier": {"filters": 4, "feature_dim": 8},
    "gan": {"filters": 4, "latent_dim": 8},
    "gated_pixel_cnn": {"filters": 4, "num_blocks": 1},
    "pixel_cnn": {"filters": 4, "num_blocks": 1},
    "pixel_cnn_pp": {"filters": 4, "num_levels": 4},
    "pixel_rnn": {"kind": "diagonal", "filters": 4, "num_layers": 1},
    "planar_flow": {"num_layers": 2},
    "rbm": {"hidden_dim": 6},
    "vae": {"hidden_dim": 16, "latent_dim": 4},
    "wgan_gp": {"filters": 4, "latent_dim": 8},
}
RESUMED = ("gan", "vae")  # the others with the slow tests
FIGURES = {
    "anomaly": "the lowest AUROC is",
    "autoencoder": "mean squared error",
    "conditional_gan": "has the class asked for in",
    "conditional_vae": "importance-weighted, K=",
    "cycle_gan": "distance after a cycle",
    "feature_classifier": "Frechet distance",
    "gan": "discriminator loss",
    "gated_pixel_cnn": "dynamic binarization (tested on one draw, seed 0): log p(x) =",
    "pixel_cnn": "dynamic binarization (tested on one draw, seed 0)",
    "pixel_cnn_pp": "nats (exact), ",
    "pixel_rnn": "diagonal layers, dynamic binarization (tested on one draw, seed 0)",
    "planar_flow": "nats (exact)",
    "rbm": "nats (exact)",
    "vae": "importance-weighted, K=",
    "wgan_gp": "Wasserstein distance",
}

RUN = ["model.keras", "train", "validation", "backup"]  # what a run leaves
FILES = {
    "anomaly": ["anomaly.md", "anomaly.json"]
    + [f"{model}/{file}" for model in ("vae", "rbm_background") for file in RUN],
}


def run(name, log_dir, epochs, **kwargs):
    recipe = importlib.import_module(f"recipes.{name}")
    arguments = {"limit": 64, "batch_size": 32, **SMALL[name], **kwargs}
    recipe.main(epochs=epochs, log_dir=str(log_dir), **arguments)


def test_every_recipe_is_here():
    assert set(SMALL) == {path.stem for path in FOLDER.glob("[!_]*.py")}


@pytest.mark.parametrize("name", SMALL)
def test_it_leaves_its_files(name, tmp_path, capsys):
    run(name, tmp_path, epochs=1)
    *training, figures, places = capsys.readouterr().out.strip().splitlines()
    assert "val_loss" in "".join(training)
    assert FIGURES[name] in figures and "nan" not in figures
    files = [f"{name}.png", *FILES.get(name, RUN)]
    assert all((tmp_path / file).exists() for file in files)
    assert str(tmp_path / f"{name}.png") in places and "model.keras" in places
    with Image.open(tmp_path / f"{name}.png") as picture:
        assert min(picture.size) > 100


@pytest.mark.parametrize(
    "name",
    [
        name if name in RESUMED else pytest.param(name, marks=pytest.mark.slow)
        for name in SMALL
    ],
)
def test_it_goes_on_where_it_stopped(name, tmp_path, capsys):
    run(name, tmp_path, epochs=1)
    run(name, tmp_path, epochs=2)
    output = capsys.readouterr().out
    assert "Epoch 2/2" in output and "Epoch 1/2" not in output


def test_a_finished_run_says_so(tmp_path, capsys):
    run("autoencoder", tmp_path, epochs=1)
    once = capsys.readouterr().out.splitlines()
    run("autoencoder", tmp_path, epochs=1)
    again = capsys.readouterr().out.splitlines()
    assert f"{tmp_path} has its 1 epochs already: give more to go on." in again
    assert once[-2] == again[-2]


def test_the_model_that_it_leaves_loads(tmp_path):
    run("vae", tmp_path, epochs=1)
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert model.sample(3).shape == (3, 8, 8, 1)


def test_anomalies_are_scored_by_each_model_with_its_corrections(tmp_path):
    x = np.random.default_rng(0).random((70, 6, 6))  # to be resized
    np.savez(tmp_path / "others.npz", x_train=x, x_test=x)
    run("anomaly", tmp_path, epochs=1, outliers=f"noise,{tmp_path / 'others.npz'}")
    records = json.loads((tmp_path / "anomaly.json").read_text())
    assert len(records) == (3 + 3 + 3 + 1) * 2
    assert {r["outliers"] for r in records} == {"noise", "others"}
    assert {r["num_inside"] for r in records} == {64}
    table = (tmp_path / "anomaly.md").read_text()
    for kind in ("lower bound", "exact", "free energy", "reconstruction error"):
        assert kind in table


def test_the_classifier_loads_where_only_keras_is(tmp_path):
    recipe = importlib.import_module("recipes.feature_classifier")
    model = recipe.classifier((8, 8, 1), 10, filters=2, feature_dim=3, name="digits")
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert "keras_genmod" not in archive.read("config.json").decode()
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("features").output.shape == (None, 3)


@pytest.mark.parametrize("name", ["vae", "pixel_cnn"])
def test_static_binarization_is_named(name, tmp_path, capsys):
    run(name, tmp_path, epochs=1, binarization="static")
    assert "images, static binarization (tested on one" in capsys.readouterr().out


def test_gated_pixel_cnn_draws_the_classes_asked_for(tmp_path, capsys):
    run("gated_pixel_cnn", tmp_path, epochs=1, class_conditional=True)
    assert "log p(x | y) =" in capsys.readouterr().out
    assert keras.saving.load_model(tmp_path / "model.keras").num_classes == 10


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="`log_dir` must be a folder that can be written"):
        run("autoencoder", tmp_path / "file" / "run", epochs=1)


def test_augmentation_names_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_cv", None)  # each import of it fails
    with pytest.raises(ImportError, match="extra `vision`"):
        run("cycle_gan", tmp_path, epochs=1, augment=True)


@pytest.mark.parametrize("name", SMALL)
def test_its_arguments_are_its_command_line(name):
    app = typer.Typer()
    app.command()(importlib.import_module(f"recipes.{name}").main)
    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120"})
    assert result.exit_code == 0
    assert "--log-dir" in result.output and "--epochs" in result.output


@pytest.mark.parametrize("name", SMALL)
def test_it_holds_no_classes_and_imports_no_other_recipe(name):
    nodes = list(ast.walk(ast.parse((FOLDER / f"{name}.py").read_text())))
    assert not [node for node in nodes if isinstance(node, ast.ClassDef)]
    imports = [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    assert not [module for module in imports if module.startswith("recipes")]


@pytest.mark.slow
def test_vae_bounds_the_digits(tmp_path, capsys):
    importlib.import_module("recipes.vae").main(log_dir=str(tmp_path))
    figures = capsys.readouterr().out.strip().splitlines()[-2]
    log_prob = float(figures.split(">= ")[-1].split()[0])
    assert -23.5 < log_prob < -21.0


@pytest.mark.slow
@pytest.mark.skipif(
    "TFDS_DATA_DIR" not in os.environ, reason="TFDS_DATA_DIR names no prepared sets"
)
@pytest.mark.parametrize("name", sorted(set(SMALL) - {"planar_flow", "cycle_gan"}))
def test_it_runs_on_mnist(name, tmp_path, capsys):
    run(name, tmp_path, epochs=1, dataset="mnist")
    assert "mnist" in capsys.readouterr().out.splitlines()[-2]
