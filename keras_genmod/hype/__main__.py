"""`python -m keras_genmod.hype`: the same as `keras-genmod hype`."""

import sys

from keras_genmod_command import main

if __name__ == "__main__":
    sys.exit(main(["hype", *sys.argv[1:]]))
