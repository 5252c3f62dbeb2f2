"""The subcommands, as typer knows them."""

import contextlib
import functools
import importlib.metadata
import json
import os
import pathlib
import sys
from typing import Annotated, Any, Literal

import typer

from keras_genmod_command import hype, recipe_files
from keras_genmod_command.options import command_line
from keras_genmod_command.words import check_options, said_as

app = typer.Typer(
    rich_markup_mode=None,
    help="Generative models for Keras 3: train recipes, draw samples, judge them.",
    no_args_is_help=True,
)

Model = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A .keras file; a preset's name or folder."),
]
Out = Annotated[str | None, typer.Option(help="JSON file; or standard output.")]
Features = Annotated[
    str,
    typer.Option(help="pixels, inception[:WEIGHTS.h5] or MODEL.keras[:LAYER]."),
]
Neighbour = Annotated[int, typer.Option(min=1, help="Neighbour that balls reach to.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Examples at a time.")]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of all draws.")]
_OF_FEATURES = {"features": "--features", "weights": "--features inception:WEIGHTS.h5"}


class _Recipes(typer.core.TyperGroup):
    """One subcommand a recipe, imported when it runs."""

    def list_commands(self, ctx):
        return recipe_files.names()

    def get_command(self, ctx, cmd_name):
        if cmd_name not in recipe_files.names():
            return None

        @functools.wraps(recipe_files.outline(cmd_name))
        def main(**arguments):
            recipe_files.load(cmd_name).main(**arguments)

        command = typer.main.get_command(command_line(main))
        command.name = cmd_name
        return command

    def format_commands(self, ctx, formatter):
        with formatter.section("Recipes"):
            formatter.write_dl(_summaries())


def _summaries() -> list[tuple[str, str]]:
    return [(name, recipe_files.summary(name)) for name in recipe_files.names()]


app.add_typer(
    typer.Typer(cls=_Recipes, rich_markup_mode=None, no_args_is_help=True),
    name="train",
    help="Train a recipe: its own arguments follow its name.",
)
app.add_typer(hype.app, name="hype", help="Let people judge which images are real.")


@app.callback(invoke_without_command=True)
def version(
    shown: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.")
    ] = False,
) -> None:
    """Generative models for Keras 3: train recipes, draw samples, judge them."""
    if shown:
        print(importlib.metadata.version("keras_genmod"))
        raise typer.Exit


@app.command("list")
def list_all() -> None:
    """List models and recipes, one a line."""
    from keras_genmod.command import model_files

    classes = model_files.model_classes()
    models = [(name, model_files.summary(classes[name])) for name in classes]
    for title, rows in (("Models", models), ("Recipes", _summaries())):
        print(f"{title}:")
        width = max(len(name) for name, _ in rows) + 2
        for name, text in rows:
            print(f"  {name:{width}}{text}")


@app.command()
def copy(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe.")],
    folder: Annotated[pathlib.Path, typer.Argument(help="Where to write it.")],
) -> None:
    """Copy a recipe into a folder, as a template to edit."""
    path, shared = recipe_files.copy(recipe, folder)
    print(f"Wrote {path} and {shared}. Run it: python {path} --help")


@app.command()
def info(model: Model) -> None:
    """Say what a saved model is."""
    from keras_genmod.command import model_files

    print(model_files.description(model))


@app.command()
def sample(
    model: Model,
    out: Annotated[str, typer.Option(help="A .png grid or .npz file.")] = "samples.png",
    num_samples: Annotated[int, typer.Option(min=1, help="How many.")] = 64,
    label: Annotated[
        int | None,
        typer.Option(min=0, help="Class of all; each class in turn without it."),
    ] = None,
    batch_size: BatchSize = 128,
    seed: Seed = 0,
    num_columns: Annotated[int | None, typer.Option(min=1, help="Of the grid.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE that `sample` takes.")
    ] = None,
) -> None:
    """Draw samples of a saved model; a .png shows vectors as grey squares."""
    from keras_genmod.command import model_files

    _make_room(out)
    with said_as(option="--option"):
        given = model_files.options(option or [])
    loaded = model_files.load_model(model)
    check_options(loaded, given)
    with _progress(), said_as(out="--out", label="--label", option="--option"):
        model_files.write_samples(
            loaded, out, num_samples, label, batch_size, seed, num_columns, given
        )
    print(f"Wrote {out}.")


