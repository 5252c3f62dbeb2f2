"""Models in `.keras` files and presets: read, described, sampled from."""

import contextlib
import inspect
import json
import math
import os
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

import keras_genmod
from keras_genmod import whole_files
from keras_genmod.callbacks import image_grid, save_png
from keras_genmod.evaluation import draw_samples


def model_classes() -> dict[str, type]:
    """Returns the models of the package by name, without its two bases."""
    bases = (keras_genmod.GenerativeModel, keras_genmod.AdversarialModel)
    found = {name: getattr(keras_genmod, name) for name in keras_genmod.__all__}
    return {
        name: found[name]
        for name in sorted(found, key=str.lower)
        if inspect.isclass(found[name])
        and issubclass(found[name], (keras.Model, keras_genmod.StyleTransfer))
        and found[name] not in bases
    }


def summary(public: Any) -> str:
    """Returns the first line of a docstring."""
    return (inspect.getdoc(public) or "").partition("\n")[0]


def load_model(path: str) -> Any:
    """Returns the model in a `.keras` file, or of a preset, as `from_preset` takes it.

    Raises:
        OSError: If there is no such file.
        ValueError: If it is no `.keras` file of a model of this package, or damaged.
    """
    if _is_preset(path):
        return keras_genmod.from_preset(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(
            "`model` must be a .keras file, or a preset: its name or folder. "
            f"Received: model={path!r}, not there"
        )
    demand = "`model` must be a .keras file, whole and undamaged"
    if not path.endswith(".keras") or not zipfile.is_zipfile(path):
        raise ValueError(f"{demand}. Received: model={path!r}")
    try:
        model = keras.saving.load_model(path)
    except Exception as error:  # of a file that anyone may have made
        if "unsafe" in str(error):
            raise ValueError(
                "`model` must hold no code, as a Lambda layer is: a class of its own, "
                "registered with `keras.saving.register_keras_serializable`, can be "
                f"loaded. Received: model={path!r}"
            ) from error
        raise ValueError(f"{demand}. Received: model={path!r} ({error})") from error
    if not isinstance(model, keras_genmod.GenerativeModel):
        raise ValueError(
            "`model` must be a model of keras_genmod. Received: "
            f"model={path!r} with a {type(model).__name__}"
        )
    return model


def _is_preset(path: str) -> bool:
    is_named = path.startswith("hf://") or path in keras_genmod.presets.shipped()
    return is_named or os.path.isdir(path)


def _saved(path: str) -> str:
    """Returns what a file or a preset says of how it was saved."""
    if _is_preset(path):
        said = keras_genmod.presets.metadata_of(path)
        return f"as a preset, Keras {said.get('keras')}"
    with zipfile.ZipFile(path) as archive:
        metadata = json.loads(archive.read("metadata.json"))
    return f"{metadata['date_saved']}, Keras {metadata['keras_version']}"


def description(path: str) -> str:
    """Returns what a file holds: class, shapes, weights, versions, arguments."""
    model = load_model(path)
    likelihood = model.likelihood_kind or "none, or by AIS"
    optimizer = getattr(model, "optimizer", None)
    rows = {
        "model": f"{type(model).__name__}: {summary(type(model))}",
        "data": " x ".join(map(str, model.data_shape)),
        "weights": f"{model.count_params():,}",
        "likelihood": likelihood.replace("_", " "),
        "classes": model.num_classes,
        "levels": model.num_levels,
        "optimizer": type(optimizer).__name__ if optimizer else "none",
        "saved": _saved(path),
    }
    for name, value in model.get_config().items():
        if isinstance(value, keras.Model):
            shape = tuple(value.output_shape)
            rows[name] = f"{type(value).__name__}, {value.count_params():,}, to {shape}"
        elif name not in rows and isinstance(value, (bool, int, float, str)):
            rows[name] = value
    width = max(map(len, rows)) + 2
    return "\n".join(f"{k:{width}}{v}" for k, v in rows.items() if v is not None)


def options(texts: Sequence[str]) -> dict[str, Any]:
    """Returns `["name=value", ...]` as a dict, values read as JSON where they are."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name.isidentifier() and equals):
            raise ValueError(f"`option` must be NAME=VALUE. Received: {text!r}")
        found[name] = value
        with contextlib.suppress(ValueError):
            found[name] = json.loads(value)
    return found


@contextlib.contextmanager
def named_options(given: dict[str, Any]) -> Iterator[None]:
    """Makes what Python says of an option that is none a `ValueError`."""
    try:
        yield
    except TypeError as error:
        if not given or "argument" not in str(error):
            raise
        raise ValueError(f"`option` must be one the model takes: {error}") from error


def write_samples(
    model: Any,
    out: str,
    num_samples: int,
    label: int | None,
    batch_size: int,
    seed: int,
    num_columns: int | None,
    given: dict[str, Any],
) -> None:
    """Draws samples and writes them as a grid (`.png`) or as arrays (`.npz`).

    Raises:
        OSError: If the file cannot be written.
        ValueError: If an argument is out of range, or the model takes no such option.
    """
    if not out.endswith((".png", ".npz")):
        raise ValueError(f"`out` must end in .png or .npz. Received: out={out!r}")
    shape = _image_shape(model.data_shape)
    if out.endswith(".png") and shape is None:
        raise ValueError(
            "`out` must end in .npz where samples are neither images nor vectors of "
            f"a square's size. Received: out={out!r}, samples of shape "
            f"{model.data_shape}"
        )
    labels = class_labels(model, num_samples, label)
    with named_options(given):
        samples = draw_samples(
            model, num_samples, labels, batch_size, seed, verbose=1, **given
        )
    if out.endswith(".png") and shape is not None:
        caption = f"{num_samples} samples of {type(model).__name__}, seed {seed}"
        images = samples.reshape(len(samples), *shape)
        save_png(out, image_grid(images, num_columns), caption)
        return
    arrays = {"samples": samples}
    if labels is not None:
        arrays["labels"] = labels
    with whole_files.writing(out, "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _image_shape(shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Returns the shape that samples are drawn in: vectors as grey squares."""
    if len(shape) == 1:
        side = math.isqrt(shape[0])
        return (side, side, 1) if side**2 == shape[0] else None
    return shape if len(shape) == 3 else None


def class_labels(model: Any, num_samples: int, label: int | None) -> np.ndarray | None:
    """Returns a label for each sample: one for all, or each class in turn."""
    if model.num_classes is None:
        if label is not None:
            raise ValueError(
                f"`label` must be left out: this {type(model).__name__} has no "
                f"classes. Received: label={label}"
            )
        return None
    if label is None:
        return (np.arange(num_samples) % model.num_classes).astype("int32")
    return np.full(num_samples, label, "int32")
