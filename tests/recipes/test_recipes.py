import csv
import functools
import importlib
import json
import os
import shutil
import zipfile

import keras
import numpy as np
import pytest
import typer
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_genmod.callbacks import EvaluateSamples, GanHealthWarning
from tests.recipes.small_recipes import (
    BEGIN_A_STAGE_ANEW,
    FIGURES,
    FILES,
    FLOWS,
    FOLDER,
    HERE,
    LIKELIHOODS,
    OF_A_GAME,
    PICTURES,
    RESUMED,
    RUN,
    SCALARS,
    SLOW,
    SMALL,
    recipes,
    run,
)

pytestmark = [
    pytest.mark.every_backend,  # `small_recipes.BACKENDS` says where each runs
    pytest.mark.usefixtures("untraced"),
    # A GAN of a few steps draws the same image always.
    pytest.mark.filterwarnings(
        f"ignore::{GanHealthWarning.__module__}.GanHealthWarning"
    ),
    pytest.mark.filterwarnings("ignore:`fakes` should hold at least"),
]


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """A function that returns a recipe's folder after an epoch, and what it printed."""

    @functools.cache
    def made(name):
        folder, options = tmp_path_factory.mktemp(name), {}
        if name == "anomaly":
            x = np.random.default_rng(0).random((100, 6, 6))  # to be resized
            np.savez(folder / "others.npz", x_train=x, x_test=x)
            options = {"outliers": f"noise,{folder / 'others.npz'}"}
        return folder, run(name, folder / "run", 1, **options)

    return lambda name: (made(name)[0] / "run", made(name)[1])


@pytest.fixture
def second_run(first_run, tmp_path):
    """A function that goes on with a copy of that folder."""

    def go_on(name, epochs, **options):
        shutil.copytree(first_run(name)[0], tmp_path / "run")
        return tmp_path / "run", run(name, tmp_path / "run", epochs, **options)

    return go_on


@pytest.mark.parametrize("name", recipes())
def test_it_leaves_its_files(name, first_run):
    folder, (*training, figures, places) = first_run(name)
    if name in LIKELIHOODS:  # with its protocol
        protocol = training[-1].split("[")[-1]
        assert f"kind={LIKELIHOODS[name]}, dataset=digits, split=test" in protocol
        levels = "num_levels=17" if name in FLOWS else "binarization=static(0)"
        assert levels in protocol and "count=96" in protocol
        weighted = "vae" in name or name == "iwae"
        assert ("importance_samples=500" in protocol) == weighted
        assert ("importance_samples=10," in protocol) == (name in FLOWS)
    assert "val_loss" in "".join(training)
    assert FIGURES[name] in figures and "nan" not in figures
    files = [f"{name}.png", "settings.json", *FILES.get(name, RUN)]
    assert all((folder / file).exists() for file in files)
    assert str(folder / f"{name}.png") in places and "model.keras" in places


@pytest.mark.parametrize("name", recipes())
def test_its_picture_has_the_caption_that_the_readme_gives(name, first_run):
    with Image.open(first_run(name)[0] / f"{name}.png") as picture:
        assert min(picture.size) > 100
        caption = picture.text["Description"]
    where, _, what = caption.partition("; ")
    assert where == ("epoch 1" if name == "planar_energies" else "digits, epoch 1") or (
        where.removesuffix(", epoch 1")
        in ("two_moons", "ring", "sprites", "scenes", "photographs")
    )
    readme = (FOLDER / "README.md").read_text().replace("`", "")
    for part in what.removeprefix("rows: ").split("; in the samples"):
        assert part in readme


@pytest.mark.parametrize("name", recipes(PICTURES))
def test_it_logs_pictures_and_figures(name, first_run):
    folder, printed = first_run(name)
    files = {path.name for path in (folder / "pictures").iterdir()}
    assert files == {f"{picture}_epoch_0001.png" for picture in PICTURES[name]}
    events = EventAccumulator(str(folder / "train")).Reload()
    for picture in PICTURES[name]:
        assert [event.step for event in events.Images(picture)] == [0]
    with (folder / "log.csv").open() as file:
        (row,) = csv.DictReader(file)
    for figure in SCALARS + (OF_A_GAME if "gan" in name else []):
        (logged,) = events.Scalars(f"epoch_{figure}")
        assert float(row[figure]) == pytest.approx(logged.value, rel=1e-6)
    scores = json.loads((folder / "evaluation.json").read_text())["epochs"]["0"]
    assert {k: float(row[k]) for k in SCALARS} == pytest.approx(scores)
    assert f"Frechet distance {scores['frechet_distance']:.4g}" in printed[-2]
    assert {"protocol", "evaluation/protocol"} <= set(events.Tags()["tensors"])
    assert (folder / "hparams").is_dir()


