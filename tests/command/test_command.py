"""The command: what it prints and writes, and its errors of one line."""

import importlib
import inspect
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

import keras_genmod
from keras_genmod import RBM, VAE, evaluation, metrics, networks
from keras_genmod.command import figures, model_files
from keras_genmod.data import ImageFolder
from keras_genmod_command import main, recipe_files
from keras_genmod_command.quiet_imports import quiet_tensorflow
from keras_genmod_command.words import check_options
from tests.recipes.small_recipes import SMALL

pytestmark = [
    pytest.mark.any_backend,
    # So few images are judged here.
    pytest.mark.filterwarnings(
        "ignore::keras_genmod.metrics.frechet_distance.RankDeficientWarning"
    ),
]

SHAPE = (4, 4, 1)
ROOT = pathlib.Path(__file__).parents[2]


def save_model(path, **options):
    model = VAE(
        networks.mlp_encoder(SHAPE, hidden_dims=(5,), **options),
        networks.mlp_decoder(2, SHAPE, hidden_dims=(5,), **options),
        latent_dim=2,
        seed=0,
        **options,
    )
    model.save(path)
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a model, another one of classes, a data set and images."""
    path = tmp_path_factory.mktemp("command")
    keras.utils.set_random_seed(0)
    save_model(path / "vae.keras")
    rng = np.random.default_rng(0)
    x = rng.random((30, *SHAPE)).astype("float32")
    np.savez(path / "data.npz", x_train=x, x_test=x)
    for name in ("real", "fake"):
        (path / name).mkdir()
        for i in range(12):
            pixels = rng.integers(0, 256, (4, 4), "uint8")
            Image.fromarray(pixels).save(path / name / f"{i:02}.png")
    return path


@pytest.fixture
def run(capsys):
    """A function that runs the command, and returns what it printed."""

    def call(*arguments, code=0):
        capsys.readouterr()
        assert main(list(map(str, arguments))) == code
        captured = capsys.readouterr()
        return captured.out if code == 0 else captured.err

    return call


def test_models_and_recipes_have_a_line_each(run):
    lines = run("list").splitlines()
    recipes = lines.index("Recipes:")
    assert [line.split()[0] for line in lines[recipes + 1 :]] == sorted(SMALL)
    models = {line.split()[0] for line in lines[1:recipes]}
    assert {"VAE", "GAN", "RBM", "StyleTransfer"} <= models
    assert not models & {"GenerativeModel", "AdversarialModel", "CosineSchedule"}
    assert all(len(line.split()) > 2 for line in lines if line[0] == " ")


def test_a_recipe_has_its_own_arguments(run):
    assert "--latent-dim" in run("train", "vae", "--help")
    assert "--num-langevin-steps" in run("train", "energy_model", "--help")
    assert all(name in run("train", "--help") for name in ("vae", "wgan_gp"))


@pytest.mark.parametrize("name", SMALL)
def test_a_recipe_is_outlined_without_importing_it(name):
    outline, main = (
        recipe_files.outline(name),
        importlib.import_module(f"recipes.{name}").main,
    )
    assert inspect.signature(outline) == inspect.signature(main, eval_str=True)
    assert outline.__doc__ == main.__doc__


LIGHT = """
import sys
from keras_genmod_command import main
code = main(sys.argv[1:])
print({"keras", "keras_genmod", "numpy"} & set(sys.modules) or "light")
sys.exit(code)
"""


def light(*arguments, **variables):
    """Returns what the command prints, which must import neither Keras nor NumPy."""
    result = subprocess.run(
        [sys.executable, "-c", LIGHT, *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    printed, _, imported = result.stdout.strip().rpartition("\n")
    assert imported == "light"
    return printed


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ("--help", "evaluate"),
        ("--version", "."),
        ("list --help", "List models"),
        ("copy --help", "Where to write it."),
        ("info --help", "a preset's name or folder."),
        ("sample --help", "--num-columns"),
        ("evaluate --help", "--binarization"),
        ("fid --help", "--features"),
        ("compare --help", "A.json"),
        ("hype --help", "create"),
        ("hype create --help", "NAME=FOLDER"),
        ("train --help", "wgan_gp"),
        ("train pixel_rnn --help", "diagonal"),
    ],
)
def test_help_comes_without_keras(arguments, shown):
    assert shown in light(*arguments.split())


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("tra", "train"),
        ("train pixel_r", "pixel_rnn"),
        ("train pixel_rnn --ki", "--kind"),
        ("train pixel_rnn --kind d", "diagonal"),
        ("hype cre", "create"),
    ],
)
def test_the_shell_completes_words_without_keras(typed, words):
    # The shell runs the program itself, which ends once it has printed the words.
    script = (
        "import atexit, sys\n"
        "atexit.register(lambda: print({'keras', 'numpy'} & set(sys.modules) or ''))\n"
        "from keras_genmod_command import main\n"
        "main()"
    )
    line = f"keras-genmod {typed}"
    variables = {
        "_KERAS_GENMOD_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
    }
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    assert result.stdout.split() == words.split(), result.stderr


def test_a_copied_recipe_needs_nothing_but_its_folder(run, tmp_path):
    run("copy", "vae", tmp_path / "mine")
    run("copy", "gan", tmp_path / "mine")  # what they share may stay
    files = {path.name: path.read_text() for path in (tmp_path / "mine").iterdir()}
    assert set(files) == {"vae.py", "gan.py", "_run.py"}
    line = "\nfrom _run import begin, check_held_out, command_line, fit\n"
    assert line in files["vae.py"]
    assert not any("recipes._run import" in text for text in files.values())
    (tmp_path / "mine" / "_run.py").write_text("changed")
    error = run("copy", "rbm", tmp_path / "mine", code=2)
    assert "_run.py is there already" in error
    assert not (tmp_path / "mine" / "rbm.py").exists()
    assert "vae.py is there already" in run("copy", "vae", tmp_path / "mine", code=2)


def test_info_says_what_a_model_is(run, folder):
    rows = dict(
        line.split(None, 1) for line in run("info", folder / "vae.keras").splitlines()
    )
    assert rows["model"].startswith("VAE: Latent-variable model")
    assert rows["data"] == "4 x 4 x 1" and rows["likelihood"] == "lower bound"
    model = keras.saving.load_model(folder / "vae.keras")
    assert rows["weights"] == f"{model.count_params():,}"
    assert rows["latent_dim"] == "2" and rows["levels"] == "2"


def test_a_preset_stands_for_a_model(run, tmp_path):
    rows = dict(line.split(None, 1) for line in run("info", "digits_rbm").splitlines())
    assert rows["model"].startswith("RBM") and rows["saved"].startswith("as a preset")
    model = keras_genmod.from_preset("digits_rbm")
    model.save_to_preset(tmp_path / "mine")
    for preset in ("digits_rbm", tmp_path / "mine"):
        run("sample", preset, "--num-samples", 2, "--out", tmp_path / "s.npz")
        with np.load(tmp_path / "s.npz") as file:
            drawn = evaluation.draw_samples(model, 2, seed=0)
            np.testing.assert_array_equal(file["samples"], drawn)


def test_a_file_that_cannot_be_written_is_told_first(run, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    for arguments in (["sample", "none"], ["evaluate", "none", "x"]):
        error = run(*arguments, "--out", tmp_path / "s.npz", code=2)
        assert "`--out` must be writable" in error


def test_samples_are_arrays_or_a_grid(run, folder, tmp_path):
    arguments = ["sample", folder / "vae.keras", "--num-samples", 6, "--seed", 3]
    run(*arguments, "--batch-size", 4, "--out", tmp_path / "new" / "s.npz")
    model = keras.saving.load_model(folder / "vae.keras")
    with np.load(tmp_path / "new" / "s.npz") as file:
        assert file.files == ["samples"]
        drawn = evaluation.draw_samples(model, 6, batch_size=4, seed=3)
        np.testing.assert_array_equal(file["samples"], drawn)
    run(*arguments, "--num-columns", 3, "--out", tmp_path / "s.png")
    with Image.open(tmp_path / "s.png") as image:
        assert "6 samples of VAE, seed 3" in image.text["Description"]


def test_classes_come_in_turn_or_one_alone(run, tmp_path):
    model = save_model(tmp_path / "m.keras", num_classes=3)
    for options, labels in (([], [0, 1, 2, 0]), (["--label", 2], [2] * 4)):
        out = tmp_path / "s.npz"
        run("sample", tmp_path / "m.keras", "--num-samples", 4, "--out", out, *options)
        with np.load(out) as file:
            assert file["labels"].tolist() == labels
            drawn = evaluation.draw_samples(model, 4, np.array(labels), seed=0)
            np.testing.assert_allclose(file["samples"], drawn, atol=1e-6)


def test_evaluation_is_a_ledger_line_and_figures_with_protocols(run, folder, tmp_path):
    model, data = folder / "vae.keras", folder / "data.npz"
    arguments = ["evaluate", model, data, "--binarization", "static", "--name", "mine"]
    given = ["--option", "num_samples=7", "--num-samples", 20]
    found = json.loads(run(*arguments, *given))  # bars are not on standard output
    loaded = keras.saving.load_model(model)
    with np.load(data) as file:
        x = file["x_test"]
    likelihood = evaluation.evaluate_likelihood(
        loaded,
        keras_genmod.data.binarize(x, "static", 0),
        dataset=str(data),
        split="test",
        binarization="static(0)",
        num_samples=7,
    )
    table = evaluation.LikelihoodTable([("mine", likelihood)])
    assert found["likelihood"] == json.loads(table.to_json())
    samples = evaluation.draw_samples(loaded, 20, seed=0)  # means: beside grey pixels
    real, fake = x[:20].reshape(20, -1), samples.reshape(20, -1)
    score = metrics.frechet_distance(real, fake)
    frechet = found["samples"]["frechet_distance"]
    assert frechet["value"] == pytest.approx(float(score), rel=1e-6)
    assert frechet["protocol"] == {
        "features": "data",
        "split": "test",
        "metric": "frechet_distance",
        "num_real": 20,
        "num_fake": 20,
    }
    balls = metrics.precision_recall_density_coverage(real, fake, k=5)
    for name in ("precision", "recall", "density", "coverage"):
        assert found["samples"][name]["value"] == getattr(balls, name)

    # Figures of one protocol compare, others are refused.
    for name, changes in {"a": given, "b": ["--seed", 1], "c": ["--limit", 20]}.items():
        run(
            *arguments,
            *(given if name != "a" else []),
            *changes,
            "--out",
            tmp_path / name,
        )
    assert "log p(x), nats, lower bound" in run(
        "compare", tmp_path / "a", tmp_path / "a"
    )
    error = run("compare", tmp_path / "a", tmp_path / "b", code=2)
    assert f"`{tmp_path / 'b'}` must have the same protocol" in error
    assert "binarization: 'static(0)' and 'stat" in error
    found = json.loads(
        run("evaluate", model, data, "--binarization", "threshold", "--num-samples", 0)
    )
    assert "threshold" in json.dumps(found["likelihood"])
    error = run("compare", tmp_path / "a", tmp_path / "c", code=2)
    assert "count: 30 and 20" in error


def test_vectors_are_judged_and_shown_as_images(run, folder, tmp_path):
    model = RBM(16, 3, seed=0)
    model.save(tmp_path / "rbm.keras")
    judge = ["--binarization", "static", "--num-samples", 20]
    found = json.loads(
        run("evaluate", tmp_path / "rbm.keras", folder / "data.npz", *judge)
    )
    with np.load(folder / "data.npz") as file:
        binary = keras_genmod.data.binarize(file["x_test"], "static", 0)
    likelihood = evaluation.evaluate_likelihood(
        model,
        binary.reshape(30, -1),
        dataset=str(folder / "data.npz"),
        split="test",
        binarization="static(0)",
    )
    table = evaluation.LikelihoodTable([(str(tmp_path / "rbm.keras"), likelihood)])
    assert found["likelihood"] == json.loads(table.to_json())
    drawn = evaluation.draw_samples(model, 20, seed=0).reshape(20, *SHAPE)
    expected = figures.sample_figures(binary[:20], drawn, None, 5, "test")
    assert found["samples"] == expected
    run(
        "sample",
        tmp_path / "rbm.keras",
        "--num-samples",
        4,
        "--out",
        tmp_path / "s.png",
    )
    with Image.open(tmp_path / "s.png") as image:
        assert "4 samples of RBM, seed 0" in image.text["Description"]


def test_what_images_are_judged_by_is_checked_first(run, folder, monkeypatch):
    def untimely(*arguments, **options):
        raise AssertionError

    monkeypatch.setattr(evaluation, "evaluate_likelihood", untimely)
    monkeypatch.setattr(figures, "_folder_features", untimely)
    judge = ["evaluate", folder / "vae.keras", folder / "data.npz"]
    judge += ["--binarization", "static", "--num-samples", 20]
    folders = ["fid", folder / "real", folder / "fake", "--features", "pixels"]
    assert "`--features` must be" in run(*judge, "--features", "foo", code=2)
    assert "`--k` must be at most 19" in run(*judge, "--k", 20, code=2)
    assert "`--k` must be at most 11" in run(*folders, "--k", 12, code=2)


def test_weights_of_inception_are_named_as_the_shell_takes_them(
    run, folder, monkeypatch
):
    def no_network(weights):
        raise OSError(f"no {weights}")

    monkeypatch.setattr(keras.applications, "InceptionV3", no_network)
    monkeypatch.chdir(folder)
    judge = ["evaluate", "vae.keras", "data.npz", "--features"]
    for command in (["fid", "real", "fake", "--features"], judge):
        error = run(*command, "inception", code=2)
        assert "The weights of `--features inception` must be downloaded" in error
        assert ": --features inception:inception_v3_weights_tf" in error
        error = run(*command, "inception:no.h5", code=2)
        assert "`--features inception:WEIGHTS.h5` must be the path of a file" in error
        assert error.endswith("Received: 'no.h5'\n") and "weights=" not in error
        error = run(*command, "inception:data.npz", code=2)
        assert "`--features inception:WEIGHTS.h5` must be a weights file" in error


def test_options_are_those_of_sample_or_left_to_a_prior():
    class Open:
        def sample(self, num_samples, condition=None, seed=None, **options): ...

    class Closed:
        def sample(self, num_samples, temperature=1.0, *, top_k=None): ...

    check_options(Open(), {"any": 1})
    check_options(Closed(), {"top_k": 1})
    for name in ("num_samples", "seed", "any"):
        with pytest.raises(ValueError, match=rf"of temperature, top_k: .*{name}"):
            check_options(Closed(), {"top_k": 1, name: 1})


def test_figures_beside_other_images_do_not_compare(run, folder, tmp_path):
    one, other = folder / "real", folder / "fake"
    for name, pair in {"a": (one, other), "b": (other, one), "c": (one, one)}.items():
        run("fid", *pair, "--features", "pixels", "--out", tmp_path / name)
    assert "recall" in run("compare", tmp_path / "a", tmp_path / "c")
    error = run("compare", tmp_path / "a", tmp_path / "b", code=2)
    assert "beside the same real images" in error


def test_two_folders_are_compared_in_one_command(run, folder):
    found = json.loads(
        run(
            "fid",
            folder / "real",
            folder / "fake",
            "--k",
            2,
            "--features",
            "pixels",
            "--image-size",
            3,
        )
    )
    x, y = (
        keras_genmod.data.image_folder(folder / name, 3).arrays()[0].reshape(12, -1)
        for name in ("real", "fake")
    )
    kernel = metrics.kernel_distance(x, y, num_subsets=None)
    got = found["samples"]["kernel_distance"]
    assert got["value"] == pytest.approx(kernel.value, rel=1e-6)
    assert got["standard_error"] == pytest.approx(kernel.standard_error, rel=1e-6)
    assert got["protocol"]["resize"] == "centre, bilinear antialiased float32 3x3"
    balls = metrics.precision_recall_density_coverage(x, y, k=2)
    assert found["samples"]["density"]["value"] == balls.density


def test_features_come_from_a_layer_of_a_model(run, folder, tmp_path):
    network = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Flatten(),
            keras.layers.Dense(3, name="features"),
            keras.layers.Dense(2),
        ],
        name="judge",
    )
    network.save(tmp_path / "judge.keras")
    found = json.loads(
        run(
            "fid",
            folder / "real",
            folder / "fake",
            "--features",
            f"{tmp_path / 'judge.keras'}:features",
        )
    )
    extractor = evaluation.FeatureExtractor(network, "features")
    protocol = found["samples"]["recall"]["protocol"]
    assert protocol["features"] == "judge/features"
    assert protocol["weights_hash"] == extractor.weights_hash


def test_a_folder_is_never_held_whole(folder, monkeypatch):
    network = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten()])
    extractor = evaluation.FeatureExtractor(network, batch_size=5)
    monkeypatch.setattr(figures, "features_of", lambda *arguments: extractor)
    places = [str(folder / name) for name in ("real", "fake")]
    real, fake = (keras_genmod.data.image_folder(p, 4).arrays()[0] for p in places)
    expected = figures.sample_figures(real, fake, extractor, 2)
    read, most = [], []
    read_image = ImageFolder._image
    features = evaluation.FeatureExtractor._features

    def reading(self, *arguments):
        read.append(1)
        return read_image(self, *arguments)

    def extracting(self, images):
        most.append(len(read))
        read.clear()
        return features.__get__(self)(images)

    monkeypatch.setattr(ImageFolder, "_image", reading)
    monkeypatch.setattr(evaluation.FeatureExtractor, "_features", extracting)
    found = figures.compare_folders(*places, None, None, "any", 2, 5)
    assert most == [5, 5, 2] * 2  # images read before each batch of features
    assert found["samples"] == expected
    assert found["real"]["sha256"] == figures._hash(real)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "vea"], "vea"),
        (["train", "vae", "--epochs", "0"], "`epochs` must be a positive int"),
        (["train", "vae", "--epochs", "many"], "--epochs"),
        (["train", "vae", "--wide"], "--wide"),
        (["train", "vae", "--dataset", "none"], "`--dataset` must be one of digits"),
        (["train", "gan", "--limit", "5"], "at least 8 held-out images"),
        (["nothing"], "nothing"),
        (["sample"], "MODEL"),
        (["copy", "../vae", "{tmp}"], "`recipe` must be one of"),
        (["copy", "vae", "{folder}/vae.keras"], "vae.keras"),
        (["info", "{tmp}/none.keras"], "`model` must be a .keras file"),
        (["info", "{folder}"], "A preset must hold the file"),
        (["info", "{folder}/data.npz"], "`model` must be a .keras file"),
        (["info", "{tmp}/broken.keras"], "`model` must be a .keras file"),
        (["info", "{tmp}/other.keras"], "must be a model of keras_genmod"),
        (
            ["sample", "{model}", "--out", "a.jpg"],
            "`--out` must end in .png or .npz. Rec",
        ),
        (["sample", "{model}", "--num-samples", "0"], "'--num-samples'"),
        (["sample", "none", "--num-columns", "0"], "'--num-columns'"),
        (["sample", "none", "--out", "{folder}"], "`--out` must be a file"),
        (["sample", "none", "--out", "{model}/s.png"], "vae.keras"),
        (["sample", "{model}", "--label", "1"], "`--label` must be left out"),
        (["sample", "{model}", "--option", "x"], "`--option` must be NAME=VALUE"),
        (["sample", "{model}", "--option", "steps=1"], "`--option` must be left out"),
        (
            ["sample", "{tmp}/rbm.keras", "--option", "a=1"],
            "one of num_steps: `sample`",
        ),
        (["evaluate", "{model}", "{folder}/data.npz", "--option", "x"], "`--option`"),
        (
            ["evaluate", "{model}", "{folder}/data.npz", "--binarization", "static"]
            + ["--option", "steps=1"],
            "`--option` of VAE.log_prob must be",
        ),
        (["evaluate", "{model}", "nosuchset.npz"], "`DATA` must be a file"),
        (["evaluate", "{model}", "nodata", "--name", "x"], "`DATA` must be one of dig"),
        (["evaluate", "{model}", "{folder}/data.npz"], "levels (--binarization stat"),
        (["evaluate", "{model}", "folder:none@4"], "`DATA` must be a folder"),
        (["evaluate", "{model}", "two_moons"], "`DATA` must have shape"),
        (["evaluate", "none", "x", "--num-samples", "-1"], "'--num-samples'"),
        (["evaluate", "none", "x", "--k", "0"], "'--k'"),
        (["fid", "{folder}/real", "{tmp}/none"], "`REAL` or `FAKE` must be a folder"),
        (["fid", "{folder}/real", "{folder}/fake", "--features", "x"], "`--features`"),
        (["evaluate", "{model}", "digits", "--limit", "-3"], "'--limit'"),
        (["evaluate", "{tmp}/rbm.keras", "digits", "--num-samples", "0"], "method=ais"),
        (["sample", "{tmp}/flat.keras"], "`--out` must end in .npz where samples"),
        (["compare", "{folder}/data.npz", "{folder}/data.npz"], "Figures must be in"),
        (["fid", "a", "b", "--out", "{folder}"], "`--out` must be a file"),
        (["evaluate", "none", "x", "--out", "{folder}"], "`--out` must be a file"),
        (
            ["compare", "{tmp}/none", "b"],
            "file that `evaluate --out` or `fid --out` wrote",
        ),
        (["hype", "scores", "{tmp}/none.study"], "none.study"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_error_is_one_line_and_the_exit_code_2(
    run, folder, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    whole = (folder / "vae.keras").read_bytes()
    (tmp_path / "broken.keras").write_bytes(whole[: len(whole) // 2])
    if "{tmp}/other.keras" in arguments:
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(
            tmp_path / "other.keras"
        )
    if "{tmp}/flat.keras" in arguments:
        RBM(5, 2).save(tmp_path / "flat.keras")
    if "{tmp}/rbm.keras" in arguments:
        RBM(64, 25).save(tmp_path / "rbm.keras")
    places = {"tmp": tmp_path, "folder": folder, "model": folder / "vae.keras"}
    error = run(*(a.format(**places) for a in arguments), code=2)
    lines = [line for line in error.splitlines() if not line.startswith("Warning")]
    assert len([line for line in lines if "\b" not in line]) == 1, error
    assert lines[-1].startswith("Error: ") and message in lines[-1]


@pytest.mark.parametrize(
    "words,named", [([], "evaluate"), (["train"], "vae"), (["hype"], "serve")]
)
def test_a_command_that_needs_more_words_shows_its_help(run, words, named):
    lines = run(*words, code=2).splitlines()
    assert lines[0].startswith(f"Usage: {' '.join(['keras-genmod', *words])} ")
    assert any(line.split()[:1] == [named] for line in lines)


def test_the_folder_of_figures_is_made_before_they_are_computed(
    run, folder, tmp_path, monkeypatch
):
    out = tmp_path / "new" / "figures.json"

    def compare(*args):
        assert out.parent.is_dir()
        return {"fid": 1.0}

    monkeypatch.setattr(figures, "compare_folders", compare)
    run("fid", folder / "real", folder / "fake", "--out", out)
    assert json.loads(out.read_text()) == {"fid": 1.0}


class _OfTensorFlow(Exception):
    """As `tf.errors.OpError`: no `RuntimeError`."""

    __module__ = "tensorflow.python.framework.errors_impl"


class _Derived(_OfTensorFlow):
    pass


def fail(monkeypatch, error):
    """Makes what `info` and `train vae` do raise an error."""

    def raising(*arguments, **options):
        raise error

    monkeypatch.setattr(model_files, "description", raising)
    monkeypatch.setattr(importlib.import_module("recipes.vae"), "main", raising)


@pytest.mark.parametrize("command", ["info any", "train vae"])
@pytest.mark.parametrize("kind", [RuntimeError, MemoryError, _OfTensorFlow, _Derived])
@pytest.mark.parametrize("text", ["out of\nmemory", ""])
def test_an_error_of_the_machine_is_one_line(run, monkeypatch, command, kind, text):
    fail(monkeypatch, kind(text))
    message = text.replace("\n", " ") or kind.__name__
    assert run(*command.split(), code=2) == f"Error: {message}\n"


@pytest.mark.parametrize("command", ["info any", "train vae"])
@pytest.mark.parametrize("kind", [TypeError, AttributeError])
def test_an_error_of_the_program_keeps_its_traceback(monkeypatch, command, kind):
    fail(monkeypatch, kind("wrong"))
    with pytest.raises(kind, match="wrong"):
        main(command.split())


def test_without_typer_the_package_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "typer", None)
    assert main(["list"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: ") and "pip install typer" in error


@pytest.mark.parametrize(
    ("arguments", "backend", "named"),
    [
        ("list", "tourch", "KERAS_BACKEND"),
        ("info nope.keras", "tensorflow", "nope.keras"),  # whose import prints lines
    ],
)
def test_an_error_stands_alone_on_standard_error(arguments, backend, named):
    result = subprocess.run(
        [sys.executable, "-m", "keras_genmod_command", *arguments.split()],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1 and named in result.stderr


def test_a_tensorflow_that_fails_says_so_itself(tmp_path, monkeypatch, capfd):
    source = "import os; os.write(2, b'noise'); raise ImportError('no such library')"
    (tmp_path / "tensorflow.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    with pytest.raises(ImportError, match="no such library"), quiet_tensorflow():
        importlib.import_module("tensorflow")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"
    assert not any("quiet" in type(finder).__module__ for finder in sys.meta_path)
