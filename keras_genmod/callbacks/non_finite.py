"""What in a model is NaN or infinite."""

import math

import numpy as np
from keras import ops


def objectives_of(model):
    """Returns a model's objectives, in the order of a train step; maybe none."""
    return model.objectives() if hasattr(model, "objectives") else []


def all_finite(variables):
    """Whether no value of the variables is NaN or infinite."""
    return not any(_count(variable) for variable in variables)


def non_finite_figures(model, logs):
    """Returns the figures of a training that are not finite.

    Args:
        model: Keras model.
        logs: Dict from name to number, those of a batch or an epoch.

    Returns:
        Dict, part of `logs`: parts of losses first, then the losses of the objectives
        in their order, then the loss.
    """
    order = [*(f"{objective.name}_loss" for objective in objectives_of(model)), "loss"]
    figures = {
        metric.name: float(ops.convert_to_numpy(logs[metric.name]))
        for metric in model.metrics
        if metric.name in logs
    }
    wrong = [name for name, value in figures.items() if not np.isfinite(value)]
    wrong.sort(key=lambda name: order.index(name) if name in order else -1)
    return {name: figures[name] for name in wrong}


def non_finite_weights(model):
    """Returns a description of each weight that is not finite, with its network."""
    networks = {}
    attributes = {**vars(model), **vars(model).get("_modules", {})}
    for name, network in attributes.items():
        if not name.startswith("_"):
            for variable in getattr(network, "weights", ()):
                networks[id(variable)] = f"{name}: "
    found = []
    for variable in model.weights:
        if wrong := _count(variable):
            network = networks.get(id(variable), "")
            size = math.prod(variable.shape)
            found.append(f"{network}{variable.path} ({wrong} of {size} values)")
    return found


def _count(variable):
    """Returns how many values of a variable are not finite."""
    values = ops.convert_to_numpy(variable)
    if values.dtype.kind in "iub":
        return 0
    return int(np.count_nonzero(~np.isfinite(values.astype("float32"))))