@pytest.mark.parametrize(
    "name",
    [
        name if name in RESUMED and name in HERE else pytest.param(name, marks=SLOW)
        for name in SMALL
    ],
)
def test_it_goes_on_where_it_stopped(name, second_run):
    others = {"anomaly": {"outliers": "noise"}, "super_resolution": {"gan_epochs": 2}}
    folder, printed = second_run(name, 2, **others.get(name, {}))
    output = "".join(printed)
    assert "Epoch 2/2" in output
    assert output.count("Epoch 1/2") == (name in BEGIN_A_STAGE_ANEW)
    for path in folder.rglob("log.csv"):
        with path.open() as file:
            assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]


@pytest.mark.parametrize("name", recipes(["vae"]))
def test_a_run_that_resumes_equals_a_straight_one(name, second_run, tmp_path):
    folder, _ = second_run(name, 2)
    run(name, tmp_path / "straight", 2)
    straight = (tmp_path / "straight" / "log.csv").read_text()
    assert (folder / "log.csv").read_text() == straight


@pytest.mark.parametrize("name", recipes(["gan", "vae", "wgan_gp", "pixel_cnn"]))
def test_the_closing_line_judges_the_final_model(name, second_run, monkeypatch):
    judged = {"frechet_distance": 12345.0, "precision": 0.5, "recall": 0.25}
    monkeypatch.setattr(EvaluateSamples, "judge", lambda self: judged)
    _, printed = second_run(name, 1)  # trains nothing: only what it prints is new
    assert "Frechet distance 1.234e+04" in printed[-2]
    if name == "gan":
        assert "precision 0.500, recall 0.250" in printed[-2]


@pytest.mark.parametrize("name", recipes(["vae"]))
def test_a_classifier_judges_the_samples(name, first_run, tmp_path):
    build = importlib.import_module("recipes.feature_classifier").classifier
    path = tmp_path / "judge.keras"
    build((8, 8, 1), 10, filters=2, feature_dim=3, name="digits").save(path)
    printed = run(name, tmp_path / "run", epochs=1, classifier=str(path))
    assert f"(features: {path}): Frechet" in printed[-2]
    saved = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert "features=digits/features" in saved["protocols"]["frechet_distance"]
    models = [
        keras.saving.load_model(folder / "model.keras").get_weights()
        for folder in (tmp_path / "run", first_run(name)[0])
    ]
    for one, other in zip(*models, strict=True):  # who judges changes nothing
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", recipes(["autoencoder"]))
def test_a_run_that_breaks_leaves_the_model_of_an_earlier_one(
    name, first_run, second_run, monkeypatch, tmp_path
):
    # Of the backup the weights alone: the rate would come back with the optimizer's.
    shutil.rmtree(first_run(name)[0] / "backup")
    recipe = importlib.import_module(f"recipes.{name}")
    monkeypatch.setattr(recipe, "LEARNING_RATE", 1e30)
    with pytest.raises(typer.Exit) as caught:
        second_run(name, 1)
    assert caught.value.exit_code == 1
    for file in ("model.keras", f"{name}.png"):
        before = (first_run(name)[0] / file).read_bytes()
        assert (tmp_path / "run" / file).read_bytes() == before


@pytest.mark.parametrize("name", recipes(["vae"]))
def test_latents_are_embedded_with_their_images(name, first_run):
    folder = first_run(name)[0] / "train"
    assert "latents, step 1" in (folder / "projector_config.pbtxt").read_text()
    folder = folder / "latents-1"
    assert np.loadtxt(folder / "tensors.tsv").shape == (96, 4)
    assert len((folder / "metadata.tsv").read_text().split()) == 96
    with Image.open(folder / "sprite.png") as sprite:
        assert sprite.size == (10 * 8, 10 * 8)


