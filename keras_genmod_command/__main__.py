"""Runs the program: `python -m keras_genmod_command`."""

import sys

from keras_genmod_command import main

if __name__ == "__main__":
    sys.exit(main())
