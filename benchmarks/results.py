"""RESULTS.md: one section a measurement, backend and device; the others stay."""

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import shlex
import sys

PATH = pathlib.Path(__file__).parent / "RESULTS.md"
_TITLE = """# Results

Times and memory; each section is written by the command that it names.
"""


def circumstances(backend: str, device: str) -> list[str]:
    """Returns lines that say where, with what, when and how figures were made."""
    found = facts(backend, device)
    found["Command"] = f"`{found['Command']}`"
    return [f"- {name}: {value}" for name, value in found.items()]


def facts(backend: str, device: str) -> dict[str, str]:
    """Returns where, with what, when and how figures were made."""
    distributions = {"tensorflow": ("tensorflow", "tensorflow-cpu")}
    names = ("keras", *distributions.get(backend, (backend,)), "numpy")
    versions = [f"Python {platform.python_version()}"]
    for name in names:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    module = sys.modules["__main__"].__spec__
    program = f"-m {module.name}" if module else pathlib.Path(sys.argv[0]).name
    arguments = shlex.join(sys.argv[1:])
    return {
        "Hardware": device,
        "Versions": ", ".join(versions),
        "Date": datetime.date.today().isoformat(),
        "Command": f"KERAS_BACKEND={backend} python {program} {arguments}",
    }


def processor() -> str:
    """Returns the name of the processor and the number of cores that may be used."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    found = re.search(r"model name\s*:\s*(.+)", text)
    name = found.group(1).strip() if found else platform.processor() or "CPU"
    cores = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count()))(0)
    return f"{name}, {len(cores)} core{'s' if len(cores) > 1 else ''}"


def write_json(path: pathlib.Path, backend: str, kind: str, device: str, found) -> None:
    """Writes measurements to a file of their own.

    Args:
        path: The file, replaced in one move.
        backend: Name of the backend.
        kind: "cpu" or "gpu".
        device: Name of the hardware.
        found: Measurements with a method `as_dict`.
    """
    content = {
        "backend": backend,
        "kind": kind,
        "circumstances": circumstances(backend, device),
        "measurements": [measurement.as_dict() for measurement in found],
    }
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(content, indent=1))
    beside.replace(path)


def write_section(key: str, text: str, path: pathlib.Path = PATH) -> None:
    """Puts a section between its markers in RESULTS.md, in place of its last one.

    Args:
        key: Name of the section, such as "step_time:jax:cpu".
        text: Markdown.
        path: The file.
    """
    begin, end = f"<!-- begin {key} -->", f"<!-- end {key} -->"
    section = f"{begin}\n{text.strip()}\n{end}\n"
    before = path.read_text() if path.exists() else _TITLE
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end) + "\n", re.DOTALL)
    if pattern.search(before):
        after = pattern.sub(lambda _: section, before)
    else:
        after = f"{before.rstrip()}\n\n{section}"
    beside = path.with_suffix(".part")
    beside.write_text(after)
    beside.replace(path)
