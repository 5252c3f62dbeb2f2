"""Folders that one process at a time writes to."""

import errno
import os

# Descriptors, which the system closes where the process ends, and Python says nothing.
_held: dict[str, int] = {}


def lock(name: str, folder: str) -> None:
    """Takes a folder for this process, until `unlock` or its end, however it ends.

    Args:
        name: String, the argument's name in the message.
        folder: String, a folder that is there.

    Raises:
        OSError: If another process has it.

    Note:
        Where the system has no such locks (Windows), nothing is taken.
    """
    try:
        import fcntl
    except ImportError:
        return
    path = os.path.join(os.path.realpath(folder), "lock")
    if path in _held:  # a fit of this process, interrupted or not
        return
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        # Of the process, not of the file: it ends with it.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        raise OSError(
            errno.EBUSY,
            f"`{name}` must be a folder of one run: another process is training there. "
            "Wait for it, or choose another folder",
            folder,
        ) from error
    _held[path] = file


def unlock(folder: str) -> None:
    """Gives back what `lock` took, if it did."""
    file = _held.pop(os.path.join(os.path.realpath(folder), "lock"), None)
    if file is not None:
        os.close(file)