@app.command()
def evaluate(
    model: Model,
    dataset: Annotated[
        str, typer.Argument(metavar="DATA", help='A set, FILE.npz, "folder:PATH@SIZE".')
    ],
    split: Annotated[str, typer.Option(help="train or test.")] = "test",
    binarization: Annotated[
        Literal["static", "threshold"] | None,
        typer.Option(help="How pixels become binary; left as they are without it."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Examples at most.")] = None,
    num_samples: Annotated[
        int | None,
        typer.Option(min=0, help="Samples drawn, and real images; 0 for none."),
    ] = None,
    features: Features = "pixels",
    k: Neighbour = 5,
    batch_size: BatchSize = 128,
    seed: Seed = 0,
    option: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE that `log_prob` takes.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="In the ledger; or MODEL.")] = None,
    out: Out = None,
) -> None:
    """Judge a saved model: likelihood and figures of samples, with protocols.

    A model of flat vectors takes images flattened.
    """
    from keras_genmod.command import figures, model_files

    _make_room(out)
    of_data = dict.fromkeys(("name", "path", "data"), "DATA")
    words = {**of_data, "option": "--option", **_OF_FEATURES}
    with said_as(**words):
        given = model_files.options(option or [])
    loaded = model_files.load_model(model)
    with _progress(), said_as(**words), model_files.named_options(given):
        found = figures.evaluate(
            loaded,
            name or model,
            dataset,
            split,
            binarization,
            limit,
            num_samples,
            features,
            k,
            batch_size,
            seed,
            given,
        )
    _write(found, out)


@app.command()
def fid(
    real: Annotated[str, typer.Argument(help="Folder of real images.")],
    fake: Annotated[str, typer.Argument(help="Folder of generated images.")],
    image_size: Annotated[
        int | None, typer.Option(min=1, help="Sides to crop and resize to.")
    ] = None,
    channels: Annotated[int | None, typer.Option(help="1 or 3.")] = None,
    features: Features = "inception",
    k: Neighbour = 5,
    batch_size: BatchSize = 128,
    out: Out = None,
) -> None:
    """Compare two folders: FID, KID, precision, recall, density, coverage."""
    from keras_genmod.command import figures

    _make_room(out)
    words = {
        "path": "REAL` or `FAKE",
        "image_size": "--image-size",
        "channels": "--channels",
        **_OF_FEATURES,
    }
    with _progress(), said_as(**words):
        found = figures.compare_folders(
            real, fake, image_size, channels, features, k, batch_size
        )
    _write(found, out)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="A.json")],
    second: Annotated[str, typer.Argument(metavar="B.json")],
) -> None:
    """Compare two files of figures that were made in one way; refuse others."""
    from keras_genmod.command import comparison

    try:
        with said_as(other=second):
            print(comparison.compare(first, second))
    except OSError as error:
        raise ValueError(
            "Figures must be in a file that `evaluate --out` or `fid --out` wrote. "
            f"Received: {error.filename!r} ({error.strerror})"
        ) from error


def _progress() -> contextlib.redirect_stdout:
    """Shows bars on standard error: standard output is for results."""
    return contextlib.redirect_stdout(sys.stderr)


def _make_room(out: str | None) -> None:
    """Makes the folder of a file, or fails, before the work whose result it takes."""
    if out is None:
        return
    path = pathlib.Path(out)
    if path.is_dir():
        raise ValueError(f"`--out` must be a file. Received: the folder {out}")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"`--out` must be writable. Received: {out}")


def _write(found: dict[str, Any], out: str | None) -> None:
    text = json.dumps(found, indent=2)
    if out is None:
        print(text)
        return
    pathlib.Path(out).write_text(text + "\n", "utf-8")
    print(f"Wrote {out}.")
