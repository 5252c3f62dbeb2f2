"""Times sampling from flows: as one compiled call, and as loops written in Python.

`KERAS_BACKEND=jax python -m benchmarks.flow_time --write` measures on one backend and
puts its table into RESULTS.md. A masked autoregressive flow draws one value of an event
after the other: a compiled loop stands beside a Python loop of one pass of the network
a value. Glow is one pass: its compiled call stands beside its bijectors called in turn,
each compiled, and operation by operation.
"""

import contextlib
import statistics
import time

import keras
import numpy as np
import typer
from keras import ops

from benchmarks import loops, results
from benchmarks.sampling_time import markdown, seconds_of
from benchmarks.step_time import hardware
from keras_genmod import Glow, NormalizingFlow, networks
from keras_genmod.bijectors import Chain, MaskedAutoregressive, Permutation
from keras_genmod.engine import compiled

COLUMNS = (
    "flow",
    "samples",
    "parameters",
    "s, one compiled call",
    "way in Python",
    "s",
    "times slower",
)
PASSES = "a compiled pass a value"
PREDICTIONS = "`predict_on_batch` a value"
IN_TURN = "compiled bijectors in turn"
EAGER = "operation by operation"


class CompiledBijector:
    """The forward direction of one bijector, compiled by itself.

    Args:
        bijector: A bijector.
    """

    def __init__(self, bijector):
        self._bijector = bijector
        self.variables = bijector.variables

    @compiled()
    def __call__(self, z):
        """Returns `f(z)`."""
        return self._bijector.forward(z)


class CompiledPass:
    """The next value of each event, by one compiled pass over whole events.

    Args:
        bijector: A `MaskedAutoregressive`.
    """

    def __init__(self, bijector):
        self._bijector = bijector
        self.variables = bijector.variables

    @compiled()
    def __call__(self, x, z, i):
        """Returns `x` with value `i` of the latents `z` filled in."""
        shift, log_scale = self._bijector._shift_and_log_scale(x, None)
        is_next = ops.arange(x.shape[1]) == i
        return ops.where(is_next, z * ops.exp(log_scale) + shift, x)


def fill_in_passes(bijector):
    """Returns the forward direction of a `MaskedAutoregressive`, a pass a value."""
    fill_in = CompiledPass(bijector)

    def forward(z):
        x = ops.zeros_like(z)
        for i in range(bijector.event_dim):
            x = fill_in(x, z, np.int32(i))
        return x

    return forward


def fill_in_predictions(bijector):
    """Returns the same with Keras' own call of a network, on the host."""

    def forward(z):
        z = ops.convert_to_numpy(z)
        x = np.zeros_like(z)
        for i in range(bijector.event_dim):
            # log_scale is 5 tanh(raw / 5), as in the bijector
            shift, raw = np.moveaxis(bijector.network.predict_on_batch(x)[:, i], -1, 0)
            x[:, i] = z[:, i] * np.exp(5.0 * np.tanh(raw / 5.0)) + shift
        return x

    return forward


def maf(event_dim, num_layers, hidden_dim):
    """Returns a MAF of weights other than those of the identity, and its Python ways.

    Args:
        event_dim: Int.
        num_layers: Int, members, each in the order opposite to the last.
        hidden_dim: Int, units of both hidden layers of a member.
    """
    keras.utils.set_random_seed(0)
    members = []
    for i in range(num_layers):
        if i:
            members.append(Permutation((event_dim,), list(range(event_dim))[::-1]))
        network = networks.made(event_dim, (hidden_dim, hidden_dim))
        members.append(MaskedAutoregressive(event_dim, network))
    model = NormalizingFlow(Chain(members))
    move_from_identity(model)
    ways = {}
    for name, fill_in in (
        (PASSES, fill_in_passes),
        (PREDICTIONS, fill_in_predictions),
    ):
        steps = [
            fill_in(member)
            if isinstance(member, MaskedAutoregressive)
            else CompiledBijector(member)
            for member in members
        ]
        ways[name] = one_after_the_other(steps)
    return model, ways


def glow(image_shape, num_scales, num_steps, filters):
    """Returns a Glow of weights other than those of the identity, and its Python ways.

    Args:
        image_shape: `(height, width, channels)`.
        num_scales: Int.
        num_steps: Int, steps of a scale.
        filters: Int, features of the couplings' networks.
    """
    keras.utils.set_random_seed(0)
    model = Glow(image_shape, num_scales, num_steps, filters, num_levels=None)
    move_from_identity(model)

    def eager(z):
        with without_gradients():
            return model.bijector.forward(z)

    # The scales within the outermost one are one bijector, its `Split`.
    members = [CompiledBijector(member) for member in model.bijector.bijectors]
    return model, {IN_TURN: one_after_the_other(members), EAGER: eager}


