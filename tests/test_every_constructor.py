"""Every public constructor refuses what it cannot take, naming the argument."""

import importlib
import inspect

import numpy as np
import pytest

from keras_genmod import bijectors, layers, models, networks

# What is made of parts that others make, or of a large file.
LEFT_OUT = {
    models.AdversarialModel,
    models.NoiseSchedule,
    bijectors.Bijector,
    networks.vgg19,  # tests/networks/test_vgg19.py
}
PUBLIC = [
    getattr(module, name)
    for module in (models, bijectors, layers, networks)
    for name in sorted(module.__all__)
    if getattr(module, name) not in LEFT_OUT
]
# No argument can be any of these.
NEVER = [
    object(),
    {1: 2},
    float("nan"),
    -(2**40),
    "no such name",
    np.array([[1.5, 2.0]]),
]
# Some arguments can be some of these; the others say so.
ODD = [None, -1, 0, 2**40, 2.0, True, [], [None], (0, -1), np.array([1, 2])]


def cases():
    for make in PUBLIC:
        parameters = inspect.signature(make).parameters.values()
        for parameter in parameters:
            name = f"{make.__name__}-{parameter.name}"
            if parameter.kind is not parameter.VAR_KEYWORD:
                yield pytest.param(make, parameter.name, id=name)


def good_arguments(make):
    # Not with this file, which each worker reads: its networks take seconds.
    return importlib.import_module("tests.good_arguments").GOOD[make]


def complaint(make, name, value):
    """Returns what is wrong with how a bad argument is answered, or `None`."""
    try:
        make(**{**good_arguments(make), name: value})
    except (ValueError, TypeError) as error:
        named = f"`{name}" in str(error) or f"{name}=" in str(error)
        return None if named else f"{value!r}: {type(error).__name__}: {error}"
    except Exception as error:
        return f"{value!r}: {type(error).__name__}: {error}"
    return f"{value!r} is taken" if any(value is bad for bad in NEVER) else None


@pytest.mark.any_backend
@pytest.mark.parametrize("make,name", list(cases()))
def test_bad_arguments_are_named(make, name):
    complaints = [complaint(make, name, value) for value in (*NEVER, *ODD)]
    assert [text for text in complaints if text is not None] == []


@pytest.mark.parametrize("make", PUBLIC, ids=lambda make: make.__name__)
def test_the_other_arguments_are_good(make):
    make(**good_arguments(make))
