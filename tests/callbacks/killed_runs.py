"""Runs of a small model that are killed, each in a process of its own.

    python -m tests.callbacks.killed_runs FOLDER SEED NUM_KILLS

The processes are forks of this one, which has imported what training needs. The first
trains without a disturbance in FOLDER/straight; the others share FOLDER/killed
until one of them is finished: three that end at a bad place, then NUM_KILLS that end
at random times.
"""

import os
import pathlib
import random
import signal
import sys
import time

import keras
import numpy as np
import torch

from keras_genmod.callbacks import Backup
from tests.callbacks import small_models
from tests.contracts import state_of

NUM_EPOCHS = 10
PLACES = ("row", "written", "renamed")  # between a row, its backup, and the next epoch


def die():
    os.kill(os.getpid(), signal.SIGKILL)


class Between(keras.callbacks.Callback):
    """Ends the process after the second epoch's row, before its backup."""

    def on_epoch_end(self, epoch, logs=None):
        self.epochs = getattr(self, "epochs", 0) + 1
        if self.epochs == 2:
            die()


class Begun(keras.callbacks.Callback):
    """Tells another process that training begins."""

    def __init__(self, pipe):
        super().__init__()
        self.pipe = pipe

    def on_train_begin(self, logs=None):
        os.write(self.pipe, b".")


def train(folder, pipe, place):
    # Not by Keras, which would import TensorFlow for it in each process.
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    model = small_models.vae()
    folder.mkdir(exist_ok=True)
    backup = Backup(folder / "backup")
    rows = keras.callbacks.CSVLogger(folder / "log.csv", append=True)
    between = [Between()] if place == "row" else []
    replace, renames = os.replace, []

    def deadly(source, target):
        renames.append(target)
        if place == "written" and len(renames) == 2:
            die()
        replace(source, target)
        if place == "renamed" and len(renames) == 2:
            die()

    os.replace = deadly
    callbacks = [Begun(pipe), rows, *between, backup]
    small_models.fit(model, callbacks, NUM_EPOCHS)
    np.savez(folder / "state.npz", **state_of(model))


def run(folder, place=None, delay=None):
    """Trains in a fork, killed after so many seconds; returns how long it trained."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            train(folder, writing, place)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    os.close(writing)
    os.read(reading, 1)
    start = time.monotonic()
    if delay is not None:
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(reading)
    # On a machine that other work has left meanwhile, a run may end before its kill.
    expected = [-signal.SIGKILL] if place is not None else [0]
    if delay is not None:
        expected.append(-signal.SIGKILL)
    code = os.waitstatus_to_exitcode(status)
    if code not in expected:
        raise RuntimeError(f"a run ended with {code}, which is none of {expected}")
    return time.monotonic() - start


def main():
    folder, seed, num_kills = pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:])
    small_models.fit(small_models.vae(), [], 1)  # imports more, once for all
    seconds = run(folder / "straight")
    for place in PLACES:
        run(folder / "killed", place)
    rng = random.Random(seed)
    for _ in range(num_kills):
        # All delays together are shorter than what is left to train.
        run(folder / "killed", delay=rng.uniform(0, 0.7 * seconds / num_kills))
    run(folder / "killed")


if __name__ == "__main__":
    main()
