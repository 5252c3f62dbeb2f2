"""Measures a train step in several ways, in turns, in one process."""

import dataclasses
import math
import statistics
import subprocess
import sys
import time

import keras

from benchmarks import architectures, large_models, loops

SIZES = {"standard": architectures, "large": large_models}
WAYS = {
    "traced": "package traced",
    "fused": "package fused",
    "eager": "package eager",
    "by_hand": "by hand eager",
    "by_hand_compiled": "by hand compiled",
    "keras_example": "Keras example",
    "diffusers": "diffusers",
}
NO_TIME = "no time left"
_WARM_STEPS = 3
# Each of the flow's 640 Newton steps is a piece of the graph: minutes of compilation.
_NOT_BY_TORCH_COMPILE = ("flow",)


def default_ways() -> tuple[str, ...]:
    """Returns the ways worth their time: those without a compiler on torch only."""
    if loops.BACKEND == "torch":
        return ("traced", "eager", "by_hand", "by_hand_compiled")
    return ("traced", "by_hand_compiled", "keras_example")


def is_possible(way, size, name, policy) -> bool:
    """Whether a model can be measured in this way.

    Args:
        way: Key of `WAYS`.
        size: Key of `SIZES`.
        name: Name of a model of this size.
        policy: Name of a dtype policy.
    """
    if way in ("traced", "eager"):
        return True
    if way == "fused":
        return loops.BACKEND == "torch"
    if size != "standard" or policy != "float32":
        return False
    if way == "keras_example":
        return loops.has_keras_example(name)
    if way == "diffusers":
        return loops.has_diffusers(name)
    if loops.BACKEND != "torch":
        return way == "by_hand_compiled"
    return way == "by_hand" or name not in _NOT_BY_TORCH_COMPILE


def make_loop(way, size, name, policy="float32", xla=None):
    """Returns a loop of `benchmarks.loops`; the arguments are those of `is_possible`.

    Args:
        way: Key of `WAYS`.
        size: Key of `SIZES`.
        name: Name of a model of this size.
        policy: Name of a dtype policy.
        xla: As in `loops.uses_xla`.
    """
    if way in ("traced", "fused", "eager"):
        return loops.package_loop(SIZES[size], name, policy, xla, way)
    if way == "keras_example":
        return loops.keras_example_loop(name, xla)
    if way == "diffusers":
        return loops.diffusers_loop()
    return loops.reference_loop(name, xla, eager=way == "by_hand")


@dataclasses.dataclass
class Measurement:
    """The train step of one model under one dtype policy.

    Args:
        size: Key of `SIZES`.
        name: Name of the model.
        policy: Name of the dtype policy.
        num_parameters: Trainable parameters, the same number in all ways.
        seconds: Dict from way to the seconds a step of each round.
        first_calls: Dict from way to the seconds of making it and of its first call,
            tracing and compilation included.
        failures: Dict from way to why there is no time of it.
        float32: Seconds a step of each round of the traced way in float32, from the
            same rounds, or `None`.
        peaks: Dict from way to bytes of peak memory.
    """

    size: str
    name: str
    policy: str
    num_parameters: int = 0
    seconds: dict = dataclasses.field(default_factory=dict)
    first_calls: dict = dataclasses.field(default_factory=dict)
    failures: dict = dataclasses.field(default_factory=dict)
    float32: list | None = None
    peaks: dict = dataclasses.field(default_factory=dict)

    @property
    def batch(self):
        """Number of examples of a batch."""
        return SIZES[self.size].BATCH[self.name]

    def ratios(self, way):
        """Returns the traced way's time in parts of another's, a round each."""
        pairs = zip(
            self.seconds.get("traced", []), self.seconds.get(way, []), strict=False
        )
        return [ours / other for ours, other in pairs]

    def gain(self):
        """Returns how many times as fast as in float32 the traced way is, or `None`."""
        if self.float32 is None or not self.seconds.get("traced"):
            return None
        pairs = zip(self.float32, self.seconds["traced"], strict=True)
        return statistics.median(before / after for before, after in pairs)

    def as_dict(self):
        """Returns the measurement with its medians, as JSON takes it."""
        medians = {
            way: 1e3 * statistics.median(found) for way, found in self.seconds.items()
        }
        ratios = {
            way: statistics.median(self.ratios(way))
            for way in medians
            if way != "traced" and self.ratios(way)
        }
        return {
            **dataclasses.asdict(self),
            "batch": self.batch,
            "milliseconds": medians,
            "traced_of_way": ratios,
            "gain_on_float32": self.gain(),
        }


