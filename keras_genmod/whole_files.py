"""Files that are whole or not there, also where the writing is interrupted."""

import contextlib
import os
from collections.abc import Iterator
from typing import IO, Any


@contextlib.contextmanager
def writing(
    path: str | os.PathLike[str], mode: str = "w", **kwargs: Any
) -> Iterator[IO[Any]]:
    """Opens a file beside a path, which takes the path's place at the end.

    What stands at the path stays if an error ends the writing.

    Args:
        path: Of the file; a link is followed, and what is no file, such as
            "/dev/stdout", is written to as it is.
        mode: "w" or "wb".
        **kwargs: As `open` takes them.

    Raises:
        OSError: If the file cannot be written.
    """
    path = os.path.realpath(path)
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, mode, **kwargs) as file:
            yield file
        return
    scratch = f"{path}.part"
    try:
        with open(scratch, mode, **kwargs) as file:
            yield file
        os.replace(scratch, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(scratch)
