"""One method of a model as a Keras model of its own, to be exported."""

import inspect
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops, tree

from keras_genmod import checks
from keras_genmod.engine import CompiledCall, part_of_a_program, watched_calls

_ROWS = 4  # of an example: a power of two, as batches of `log_prob` are filled up to
STATE = "state"  # what compiled methods call the seed of their draws


class Input(NamedTuple):
    """An input of an exported file, its shape with `None` for a batch of any size."""

    name: str
    shape: tuple
    dtype: str


class Endpoint(keras.Model):
    """What one method of a model computes, as a function of tensors alone.

    It computes what `call.method` does of its inputs; other arguments of that call are
    constants.

    Args:
        call: The call of the compiled method in it.
        inputs: List of `Input`, of which each is an argument of the method.
    """

    def __init__(self, call: CompiledCall, inputs: list[Input]) -> None:
        super().__init__(autocast=False, name=call.method.__name__.strip("_"))
        self.of = call.model
        names = list(inspect.signature(call.method).parameters)[1:]
        places = [names.index(each.name) for each in inputs]
        constants = [tree.map_structure(_array, nest) for nest in call.tensors]

        def function(tensors):
            arguments = list(constants)
            for place, tensor in zip(places, tensors, strict=True):
                arguments[place] = tensor
            with part_of_a_program():
                return call.method(
                    call.model,
                    *(tree.map_structure(_tensor, nest) for nest in arguments),
                    **call.static,
                )

        self._function = function
        self.built = True

    def call(self, *inputs):
        return self._function(inputs)


def endpoint_of(
    model: keras.Model, what: str, example: Any, batch_size: int | None, options: dict
) -> tuple[Endpoint, list[Input]]:
    """Returns one method of a model as an `Endpoint`, and its inputs.

    The method is called once with an example, and watched.

    Args:
        model: A `GenerativeModel`.
        what: Name of a method.
        example: An example of the first argument, without the batch, or `None`.
        batch_size: Int, or `None` for a free one.
        options: Further arguments of the method.

    Raises:
        ValueError: If the method does more than one compiled call, or has no such
            option.
    """
    method = getattr(model, what)
    signature = inspect.signature(method).parameters
    first = next(iter(signature))
    _check_options(model, what, signature, options)
    rows = _ROWS
    if first == "num_samples":
        rows = checks.positive_int("num_samples", options.get("num_samples", 16))
        arguments: dict[str, Any] = {**options, "num_samples": rows}
        batch_size = rows
    else:
        example = _example(model, what, first) if example is None else example
        arguments = {**options, first: np.stack([checks.as_numpy(example)] * rows)}
    if getattr(model, "is_conditional", False) and "condition" in signature:
        if isinstance(model.condition_shape, dict):
            raise ValueError(
                f"`model` must take conditions of one array. A {type(model).__name__} "
                "of dicts cannot be exported, but its networks can: Keras models of "
                f"their own. Received: condition_shape={model.condition_shape}"
            )
        labels = np.zeros((rows, *model.condition_shape), "float32")
        arguments["condition"] = labels if labels.ndim > 1 else labels.astype("int32")
    if "seed" in signature:
        arguments["seed"] = 0
    with watched_calls() as calls:
        result = method(**arguments)
    if len(calls) != 1 or not _are_equal(result, calls[0].result):
        raise ValueError(
            f"`what` must be one program: {type(model).__name__}.{what} with these "
            "arguments is several, or computes on the host what no file holds. Export "
            f"its parts, and put them together. Received: what={what!r}"
        )
    inputs = _inputs(calls[0], signature, rows, batch_size)
    return Endpoint(calls[0], inputs), inputs


def _check_options(model, what, signature, options):
    if any(each.kind is each.VAR_KEYWORD for each in signature.values()):
        return  # what takes them in the end says so
    known = [name for name in signature if name not in ("condition", "seed")]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise ValueError(
            f"Options must be those of {type(model).__name__}.{what}: "
            f"{', '.join(known)}. Received: {', '.join(unknown)}"
        )


def _inputs(call, signature, rows, batch_size):
    names = list(inspect.signature(call.method).parameters)[1:]
    inputs = []
    for name, tensor in zip(names, call.tensors, strict=False):
        if tensor is None:
            continue
        shape, dtype = (
            tuple(tensor.shape),
            keras.backend.standardize_dtype(tensor.dtype),
        )
        if name == STATE:
            inputs.append(Input(name, shape, dtype))
        elif name in signature and shape[:1] == (rows,):
            inputs.append(Input(name, (batch_size, *shape[1:]), dtype))
    return inputs


def _example(model, what, name):
    """Returns zeros of the shape that a method's first argument has."""
    if name in ("x", "v"):
        return np.zeros(model.data_shape, "float32")
    if name in ("z", "latents", "codes"):
        shape = getattr(model, "latent_shape", None)
        if shape is None and isinstance(getattr(model, "latent_dim", None), int):
            shape = (model.latent_dim,)
        if shape is not None and name != "codes":
            return np.zeros(shape, "float32")
        if hasattr(model, "encode"):
            # Of the shape and type of what the model makes of data.
            x = np.zeros((1, *model.data_shape), "float32")
            condition = {}
            if getattr(model, "is_conditional", False):
                label = np.zeros((1, *model.condition_shape), "float32")
                condition = {"condition": label if label.ndim > 1 else np.array([0])}
            return np.zeros_like(checks.as_numpy(model.encode(x, **condition))[0])
    raise ValueError(
        f"`example` must be one example of the `{name}` that "
        f"{type(model).__name__}.{what} takes: its shape does not follow "
        "from the model. Received: example=None"
    )


def _array(tensor):
    return None if tensor is None else ops.convert_to_numpy(tensor)


def _tensor(array):
    return None if array is None else ops.convert_to_tensor(array)


def _are_equal(result, other) -> bool:
    if isinstance(result, (dict, tuple, list)):
        return False
    a, b = checks.as_numpy(result), checks.as_numpy(other)
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=True)
