"""The resident memory of this process: now, and at its peak."""

import gc
import os
import pathlib
import resource


def now() -> int:
    """Returns the resident memory in bytes."""
    gc.collect()
    try:
        pages = pathlib.Path("/proc/self/statm").read_text().split()[1]
    except OSError:  # not Linux
        return peak()
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def restart_peak() -> None:
    """Forgets the peak so far, where the system can (Linux)."""
    gc.collect()
    try:
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak() -> int:
    """Returns the largest resident memory in bytes."""
    try:
        lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["VmHWM"].split()[0]) * 1024
