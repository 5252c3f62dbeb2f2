"""The command: makes, serves and reads studies."""

import argparse
import sys
from collections.abc import Sequence

from keras_genmod.hype.create_study import create_study
from keras_genmod.hype.human_realism import rank
from keras_genmod.hype.images import load_images
from keras_genmod.hype.protocol import VARIANTS, StudyProtocol
from keras_genmod.hype.server import serve
from keras_genmod.hype.staircase import RULES
from keras_genmod.hype.study import Study


def main(
    arguments: Sequence[str] | None = None, prog: str = "python -m keras_genmod.hype"
) -> int:
    """Does what the command line says; returns the exit code.

    Args:
        arguments: Strings, the command line's; `None` means this process's.
        prog: What the command is called in its help.
    """
    options = _parser(prog).parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, OSError) as error:
        print(f"Error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="People judge which images are real, on this machine alone.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    create = _command(
        commands, "create", _create, "make a study from folders of images"
    )
    create.add_argument("--real", required=True, metavar="FOLDER", help="real images")
    create.add_argument(
        "--fake",
        required=True,
        action="append",
        type=_named_folder,
        metavar="NAME=FOLDER",
        help="a model's samples, of the same size; once for each model",
    )
    create.add_argument("--variant", choices=VARIANTS, default="infinity")
    create.add_argument("--title", default="Which images are real?")
    create.add_argument("--seed", type=int, help="of the order; or drawn")
    create.add_argument("--num-trials", type=int, help="of a block")
    create.add_argument("--num-blocks", type=int, help="of an evaluator")
    create.add_argument(
        "--qualification-trials", type=int, help="which decide who takes part; or 0"
    )
    create.add_argument("--rule", choices=sorted(RULES), help="of the staircase")
    create.add_argument("--display-px", type=int, help="of an image's longer side")
    create.add_argument(
        "--no-feedback",
        dest="feedback",
        action="store_const",
        const=False,
        help="do not say whether an answer was right",
    )
    start = _command(commands, "serve", _serve, "serve a study until Ctrl-C")
    start.add_argument("--port", type=int, default=0, help="or a free one")
    _command(commands, "scores", _scores, "print the score of each model")
    export = _command(commands, "export", _export, "write all trials as CSV")
    export.add_argument("csv", help="the file to write")
    return parser


def _command(commands, name, run, text) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.set_defaults(run=run)
    command.add_argument("study", help="the study's file")
    return command


def _named_folder(text: str) -> tuple[str, str]:
    name, equals, folder = text.partition("=")
    if not (name and equals and folder):
        raise argparse.ArgumentTypeError(f"must be NAME=FOLDER, not {text!r}")
    return name, folder


_CHANGES = (
    "num_trials",
    "num_blocks",
    "qualification_trials",
    "rule",
    "display_px",
    "feedback",
)


def _create(options) -> int:
    given = {name: getattr(options, name) for name in _CHANGES}
    changes = {name: value for name, value in given.items() if value is not None}
    protocol = StudyProtocol.of(options.variant, **changes)
    fakes = {name: load_images(folder) for name, folder in options.fake}
    real = load_images(options.real)
    study = create_study(
        options.study, real, fakes, protocol, title=options.title, seed=options.seed
    )
    with study:
        print(f"Made {options.study}: {study.protocol}")
    return 0


def _serve(options) -> int:
    with Study(options.study) as study:
        serve(study, options.port, say=lambda text: print(text, flush=True))
    return 0


def _scores(options) -> int:
    with Study(options.study) as study:
        scores = rank(study.scores().values())
    print("\n".join(map(str, scores)) or "Nobody has finished yet.")
    return 0


def _export(options) -> int:
    with Study(options.study) as study:
        study.write_csv(options.csv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
