"""Times one train step of every model beside one written by hand.

`KERAS_BACKEND=torch python -m benchmarks.step_time --write` measures on one backend and
puts its table into RESULTS.md. All ways run in one process on the same batch on the
device, warm, in turns: package traced (what `compile` does by default), package eager
(`run_eagerly=True`), the loop written by hand in the framework, the same loop compiled
by it. Each round gives one ratio of times; the table shows their median and range.
`--sizes large` takes models that fill a GPU and compares the dtype policies of
`--policy` with float32. What is timed on the package's side says `benchmarks.loops`;
peak memory, `benchmarks.peak_memory`.
"""

import math
import pathlib
import statistics
import time

import typer

from benchmarks import loops, results, step_measurement
from benchmarks.step_measurement import SIZES, WAYS


def table(measurements) -> str:
    """Returns the Markdown table of measurements, a column for each way among them."""
    ways = [way for way in WAYS if any(way in m.seconds for m in measurements)]
    others = [way for way in ways if way != "traced"]
    gains = any(m.gain() for m in measurements)
    peaks = [way for way in WAYS if any(way in m.peaks for m in measurements)]
    rows = [
        [
            *("model", "policy", "batch", "parameters"),
            *(f"ms, {WAYS[way]}" for way in ways),
            *(f"of {WAYS[way]}" for way in others),
            *(["times faster than float32"] if gains else []),
            "first call, s",
            *(f"peak MiB, {WAYS[way]}" for way in peaks),
        ]
    ]
    rows.append(["---"] * len(rows[0]))
    for m in measurements:
        rows.append(
            [
                *(m.name, m.policy, str(m.batch), f"{m.num_parameters:,}"),
                *(_milliseconds(m, way) for way in ways),
                *(_median_and_range(m.ratios(way)) for way in others),
                *([f"{m.gain():.2f}" if m.gain() else ""] if gains else []),
                f"{m.first_calls.get('traced', math.nan):.1f}",
                *(f"{m.peaks.get(way, math.nan) / 2**20:.0f}" for way in peaks),
            ]
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _milliseconds(measurement, way):
    if way in measurement.seconds:
        return f"{1e3 * statistics.median(measurement.seconds[way]):.3g}"
    return "failed" if way in measurement.failures else ""


def _median_and_range(ratios):
    if not ratios:
        return ""
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


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


def _names(option, given, known, default):
    """Returns what an option lists, all of `known`."""
    names = default if given == "all" else tuple(given.split(","))
    if unknown := sorted(set(names) - set(known)):
        raise typer.BadParameter(
            f"`{option}` must be of {', '.join(known)}. Received: {unknown}"
        )
    return names


def main(
    models: str = "all",
    sizes: str = "standard",
    policy: str = "float32",
    ways: str = "all",
    rounds: int = 7,
    steps: int | None = None,
    seconds: float = 0.3,
    time_limit: float = 420.0,
    memory: bool = False,
    xla: bool | None = None,
    cpu_seconds: bool = False,
    output: pathlib.Path | None = None,
    write: bool = False,
):
    """Times train steps on the running backend and prints a Markdown table.

    Args:
        models: "all", or names with commas between them.
        sizes: "standard", or "large" for models that fill a GPU.
        policy: Dtype policies with commas between them, such as
            float32,mixed_bfloat16. With several, the table has what they gain.
        ways: Of traced, fused, eager, by_hand, by_hand_compiled, keras_example, and of
            diffusion on torch diffusers (the extra `benchmarks`), with commas between
            them; fused is what inductor makes on torch. "all" leaves it out, and what
            nobody would run: on JAX and TensorFlow what is not compiled.
        rounds: Rounds of all ways in turn.
        steps: Steps a round and way; as many as take `seconds` by default.
        seconds: Length of one way of a round.
        time_limit: Seconds after which no model and no way is begun; what is left out
            is said.
        memory: Measure peak memory too, in processes of their own.
        xla: Compile with XLA on TensorFlow; by default as Keras does, on a GPU only.
        cpu_seconds: Count the process's CPU time, not the clock's: on a busy machine.
        output: File for the measurements as JSON, written after each model.
        write: Put the table into RESULTS.md.
    """
    deadline = time.monotonic() + time_limit
    if sizes not in SIZES:
        raise typer.BadParameter(
            f"`sizes` must be of {', '.join(SIZES)}. Received: {sizes}"
        )
    known = SIZES[sizes].NAMES
    names = _names("models", models, known, known)
    chosen = _names("ways", ways, WAYS, step_measurement.default_ways())
    measurements, left_out = [], []
    for name in names:
        if time.monotonic() > deadline:
            left_out.append(name)
            continue
        step_measurement.forget()
        measurements += step_measurement.measure(
            sizes,
            name,
            chosen,
            rounds,
            tuple(policy.split(",")),
            steps=steps,
            seconds=seconds,
            xla=xla,
            memory=memory,
            deadline=deadline,
            clock=time.process_time if cpu_seconds else time.perf_counter,
        )
        typer.echo(table(measurements).splitlines()[-1], err=True)
        if output is not None:
            results.write_json(output, loops.BACKEND, *hardware(), measurements)
    text = _section(measurements, left_out, sizes, rounds, xla, cpu_seconds)
    print(text)
    if write:
        results.write_section(_key(sizes, xla), text)


def _key(sizes, xla):
    key = f"step_time:{loops.BACKEND}:{hardware()[0]}"
    if loops.BACKEND == "tensorflow":
        key += ":xla" if loops.uses_xla(xla) else ":graph"
    return key if sizes == "standard" else f"{key}:{sizes}"


def _section(measurements, left_out, sizes, rounds, xla, cpu_seconds):
    """Returns the section of RESULTS.md."""
    kind, device = hardware()
    title = f"## Time of a train step: {loops.BACKEND}, {kind.upper()}"
    compilers = {"jax": "XLA", "torch": "`torch.compile`"}
    graph = "XLA" if loops.uses_xla(xla) else "a graph without XLA"
    failures = [
        f"- {m.name}, {m.policy}, {WAYS[way]}: {reason}"
        for m in measurements
        for way, reason in m.failures.items()
    ]
    failures += [f"- {name}: {step_measurement.NO_TIME}" for name in left_out]
    lines = [
        title if sizes == "standard" else f"{title}, {sizes} models",
        "",
        f"Medians of {rounds} rounds in turns, "
        f"{'CPU time of the process' if cpu_seconds else 'wall time'}. "
        "Compiled by hand means "
        f"{compilers.get(loops.BACKEND, graph)}. Ratios are of the package traced; "
        "below 1 it is faster.",
        "",
        *results.circumstances(loops.BACKEND, device),
        "",
        table(measurements),
    ]
    if failures:
        lines += ["", "Not measured:", "", *failures]
    return "\n".join(lines)


if __name__ == "__main__":
    typer.run(main)
