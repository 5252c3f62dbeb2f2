"""The subcommands of `hype`: studies in which people judge images."""

from typing import Annotated, Any, Literal

import typer

from keras_genmod_command.words import said_as

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

StudyFile = Annotated[str, typer.Argument(metavar="STUDY", help="The study's file.")]


@app.command()
def create(
    study: StudyFile,
    real: Annotated[str, typer.Option(metavar="FOLDER", help="Real images.")],
    fake: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=FOLDER",
            help="A model's samples, of the same size; once for each model.",
        ),
    ],
    variant: Annotated[
        Literal["infinity", "pairwise", "time"], typer.Option(help="What is asked.")
    ] = "infinity",
    title: Annotated[
        str, typer.Option(help="What people read.")
    ] = "Which images are real?",
    seed: Annotated[int | None, typer.Option(help="Of the order; or drawn.")] = None,
    num_trials: Annotated[int | None, typer.Option(help="Of a block.")] = None,
    num_blocks: Annotated[int | None, typer.Option(help="Of an evaluator.")] = None,
    qualification_trials: Annotated[
        int | None, typer.Option(help="Which decide who takes part; or 0.")
    ] = None,
    rule: Annotated[
        Literal["weighted", "three_up", "literal"] | None,
        typer.Option(help="Of the staircase."),
    ] = None,
    display_px: Annotated[
        int | None, typer.Option(help="Of an image's longer side.")
    ] = None,
    no_feedback: Annotated[
        bool, typer.Option("--no-feedback", help="Do not say what was right.")
    ] = False,
) -> None:
    """Make a study from folders of images."""
    from keras_genmod.hype import StudyProtocol, create_study, load_images

    changes = {
        "num_trials": num_trials,
        "num_blocks": num_blocks,
        "qualification_trials": qualification_trials,
        "rule": rule,
        "display_px": display_px,
        "feedback": False if no_feedback else None,
    }
    given = {name: value for name, value in changes.items() if value is not None}
    options = {name: f"--{name.replace('_', '-')}" for name in (*changes, "seed")}
    with said_as(**options):
        protocol = StudyProtocol.of(variant, **given)
    with said_as(fake="--fake", folder="--fake"):
        folders = _named_folders(fake)
        fakes = {name: load_images(folder) for name, folder in folders.items()}
    with said_as(folder="--real"):
        originals = load_images(real)
    with said_as(path="STUDY", real="--real", fakes="--fake", **options):
        made = create_study(study, originals, fakes, protocol, title=title, seed=seed)
    with made:
        print(f"Made {study}: {made.protocol}")


def _named_folders(texts: list[str]) -> dict[str, str]:
    folders: dict[str, str] = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not (name and equals and folder):
            raise ValueError(f"`fake` must be NAME=FOLDER. Received: {text!r}")
        if name in folders:
            raise ValueError(
                "`fake` must have each name once, with one folder. Received: "
                f"{name + '=' + folders[name]!r} and {text!r}"
            )
        folders[name] = folder
    return folders


@app.command()
def serve(
    study: StudyFile, port: Annotated[int, typer.Option(help="Or a free one.")] = 0
) -> None:
    """Serve a study until Ctrl-C."""
    from keras_genmod import hype

    with _opened(study) as opened:
        hype.serve(opened, port, say=lambda text: print(text, flush=True))


@app.command()
def scores(study: StudyFile) -> None:
    """Print the score of each model."""
    from keras_genmod import hype

    with _opened(study) as opened:
        ranked = hype.rank(opened.scores().values())
    print("\n".join(map(str, ranked)) or "Nobody has finished yet.")


@app.command()
def export(
    study: StudyFile,
    csv: Annotated[str, typer.Argument(metavar="CSV", help="The file to write.")],
) -> None:
    """Write all trials as CSV."""
    with _opened(study) as opened, said_as(path="CSV"):
        opened.write_csv(csv)


def _opened(study: str) -> Any:
    from keras_genmod.hype import Study

    with said_as(path="STUDY", create_study="keras-genmod hype create"):
        return Study(study)
