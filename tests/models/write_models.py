"""Writes every contract's model and its outputs, for another backend to read."""

import pathlib
import sys

import keras
import numpy as np

from tests.contracts import BATCH_SIZE, TrainingContract, array_of
from tests.models import test_contracts

CASES = {
    name: case
    for name, case in vars(test_contracts).items()
    if isinstance(case, type) and issubclass(case, TrainingContract)
    if name.startswith("Test") and hasattr(case, "outputs")
}


def outputs_of(case, model):
    """Returns outputs of the first examples as a list of arrays.

    Random numbers differ by backend, and JAX is tested on fewer examples.
    """
    outputs = keras.tree.flatten(case.outputs(model))
    return [array_of(output)[: 2 * BATCH_SIZE] for output in outputs]


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
