"""The subcommands of `keras-genmod hype`, in this process."""

import csv
import runpy
import sys
import threading
import typing

import numpy as np
import pytest
from PIL import Image

from keras_genmod.hype import Observer, Study, server, simulate
from keras_genmod.hype.protocol import VARIANTS
from keras_genmod.hype.staircase import RULES
from keras_genmod_command import main
from keras_genmod_command.hype import create as create_study
from tests.hype.small_studies import images

pytestmark = pytest.mark.any_backend


@pytest.fixture
def folders(tmp_path):
    for i, name in enumerate(("real", "vae", "gan")):
        (tmp_path / name).mkdir()
        for number, image in enumerate(images(30, i)):
            pixels = np.rint(image[..., 0] * 255).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    return tmp_path


def create(folders, *options):
    models = [f"--fake={name}={folders / name}" for name in ("vae", "gan")]
    path = str(folders / "x.study")
    real = f"--real={folders / 'real'}"
    return main(["hype", "create", path, real, *models, "--num-trials=10", *options])


def test_from_folders_to_scores(folders, capsys):
    assert create(folders, "--qualification-trials=0", "--seed=3", "--no-feedback") == 0
    path = str(folders / "x.study")
    assert "num_real=30" in capsys.readouterr().out
    assert main(["hype", "scores", path]) == 0
    assert capsys.readouterr().out == "Nobody has finished yet.\n"
    with Study(path) as study:
        assert study.models == ["vae", "gan"] and study.seed == 3
        assert study.protocol.feedback is False
        for seed in range(4):
            simulate(study, Observer(share_right=[1.0, 0.0][seed % 2]), seed)
    assert main(["hype", "scores", path]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("gan: 100.0% (") and second.startswith("vae: 0.0% (")
    assert main(["hype", "export", path, str(folders / "x.csv")]) == 0
    with (folders / "x.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 40


def test_the_folder_of_the_package_is_the_same_program(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["hype", "scores", "no.study"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("keras_genmod.hype", run_name="__main__")
    assert ended.value.code == main(["hype", "scores", "no.study"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first == second and "no.study" in first


def test_a_timed_study_has_its_rule(folders, capsys):
    options = ["--qualification-trials=0", "--variant=time", "--num-blocks=1"]
    assert create(folders, *options, "--rule=three_up", "--display-px=64") == 0
    assert "rule=three_up" in capsys.readouterr().out


def test_errors_are_one_line(folders, capsys):
    assert create(folders) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: `--real` must hold at least 55 images")
    assert "ask for less by --num-trials, --num-blocks, --qualif" in error
    assert error.count("\n") == 1
    for option in ("--real", "--fake"):
        assert create(folders, f"{option}=a={folders / 'none'}") == 2
        error = capsys.readouterr().err
        assert error.startswith(f"Error: `{option}` must be a folder that exists")
    assert create(folders, "--num-trials=3") == 2
    assert "`--num-trials` must be even" in capsys.readouterr().err
    assert create(folders, "--rule=literal", "--qualification-trials=0") == 2
    assert "`--rule` must be left out where no time" in capsys.readouterr().err
    assert main(["hype", "serve", str(folders / "none")]) == 2
    for words in (["--fake=vae"], []):
        assert main(["hype", "create", "x", "--real=real", *words]) == 2
    assert not (folders / "x.study").exists()


def test_a_study_that_is_missing_is_said_in_the_shell_s_words(tmp_path, capsys):
    missing = str(tmp_path / "no.study")
    for words in (["serve"], ["scores"], ["export"]):
        last = [str(tmp_path / "x.csv")] if words == ["export"] else []
        assert main(["hype", *words, missing, *last]) == 2
        error = capsys.readouterr().err
        assert error == (
            "Error: `STUDY` must be a study's file (`keras-genmod hype create` makes "
            f"one). Received: {missing!r}\n"
        )
    assert list(tmp_path.iterdir()) == []


def test_a_study_is_not_exported_over_itself(folders, capsys):
    assert create(folders, "--qualification-trials=0") == 0
    path = folders / "x.study"
    before = path.read_bytes()
    capsys.readouterr()
    for ending in ("", "-wal", "-shm"):
        assert main(["hype", "export", str(path), f"{path}{ending}"]) == 2
        error = capsys.readouterr().err
        assert error.startswith("Error: `CSV` must be another file than the study's")
        assert error.count("\n") == 1
    assert path.read_bytes() == before
    assert main(["hype", "scores", str(path)]) == 0


def test_an_export_goes_to_a_file(folders, capsys):
    assert create(folders, "--qualification-trials=0") == 0
    path, nowhere = str(folders / "x.study"), str(folders / "none" / "x.csv")
    capsys.readouterr()
    for place, rule in ((str(folders), "be a file, not"), (nowhere, "lie in a folder")):
        assert main(["hype", "export", path, place]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"Error: `CSV` must {rule}") and error.count("\n") == 1
        assert error.endswith(f"Received: {place!r}\n")


def test_a_study_makes_no_folder(folders, capsys):
    models = [f"--fake=vae={folders / 'vae'}", f"--real={folders / 'real'}"]
    path = str(folders / "none" / "dir" / "x.study")
    options = ["--num-trials=10", "--qualification-trials=0"]
    assert main(["hype", "create", path, *models, *options]) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: `STUDY` must lie in a folder that exists")
    assert error.count("\n") == 1 and not (folders / "none").exists()


def test_a_model_has_one_folder(folders, capsys):
    assert create(folders, f"--fake=gan={folders / 'vae'}") == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: `--fake` must have each name once")
    assert error.count("\n") == 1 and error.count("gan=") == 2
    assert not (folders / "x.study").exists()


def test_its_choices_are_those_of_the_protocol():
    annotations = typing.get_type_hints(create_study)
    assert typing.get_args(annotations["variant"]) == VARIANTS
    rules, _ = typing.get_args(annotations["rule"])
    assert typing.get_args(rules) == tuple(RULES)


def test_serving_says_where_and_stops(folders, capsys, monkeypatch):
    create(folders, "--qualification-trials=0")

    def interrupt(self):
        threading.Event().wait(0)
        raise KeyboardInterrupt

    monkeypatch.setattr(server.StudyServer, "serve_forever", interrupt)
    capsys.readouterr()
    assert main(["hype", "serve", str(folders / "x.study")]) == 0
    first, second, _, last = capsys.readouterr().out.splitlines()
    assert "http://127.0.0.1:" in first and "/results/" in second
    assert last == "Stopped. Every answer is kept."
