"""Times one train step of every model beside one written by hand.

`KERAS_BACKEND=jax python -m benchmarks.step_time --models all --write` measures on one
backend and puts its table into RESULTS.md. Both sides run in one process on the same
batch on the device, compiled and warm, in turns: package, reference, package, ... Each
round gives one ratio of times; the table shows their median and range. What is timed
on the package's side says `benchmarks.loops`; peak memory, `benchmarks.peak_memory`.
"""

import dataclasses
import math
import statistics
import subprocess
import sys
import time

import keras
import typer

from benchmarks import architectures, loops, results, sizes

_WARM_STEPS = 3
COLUMNS = (
    "model",
    "against",
    "batch",
    "parameters",
    "ms a step",
    "ms, reference",
    "ratio",
    "of rounds",
    "peak MiB",
    "MiB, reference",
    "ratio of peaks",
)


@dataclasses.dataclass(frozen=True)
class Measurement:
    """The package's step beside another one.

    Args:
        name: Name of the model.
        against: Key of `loops.MAKERS`.
        num_parameters: Trainable parameters, of both sides.
        seconds: A pair for each round, seconds a step of the package and of the other.
        peaks: Pair of peak memory in bytes, or `None`.
    """

    name: str
    against: str
    num_parameters: int
    seconds: list
    peaks: tuple | None

    def row(self) -> list[str]:
        """Returns the cells of the table."""
        ratios = [ours / other for ours, other in self.seconds]
        ours, other = (
            1e3 * statistics.median(s) for s in zip(*self.seconds, strict=True)
        )
        cells = [
            self.name,
            self.against.replace("_", " "),
            str(sizes.BATCH[self.name]),
            f"{self.num_parameters:,}",
            f"{ours:.3g}",
            f"{other:.3g}",
            f"{statistics.median(ratios):.2f}",
            f"{min(ratios):.2f} to {max(ratios):.2f}",
        ]
        if self.peaks is None:
            return [*cells, "", "", ""]
        mebibytes = [f"{peak / 2**20:.0f}" for peak in self.peaks]
        return [*cells, *mebibytes, f"{self.peaks[0] / max(self.peaks[1], 1):.2f}"]


def measure(name, against, rounds, steps=None, seconds=0.5, memory=True, xla=None):
    """Returns the `Measurement` of one model.

    Args:
        name: One of `architectures.NAMES`.
        against: "reference" or "keras_example".
        rounds: Positive int.
        steps: Steps a round and side, or `None` for as many as take `seconds`.
        seconds: Float.
        memory: Whether to measure peak memory, in processes of their own.
        xla: As in `loops.uses_xla`.

    Raises:
        ValueError: If the two sides have different numbers of parameters, or a loss
            is not finite.
    """
    xla = loops.uses_xla(xla)
    data = architectures.make_batch(name)
    sides = [loops.MAKERS[side](name, xla=xla) for side in ("package", against)]
    counts = [side.num_parameters for side in sides]
    if counts[0] != counts[1]:
        raise ValueError(
            f"{name}: the package has {counts[0]} parameters, {against} {counts[1]}."
        )
    batches = [side.to_device(data) for side in sides]
    for side, batch in zip(sides, batches, strict=True):
        _time(name, side, batch, _WARM_STEPS)
    if steps is None:
        duration = _time(name, sides[1], batches[1], _WARM_STEPS)
        steps = max(_WARM_STEPS, math.ceil(seconds / duration))
    pairs = [
        tuple(
            _time(name, side, batch, steps)
            for side, batch in zip(sides, batches, strict=True)
        )
        for _ in range(rounds)
    ]
    peaks = None
    if memory:
        peaks = tuple(_peak(name, side, xla) for side in ("package", against))
    return Measurement(name, against, counts[0], pairs, peaks)


def _time(name, loop, batch, steps):
    """Returns the seconds of a step, the mean over some of them."""
    start = time.perf_counter()
    for _ in range(steps):
        loss = loop(batch)
    loss = loops.wait(loss)
    duration = (time.perf_counter() - start) / steps
    if not math.isfinite(loss):
        raise ValueError(f"{name}: the loss is {loss}.")
    return duration


def _peak(name, side, xla):
    """Returns the peak memory of one side in bytes, measured in another process."""
    command = [sys.executable, "-m", "benchmarks.peak_memory", name, side]
    command.append("--xla" if xla else "--no-xla")
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1])


def table(measurements) -> str:
    """Returns the Markdown table of measurements."""
    rows = [COLUMNS, ["---"] * len(COLUMNS), *(m.row() for m in measurements)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def hardware():
    """Returns "cpu" or "gpu", and the name of the hardware."""
    if loops.BACKEND == "torch":
        import torch

        if torch.cuda.is_available():
            return "gpu", torch.cuda.get_device_name()
    elif loops.BACKEND == "jax":
        import jax

        if jax.devices()[0].platform != "cpu":
            return "gpu", jax.devices()[0].device_kind
    else:
        import tensorflow as tf

        if devices := tf.config.list_physical_devices("GPU"):
            details = tf.config.experimental.get_device_details(devices[0])
            return "gpu", details.get("device_name", "GPU")
    return "cpu", results.processor()


def main(
    models: str = "all",
    rounds: int = 7,
    steps: int | None = None,
    seconds: float = 0.5,
    memory: bool = True,
    xla: bool | None = None,
    write: bool = False,
):
    """Times train steps on the running backend and prints a Markdown table.

    Args:
        models: "all", or names with commas between them.
        rounds: Rounds of both sides in turn.
        steps: Steps a round and side; as many as take `seconds` by default.
        seconds: Length of one side of a round.
        memory: Measure peak memory too, in processes of their own.
        xla: Compile both sides with XLA on TensorFlow; by default as Keras does, on a
            GPU only.
        write: Put the table into RESULTS.md.
    """
    names = architectures.NAMES if models == "all" else tuple(models.split(","))
    if unknown := sorted(set(names) - set(architectures.NAMES)):
        raise typer.BadParameter(
            f"`models` must be of {', '.join(architectures.NAMES)}. Received: {unknown}"
        )
    measurements = []
    for name in names:
        references = ["reference"]
        if loops.has_keras_example(name):
            references.append("keras_example")
        for against in references:
            keras.utils.clear_session()
            measurements.append(
                measure(name, against, rounds, steps, seconds, memory, xla)
            )
            typer.echo(" ".join(measurements[-1].row()), err=True)
    kind, device = hardware()
    xla = loops.uses_xla(xla)
    compiler = {"jax": "XLA", "tensorflow": "XLA" if xla else "a graph without XLA"}
    text = "\n".join(
        [
            f"## Time of a train step: {loops.BACKEND}, {kind.upper()}",
            "",
            f"Float32, {rounds} rounds in turns, both sides run as "
            f"{compiler.get(loops.BACKEND, 'eager torch')}. Ratios below 1: the "
            "package is faster.",
            "",
            *results.circumstances(loops.BACKEND, device),
            "",
            table(measurements),
        ]
    )
    print(text)
    if write:
        key = f"step_time:{loops.BACKEND}:{kind}"
        if loops.BACKEND == "tensorflow":
            key += ":xla" if xla else ":graph"
        results.write_section(key, text)


if __name__ == "__main__":
    typer.run(main)
