"""What the recipes share, tried with a model of two weights."""

import csv
import json

import keras
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from recipes._run import begin, command_line, fit, integers, pretrain

X = np.array([[1.0], [2.0]], "float32")
ARGUMENTS = {"dataset": "digits", "epochs": 1, "batch_size": 2, "seed": 0}


def line(rate=0.1):
    """Returns a model of a line, which learns y = x."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate), "mse", run_eagerly=True)
    return model


def train(log_dir, epochs=1, model=None, **kwargs):
    model = line() if model is None else model
    fit(model, X, X, log_dir=str(log_dir), epochs=epochs, verbose=0, **kwargs)


def test_a_run_has_a_row_an_epoch_and_goes_on(tmp_path, capsys):
    for epochs in (1, 3, 3):
        train(tmp_path, epochs)
    with (tmp_path / "log.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1", "2"]
    said = f"{tmp_path} has its 3 epochs already: give more to go on.\n"
    assert capsys.readouterr().out == said


@pytest.mark.parametrize("rate", [np.nan, 1e30])
def test_a_run_that_breaks_exits_with_1_and_keeps_what_was_there(
    rate, tmp_path, capsys
):
    train(tmp_path)
    before = {p: p.read_bytes() for p in (tmp_path / "backup").iterdir()}
    with pytest.raises(typer.Exit) as caught:
        train(tmp_path, 3, Stubborn(line(), rate))
    assert caught.value.exit_code == 1
    output = capsys.readouterr().out
    assert "Epoch 2" in output and "training stops" in output
    assert "No model is saved." in output
    assert {p: p.read_bytes() for p in (tmp_path / "backup").iterdir()} == before


class Stubborn:
    """A model whose learning rate no backup changes."""

    def __init__(self, model, rate):
        self.model, self.rate = model, rate

    def fit(self, *args, callbacks, **kwargs):
        model = self.model

        def spoil(*_):
            model.optimizer.learning_rate = self.rate

        last = keras.callbacks.LambdaCallback(on_epoch_begin=spoil)
        return model.fit(*args, callbacks=[*callbacks, last], **kwargs)


def test_an_interrupt_says_how_to_go_on(tmp_path, capsys):
    def interrupt(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    callback = keras.callbacks.LambdaCallback(on_epoch_begin=interrupt)
    with pytest.raises(typer.Exit) as caught:
        train(tmp_path, 3, callbacks=[callback])
    assert caught.value.exit_code == 130
    assert f"the same --log-dir {tmp_path}, goes on after" in capsys.readouterr().out
    train(tmp_path, 2)
    with (tmp_path / "log.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]


@pytest.mark.parametrize("state", ["backup/a.h5", "vae/backup/a.h5", "a.weights.h5"])
def test_a_folder_goes_on_with_its_own_settings_alone(state, tmp_path):
    def start(**changed):
        begin({**ARGUMENTS, "log_dir": str(tmp_path), **changed}, may_change=["judge"])

    start(seed=1)
    start(seed=0, judge="a")  # no run has begun: nothing to go on from
    (tmp_path / state).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / state).write_bytes(b"")
    start(epochs=5, judge="b")
    for change in ({"seed": 1}, {"batch_size": 4}, {"dataset": "mnist"}):
        (name,) = change
        with pytest.raises(ValueError, match=f"`{name}` must be that of the run in"):
            start(**change)
    start()  # what was refused has left nothing
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(ValueError, match="settings.json is damaged: delete it"):
        start()


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", 0), ("batch_size", 0), ("limit", 0), ("seed", -1)],
)
def test_numbers_are_checked_first(name, value, tmp_path):
    with pytest.raises(ValueError, match=f"`{name}` must be a "):
        begin({**ARGUMENTS, "log_dir": str(tmp_path / "new"), name: value})
    assert not (tmp_path / "new" / "settings.json").exists()


def test_a_run_is_seeded_by_the_recipe_and_written_down(tmp_path):
    begin({**ARGUMENTS, "log_dir": str(tmp_path), "limit": None})
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings == {"dataset": "digits", "batch_size": 2, "seed": 0, "limit": None}


class Layers:
    """Stands for a machine of several layers."""

    def __init__(self, weight):
        self.weight = weight

    def pretrain(self, x, epochs, callbacks):
        assert isinstance(callbacks(0)[0], keras.callbacks.Callback)
        self.epochs = epochs

    def get_weights(self):
        return [np.zeros(2), np.array(self.weight)]

    def save_weights(self, path):
        path.write_text(str(self.weight))

    def load_weights(self, path):
        self.weight = float(path.read_text())


def test_pretraining_is_done_once_a_folder(tmp_path):
    pretrain(Layers(2.0), X, str(tmp_path), epochs=3)
    model = Layers(0.0)
    pretrain(model, X, str(tmp_path), epochs=3)
    assert model.weight == 2.0 and not hasattr(model, "epochs")


@pytest.mark.parametrize("weight", [np.nan, np.inf, 1e30])
def test_pretraining_that_breaks_saves_nothing(weight, tmp_path):
    with pytest.raises(typer.Exit) as caught:
        pretrain(Layers(weight), X, str(tmp_path), epochs=1)
    assert caught.value.exit_code == 1 and not list(tmp_path.iterdir())


def test_integers_are_named():
    assert integers("hidden_dims", "6,5") == [6, 5]
    with pytest.raises(ValueError, match="`hidden_dims` must be .* hidden_dims='6;5'"):
        integers("hidden_dims", "6;5")


def recipe(epochs: int = 1, name: str | None = None):
    """Does what is asked for.

    Over two lines.

    Args:
        epochs: Passes over the data, which go on and on, so that this is broken into
            two lines.
        name: Whose [brackets] stay.
    """
    if epochs == 0:
        raise ValueError("`epochs` must be at least 1.\nReceived: epochs=0")
    raise RuntimeError(name)


@pytest.mark.any_backend
def test_arguments_are_explained_beside_their_options():
    result = CliRunner().invoke(
        command_line(recipe), ["--help"], env={"COLUMNS": "200"}
    )
    assert result.exit_code == 0
    words = " ".join(result.output.split())
    assert "Does what is asked for. Over two lines." in words and "Args" not in words
    text = "Passes over the data, which go on and on, so that this is broken into two"
    assert text in words and words.index("--epochs") < words.index(text)
    assert words.index("--name") < words.index("Whose [brackets] stay.")


@pytest.mark.any_backend
def test_an_error_of_the_user_is_a_line_and_others_are_not_hidden():
    result = CliRunner().invoke(command_line(recipe), ["--epochs", "0"])
    assert result.exit_code == 2
    assert result.stderr == "Error: `epochs` must be at least 1. Received: epochs=0\n"
    result = CliRunner().invoke(command_line(recipe), ["--name", "x"])
    assert isinstance(result.exception, RuntimeError)
