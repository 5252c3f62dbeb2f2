import ast
import csv
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
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from typer.testing import CliRunner

from keras_genmod.callbacks import GanHealthWarning

# A GAN of a few steps draws the same image always.
pytestmark = pytest.mark.filterwarnings(
    f"ignore::{GanHealthWarning.__module__}.GanHealthWarning"
)

FOLDER = pathlib.Path(__file__).parents[2] / "recipes"

# Arguments that make each recipe small; each also has a `limit` of examples.
SMALL = {
    "anomaly": {"hidden_dim": 25, "latent_dim": 2, "filters": 4, "num_blocks": 1},
    "autoencoder": {"hidden_dim": 16},
    "boltzmann_machine": {"num_patterns": 5},
    "conditional_gan": {"filters": 4, "latent_dim": 8},
    "conditional_vae": {"hidden_dim": 16, "latent_dim": 4},
    "cycle_gan": {"filters": 4, "num_blocks": 1},
    "dbm": {"hidden_dims": "6,5", "pretrain_epochs": 1, "num_chains": 8},
    "dbn": {"hidden_dims": "6,5", "pretrain_epochs": 1},
    "energy_model": {"hidden_dim": 8, "filters": 2, "num_langevin_steps": 3},
    "feature_classifier": {"filters": 4, "feature_dim": 8},
    "gan": {"filters": 4, "latent_dim": 8},
    "gated_pixel_cnn": {"filters": 4, "num_blocks": 1},
    "glow": {"filters": 4, "num_steps": 1},
    "maf": {"num_layers": 2, "hidden_dim": 32},
    "pixel_cnn": {"filters": 4, "num_blocks": 1},
    "pixel_cnn_pp": {"filters": 4, "num_levels": 4},
    "pixel_rnn": {"kind": "diagonal", "filters": 4, "num_layers": 1},
    "planar_energies": {"num_layers": 2},
    "planar_flow": {"num_layers": 2},
    "rbm": {"hidden_dim": 6},
    "real_nvp": {"width": 4},
    "vae": {"hidden_dim": 16, "latent_dim": 4},
    "vae_planar_posterior": {"hidden_dim": 16, "latent_dim": 4, "num_flows": 2},
    "wgan_gp": {"filters": 4, "latent_dim": 8},
}
RESUMED = ("gan", "vae")  # the others with the slow tests
FIGURES = {
    "anomaly": "the lowest AUROC is",
    "autoencoder": "mean squared error",
    "boltzmann_machine": "recovered whole from their upper halves",
    "conditional_gan": "has the class asked for in",
    "conditional_vae": "importance-weighted, K=",
    "cycle_gan": "distance after a cycle",
    "dbm": "nats (lower_bound)",
    "dbn": "Logistic regression on its features: accuracy",
    "energy_model": "nats (estimate: normalised on a grid of 64x64 cells)",
    "feature_classifier": "Frechet distance",
    "gan": "(features: pixels): Frechet distance",
    "gated_pixel_cnn": "dynamic binarization (tested on one draw, seed 0): log p(x) =",
    "glow": "bits a dimension",
    "maf": "bits a dimension",
    "pixel_cnn": "(features: pixels): Frechet distance",
    "pixel_cnn_pp": "nats (exact), ",
    "pixel_rnn": "diagonal layers, dynamic binarization (tested on one draw, seed 0)",
    "planar_energies": "KL(q, p) of flows",
    "planar_flow": "nats (exact)",
    "rbm": "nats (exact)",
    "real_nvp": "bits a dimension",
    "vae": "(features: pixels): Frechet distance",
    "vae_planar_posterior": "2 planar flows, dynamic binarization (tested on one draw",
    "wgan_gp": "(features: pixels): Frechet distance",
}

# What the recipes of the whole set of callbacks log beside the losses.
PICTURES = {
    "gan": {"samples", "interpolation"},
    "pixel_cnn": {"samples"},
    "vae": {"samples", "reconstructions", "traversal", "interpolation"},
    "wgan_gp": {"samples", "interpolation"},
}
SCALARS = ["frechet_distance", "kernel_distance", "precision", "recall"]
LIKELIHOODS = {
    "conditional_vae": "lower_bound",
    "dbm": "lower_bound",
    "dbn": "lower_bound",
    "glow": "lower_bound",
    "maf": "lower_bound",
    "pixel_cnn": "exact",
    "rbm": "exact",
    "real_nvp": "lower_bound",
    "vae": "lower_bound",
    "vae_planar_posterior": "lower_bound",
}
FLOWS = ("glow", "maf", "real_nvp")  # under uniform noise
OF_A_GAME = ["generator_gradient_norm", "sample_diversity"]

