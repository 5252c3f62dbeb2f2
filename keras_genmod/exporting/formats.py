"""Formats of files, the backends that write them, and what they need for it."""

import dataclasses
import importlib.util
import os

import keras


@dataclasses.dataclass(frozen=True)
class Format:
    """A format of exported files.

    Args:
        suffix: What paths end in; "" for a folder.
        needs: The packages that each backend needs to write it, by backend.
    """

    suffix: str
    needs: dict[str, tuple[str, ...]]


SAVED_MODEL = "tf_saved_model"
FORMATS = {
    SAVED_MODEL: Format("", {"tensorflow": (), "jax": ("tensorflow",)}),
    "onnx": Format(
        ".onnx",
        {
            "tensorflow": ("onnx", "tf2onnx"),
            "jax": ("onnx", "jax2onnx", "flax"),
            "torch": ("onnx", "onnxscript"),
        },
    ),
    "litert": Format(".tflite", {"tensorflow": ()}),
    "openvino": Format(".xml", {"tensorflow": ("openvino",)}),
    "torch": Format(".pt2", {"torch": ()}),
}


def standardize_format(name: str | None, path: str) -> str:
    """Returns the name of a format that the running backend can write to a path.

    Args:
        name: One of `FORMATS`, or `None` for that of the path's ending.
        path: String.

    Raises:
        ValueError: If there is no such format, the path ends otherwise or is taken, or
            the backend does not write it; the message says which does.
        ImportError: If a package is missing; the message names it.
    """
    if name is None:
        ending = os.path.splitext(path)[1]
        known = {each.suffix: key for key, each in FORMATS.items()}
        if ending not in known:
            raise ValueError(
                f"`path` must end in {', '.join(filter(None, known))}, or have no "
                f"ending for the folder of a {SAVED_MODEL}; or give `format`. "
                f"Received: path={path!r}"
            )
        name = known[ending]
    if not isinstance(name, str) or name not in FORMATS:
        raise ValueError(
            f"`format` must be one of {', '.join(FORMATS)}, or None for that of the "
            f"path's ending. Received: format={name!r}"
        )
    chosen, backend = FORMATS[name], keras.backend.backend()
    if backend not in chosen.needs:
        raise ValueError(
            f"`format` must be one that {backend} writes: {_served_by(backend)}. "
            f"{name!r} is written by {' or '.join(chosen.needs)}: save the model, load "
            f"it with KERAS_BACKEND={next(iter(chosen.needs))}, and export it there. "
            f"Received: format={name!r}"
        )
    if not path.endswith(chosen.suffix):
        raise ValueError(
            f"`path` must end in {chosen.suffix!r} with format={name!r}. "
            f"Received: path={path!r}"
        )
    if name == SAVED_MODEL and os.path.exists(path) and not _may_be_replaced(path):
        raise ValueError(
            f"`path` must be a new or an empty folder, or that of a {SAVED_MODEL}. "
            f"Received: path={path!r}"
        )
    needed = chosen.needs[backend]
    missing = [each for each in needed if importlib.util.find_spec(each) is None]
    if missing:
        raise ImportError(
            f"format={name!r} needs the packages {', '.join(needed)} on {backend}: "
            f"`pip install {' '.join(missing)}`"
        )
    return name


def _may_be_replaced(path: str) -> bool:
    if not os.path.isdir(path):
        return False
    names = os.listdir(path)
    return not names or "saved_model.pb" in names


def _served_by(backend: str) -> str:
    return ", ".join(name for name, each in FORMATS.items() if backend in each.needs)
