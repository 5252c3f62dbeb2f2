"""Files of adapters alone: `.npz`, looked at before they are read."""

import dataclasses
from typing import Any

import numpy as np

from keras_genmod import checks, whole_files
from keras_genmod.npz_files import NpzFile

_ABOUT = {"rank": "int64", "lora_alpha": "float64", "positions": "int64", "base": "S64"}


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Adapters:
    """Adapters without their model.

    Args:
        lora: Dict of `rank`, `lora_alpha` and `positions`, as `LowRank` keeps them.
        base: String, SHA-256 of the kernels that they were trained beside.
        matrices: Float32 arrays, A and B of each layer in turn.
    """

    lora: dict[str, Any]
    base: str
    matrices: list[np.ndarray]


def save(adapters: Adapters, path: str) -> None:
    """Writes adapters; the file is whole or not there.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If the path does not end in ".npz".
    """
    if not path.endswith(".npz"):
        raise ValueError(f"`filepath` must end in '.npz'. Received: filepath={path!r}")
    values = {**adapters.lora, "base": adapters.base}
    arrays = {name: np.array(values[name], dtype) for name, dtype in _ABOUT.items()}
    arrays |= {str(i): matrix for i, matrix in enumerate(adapters.matrices)}
    with whole_files.writing(path, "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def load(path: str) -> Adapters:
    """Reads adapters that `save` wrote, of whatever model.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: If it is another one, or damaged.
    """
    try:
        file = NpzFile(path)
        dtypes = {name: each.dtype.str[1:] for name, each in file.headers.items()}
        num_matrices = len(dtypes) - len(_ABOUT)
        expected = {name: np.dtype(dtype).str[1:] for name, dtype in _ABOUT.items()}
        expected |= {str(i): "f4" for i in range(num_matrices)}
        # What is stored as it is takes no more room than its file.
        if dtypes != expected or any(x.is_compressed for x in file.headers.values()):
            raise ValueError(f"arrays {dtypes}")
        about = {name: file.read(name).tolist() for name in _ABOUT}
        base = about.pop("base").decode("ascii")
        checks.positive_int("rank", about["rank"])
        checks.positive("lora_alpha", about["lora_alpha"])
        for position in about["positions"]:
            checks.positive_int("positions", position)
        if len(about["positions"]) * 2 != num_matrices:
            raise ValueError(f"{num_matrices} matrices of {about['positions']}")
        matrices = [file.read(str(i)) for i in range(num_matrices)]
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            "`filepath` must be a file that `save_adapters` wrote, undamaged. "
            f"Received: filepath={path!r} ({error})"
        ) from error
    return Adapters(lora=about, base=base, matrices=matrices)
