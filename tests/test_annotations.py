"""What users call says which types it takes."""

import importlib
import inspect

import keras
import pytest

import keras_genmod

pytestmark = pytest.mark.any_backend
ROOMS = (
    "bijectors callbacks data distributions evaluation latents layers losses metrics "
    "networks presets"
)
PARTS = [
    keras_genmod,
    *(importlib.import_module(f"keras_genmod.{room}") for room in ROOMS.split()),
]
KERAS = (keras.Model, keras.callbacks.Callback, keras.Metric, keras.losses.Loss)


def public_functions():
    """Yields what the package exports, and what its classes have of their own."""
    for part in PARTS:
        for name in part.__all__:
            found = getattr(part, name)
            if inspect.isfunction(found):
                yield found
            elif inspect.isclass(found):
                yield from methods(found)


def methods(cls):
    for owner in cls.__mro__:
        if owner.__module__.startswith("keras_genmod"):
            for name, member in vars(owner).items():
                # What Keras names has the types that Keras gives it.
                is_of_keras = any(hasattr(base, name) for base in KERAS)
                is_public = not (name.startswith("_") or is_of_keras)
                member = getattr(member, "__func__", member)
                if inspect.isfunction(member) and (is_public or name == "__init__"):
                    yield member


def test_arguments_have_types():
    missing = {
        f"{function.__module__}.{function.__qualname__}({argument.name})"
        for function in public_functions()
        for argument in inspect.signature(function).parameters.values()
        if argument.name not in ("self", "cls")
        and argument.annotation is argument.empty
    }
    assert missing == set()
