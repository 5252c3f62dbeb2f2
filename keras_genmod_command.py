"""What the command keras-genmod starts from, so that a missing backend is one line."""

import os
import sys


def main() -> int:
    """Runs `keras_genmod.command`; returns the exit code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # standard error is for errors
    try:
        from keras_genmod.command.__main__ import main as command
    except ImportError as error:  # Keras' backend; the package names the way out
        print(f"Error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return command()