def one_after_the_other(steps):
    """Returns the function that applies functions in turn."""

    def apply(value):
        for step in steps:
            value = step(value)
        return value

    return apply


def move_from_identity(model):
    """Gives last layers, which start at zero, small weights."""
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        if variable.path.endswith("kernel"):
            value = ops.convert_to_numpy(variable)
            variable.assign(value + rng.normal(0.0, 1e-3, value.shape))


def without_gradients():
    """Returns the context in which eager torch records no gradients."""
    if loops.BACKEND != "torch":
        return contextlib.nullcontext()
    import torch

    return torch.inference_mode()


def measure(name, model, ways, num_samples, rounds):
    """Returns the rows of one model, one for each way in Python.

    Args:
        name: String.
        model: A flow.
        ways: Dict from names to functions from latents to data.
        num_samples: Positive int.
        rounds: Positive int, each of all ways in turn.
    """
    z = np.random.default_rng(0).standard_normal
    z = z((num_samples, *model.bijector.latent_shape)).astype("float32")
    calls = {"compiled": lambda: model.decode(z)}
    calls |= {way: lambda f=function: f(z) for way, function in ways.items()}
    expected = ops.convert_to_numpy(calls["compiled"]())
    for way, call in calls.items():  # compiles, too
        error = np.abs(ops.convert_to_numpy(call()) - expected).max()
        if not error < 1e-2:
            raise ValueError(f"{name}, {way}: other samples, by up to {error}")
    times = {way: [] for way in calls}
    for _ in range(rounds):
        for way, call in calls.items():
            times[way].append(seconds_of(call))
    seconds = {way: statistics.median(found) for way, found in times.items()}
    whole = seconds.pop("compiled")
    parameters = f"{model.count_params():,}"
    return [
        [name, str(num_samples), parameters, f"{whole:.3g}", way]
        + [f"{found:.3g}", f"{found / whole:,.1f}"]
        for way, found in seconds.items()
    ]


def main(
    flows: str = "maf,glow",
    samples: str = "16,256",
    event_dims: str = "64,784",
    num_layers: int = 5,
    hidden_dim: int = 512,
    image_side: int = 32,
    num_scales: int = 3,
    num_steps: int = 8,
    filters: int = 64,
    rounds: int = 3,
    write: bool = False,
):
    """Times sampling from flows on the running backend and prints a Markdown table.

    Args:
        flows: "maf" and "glow", or one of them, with a comma between them.
        samples: Numbers of samples with commas between them.
        event_dims: Lengths of MAF's events with commas between them.
        num_layers: Members of MAF.
        hidden_dim: Units of both hidden layers of a member.
        image_side: Side of Glow's colour images.
        num_scales: Scales of Glow.
        num_steps: Steps of a scale.
        filters: Features of the networks in Glow's couplings.
        rounds: Rounds of all ways in turn.
        write: Put the table into RESULTS.md.
    """
    cases = []
    if "maf" in flows.split(","):
        for dim in map(int, event_dims.split(",")):
            name = f"MAF, {dim} values, {num_layers} x {hidden_dim}-{hidden_dim}"
            cases.append((name, maf, (dim, num_layers, hidden_dim)))
    if "glow" in flows.split(","):
        shape = (image_side, image_side, 3)
        name = f"Glow, {image_side}x{image_side}x3, L={num_scales}, K={num_steps}"
        cases.append((name, glow, (shape, num_scales, num_steps, filters)))
    rows, start = [], time.perf_counter()
    for name, make, arguments in cases:
        for num_samples in map(int, samples.split(",")):
            keras.utils.clear_session()
            rows += measure(name, *make(*arguments), num_samples, rounds)
            typer.echo(f"{name}: {time.perf_counter() - start:.0f} s", err=True)
    kind, device = hardware()
    text = [
        f"## Time of sampling from flows: {loops.BACKEND}, {kind.upper()}",
        "",
        f"Seconds for all samples from latents that are given, float32, medians of "
        f"{rounds} rounds in turns, each way timed whole and checked to give the same "
        "samples. Of Glow's bijectors called in turn, all scales within the outermost "
        "one are one bijector.",
        "",
        *results.circumstances(loops.BACKEND, device),
        "",
        markdown(COLUMNS, rows),
    ]
    print("\n".join(text))
    if write:
        results.write_section(f"flow_time:{loops.BACKEND}:{kind}", "\n".join(text))


if __name__ == "__main__":
    typer.run(main)
