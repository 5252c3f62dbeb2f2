"""Options of a shell that are the arguments of a function."""

import functools
import inspect
import os
import re
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from keras_genmod_command.quiet_imports import quiet_tensorflow
from keras_genmod_command.words import said_as


def command_line(main: Callable[..., None]) -> typer.Typer:
    """Returns the command whose options are the arguments of a function.

    `--help` shows what its docstring says of each. An error of the user's is one line,
    and the exit code 2; call `main` itself to see where it came from.

    Args:
        main: Function with a docstring of Google's style.
    """
    summary, texts = _documentation(main)

    @functools.wraps(main)
    def reported(**arguments):
        words = dict.fromkeys(("name", "path"), "--dataset")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors are for that place
        try:
            with (
                quiet_tensorflow(),
                said_as(**(words if "dataset" in arguments else {})),
            ):
                main(**arguments)
        except (ValueError, OSError, ImportError, MemoryError) as error:
            text = str(error) or type(error).__name__
            print(f"Error: {' '.join(text.split())}", file=sys.stderr)
            raise typer.Exit(2) from None

    signature = inspect.signature(main, eval_str=True)
    options = [
        argument.replace(
            annotation=Annotated[
                argument.annotation, typer.Option(help=texts[argument.name])
            ]
        )
        for argument in signature.parameters.values()
    ]
    reported.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=options
    )
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(help=summary)(reported)
    return app


def _documentation(main: Callable) -> tuple[str, dict[str, str]]:
    """Returns what a docstring says of a function and of each argument."""
    summary, _, arguments = (inspect.getdoc(main) or "").partition("\nArgs:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", arguments, re.MULTILINE)
    return summary.strip(), {name: " ".join(text.split()) for name, text in entries}
