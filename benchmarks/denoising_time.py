"""Times samples of a diffusion model: one compiled call, and loops by hand.

`KERAS_BACKEND=torch python -m benchmarks.denoising_time --write` measures on one
backend and puts its table into RESULTS.md. All ways take the same steps of DDIM without
noise through a U-Net, in one process, warm, in turns. The loops are what one writes
around a Keras model: Python that calls `predict`, or `predict_on_batch`, at each step
and moves the images in NumPy. On torch diffusers' pipeline stands beside them, with its
own U-Net of as many levels, channels and blocks (the extra `benchmarks`); where it is
not installed its row says so.
"""

import importlib.util
import statistics
import time

import keras
import numpy as np
import typer
from keras import ops

import keras_genmod
from benchmarks import loops, results
from benchmarks.sampling_time import markdown
from benchmarks.step_time import hardware
from keras_genmod import networks
from keras_genmod.models.diffusion.time_grid import make_grid

COLUMNS = ("way", "parameters", "s", "times the compiled call", "of rounds")
NOT_INSTALLED = "not installed"


def make_model(image_shape, filters, multipliers, num_blocks):
    """Returns a diffusion model whose U-Net has attention at its lowest level."""
    keras.utils.set_random_seed(0)
    lowest = max(image_shape[:2]) // 2 ** (len(multipliers) - 1)
    network = networks.unet(image_shape, filters, multipliers, num_blocks, (lowest,))
    for layer in network.layers:  # of which the last ones start at zero
        for variable in layer.trainable_variables:
            noise = keras.random.normal(variable.shape, 0.0, 0.02)
            variable.assign_add(noise)
    return keras_genmod.DiffusionModel(network, image_shape)


def by_hand(model, call, start, num_steps):
    """Returns the images that a loop in Python makes of noise.

    Args:
        model: `DiffusionModel` that predicts v.
        call: Function `[x, t]` that returns an array.
        start: Array `(batch, *image_shape)`.
        num_steps: Positive int.
    """
    grid, x = make_grid(model.schedule, num_steps), start
    for i in range(num_steps):
        alpha, sigma = grid.alphas[i], grid.sigmas[i]
        t = np.full(len(x), grid.times[i], "float32")
        data = np.clip(alpha * x - sigma * call([x, t]), -1, 1)
        noise = (x - alpha * data) / sigma
        x = grid.alphas[i + 1] * data + grid.sigmas[i + 1] * noise
        x = x.astype("float32")
    return np.clip((x + 1) / 2, 0, 1)


def of_diffusers(image_shape, filters, multipliers, num_blocks, num_images, num_steps):
    """Returns diffusers' way, and the parameters of its U-Net."""
    import diffusers
    import torch

    from benchmarks.references.diffusers_unet import make_unet

    network = make_unet(image_shape, filters, multipliers, num_blocks)
    scheduler = diffusers.DDIMScheduler(1000, beta_schedule="squaredcos_cap_v2")
    pipeline = diffusers.DDIMPipeline(network, scheduler)
    if torch.cuda.is_available():
        pipeline.to("cuda")
    pipeline.set_progress_bar_config(disable=True)

    def run():
        return pipeline(num_images, num_inference_steps=num_steps, output_type="np")

    return run, sum(p.numel() for p in network.parameters())


def make_ways(size, image_shape, num_images, num_steps):
    """Returns a dict from way to `(function, parameters)`; `None` for what is missing.

    Args:
        size: Tuple of filters, multipliers and blocks of the U-Net.
        image_shape: Tuple of three ints.
        num_images: Positive int.
        num_steps: Positive int.
    """
    model = make_model(image_shape, *size)
    network, count = model.network, model.network.count_params()
    start = np.random.default_rng(0).standard_normal((num_images, *image_shape))
    start = start.astype("float32")

    def compiled_call():
        return ops.convert_to_numpy(model.sample(num_images, num_steps=num_steps))

    def predict(inputs):
        return network.predict(inputs, batch_size=num_images, verbose=0)

    ways = {
        "one compiled call": (compiled_call, count),
        "loop around `predict_on_batch`": (
            lambda: by_hand(model, network.predict_on_batch, start, num_steps),
            count,
        ),
        "loop around `predict`": (
            lambda: by_hand(model, predict, start, num_steps),
            count,
        ),
    }
    if loops.BACKEND == "torch":
        ways["diffusers"] = None
        if importlib.util.find_spec("diffusers"):
            ways["diffusers"] = of_diffusers(image_shape, *size, num_images, num_steps)
    return ways


def measure(ways, rounds, clock=time.perf_counter):
    """Returns a dict from way to the seconds of each round; the first calls go before.

    Args:
        ways: As `make_ways` returns them.
        rounds: Positive int.
        clock: Function that returns seconds.
    """
    there = {name: way[0] for name, way in ways.items() if way is not None}
    for function in there.values():
        function()
    seconds: dict = {name: [] for name in there}
    for _ in range(rounds):
        for name, function in there.items():
            before = clock()
            function()
            seconds[name].append(clock() - before)
    return seconds


def rows(ways, seconds) -> list[list[str]]:
    """Returns the rows of the table."""
    first, found = next(iter(seconds.values())), []
    for name, way in ways.items():
        if way is None:
            found.append([name, NOT_INSTALLED, "", "", ""])
            continue
        ratios = [s / one for s, one in zip(seconds[name], first, strict=True)]
        found.append(
            [
                name,
                f"{way[1]:,}",
                f"{statistics.median(seconds[name]):.3g}",
                f"{statistics.median(ratios):.2f}",
                f"{min(ratios):.2f} to {max(ratios):.2f}",
            ]
        )
    return found


def main(
    side: int = 32,
    filters: int = 32,
    multipliers: str = "1,2,2",
    num_blocks: int = 1,
    images: int = 16,
    steps: int = 50,
    rounds: int = 5,
    cpu_seconds: bool = False,
    write: bool = False,
):
    """Times samples on the running backend and prints a Markdown table.

    Args:
        side: Side of the grey images.
        filters: Channels of the U-Net's first level.
        multipliers: Of each level, with commas between them.
        num_blocks: Residual blocks of a level.
        images: Images of a call.
        steps: Steps of DDIM.
        rounds: Rounds of all ways in turn.
        cpu_seconds: Count the process's CPU time, not the clock's: on a busy machine.
        write: Put the table into RESULTS.md.
    """
    size = (filters, tuple(map(int, multipliers.split(","))), num_blocks)
    ways = make_ways(size, (side, side, 1), images, steps)
    clock = time.process_time if cpu_seconds else time.perf_counter
    table = markdown(COLUMNS, rows(ways, measure(ways, rounds, clock)))
    kind, device = hardware()
    measured = "CPU time of the process" if cpu_seconds else "wall time"
    text = "\n".join(
        [
            f"## Time of denoising: {loops.BACKEND}, {kind.upper()}",
            "",
            f"{images} images of {side}x{side} pixels, {steps} steps of DDIM, float32: "
            f"medians of {rounds} rounds in turns, {measured}, warm.",
            "",
            *results.circumstances(loops.BACKEND, device),
            "",
            table,
        ]
    )
    print(text)
    if write:
        results.write_section(f"denoising_time:{loops.BACKEND}:{kind}", text)


if __name__ == "__main__":
    typer.run(main)
