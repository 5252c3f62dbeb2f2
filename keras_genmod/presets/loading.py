"""Models from presets: shipped ones, folders, and those of the Hugging Face Hub."""

import math
import os
import pathlib
import shutil
import tempfile
from typing import Any

import keras

from keras_genmod import checks
from keras_genmod.engine.keras_internals import variables_last
from keras_genmod.presets import files, safetensors_files
from keras_genmod.presets.configs import check_config

_SHIPPED = pathlib.Path(__file__).parent / "shipped"
_HUB = "hf://"
_SMALL = 2**14  # a size that needs no weights: of an image, of steps
_ERRORS = (  # of what no model can be made of
    AttributeError,
    LookupError,
    MemoryError,
    OverflowError,
    RuntimeError,
    TypeError,
)


def shipped() -> list[str]:
    """Returns the names of the presets that come with the package."""
    return sorted(path.parent.name for path in _SHIPPED.glob(f"*/{files.CONFIG}"))


def from_preset(preset: str | os.PathLike[str]) -> Any:
    """Returns the trained model of a preset, for sampling or further training.

    It has the weights and the state of its seeds, and no optimizer: `compile` it to
    train on. Nothing of a preset is run as code, and no memory is taken for a model
    that is larger than its files of weights.

    Args:
        preset: The name of one that comes with the package, such as "digits_vae"; the
            folder that `model.save_to_preset` wrote; or "hf://user/repository" for one
            of the Hugging Face Hub, which needs the package huggingface_hub.

    Raises:
        ValueError: If there is no such preset, or its files are damaged, lie elsewhere,
            hold code, or describe a model larger than the weights.
        ImportError: If huggingface_hub is missing; or safetensors, for weights in it.
        OSError: If the Hub gives no such preset, or is out of reach.

    Example:
    ```python
    model = keras_genmod.from_preset("digits_vae")
    images = model.sample(16, seed=0)
    ```
    """
    folder = _folder_of(preset)
    _metadata(folder)
    config = files.read_json(folder, files.CONFIG)
    weights = files.weights_of(folder)
    num_bytes = files.num_weight_bytes(folder)
    check_config(config, max(_SMALL, num_bytes))
    try:
        with variables_last():
            model = keras.saving.deserialize_keras_object(config, safe_mode=True)
            _check_memory(model, num_bytes)
    except _ERRORS as error:
        raise ValueError(
            f"{files.CONFIG!r} of a preset must describe a model. Received: that of "
            f"{folder!r}, {error}"
        ) from error
    if not isinstance(model, keras.Model) or not hasattr(model, "save_to_preset"):
        raise ValueError(
            f"{files.CONFIG!r} of a preset must describe a model of keras_genmod. "
            f"Received: a {type(model).__name__}"
        )
    if weights.endswith(files.SAFETENSORS):
        safetensors_files.load(model, weights)
        return model
    try:
        model.load_weights(weights)
    except (KeyError, OSError, RuntimeError) as error:  # of h5py, too
        raise ValueError(
            "The weights of a preset must be an HDF5 file of its model. "
            f"Received: {weights!r}, {error}"
        ) from error
    return model


def _check_memory(model, num_bytes):
    """Raises a `ValueError` if a file of this size cannot hold all variables."""
    size = sum(math.prod(v.shape) for v in getattr(model, "variables", ()))
    if size > num_bytes:  # of each value one byte, or more
        raise ValueError(
            "A preset's weights must fill its model. "
            f"Received: {size} values in the model, and files of {num_bytes} bytes"
        )


def metadata_of(preset: str | os.PathLike[str]) -> dict[str, Any]:
    """Returns what a preset says of itself: versions, data, protocol and figures.

    Args:
        preset: As in `from_preset`.
    """
    return _metadata(_folder_of(preset))


def _metadata(folder: str) -> dict[str, Any]:
    found = files.read_json(folder, files.METADATA)
    layout = found.get("layout")
    if not isinstance(layout, int) or not 1 <= layout <= files.LAYOUT:
        raise ValueError(
            f"`layout` of a preset must be 1 to {files.LAYOUT}; a larger one needs a "
            f"newer keras_genmod. Received: layout={layout!r}"
        )
    return found


def _folder_of(preset) -> str:
    name = checks.path("preset", preset)
    if name.startswith(_HUB):
        return _from_hub(name.removeprefix(_HUB))
    if name in shipped():
        return str(_SHIPPED / name)
    if os.path.isdir(name):
        return name
    raise ValueError(
        f"`preset` must be one of {', '.join(shipped())}, a folder, or "
        f"'hf://user/repository'. Received: preset={name!r}"
    )


def _from_hub(repository: str) -> str:
    parts = repository.split("/")
    if len(parts) != 2 or not all(
        part and part.replace("-", "").replace("_", "").replace(".", "").isalnum()
        for part in parts
    ):
        raise ValueError(
            "`preset` must be 'hf://user/repository' for one of the Hub. "
            f"Received: preset={_HUB + repository!r}"
        )
    try:
        import huggingface_hub
    except ImportError as error:
        raise ImportError(
            "A preset of the Hub needs the package huggingface_hub: "
            "`pip install huggingface_hub`"
        ) from error
    named = [files.CONFIG, files.METADATA, files.WEIGHTS, files.SHARDS]
    named.append(files.SAFETENSORS)
    named.append("model_*.weights.h5")
    try:
        snapshot = huggingface_hub.snapshot_download(repository, allow_patterns=named)
    except OSError as error:  # all of its own are one
        raise OSError(
            "`preset` must be one that the Hub gives. "
            f"Received: preset={_HUB + repository!r} ({error})"
        ) from error
    # The Hub's cache consists of links; a folder of its own for each commit, so that no
    # file of another stays.
    home = os.environ.get("KERAS_HOME", os.path.expanduser("~/.keras"))
    return _copied(
        snapshot,
        os.path.join(home, "keras_genmod", *parts, os.path.basename(snapshot)),
    )


def _copied(source: str, folder: str) -> str:
    """Returns a folder that holds what another does, links followed; whole or not."""
    if not os.path.isdir(folder):
        parent = os.path.dirname(folder)
        os.makedirs(parent, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent) as part:
            made = shutil.copytree(source, os.path.join(part, "preset"))
            try:
                os.rename(made, folder)
            except OSError:  # another process may have been first
                if not os.path.isdir(folder):
                    raise
    return folder
