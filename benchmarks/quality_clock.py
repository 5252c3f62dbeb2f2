"""Training by the clock: batches without end, rates that fall, the best so far."""

import json
import time

import keras
import numpy as np
from keras import ops

from benchmarks.step_time import hardware

_EVERY = 10  # steps between two looks at the clock


class Batches(keras.utils.PyDataset):
    """Batches of images, shuffled and binarized by functions of the step alone.

    A round is what Keras takes for an epoch. `epoch` must follow Keras' count, which
    goes on where a run was stopped.

    Args:
        images: Array `(n, ...)` in [0, 1].
        batch_size: Int.
        steps: Int, steps of a round.
        is_binary: Whether pixels are drawn anew in each step.
        seed: Int.
    """

    def __init__(self, images, batch_size, steps, is_binary, seed):
        super().__init__()
        self.epoch = 0
        self._images, self._batch_size, self._steps = images, batch_size, steps
        self._is_binary, self._seed = is_binary, seed
        self._order = (None, None)

    def __len__(self):
        return self._steps

    def __getitem__(self, index):
        step = self.epoch * self._steps + index
        number, start = divmod(step, len(self._images) // self._batch_size)
        if self._order[0] != number:
            rng = np.random.default_rng((self._seed, number))
            self._order = number, rng.permutation(len(self._images))
        start *= self._batch_size
        chosen = np.sort(self._order[1][start : start + self._batch_size])
        x = self._images[chosen]
        if self._is_binary:
            rng = np.random.default_rng((self._seed, 1, step))
            x = rng.random(x.shape, "float32") < x
        return (x.astype("float32"),)


class Clock(keras.callbacks.Callback):
    """Stops training after its minutes; until then learning rates fall to zero.

    Minutes are those of steps alone: not of compiling the first one, nor of validation.
    On a CPU they are CPU time of the process, whose threads all count, so that what
    else the machine does costs a row nothing; on a GPU they are of the wall clock. What
    was used is kept in a file, from which a run that was stopped goes on.

    Args:
        minutes: Float.
        path: Path of the file.
        batches: `Batches` whose epoch follows, or `None`.
    """

    def __init__(self, minutes, path, batches=None):
        super().__init__()
        self._now = time.process_time if hardware()[0] == "cpu" else time.perf_counter
        self._budget, self._path, self._batches = 60 * minutes, path, batches
        self.spent, self.steps = 0.0, 0
        if path.exists():
            self.spent, self.steps = json.loads(path.read_text())
        self._since = None

    @property
    def minutes(self):
        """Minutes of training until now."""
        return self.spent / 60

    @property
    def is_over(self):
        """Whether the minutes are used up."""
        return self.spent >= self._budget

    def on_train_begin(self, logs=None):
        # Of several optimizers, the group changes all rates alike.
        self._rate = float(ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self._since = None  # the first step compiles

    def on_epoch_begin(self, epoch, logs=None):
        if self._batches is not None:
            self._batches.epoch = epoch
        if self._since is not None:
            self._since = self._now()
        self._set_rates()

    def on_train_batch_end(self, batch, logs=None):
        if self.is_over:  # a run that was finished before
            self.model.stop_training = True
            return
        self.steps += 1
        if self._since is None:
            self._since = self._now()
        if batch % _EVERY == 0:
            self._count()
            self._set_rates()
            self.model.stop_training = self.is_over

    def _count(self):
        if self._since is not None:
            now = self._now()
            self.spent += now - self._since
            self._since = now

    def _set_rates(self):
        if hasattr(self.model, "jax_state_sync"):  # JAX keeps weights apart in `fit`
            self.model.jax_state_sync()
        left = max(0.0, 1.0 - self.spent / self._budget)
        self.model.optimizer.learning_rate = self._rate * left

    def on_epoch_end(self, epoch, logs=None):
        self._count()  # what other callbacks do between rounds is not training
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps([self.spent, self.steps]))


class Best(keras.callbacks.Callback):
    """Keeps the weights that validation likes best, every few minutes of the clock.

    Args:
        clock: `Clock`.
        score: Function of the model that returns a float, the higher the better.
        every: Float, minutes.
        path: Path of the weights; what is known of them goes beside.
    """

    def __init__(self, clock, score, every, path):
        super().__init__()
        self._clock, self._score, self._every = clock, score, every
        self.path = path
        self._notes = path.with_suffix(".json")
        self.history = []  # [minutes, score] of each look
        if self._notes.exists():
            self.history = json.loads(self._notes.read_text())

    def on_epoch_end(self, epoch, logs=None):
        last = self.history[-1][0] if self.history else 0.0
        if self._clock.minutes >= last + self._every:
            self.look()

    def look(self):
        """Scores the model as it is, unless it was at this time of the clock."""
        if self.history and self.history[-1][0] >= self._clock.minutes:
            return
        found = float(self._score(self.model))
        if not self.history or found > max(score for _, score in self.history):
            self.model.save_weights(self.path)
        self.history.append([self._clock.minutes, found])
        self._notes.write_text(json.dumps(self.history))

    def best(self):
        """Returns minutes and score of the best look."""
        return max(self.history, key=lambda minutes_and_score: minutes_and_score[1])
