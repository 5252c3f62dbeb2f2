"""What the recipes share: their command line, the folder of a run, its training."""

import json
import pathlib
import shutil
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import typer

from keras_genmod import callbacks as genmod_callbacks
from keras_genmod import checks
from keras_genmod.callbacks.tensorboard.event_writer import make_writable
from keras_genmod_command.options import command_line

__all__ = [
    "begin",
    "check_held_out",
    "command_line",
    "fit",
    "integers",
    "later_stage",
    "pretrain",
]

LARGEST_WEIGHT = 1e6  # beyond it a weight is none: the learning rate was too high
FEWEST_HELD_OUT = 8  # images that pictures show and samples are judged beside
_COUNTS = ("epochs", "pretrain_epochs", "batch_size", "limit")
_STATE = ("backup/*", "*/backup/*", "*.weights.h5")  # what a run has left


def begin(arguments: dict[str, Any], may_change: Iterable[str] = ()) -> None:
    """Checks what a run is asked to do and where, and seeds all that draws.

    A folder where a run has begun goes on with the settings of that run alone; they are
    kept in its `settings.json`.

    Args:
        arguments: Dict of all arguments of a recipe's `main`, its first `locals()`.
        may_change: Names of those that training does not depend on; `epochs` and
            `log_dir` never count.

    Raises:
        OSError: If the folder cannot be written to.
        ValueError: If a number is out of range, or the run in the folder is another.
    """
    for name in _COUNTS:
        if arguments.get(name) is not None:
            checks.positive_int(name, arguments[name])
    seed, log_dir = arguments["seed"], arguments["log_dir"]
    checks.integer("seed", seed, 0)
    path = pathlib.Path(make_writable("log_dir", log_dir), "settings.json")
    left_out = {"epochs", "log_dir", *may_change}
    settings = {k: v for k, v in arguments.items() if k not in left_out}
    if path.exists() and any(any(path.parent.glob(files)) for files in _STATE):
        _check_same(settings, path)
    path.write_text(json.dumps(settings, indent=1))
    keras.utils.set_random_seed(seed)


def _check_same(settings: dict[str, Any], path: pathlib.Path) -> None:
    try:
        begun = dict(json.loads(path.read_text()))
    except ValueError as error:
        raise ValueError(
            f"`log_dir` must hold what a run has left there; {path} is damaged: delete "
            f"it, or choose another folder ({error})"
        ) from error
    for name, value in settings.items():
        if name in begun and begun[name] != value:
            raise ValueError(
                f"`{name}` must be that of the run in `log_dir`, or `log_dir` another "
                f"folder. Received: {name}={value!r}, log_dir='{path.parent}' of a run "
                f"with {name}={begun[name]!r}"
            )


def check_held_out(images: Any) -> None:
    """Raises unless there are enough held-out images for pictures and judges.

    Args:
        images: Array of them.

    Raises:
        ValueError: If there are fewer than `FEWEST_HELD_OUT`.
    """
    if len(images) < FEWEST_HELD_OUT:
        raise ValueError(
            f"`dataset` must have at least {FEWEST_HELD_OUT} held-out images: of a "
            "folder a tenth is held out, or what lies in its folder `test`. "
            f"Received: {len(images)}"
        )


def later_stage(log_dir: str, name: str, epochs: int) -> str:
    """Returns the folder of a run that builds on another one, which has ended.

    What it holds is deleted where the other one has gone on since: it was made for what
    that had learnt before.

    Args:
        log_dir: Folder of the other run.
        name: The folder's name in there.
        epochs: How many epochs the other run took.
    """
    folder = pathlib.Path(log_dir, name)
    path = folder / "built_on_epoch.txt"
    if path.exists() and path.read_text() != str(epochs):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(str(epochs))
    return str(folder)


def integers(name: str, text: str) -> list[int]:
    """Returns the integers of an argument that holds them with commas between."""
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise ValueError(
            f"`{name}` must be integers with commas between. Received: {name}={text!r}"
        ) from None


def fit(
    model: keras.Model,
    *data: Any,
    log_dir: str,
    epochs: int,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    **kwargs: Any,
) -> None:
    """Trains a model as `model.fit` does, in a folder where it can go on.

    It stops at the first NaN, at a weight that is absurd, and at Ctrl-C, before
    anything is saved but what is there to go on from.

    Args:
        model: Compiled Keras model.
        *data: `x` and, if there is one, `y`, as `model.fit` takes them.
        log_dir: Folder for `log.csv`, a row an epoch, and `backup/`.
        epochs: Passes over the data, those of earlier runs in this folder included.
        callbacks: What else happens; it is called in this order, before the row of the
            log is written.
        **kwargs: As in `model.fit`.

    Raises:
        typer.Exit: With 1 if losses or weights are not sound, with 130 after Ctrl-C.
    """
    stop = genmod_callbacks.StopOnNonFinite(every=100, largest=LARGEST_WEIGHT)
    rows = keras.callbacks.CSVLogger(f"{log_dir}/log.csv", append=True)
    backup = genmod_callbacks.Backup(f"{log_dir}/backup")
    try:
        history = model.fit(
            *data, epochs=epochs, callbacks=[stop, *callbacks, rows, backup], **kwargs
        )
    except KeyboardInterrupt:
        if rows.csv_file is not None:
            rows.on_train_end()  # closes it
        print(
            f"\nStopped. The same command, with the same --log-dir {log_dir}, goes on "
            "after the last whole epoch."
        )
        raise typer.Exit(130) from None
    if stop.report:
        print(
            "No model is saved. Other settings need another --log-dir; the same "
            f"command goes on from the last sound epoch, if {log_dir}/backup has one."
        )
        raise typer.Exit(1)
    if not history.epoch:
        print(f"{log_dir} has its {epochs} epochs already: give more to go on.")


def pretrain(model: keras.Model, x: np.ndarray, log_dir: str, **kwargs: Any) -> None:
    """Gives a model of several layers weights to start from, once a folder.

    Args:
        model: Model with `pretrain`.
        x: Training data.
        log_dir: Folder; its `pretrained.weights.h5` is written, or read if it is there.
            `pretraining/` is there meanwhile, to go on from after a stop.
        **kwargs: As in `model.pretrain`.

    Raises:
        typer.Exit: With 1 if a weight is not finite or absurd; nothing is written then.
    """
    path = pathlib.Path(log_dir, "pretrained.weights.h5")
    if path.exists():
        model.load_weights(path)
        return
    kept = pathlib.Path(log_dir, "pretraining")

    def callbacks(i):
        return [genmod_callbacks.Backup(kept / str(i))]

    try:
        model.pretrain(x, callbacks=callbacks, **kwargs)
    except KeyboardInterrupt:
        print(
            "\nStopped in pretraining. The same command goes on after its last whole "
            "epoch."
        )
        raise typer.Exit(130) from None
    shutil.rmtree(kept, ignore_errors=True)
    if not all((np.abs(w) <= LARGEST_WEIGHT).all() for w in model.get_weights()):
        print("Pretraining left weights that are not finite. Nothing is saved.")
        raise typer.Exit(1)
    scratch = path.with_name("next.weights.h5")
    model.save_weights(scratch)
    scratch.replace(path)