RUN = ["model.keras", "train", "validation", "backup"]  # what a run leaves
FILES = {
    "anomaly": ["anomaly.md", "anomaly.json"]
    + [f"{model}/{file}" for model in ("vae", "rbm_background") for file in RUN],
    "planar_energies": [
        f"{energy}/{file}"
        for energy in ("ring", "sine", "split_sine", "forked_sine")
        for file in RUN
    ],
}


def run(name, log_dir, epochs, **kwargs):
    recipe = importlib.import_module(f"recipes.{name}")
    # More images than an 8x8 one has pixels: less do not give a covariance.
    arguments = {"limit": 96, "batch_size": 32, **SMALL[name], **kwargs}
    recipe.main(epochs=epochs, log_dir=str(log_dir), **arguments)


def test_every_recipe_is_here():
    assert set(SMALL) == {path.stem for path in FOLDER.glob("[!_]*.py")}


@pytest.mark.parametrize("name", SMALL)
def test_it_leaves_its_files(name, tmp_path, capsys):
    run(name, tmp_path, epochs=1)
    *training, figures, places = capsys.readouterr().out.strip().splitlines()
    if name in LIKELIHOODS:  # with its protocol
        protocol = training[-1].split("[")[-1]
        assert f"kind={LIKELIHOODS[name]}, dataset=digits, split=test" in protocol
        levels = "num_levels=17" if name in FLOWS else "binarization=static(0)"
        assert levels in protocol and "count=96" in protocol
        assert ("importance_samples=500" in protocol) == ("vae" in name)
        assert ("importance_samples=10," in protocol) == (name in FLOWS)
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


