"""Times `fit` with the package's TensorBoard callback beside `fit` without it.

`KERAS_BACKEND=jax python -m benchmarks.callback_time --write` measures on one backend
and puts its table into RESULTS.md. Both sides train one VAE of 784-400-40 on batches
of 128, in one process, compiled and warm, in turns: with, without, with, ... What is
timed is a whole call of `fit`, so what the callback writes before, between and after
epochs counts as well; histograms are not part of it. A round gives one ratio of times;
the table shows their median and range.
"""

import statistics
import tempfile
import time

import keras
import numpy as np
import typer

from benchmarks import loops, results
from benchmarks.step_time import hardware
from keras_genmod import VAE, callbacks, networks

BATCH = 128
SIDES = {"epoch": {}, "100": {"every": 100}, "10": {"every": 10}, "1": {"every": 1}}
COLUMNS = (
    "losses written every",
    "ms a step",
    "ms, without",
    "ratio",
    "of rounds",
)


def make_model():
    """Returns the compiled VAE."""
    keras.utils.set_random_seed(0)
    model = VAE(
        networks.mlp_encoder((784,), hidden_dims=(400,)),
        networks.mlp_decoder(40, (784,), hidden_dims=(400,)),
        latent_dim=40,
    )
    model.compile(keras.optimizers.Adam(1e-3))
    return model


def measure(arguments, rounds, steps, epochs):
    """Returns pairs of seconds a step, with and without the callback.

    Args:
        arguments: Dict, those of the callback.
        rounds: Positive int.
        steps: Positive int, of an epoch.
        epochs: Positive int, of a round and side.
    """
    model = make_model()
    x = np.random.default_rng(0).integers(0, 2, (steps * BATCH, 784)).astype("float32")

    def seconds(board):
        start = time.perf_counter()
        model.fit(x, batch_size=BATCH, epochs=epochs, callbacks=board, verbose=0)
        return (time.perf_counter() - start) / (steps * epochs)

    with tempfile.TemporaryDirectory() as folder:
        board = callbacks.TensorBoard(folder, **arguments)
        seconds([board]), seconds([])
        # Either side comes first in half of the rounds.
        pairs = []
        for i in range(rounds):
            first, second = ([board], []) if i % 2 else ([], [board])
            pair = (seconds(first), seconds(second))
            pairs.append(pair if i % 2 else pair[::-1])
    return pairs


def row(name, pairs):
    """Returns the cells of the table."""
    ratios = [ours / other for ours, other in pairs]
    ours, other = (1e3 * statistics.median(side) for side in zip(*pairs, strict=True))
    return [
        name if name == "epoch" else f"{name} batches".replace("1 batches", "batch"),
        f"{ours:.3g}",
        f"{other:.3g}",
        f"{statistics.median(ratios):.3f}",
        f"{min(ratios):.3f} to {max(ratios):.3f}",
    ]


def main(rounds: int = 15, steps: int = 300, epochs: int = 3, write: bool = False):
    """Times the callback on the running backend and prints a Markdown table.

    Args:
        rounds: Rounds of both sides in turn.
        steps: Steps of an epoch.
        epochs: Epochs of a round and side.
        write: Put the table into RESULTS.md.
    """
    rows = []
    for name, arguments in SIDES.items():
        keras.utils.clear_session()
        rows.append(row(name, measure(arguments, rounds, steps, epochs)))
        typer.echo(" ".join(rows[-1]), err=True)
    kind, device = hardware()
    table = [COLUMNS, ["---"] * len(COLUMNS), *rows]
    text = "\n".join(
        [
            f"## Time of the TensorBoard callback: {loops.BACKEND}, {kind.upper()}",
            "",
            f"`fit` of a VAE of 784-400-40, batches of {BATCH}, {epochs} epochs of "
            f"{steps} steps, {rounds} rounds in turns. Ratios: with the callback to "
            "without.",
            "",
            *results.circumstances(loops.BACKEND, device),
            "",
            *(f"| {' | '.join(cells)} |" for cells in table),
        ]
    )
    print(text)
    if write:
        results.write_section(f"callback_time:{loops.BACKEND}:{kind}", text)


if __name__ == "__main__":
    typer.run(main)
