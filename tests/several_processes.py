"""Processes that tests start."""

import os
import pathlib
import socket
import subprocess
import sys

import keras

LEFT_OUT = pathlib.Path(__file__).parent / "left_out"


def environment(**variables: str) -> dict[str, str]:
    """Returns this process's environment and module path, for another.

    Keras imports scikit-learn where it is installed, for its wrappers, and to seed it
    TensorFlow: seconds of each process. It does without both, but for TensorFlow as the
    backend.

    Args:
        **variables: What is to be set besides.
    """
    made = {"KERAS_BACKEND": keras.backend.backend(), **os.environ, **variables}
    path = list(sys.path)
    if made["KERAS_BACKEND"] != "tensorflow":
        path.insert(0, str(LEFT_OUT))
    # Torch's threads, beside other workers, would wait for each other.
    return {"OMP_NUM_THREADS": "1", **made, "PYTHONPATH": os.pathsep.join(path)}


def free_port() -> str:
    """Returns a port of this machine that nobody listens on."""
    with socket.socket() as server:
        server.bind(("localhost", 0))
        return str(server.getsockname()[1])


def run_together(command, each, environments, **options) -> list[str]:
    """Runs a command in several processes at once; returns what each has said.

    Args:
        command: List of strings.
        each: For each process a list of further arguments.
        environments: For each process its environment.
        **options: As in `subprocess.Popen`.
    """
    processes = [
        subprocess.Popen(
            [*command, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        for arguments, environment in zip(each, environments, strict=True)
    ]
    try:
        said = [process.communicate(timeout=300)[0] for process in processes]
    finally:  # one that is lost keeps the other waiting
        for process in processes:
            process.kill()
    for process, text in zip(processes, said, strict=True):
        assert process.returncode == 0, text[-3000:]
    return said