@pytest.mark.parametrize("name", recipes(["planar_flow"]))
def test_a_finished_run_says_so(name, first_run, second_run):
    folder, again = second_run(name, 1)
    assert f"{folder} has its 1 epochs already: give more to go on." in again
    assert first_run(name)[1][-2] == again[-2]


@pytest.mark.parametrize("name", recipes(["vae"]))
def test_the_model_that_it_leaves_loads(name, first_run):
    model = keras.saving.load_model(first_run(name)[0] / "model.keras")
    assert model.sample(3).shape == (3, 8, 8, 1)


@pytest.mark.parametrize("name", recipes(["anomaly"]))
def test_anomalies_are_scored_by_each_model_with_its_corrections(name, first_run):
    folder, _ = first_run(name)
    records = json.loads((folder / "anomaly.json").read_text())
    assert len(records) == (3 + 3 + 3 + 1) * 2
    assert {r["outliers"] for r in records} == {"noise", "others"}
    assert {r["num_inside"] for r in records} == {96}
    table = (folder / "anomaly.md").read_text()
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


@pytest.mark.parametrize("name", recipes(["energy_model"]))
def test_energy_model_scores_images(name, tmp_path, monkeypatch):
    recipe = importlib.import_module("recipes.energy_model")
    monkeypatch.setattr(recipe, "SAMPLE_STEPS", 3)
    printed = run(name, tmp_path, epochs=1, dataset="digits")
    assert "Held-out digits, 96 images: mean energy" in printed[-2]


@pytest.mark.slow
def test_a_vae_without_planar_flows_is_a_plain_one(tmp_path):
    printed = run("vae_planar_posterior", tmp_path, epochs=1, num_flows=0)
    assert "images, 0 planar flows" in printed[-2]
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert model.posterior_flow is None


@pytest.mark.parametrize("name", recipes(["glow"]))
def test_glow_has_a_single_scale(name, tmp_path):
    run(name, tmp_path, epochs=1, num_scales=1)
    assert (tmp_path / "glow.png").exists()


@pytest.mark.parametrize("name", recipes(["real_nvp"]))
def test_real_nvp_takes_points(name, tmp_path):
    *_, protocol, figures, _ = run(
        name, tmp_path, epochs=1, dataset="two_moons", num_layers=2
    )
    assert "kind=exact, dataset=two_moons" in protocol and "nats (exact)" in figures


@pytest.mark.parametrize("name", recipes(["gated_pixel_cnn"]))
def test_gated_pixel_cnn_draws_the_classes_asked_for(name, first_run):
    folder, _ = first_run(name)
    assert keras.saving.load_model(folder / "model.keras").num_classes == 10


@pytest.mark.any_backend
def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="`log_dir` must be a folder that can be written"):
        run("autoencoder", tmp_path / "file" / "run", epochs=1)


@pytest.mark.any_backend
def test_rate_of_cycle_gan_is_constant_and_then_falls_to_zero():
    recipe = importlib.import_module("recipes.cycle_gan")
    rates = np.array([recipe.learning_rate(epoch, 200) for epoch in range(201)])
    np.testing.assert_allclose(rates[:101], 2e-4)
    np.testing.assert_allclose(rates[100:], 2e-4 * np.linspace(1, 0, 101), atol=1e-12)


