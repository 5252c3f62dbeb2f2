"""Times sampling from autoregressive models: with caches, and as people do it by hand.

`KERAS_BACKEND=jax python -m benchmarks.sampling_time --write` measures on one backend
and puts its tables into RESULTS.md. The cached loop is timed whole. The others run the
whole network once for each value, hundreds to thousands of times: one of their passes
is timed, in turns with the cached loop, and multiplied by the number of values, which
`--whole` checks on one model. A pass that would take more than `--gigabytes` by
`gigabytes_of_pass` is not tried: its cells say that it does not fit. Nor is a cached
loop that would take minutes, by what fewer images took.
"""

import dataclasses
import math
import pathlib
import statistics
import time

import keras
import numpy as np
import typer
from keras import ops

import keras_genmod
from benchmarks import loops, results, sampling_models
from benchmarks.step_time import hardware
from keras_genmod.engine import compiled

COLUMNS = (
    "model",
    "image",
    "levels",
    "images",
    "parameters",
    "s, cached loop",
    "s, full-forward loop",
    "times faster",
    "than `predict_on_batch`",
    "than `predict`",
)


NO_FIT = "does not fit"
NOT_TIMED = "not timed"
MAX_SECONDS = 30.0  # what takes longer is called once
MAX_CACHED_SECONDS = 200.0
_COPIES = 3  # of the largest tensor of a pass that live at the same time


def gigabytes_of_pass(model, num_images):
    """Returns about how much memory one pass over whole images takes.

    That is three times its largest tensor in float32: the parameters of all
    conditionals, or the attention of each token to each in each head.

    Args:
        model: An autoregressive model.
        num_images: Int.
    """
    height, width, channels = model.image_shape
    largest = height * width * channels * model.num_levels
    if isinstance(model, keras_genmod.CausalTransformer):
        largest = max(largest, model.num_heads * model.num_tokens**2)
    return 4 * _COPIES * num_images * largest / 1e9


class FullPass:
    """One compiled pass of a network over whole images: a step of the plain loop.

    Args:
        model: An autoregressive model.
    """

    def __init__(self, model):
        self._model = model
        self.variables = model.variables

    @compiled(xla=True)
    def __call__(self, images):
        """Returns the parameters of all conditionals."""
        return self._model.outputs(images, None)


@dataclasses.dataclass(frozen=True)
class Measurement:
    """Seconds to draw images of one model, by way.

    Args:
        case: A `sampling_models.Case`.
        num_images: Int.
        num_parameters: Int.
        seconds: Dict from "cached", "full", "predict_on_batch", "predict" to the
            median over the rounds; the last three are missing where a pass does not
            fit, all where the cached loop takes too long.
    """

    case: sampling_models.Case
    num_images: int
    num_parameters: int
    seconds: dict

    def row(self) -> list[str]:
        """Returns the cells of the table."""
        cached = self.seconds.get("cached")
        plain = [NO_FIT if cached else NOT_TIMED] * 4
        if "full" in self.seconds:
            plain = [f"{self.seconds['full']:.3g}"] + [
                f"{self.seconds[way] / cached:,.0f}"
                for way in ("full", "predict_on_batch", "predict")
            ]
        return [
            self.case.name,
            "x".join(map(str, self.case.image_shape)),
            str(self.case.num_levels),
            str(self.num_images),
            f"{self.num_parameters:,}",
            f"{cached:.3g}" if cached else NOT_TIMED,
            *plain,
        ]

    def as_dict(self):
        """Returns the measurement as JSON takes it."""
        cached = self.seconds.get("cached")
        plain = {way: s for way, s in self.seconds.items() if way != "cached"}
        return {
            "name": self.case.name,
            "image_shape": self.case.image_shape,
            "num_levels": self.case.num_levels,
            "num_images": self.num_images,
            "num_parameters": self.num_parameters,
            "seconds": self.seconds,
            "times_faster": {way: s / cached for way, s in plain.items()},
        }

    def takes_too_long(self, num_images):
        """Returns whether a cached loop of more images would take minutes."""
        seconds = self.seconds["cached"] * num_images / self.num_images
        return seconds > MAX_CACHED_SECONDS


def measure(case, num_images, rounds, gigabytes):
    """Returns the `Measurement` of one model.

    Args:
        case: A `sampling_models.Case`.
        num_images: Positive int.
        rounds: Positive int.
        gigabytes: Float, memory that a pass over whole images may take.
    """
    model = case.make()
    images = np.zeros((num_images, *case.image_shape), "float32")
    full_pass = FullPass(model)
    ways = {"cached": lambda: model.sample(num_images, seed=0)}
    if gigabytes_of_pass(model, num_images) <= gigabytes:
        ways |= {
            "full": lambda: full_pass(images),
            "predict_on_batch": lambda: model.predict_on_batch(images),
            "predict": lambda: model.predict(images, batch_size=num_images, verbose=0),
        }
    # The plain loops visit each value once, with a pass over everything.
    height, width, _ = model.raster_shape
    num_values = height * width * model.num_visits
    passes = {"cached": 1}
    firsts = {name: seconds_of(way) for name, way in ways.items()}  # they compile
    times = {name: [first] for name, first in firsts.items() if first > MAX_SECONDS}
    short = [name for name in ways if name not in times]
    for _ in range(rounds):
        for name in short:
            times.setdefault(name, []).append(seconds_of(ways[name]))
    seconds = {
        name: statistics.median(found) * passes.get(name, num_values)
        for name, found in times.items()
    }
    return Measurement(case, num_images, model.count_params(), seconds)


