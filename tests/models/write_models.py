"""Writes every contract's model and its outputs, for another backend to read."""

import pathlib
import sys

import keras
import numpy as np

from tests.contracts import TrainingContract, array_of
from tests.models import test_contracts

CASES = {
    name: case
    for name, case in vars(test_contracts).items()
    if isinstance(case, type) and issubclass(case, TrainingContract)
    if name.startswith("Test") and hasattr(case, "outputs")
}


def outputs_of(case, model):
    """Returns the outputs as a list of arrays; random numbers differ by backend."""
    outputs = keras.tree.flatten(case.outputs(model))
    return [array_of(output) for output in outputs]


def write(folder, names):
    for name in names:
        case = CASES[name]
        model = case.compiled()
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        model.save(folder / f"{name}.keras")
        np.savez(folder / f"{name}.npz", *outputs_of(case, model))


if __name__ == "__main__":
    write(pathlib.Path(sys.argv[1]), sys.argv[2:])