def measure(
    size,
    name,
    ways,
    rounds,
    policies=("float32",),
    steps=None,
    seconds=0.5,
    xla=None,
    memory=False,
    deadline=math.inf,
    clock=time.perf_counter,
):
    """Returns a `Measurement` for each dtype policy, from the same rounds.

    A way that fails, or that is not begun before the deadline, has its reason in
    `failures`; the others are measured all the same.

    Args:
        size: Key of `SIZES`.
        name: Name of a model of this size.
        ways: Keys of `WAYS`; those that are not possible are left out.
        rounds: Positive int.
        policies: Names of dtype policies.
        steps: Steps a round and way, or `None` for as many as take `seconds`.
        seconds: Float.
        xla: As in `loops.uses_xla`.
        memory: Whether to measure peak memory, in processes of their own.
        deadline: Time by `time.monotonic` after which no way is begun.
        clock: Function that returns seconds.

    Raises:
        ValueError: If two ways have different numbers of parameters.
    """
    data = SIZES[size].make_batch(name)
    found = {policy: Measurement(size, name, policy) for policy in policies}
    runs = []
    for policy, measurement in found.items():
        for way in ways:
            if not is_possible(way, size, name, policy):
                continue
            if time.monotonic() > deadline:
                measurement.failures[way] = NO_TIME
                continue
            start = clock()
            try:
                loop = make_loop(way, size, name, policy, xla)
                batch = loop.to_device(data)
                _time(loop, batch, 1, clock)
                measurement.first_calls[way] = clock() - start
                duration = _time(loop, batch, _WARM_STEPS, clock)
            except Exception as error:  # noqa: BLE001  the other ways are still measured
                measurement.failures[way] = f"{type(error).__name__}: {error}"[:500]
                continue
            _check_size(measurement, way, loop.num_parameters)
            count = steps or max(_WARM_STEPS, math.ceil(seconds / duration))
            runs.append((measurement, way, loop, batch, count))
    for _ in range(rounds):
        for measurement, way, loop, batch, count in runs:
            taken = _time(loop, batch, count, clock)
            measurement.seconds.setdefault(way, []).append(taken)
    float32 = found["float32"].seconds.get("traced") if "float32" in found else None
    for policy, measurement in found.items():
        if policy != "float32":
            measurement.float32 = float32
        if memory:
            timed = [way for way in ways if way in measurement.seconds]
            measurement.peaks = {w: _peak(size, name, w, xla, policy) for w in timed}
    return list(found.values())


def _time(loop, batch, steps, clock):
    """Returns the seconds of a step, the mean over some of them."""
    start = clock()
    for _ in range(steps):
        loss = loop(batch)
    loss = loops.wait(loss)
    duration = (clock() - start) / steps
    if not math.isfinite(loss):
        raise ValueError(f"the loss is {loss}.")
    return duration


def _check_size(measurement, way, num_parameters):
    """Raises an error unless all ways but diffusers have as many parameters."""
    if way == "diffusers":
        return
    known = measurement.num_parameters or num_parameters
    if known != num_parameters:
        raise ValueError(
            f"{measurement.name}: {WAYS[way]} has {num_parameters} parameters, others "
            f"{known}."
        )
    measurement.num_parameters = known


def _peak(size, name, way, xla, policy):
    """Returns the peak memory of one way in bytes, measured in another process."""
    command = [sys.executable, "-m", "benchmarks.peak_memory", size, name, way]
    command += ["--policy", policy]
    command.append("--xla" if loops.uses_xla(xla) else "--no-xla")
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1])


def forget():
    """Lets go of what models before have left in memory."""
    keras.utils.clear_session()
    if loops.BACKEND == "torch":
        import torch

        torch._dynamo.reset()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    if loops.BACKEND == "jax":
        import jax

        jax.clear_caches()