@pytest.mark.parametrize("name", PICTURES)
def test_it_logs_pictures_and_figures_and_goes_on_with_them(
    name, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(importlib.import_module(f"recipes.{name}"), "EVERY", 1)
    run(name, tmp_path, epochs=1)
    scores = json.loads((tmp_path / "evaluation.json").read_text())["epochs"]["0"]
    run(name, tmp_path, epochs=2)
    shown = capsys.readouterr().out.strip().splitlines()[-2]

    files = {path.name for path in (tmp_path / "pictures").iterdir()}
    epochs = ("0001", "0002")
    assert files == {f"{p}_epoch_{e}.png" for p in PICTURES[name] for e in epochs}
    events = EventAccumulator(str(tmp_path / "train")).Reload()
    for picture in PICTURES[name]:
        assert [event.step for event in events.Images(picture)] == [0, 1]
    figures = SCALARS + (OF_A_GAME if "gan" in name else [])
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    for figure in figures:
        logged = events.Scalars(f"epoch_{figure}")
        assert [event.step for event in logged] == [0, 1]
        values = [float(row[figure]) for row in rows]
        assert values == pytest.approx([event.value for event in logged], rel=1e-6)
    assert {k: float(rows[0][k]) for k in SCALARS} == pytest.approx(scores)
    assert f"Frechet distance {float(rows[1]['frechet_distance']):.4g}" in shown
    assert {"protocol", "evaluation/protocol"} <= set(events.Tags()["tensors"])
    assert (tmp_path / "hparams").is_dir()


def test_a_run_that_resumes_equals_a_straight_one(tmp_path):
    for log_dir, stops in (("straight", [2]), ("resumed", [1, 2])):
        for epochs in stops:
            run("vae", tmp_path / log_dir, epochs=epochs)
    logs = [(tmp_path / d / "log.csv").read_text() for d in ("straight", "resumed")]
    assert logs[0] == logs[1]


@pytest.mark.parametrize("name", ["gan", "vae"])
def test_a_classifier_judges_the_samples(name, tmp_path, capsys):
    build = importlib.import_module("recipes.feature_classifier").classifier
    path = tmp_path / "judge.keras"
    build((8, 8, 1), 10, filters=2, feature_dim=3, name="digits").save(path)
    weights = []
    for classifier in (None, str(path)):
        log_dir = tmp_path / str(classifier is None)
        run(name, log_dir, epochs=1, classifier=classifier)
        weights.append(keras.saving.load_model(log_dir / "model.keras").get_weights())
    assert f"(features: {path}): Frechet" in capsys.readouterr().out.splitlines()[-2]
    saved = json.loads((log_dir / "evaluation.json").read_text())
    assert "features=digits/features" in saved["protocols"]["frechet_distance"]
    for one, other in zip(*weights, strict=True):  # who judges changes nothing
        np.testing.assert_array_equal(one, other)


def test_a_run_that_breaks_ends_there(tmp_path, capsys):
    recipe = importlib.import_module("recipes.vae")
    x = np.random.default_rng(0).random((96, 8, 8))
    np.savez(tmp_path / "x.npz", x_train=x, x_test=x)
    rate = recipe.LEARNING_RATE
    try:
        recipe.LEARNING_RATE = float("nan")
        with pytest.raises(typer.Exit):
            run("vae", tmp_path / "run", epochs=3, dataset=str(tmp_path / "x.npz"))
    finally:
        recipe.LEARNING_RATE = rate
    assert "training stops" in capsys.readouterr().out
    assert not (tmp_path / "run" / "model.keras").exists()


def test_latents_are_embedded_with_their_images(tmp_path):
    run("vae", tmp_path, epochs=1)
    assert (
        "latents, step 1" in (tmp_path / "train" / "projector_config.pbtxt").read_text()
    )
    folder = tmp_path / "train" / "latents-1"
    assert np.loadtxt(folder / "tensors.tsv").shape == (96, 4)
    assert len((folder / "metadata.tsv").read_text().split()) == 96
    with Image.open(folder / "sprite.png") as sprite:
        assert sprite.size == (10 * 8, 10 * 8)


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
    x = np.random.default_rng(0).random((100, 6, 6))  # to be resized
    np.savez(tmp_path / "others.npz", x_train=x, x_test=x)
    run("anomaly", tmp_path, epochs=1, outliers=f"noise,{tmp_path / 'others.npz'}")
    records = json.loads((tmp_path / "anomaly.json").read_text())
    assert len(records) == (3 + 3 + 3 + 1) * 2
    assert {r["outliers"] for r in records} == {"noise", "others"}
    assert {r["num_inside"] for r in records} == {96}
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


def test_energy_model_scores_images(tmp_path, capsys, monkeypatch):
    recipe = importlib.import_module("recipes.energy_model")
    monkeypatch.setattr(recipe, "SAMPLE_STEPS", 3)
    run("energy_model", tmp_path, epochs=1, dataset="digits")
    assert "Held-out digits, 96 images: mean energy" in capsys.readouterr().out


def test_a_vae_without_planar_flows_is_a_plain_one(tmp_path, capsys):
    run("vae_planar_posterior", tmp_path, epochs=1, num_flows=0)
    assert "images, 0 planar flows" in capsys.readouterr().out
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert model.posterior_flow is None


@pytest.mark.parametrize("name", ["vae", "pixel_cnn"])
def test_static_binarization_is_named(name, tmp_path, capsys):
    run(name, tmp_path, epochs=1, binarization="static")
    assert "images, static binarization (tested on one" in capsys.readouterr().out


def test_real_nvp_takes_points(tmp_path, capsys):
    run("real_nvp", tmp_path, epochs=1, dataset="two_moons", num_layers=2)
    *_, protocol, figures, _ = capsys.readouterr().out.strip().splitlines()
    assert "kind=exact, dataset=two_moons" in protocol and "nats (exact)" in figures


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
@pytest.mark.filterwarnings("ignore::keras_genmod.metrics.RankDeficientWarning")
@pytest.mark.parametrize(
    "name", sorted(set(SMALL) - {"planar_energies", "planar_flow", "cycle_gan"})
)
def test_it_runs_on_mnist(name, tmp_path, capsys):
    run(name, tmp_path, epochs=1, dataset="mnist")
    assert "mnist" in capsys.readouterr().out.splitlines()[-2]
