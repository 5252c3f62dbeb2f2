"""Presets of models: a folder of a configuration, weights, figures and a card."""

import contextlib
import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from keras_genmod import checks
from keras_genmod.callbacks.image_grid import image_grid, save_png
from keras_genmod.presets import files, safetensors_files
from keras_genmod.presets.configs import check_config
from keras_genmod.version import VERSION


def write_preset(
    model: keras.Model,
    folder: str | os.PathLike[str],
    description: str = "",
    metadata: Mapping[str, Any] | None = None,
    figures: Mapping[str, Any] | None = None,
    samples: Any = None,
    max_shard_size: float | None = None,
    weights_format: str = "h5",
) -> None:
    """Writes a preset; see `GenerativeModel.save_to_preset`."""
    if not isinstance(model, keras.Model):
        raise ValueError(f"`model` must be a model. Received: model={model!r}")
    folder = checks.path("folder", folder)
    checks.text("description", description)
    for name, value in (("metadata", metadata), ("figures", figures)):
        if value is not None and not isinstance(value, Mapping):
            raise ValueError(
                f"`{name}` must be a dict, or None. Received: {name}={value!r}"
            )
    if max_shard_size is not None:
        checks.positive("max_shard_size", max_shard_size)
    checks.choice("weights_format", weights_format, ("h5", "safetensors"))
    if weights_format != "h5" and max_shard_size is not None:
        raise ValueError(
            '`max_shard_size` must be None unless weights_format="h5". '
            f"Received: max_shard_size={max_shard_size}"
        )
    if weights_format == "safetensors":
        safetensors_files.package()  # or nothing is written
    said = _said(model, metadata or {}, figures or {})
    config = keras.saving.serialize_keras_object(model)
    for part in ("build_config", "compile_config"):
        config.pop(part, None)  # a preset is no half of a training run
    config = json.loads(json.dumps(config))
    check_config(config)
    if samples is not None:
        try:
            samples = image_grid(samples)
        except ValueError as error:
            raise ValueError(
                f"`samples` must be images as `image_grid` takes them: {error}"
            ) from error
    name = os.path.basename(os.path.abspath(folder))
    card = card_of(name, said, description, figures or {}, samples is not None)
    with _whole_or_not_at_all(folder) as place:
        _write_json(place, files.CONFIG, config)
        _write_json(place, files.METADATA, said)
        if weights_format == "safetensors":
            safetensors_files.save(model, os.path.join(place, files.SAFETENSORS))
        else:
            _save_weights(model, config, place, max_shard_size)
        if samples is not None:
            save_png(os.path.join(place, files.SAMPLES), samples)
        with open(os.path.join(place, files.CARD), "w", encoding="utf-8") as file:
            file.write(card)


@contextlib.contextmanager
def _whole_or_not_at_all(folder: str) -> Iterator[str]:
    """Gives a folder beside, which becomes `folder`, or what that holds, at the end."""
    is_there = os.path.lexists(folder)
    if is_there and not os.path.isdir(folder):
        raise ValueError(
            f"`folder` must be a folder, or not there. Received: folder={folder!r}"
        )
    if is_there and os.listdir(folder):
        raise ValueError(
            "`folder` must be empty or not there: a preset takes no place of another. "
            f"Received: folder={folder!r}"
        )
    beside, name = os.path.split(os.path.abspath(folder))
    if not is_there:
        os.makedirs(beside, exist_ok=True)
    elif not os.access(beside, os.W_OK):
        beside = folder
    with tempfile.TemporaryDirectory(".part", f"{name}.", beside) as scratch:
        place = os.path.join(scratch, name)
        os.mkdir(place)  # for others to read, as `scratch` is not
        yield place
        if not is_there:
            os.rename(place, folder)
            return
        for file in os.listdir(place):  # the folder may be a link, or in use
            shutil.move(os.path.join(place, file), folder)


def _said(model, metadata, figures):
    """Returns what a preset says of itself, as JSON holds it."""
    own = {
        "layout": files.LAYOUT,
        "model": type(model).__name__,
        "keras_genmod": VERSION,
        "keras": keras.version(),
        "backend": keras.backend.backend(),
        "num_parameters": int(model.count_params()),
        "likelihood_kind": getattr(model, "likelihood_kind", None),
    }
    taken = sorted({*own, "figures"} & {*metadata})
    if taken:
        raise ValueError(
            "`metadata` must leave out what every preset says of itself. "
            f"Received: metadata with {', '.join(taken)}"
        )
    said = {**own, **plain(metadata), "figures": plain(figures)}
    # JSON has neither NaN nor infinity.
    return json.loads(json.dumps(said), parse_constant=lambda name: None)


def _save_weights(model, config, folder, max_shard_size):
    # Of a copy, which has no optimizer: files of weights hold its slots, too.
    copy = keras.saving.deserialize_keras_object(config, safe_mode=True)
    for own, other in zip(copy.variables, model.variables, strict=True):
        own.assign(other)
    if max_shard_size is None:
        copy.save_weights(os.path.join(folder, files.WEIGHTS))
    else:
        path = os.path.join(folder, files.SHARDS)
        copy.save_weights(path, max_shard_size=max_shard_size)


def _write_json(folder, name, content):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")


def plain(value: Any) -> Any:
    """Returns what JSON can hold of a result, a number or a nest of them.

    Raises:
        ValueError: If it is something else.
    """
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic) or checks.is_array(value):
        return checks.as_numpy(value).tolist()
    raise ValueError(
        "`metadata` and `figures` must hold numbers, texts, results, or nests of them. "
        f"Received: {value!r}"
    )


def card_of(
    name: str,
    said: Mapping[str, Any],
    description: str,
    figures: Mapping[str, Any],
    has_samples: bool,
) -> str:
    """Returns the model card, Markdown with the header that the Hub reads."""
    lines = ["---", "library_name: keras", "tags: [keras_genmod]", "---", ""]
    lines += [f"# {name}", ""]
    if description:
        lines += [description, ""]
    if has_samples:
        lines += [f"![Samples]({files.SAMPLES})", ""]
    lines += [
        "```python",
        "import keras_genmod",
        "",
        f'model = keras_genmod.from_preset("{name}")  # the name or the folder',
        "```",
        "",
    ]
    for key, value in said.items():
        if key not in ("layout", "figures") and value is not None:
            lines.append(f"- {key}: {value}")
    if figures:
        lines += ["", "| figure | value |", "| --- | --- |"]
        lines += [f"| {key} | {value} |" for key, value in figures.items()]
    return "\n".join(lines) + "\n"
