"""The program `keras-genmod`: what a shell sees of the package.

Keras is imported where work begins and not before: help and completion come at once.
"""

import os
import sys
import warnings
from collections.abc import Sequence

from keras_genmod_command.quiet_imports import quiet_tensorflow

_WAY_OUT = "python -m pip install typer"


def main(arguments: Sequence[str] | None = None) -> int:
    """Does what the command line says; errors are one line and the exit code 2.

    So is the exit code of a command that needs more words, which shows its help.

    Args:
        arguments: Strings, the command line's; `None` means this process's.

    Returns:
        The exit code.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # standard error is for errors
    try:
        import typer

        from keras_genmod_command.app import app
    except ImportError as error:
        if error.name != "typer":
            raise
        return _failed(f"the command needs typer: {_WAY_OUT}")
    command = typer.main.get_command(app)
    with warnings.catch_warnings(), quiet_tensorflow():
        warnings.showwarning = _one_line
        try:
            code = command.main(
                args=None if arguments is None else list(arguments),
                prog_name="keras-genmod",
                standalone_mode=False,
            )
        except typer.Abort:
            return 130
        except Exception as error:
            if hasattr(error, "format_message"):  # of the command line itself
                message = error.format_message()
                if type(error).__name__ == "NoArgsIsHelpError":
                    print(message, file=sys.stderr)
                    return 2
                return _failed(message)
            if not _is_reported(error):
                raise
            return _failed(str(error) or type(error).__name__)
    return code if isinstance(code, int) else 0


def _is_reported(error: Exception) -> bool:
    """Returns whether an error is of the user, files or the machine: one line.

    TensorFlow's are no `RuntimeError`, and known by their module without importing it.
    Others are of the program, and keep their traceback.
    """
    kinds = (ValueError, OSError, ImportError, RuntimeError, MemoryError)
    modules = {kind.__module__ for kind in type(error).__mro__}
    of_tensorflow = "tensorflow.python.framework.errors_impl" in modules
    return of_tensorflow or isinstance(error, kinds)


def _failed(message: str) -> int:
    print(f"Error: {' '.join(message.split())}", file=sys.stderr)
    return 2


def _one_line(message, category, filename, lineno, file=None, line=None) -> None:
    print(f"Warning: {' '.join(str(message).split())}", file=sys.stderr)
