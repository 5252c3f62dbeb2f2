"""Folders that a run writes to, checked before it starts."""

import os
import tempfile


def make_writable(name, folder):
    """Makes a folder, or says at once that nothing can be written there.

    Args:
        name: String, the argument's name in the message.
        folder: String or path.

    Returns:
        The folder as a string.

    Raises:
        OSError: If the folder cannot be made or written to.
    """
    folder = os.fspath(folder)
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            f"`{name}` must be a folder that can be written to: choose another one. "
            f"Received: {name}={folder!r} ({error.strerror})"
        ) from error
    return folder
