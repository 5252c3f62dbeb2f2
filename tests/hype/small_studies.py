"""Studies of random images, small enough for a test."""

import numpy as np

from keras_genmod.hype import StudyProtocol, create_study

SIZE = (6, 5, 1)
TIME = {"num_blocks": 2, "num_trials": 20, "qualification_trials": 8}


def images(num, seed=0, size=SIZE):
    return np.random.default_rng(seed).random((num, *size), "float32")


def small_study(path, variant="infinity", models=("a", "b"), num=80, **changes):
    """Returns a study whose clock stands still, unless another one is given."""
    salt = changes.pop("salt", "0" * 32)
    clock = changes.pop("clock", lambda: 0.0)
    defaults = {"num_trials": 20, "qualification_trials": 8}
    if variant == "time":
        defaults = TIME
    protocol = StudyProtocol.of(variant, **{**defaults, **changes})
    fakes = {name: images(num, 1 + i) for i, name in enumerate(models)}
    return create_study(
        path, images(num), fakes, protocol, seed=3, salt=salt, clock=clock
    )
