"""`.npz` files of arrays that are looked at before they are read.

`numpy.load` believes what a file says: it makes room for any shape, gives bytes for a
member that is no array, and fails in a dozen ways on a damaged one.
"""

import contextlib
import dataclasses
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

import numpy as np
from numpy.lib import format as npy

# What zipfile and NumPy raise on damaged, cut, encrypted and hostile files.
_UNREADABLE = (
    AttributeError,
    EOFError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
_HEADERS = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}  # versions of the format; a third one is for records with names beyond ASCII


@dataclasses.dataclass(frozen=True, kw_only=True)
class Header:
    """What a file says of an array.

    Args:
        shape: Tuple of ints.
        dtype: NumPy dtype.
        is_compressed: Boolean; an array that is not cannot be larger than its file.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    is_compressed: bool


class NpzFile:
    """A file of arrays, as `numpy.savez` and `numpy.savez_compressed` write it.

    Args:
        path: String or path.

    Attributes:
        headers: Dict from the arrays' names to their `Header`. The shape and the dtype
            agree with the size that the file has for the array.

    Raises:
        OSError: If the file cannot be opened.
        ValueError: If it is another one, cut short or damaged. The message says what
            is wrong, without the path.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = path
        self.headers: dict[str, Header] = {}
        with _archive(path) as archive:
            for info in archive.infolist():
                with archive.open(info) as file:
                    name = info.filename.removesuffix(".npy")
                    self.headers[name] = _header(file, info)

    def read(self, name: str) -> np.ndarray:
        """Returns an array; check its header before.

        Raises:
            OSError: If the file cannot be opened.
            ValueError: If the array is damaged, holds Python objects or does not fit
                into memory.
        """
        with _archive(self.path) as archive, archive.open(f"{name}.npy") as file:
            return npy.read_array(file, allow_pickle=False)


@contextlib.contextmanager
def _archive(path: str | os.PathLike[str]) -> Iterator[zipfile.ZipFile]:
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                yield archive
        except _UNREADABLE as error:
            raise ValueError(str(error) or type(error).__name__) from error


def _header(file: IO[bytes], info: zipfile.ZipInfo) -> Header:
    version = npy.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"{info.filename} of version {version}")
    shape, _, dtype = _HEADERS[version](file)
    size = info.file_size - file.tell()
    is_whole = dtype.hasobject or math.prod(shape) * dtype.itemsize == size
    if min(shape, default=0) < 0 or not is_whole:
        raise ValueError(
            f"{info.filename} of shape {shape} and dtype {dtype} in {size} bytes"
        )
    return Header(
        shape=shape, dtype=dtype, is_compressed=info.compress_type != zipfile.ZIP_STORED
    )
