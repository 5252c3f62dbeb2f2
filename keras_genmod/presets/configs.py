"""What the configuration of a preset may name: layers and models, and no code."""

from typing import Any

import keras

_ROOMS = ("keras", "keras_genmod", "builtins")
_CODE = (
    "Lambda",
    "__lambda__",
    "TFSMLayer",
    "TorchModuleWrapper",
    "JaxLayer",
    "FlaxLayer",
)
_LARGEST = 2**31  # of a number; seeds may be larger
_MOST = 2**16  # steps, blocks and the like, which take memory beside the weights
_WIDTHS = ("units", "filters", "num_codes", "num_tokens")
_DEEPEST = 200  # nests in nests


def check_config(
    config: Any, largest: int = _LARGEST, depth: int = 0, key: str = ""
) -> None:
    """Looks through a configuration before anything is made of it.

    Args:
        config: What JSON holds.
        largest: Int that no width of a layer exceeds.
        depth: Int, how deep it lies.
        key: The name that it lies under.

    Raises:
        ValueError: If it names code, a module beyond Keras and this package, a class
            that nobody registered, or a size that no preset has.
    """
    if depth > _DEEPEST:
        raise ValueError(
            f"A preset's configuration must have at most {_DEEPEST} levels"
        )
    if isinstance(config, (list, tuple)):
        for each in config:
            check_config(each, largest, depth + 1, key)
    elif isinstance(config, dict):
        _check_class(config)
        for name, each in config.items():
            check_config(each, largest, depth + 1, str(name))
    elif isinstance(config, (int, float)) and "seed" not in key:
        # Others, as a number of examples, may be larger than any file.
        limit, rule = _LARGEST, ""
        if key in _WIDTHS or key.endswith("_dim"):
            limit, rule = min(largest, _LARGEST), ", which its weights can fill"
        elif key.startswith("num_") and key != "num_examples":
            limit = _MOST
        if limit < abs(config) < float("inf"):
            raise ValueError(
                f"A preset's sizes must be at most {limit}{rule}. Received: "
                f"{key}={config}"
            )


def _check_class(config: dict) -> None:
    name = config.get("class_name")
    if name in _CODE:
        raise ValueError(
            "A preset must hold no code. Write a layer of your own, register it with "
            "`keras.saving.register_keras_serializable`, and import it before the "
            f"preset is loaded. Received: a {name} in the configuration"
        )
    module, registered = config.get("module"), config.get("registered_name")
    if module is None or str(module).split(".")[0] in _ROOMS:
        return
    if keras.saving.get_registered_object(str(registered)) is None:
        raise ValueError(
            "A preset's classes must be of Keras, of keras_genmod, or registered by an "
            f"import before. Received: module={module!r} and "
            f"registered_name={registered!r}"
        )