@pytest.mark.parametrize("name", recipes(["cycle_gan"]))
def test_photographs_are_flipped_and_cropped(name, tmp_path):
    run(name, tmp_path, epochs=1, augment=True)
    with (tmp_path / "log.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["learning_rate"]) == pytest.approx(2e-4)
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert model.data_shape == (8, 8, 1)


@SLOW
@pytest.mark.parametrize("name", recipes(["wgan_gp"]))
def test_weights_of_the_critic_are_clipped_instead_of_penalised(name, tmp_path):
    printed = run(name, tmp_path, epochs=1, clip=0.01)
    assert "weights clipped to 0.01" in printed[-2]
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert type(model).__name__ == "WGAN"
    assert max(abs(w).max() for w in model.critic.get_weights()) <= np.float32(0.01)


@SLOW
@pytest.mark.parametrize("name", recipes(["latent_diffusion"]))
def test_latents_are_those_of_a_game_too(name, tmp_path):
    run(name, tmp_path, epochs=1, autoencoder="kl", discriminator_start=1)
    first = keras.saving.load_model(tmp_path / "model.keras").autoencoder
    assert type(first).__name__ == "KLAutoencoder" and first.num_steps > 1


@pytest.mark.parametrize("name", recipes(["pix2pix"]))
def test_pix2pix_takes_a_folder_of_photographs(name, tmp_path):
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        (tmp_path / "pairs" / split).mkdir(parents=True)
        for i in range(3):
            image = Image.fromarray(rng.integers(0, 256, (9, 18, 3), "uint8"))
            image.save(tmp_path / "pairs" / split / f"{i}.png")
    folder = str(tmp_path / "pairs")
    options = {"dataset": folder, "augment": True, "holes": False}
    printed = run(name, tmp_path / "run", epochs=1, **options)
    assert "3 pairs: L1" in printed[-2] and "PSNR" in printed[-2]
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    assert model.data_shape == model.target_shape == (8, 8, 3)


@pytest.mark.any_backend
def test_holes_of_pix2pix_are_quarters_of_images_that_a_channel_names():
    recipe = importlib.import_module("recipes.pix2pix")
    images = np.random.default_rng(0).random((50, 6, 8, 3), dtype="float32")
    made = recipe.with_holes(images, 0)
    inside = made[..., -1] == 1
    assert made.shape == (50, 6, 8, 4) and made.dtype == np.float32
    np.testing.assert_array_equal(inside.sum(axis=(1, 2)), 3 * 4)
    np.testing.assert_array_equal(made[inside, :3], 0.5)
    np.testing.assert_array_equal(
        made[~inside], np.pad(images[~inside], ((0, 0), (0, 1)))
    )
    assert len(np.unique(inside, axis=0)) > 10  # of all 4 x 5 places
    assert inside.any(axis=0).all()


@pytest.mark.any_backend
def test_day_and_night_are_pairs_or_two_domains_with_a_truth():
    recipe = importlib.import_module("recipes.cycle_gan")
    day, night, right, labels = recipe.domains("day_and_night", None, "test")
    assert labels is None
    assert len(day) == len(night) == len(right) == 200
    assert day.mean() > 2 * right.mean()
    assert not set(map(bytes, night)) & set(map(bytes, right))  # of other landscapes
    recipe = importlib.import_module("recipes.pix2pix")
    sources, targets = recipe.pairs("day_and_night", "test", 16)
    assert sources.shape == targets.shape == (200, 16, 16, 3)
    dark = targets.mean((1, 2, 3)) < 0.5 * sources.mean((1, 2, 3))
    assert dark.all()
    # Pairs: a bright moon where the sun is.
    assert (
        np.corrcoef(sources[:, :4, :, 0].ravel(), targets[:, :4, :, 0].ravel())[0, 1]
        > 0.5
    )


@pytest.mark.any_backend
def test_scenes_to_be_enlarged_are_held_out_and_come_at_both_sizes():
    recipe = importlib.import_module("recipes.super_resolution")
    large, others = (recipe.originals("scenes", s, 0, 5) for s in ("train", "test"))
    small, same = recipe.pairs(large, 4)
    assert large.shape == others.shape == same.shape == (5, 32, 32, 3)
    assert small.shape == (5, 8, 8, 3)
    assert not set(map(bytes, large)) & set(map(bytes, others))
    words = recipe.figures(large, same, 4)
    assert words == "inf dB, SSIM 1.000"


@pytest.mark.slow
def test_vae_bounds_the_digits(tmp_path, capsys):
    importlib.import_module("recipes.vae").main(log_dir=str(tmp_path))
    figures = capsys.readouterr().out.strip().splitlines()[-2]
    log_prob = float(figures.split(">= ")[-1].split()[0])
    assert -23.5 < log_prob < -21.0


TAKES_DIGITS = 'dataset: str = "digits"'


def source(name):
    return (FOLDER / f"{name}.py").read_text()


@pytest.mark.slow
@pytest.mark.skipif(
    "TFDS_DATA_DIR" not in os.environ, reason="TFDS_DATA_DIR names no prepared sets"
)
@pytest.mark.filterwarnings("ignore::keras_genmod.metrics.RankDeficientWarning")
@pytest.mark.parametrize(
    "name",
    sorted(
        {name for name in SMALL if TAKES_DIGITS in source(name)} - {"cycle_gan"}
        | {"energy_model"}
    ),
)
def test_it_runs_on_mnist(name, tmp_path):
    assert "mnist" in run(name, tmp_path, epochs=1, dataset="mnist")[-2]
