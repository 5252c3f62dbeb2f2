"""A part of a model as a file for other runtimes."""

import os
import tempfile
import textwrap
from typing import Any

import keras

from keras_genmod import checks
from keras_genmod.engine import place_to_write
from keras_genmod.engine.backend import free_size, register_variables
from keras_genmod.exporting.endpoint import STATE, endpoint_of
from keras_genmod.exporting.formats import SAVED_MODEL, standardize_format

PARTS = (
    "decode",
    "encode",
    "energy",
    "free_energy",
    "log_prob",
    "sample",
    "score",
    "translate",
)
_LONGEST = 400  # characters that are told of a backend's error
_BACKEND = keras.backend.backend()
_WAY_OUT = (
    "Give `batch_size`, as a method may need that draws or loops for each example, or "
    f"take format={SAVED_MODEL!r}: some others hold no loops."
)
_WAYS_OUT = {
    "torch": "torch follows neither gradients nor loops that end by a tolerance: save "
    "the model, load it with KERAS_BACKEND=tensorflow, and export it there as "
    f"{SAVED_MODEL}."
}


def export(
    model: keras.Model,
    path: str | os.PathLike[str],
    what: str = "decode",
    format: str | None = None,
    example: Any = None,
    batch_size: int | None = None,
    **options: Any,
) -> list[tuple[str, tuple, str]]:
    """Writes what one method of a model computes as a file that serves without Keras.

    The file computes what `model.decode(z)`, say, returns. The batch is of any size,
    but in "sample" of `num_samples`, 16 unless it is given. A conditional model's file
    takes the condition as a further input. A method that draws is written as
    `tf_saved_model` alone: it takes `state`, the two integers that
    `engine.seed_state(seed, model.seed_generator)` makes of a seed, and gives what the
    method gives with that seed. Elsewhere sample by "decode" of draws from the prior.

    Formats, what paths end in, and who writes them:

    - `tf_saved_model`, a folder: TensorFlow; JAX, with TensorFlow installed;
    - `onnx`, ".onnx": all, TensorFlow by tf2onnx, JAX by jax2onnx and flax, torch by
      onnxscript;
    - `litert`, ".tflite": TensorFlow;
    - `openvino`, ".xml": TensorFlow (openvino);
    - `torch`, ".pt2": torch.

    Args:
        model: A trained model.
        path: String or path, in a folder that is made where it is not there; of several
            processes the first one writes.
        what: "decode", "encode", "energy", "free_energy", "log_prob", "sample", "score"
            or "translate", where the model has such a method.
        format: One of these; `None` takes that of the path's ending, `tf_saved_model`
            where it has none.
        example: Array, one example of what the method takes, without the batch; `None`
            where its shape follows from the model.
        batch_size: Positive int for a file of one size of batch, which some methods
            need that draw for each example; `None` for any size.
        **options: Further arguments of the method, such as `num_samples` and
            `num_steps`. They are constants in the file.

    Returns:
        The file's inputs, in their order: tuples `(name, shape, dtype)`, with `None`
        in shapes for a batch of any size.

    Raises:
        ValueError: If the model has no such method or the method no such option, the
            backend does not write the format, the format holds no draws, the path is
            taken, or the method is no single program.
        ImportError: If a package is missing that the format needs.
        OSError: If the folder cannot be made or written to.
        RuntimeError: If the backend cannot follow the method: torch follows neither
            gradients nor loops that end by a tolerance.

    Example:
    ```python
    import torch

    inputs = keras_genmod.export(model, "decoder.pt2", what="decode")  # on torch
    program = torch.export.load("decoder.pt2").module()  # there, import torch alone
    (name, (batch, latent_dim), dtype) = inputs[0]
    images = program(torch.randn(16, latent_dim))
    ```
    """
    path = checks.path("path", path)
    if not isinstance(model, keras.Model):
        raise ValueError(
            "`model` must be a model; `keras_genmod.from_preset` and "
            f"`keras.saving.load_model` read one. Received: model={model!r}"
        )
    offered = [name for name in PARTS if callable(getattr(model, name, None))]
    if not isinstance(what, str) or what not in offered:
        raise ValueError(
            f"`what` must be one of what {type(model).__name__} has: "
            f"{', '.join(offered) or 'nothing that is exported'}. "
            f"Received: what={what!r}"
        )
    format = standardize_format(format, path)
    if batch_size is not None:
        batch_size = checks.positive_int("batch_size", batch_size)
    endpoint, inputs = endpoint_of(model, what, example, batch_size, options)
    if format != SAVED_MODEL and any(each.name == STATE for each in inputs):
        raise ValueError(
            f"`format` must be {SAVED_MODEL!r} for {type(model).__name__}.{what}, "
            "which draws: no other holds draws that follow a seed. Load the saved "
            "model with KERAS_BACKEND=tensorflow or jax and export it there, or export "
            f'"decode" and draw its latents yourself. Received: format={format!r}'
        )
    register_variables(endpoint)
    specs = [
        keras.InputSpec(shape=each.shape, dtype=each.dtype, name=each.name)
        for each in inputs
    ]
    arguments: dict[str, Any] = {"verbose": False}
    if format == "torch" and batch_size is None:
        free = {0: free_size("batch")}
        arguments["dynamic_shapes"] = [
            tuple(free if each.shape[:1] == (None,) else {} for each in inputs)
        ]
    with place_to_write(path) as place:
        folder = os.path.dirname(place) or "."
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # what is read-only says so itself
            pass
        try:
            endpoint.export(place, format=format, input_signature=specs, **arguments)
        except Exception as error:
            raise RuntimeError(
                f"{type(model).__name__}.{what} cannot be written as {format} by "
                f"{_BACKEND}. {_WAYS_OUT.get(_BACKEND, _WAY_OUT)} {_BACKEND} says: "
                f"{_beginning(str(error))}"
            ) from error
    return [(each.name, each.shape, each.dtype) for each in inputs]


def _beginning(text: str) -> str:
    """Returns a text's first lines: backends add what they had traced, and weights."""
    return textwrap.shorten(text, _LONGEST, placeholder=" ...")