def seconds_of(way):
    """Returns the seconds until the result of a call is on the host."""
    start = time.perf_counter()
    ops.convert_to_numpy(way())
    return time.perf_counter() - start


def whole_loop(case, num_images):
    """Returns `(estimate, seconds)` of the full-forward loop; the second is timed."""
    model = case.make()
    estimate = measure(case, num_images, 3, float("inf")).seconds["full"]
    model.sample(1, seed=0, use_cache=False)
    return estimate, seconds_of(
        lambda: model.sample(num_images, seed=0, use_cache=False)
    )


def training_cost(rounds, seconds):
    """Returns rows: step time of recurrent models beside PixelCNN of equal size."""
    rows, reference = [], None
    for name, make in sampling_models.EQUAL_SIZES.items():
        model = make()
        model.compile(keras.optimizers.Adam(1e-3))
        loop = loops.PackageLoop(model)
        images = (np.random.default_rng(0).random((16, 28, 28, 1)) < 0.5) * 1.0
        batch = loop.to_device(images.astype("float32"))
        for _ in range(3):
            loops.wait(loop(batch))
        times = []
        for _ in range(rounds):
            start, steps = time.perf_counter(), 0
            while time.perf_counter() - start < seconds:
                loops.wait(loop(batch))
                steps += 1
            times.append((time.perf_counter() - start) / steps)
        milliseconds = 1e3 * statistics.median(times)
        reference = reference or milliseconds
        rows.append(
            [
                name,
                f"{loop.num_parameters:,}",
                f"{milliseconds:.3g}",
                f"{milliseconds / reference:.2f}",
            ]
        )
    return rows


def markdown(columns, rows) -> str:
    """Returns a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(
    models: str = "all",
    images: str = "16,256",
    shapes: str = "28x28x1,32x32x3",
    rounds: int = 3,
    gigabytes: float = 8.0,
    train: bool = True,
    whole: bool = False,
    time_limit: float = math.inf,
    output: pathlib.Path | None = None,
    write: bool = False,
):
    """Times sampling on the running backend and prints Markdown tables.

    Args:
        models: "all", or names with commas between them.
        images: Numbers of images with commas between them.
        shapes: Shapes of images with commas between them.
        rounds: Rounds of all ways in turn.
        gigabytes: Memory that a pass over whole images may take.
        train: Time train steps of the recurrent models beside PixelCNN, too.
        whole: Time the full-forward loop of the first model as a whole, too.
        time_limit: Seconds after which no model is begun; its cells say so.
        output: File for the measurements as JSON, written after each of them.
        write: Put the tables into RESULTS.md.
    """
    cases = [
        case
        for case in sampling_models.CASES
        if (models == "all" or case.name in models.split(","))
        and "x".join(map(str, case.image_shape)) in shapes.split(",")
    ]
    deadline = time.monotonic() + time_limit
    measurements = []
    for case in cases:
        last = None
        for num_images in sorted(map(int, images.split(","))):
            keras.utils.clear_session()
            if time.monotonic() > deadline:
                found = Measurement(case, num_images, 0, {})
            elif last is not None and last.takes_too_long(num_images):
                found = dataclasses.replace(last, num_images=num_images, seconds={})
            else:
                found = last = measure(case, num_images, rounds, gigabytes)
            measurements.append(found)
            typer.echo(" ".join(found.row()), err=True)
            if output is not None:
                results.write_json(output, loops.BACKEND, *hardware(), measurements)
    kind, device = hardware()
    text = [
        f"## Time of sampling: {loops.BACKEND}, {kind.upper()}",
        "",
        f"Seconds for all images, float32, medians of {rounds} rounds in turns. The "
        "cached loop is timed whole; the loops without caches by one pass of the "
        "network, times the number of values drawn. Passes of more than "
        f"{gigabytes:g} GB do not fit. What took more than {MAX_SECONDS:g} s at its "
        "first call is timed that once, compilation included; a cached loop of more "
        f"than {MAX_CACHED_SECONDS:g} s, by what fewer images took, is not timed.",
        "",
        *results.circumstances(loops.BACKEND, device),
        "",
        markdown(COLUMNS, [found.row() for found in measurements]),
    ]
    if whole:
        estimate, seconds = whole_loop(cases[0], 16)
        text += [
            "",
            f"The whole full-forward loop of `{cases[0].name}`, 16 images: "
            f"{seconds:.3g} s; by one pass: {estimate:.3g} s.",
        ]
    if train:
        keras.utils.clear_session()
        columns = ("model", "parameters", "ms a step", "of PixelCNN's")
        text += [
            "",
            "Train steps of batches of 16 binary images of 28x28, near-equal sizes:",
            "",
            markdown(columns, training_cost(rounds, 1.0)),
        ]
    print("\n".join(text))
    if write:
        key = f"sampling_time:{loops.BACKEND}:{kind}"
        results.write_section(key, "\n".join(text))


if __name__ == "__main__":
    typer.run(main)
