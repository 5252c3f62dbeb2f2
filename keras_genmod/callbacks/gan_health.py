"""What goes wrong in adversarial training, in figures and in words."""

import numbers
import os
import warnings
from typing import Any

import keras
import numpy as np
from keras import ops
from scipy.spatial.distance import pdist

from keras_genmod import checks
from keras_genmod.callbacks.labels import standardize_labels
from keras_genmod.callbacks.tensorboard.event_writer import EventWriter


class GanHealthWarning(UserWarning):
    """An adversarial training goes wrong."""


class GanHealth(keras.callbacks.Callback):
    """Reports the health of an adversarial model, and warns in words.

    The figures are in the logs, so `History`, `CSVLogger` and `TensorBoard` have them:

    - `<name>_gradient_norm` for each objective, the mean over an epoch's steps of the
      norm of its gradient. It comes out of the compiled step, which is traced with it
      for as long as this callback trains, and is not reported without.
    - `sample_diversity`: the mean distance between two samples over the mean distance
      between two examples of `real`: 1 if samples vary as the data do, 0 if all are the
      same. At epoch ends, from the same random numbers each time.
    - `pack_order_spread`, of a model with `packing` and without labels: the standard
      deviation of a pack's score over orders of its examples, packs of `real`, over the
      deviation of all these scores: 0 if the order means nothing, as it should, and at
      most 1. Of shifts and their reversals, where diversity is measured.
    - `<name>_singular_value` for each objective, with `singular_values`: the largest
      one of the kernels it trains, as they are before any spectral normalization, each
      a matrix whose columns are its last axis. That of a generator explodes where
      training collapses (Brock, Donahue and Simonyan, 2018, arXiv:1809.11096, section
      4.1).
    - The model reports the rest by itself: `<name>_real_accuracy` and
      `<name>_fake_accuracy`, the share of scores on the right side, for a
      discriminator; for a critic, `wasserstein_distance`, the gap between the scores.

    It warns of mode collapse, of a discriminator that is right always (its generator
    learns nothing from it) and of gradients that vanish or explode: once for each
    cause, and again only if that cleared in between.

    Args:
        real: Array `(n, *data_shape)`, held-out or training data to compare the
            diversity with; at most `num_samples` are used. `None` leaves diversity and
            orders out, as it must be for a translator such as `CycleGAN`, which draws
            nothing.
        every: Positive int, epochs from one measurement of diversity, orders and
            singular values to the next. The epochs between repeat the last one.
        num_samples: Int of at least 2, samples drawn for one.
        seed: Int of at least 0, of the samples; conditional models draw each class in
            turn.
        collapse_below: Number, the diversity below which modes have collapsed.
        saturated_above: Number in [0, 1]: a discriminator that is right more often on
            real and on fake data alike is saturated.
        vanishing_below: Number, gradient norms below have vanished.
        exploding_above: Number, gradient norms above have exploded.
        singular_values: Whether to report them, which takes a decomposition a kernel.
        log_dir: String or path of the run's folder, where warnings are written as
            TensorBoard's text too, or `None`.

    Raises:
        OSError: At once, if `log_dir` cannot be written to.
        ValueError: If an argument is out of range; in `fit`, before training, if the
            model is not adversarial, or `real` is not of the shape of its samples.

    Example:
        ```python
        health = keras_genmod.callbacks.GanHealth(x_test, every=5)
        model.fit(x, epochs=100, callbacks=[health, board])
        ```
    """

    # Keras need not wait for each batch's losses: nobody looks at them here.
    async_safe = True

    def __init__(
        self,
        real: Any = None,
        every: Any = 1,
        num_samples: int = 256,
        seed: int = 0,
        collapse_below: float = 0.3,
        saturated_above: float = 0.99,
        vanishing_below: float = 1e-6,
        exploding_above: float = 1e3,
        singular_values: bool = False,
        log_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        self.every = checks.integer("every", every, 1)
        self.num_samples = checks.integer("num_samples", num_samples, 2)
        self.seed = checks.required_seed("seed", seed)
        self.collapse_below = _limit("collapse_below", collapse_below)
        self.saturated_above = _limit("saturated_above", saturated_above)
        self.vanishing_below = _limit("vanishing_below", vanishing_below)
        self.exploding_above = _limit("exploding_above", exploding_above)
        self.singular_values = checks.boolean("singular_values", singular_values)
        self._largest: dict[str, float] = {}
        self._real: Any = None
        self._real_shape, self._real_spread = None, None
        if real is not None:
            real = checks.examples("real", real)
            self._real_shape = real.shape[1:]
            picked = np.random.default_rng(seed).permutation(len(real))[:num_samples]
            self._real = real[np.sort(picked)]
            self._real_spread = _spread(self._real)
            if not self._real_spread > 0:
                raise ValueError(
                    "`real` must hold at least 2 different examples, all of them "
                    f"finite. Received: real.shape={real.shape}, at a mean distance "
                    f"of {self._real_spread}"
                )
        self._diversity, self._order_spread = None, None
        self._warned: set = set()  # causes that have not cleared
        self._writer = None if log_dir is None else EventWriter(log_dir)

    def on_train_begin(self, logs=None):
        model = self.model
        if not hasattr(model, "report_gradient_norms"):
            raise ValueError(
                "GanHealth needs an adversarial model, such as GAN, WGANGP or "
                f"CycleGAN. Received: {type(model).__name__}"
            )
        if self._real_spread is not None:
            self._check_samples()
        self._diversity, self._order_spread = None, None
        self._largest, self._warned = {}, set()
        model.report_gradient_norms()

    def on_epoch_end(self, epoch, logs=None):
        logs = {} if logs is None else logs
        if self._real_spread is not None:
            if (epoch + 1) % self.every == 0 or self._diversity is None:
                self._diversity = _spread(self._draw()) / self._real_spread
                self._order_spread = self._spread_over_orders()
            logs["sample_diversity"] = self._diversity
            if self._order_spread is not None:
                logs["pack_order_spread"] = self._order_spread
        if self.singular_values:
            if (epoch + 1) % self.every == 0 or not self._largest:
                self._largest = {
                    f"{objective.name}_singular_value": max(
                        map(_largest_singular_value, objective.trainable_variables())
                    )
                    for objective in self.model.objectives()
                }
            logs.update(self._largest)
        troubles = self._troubles(logs)
        for cause in troubles.keys() - self._warned:
            text = f"Epoch {epoch + 1}: {troubles[cause]}"
            warnings.warn(text, GanHealthWarning, stacklevel=2)
            if self._writer is not None:
                self._writer.add_text("train", f"health/{cause}", text, epoch)
        self._warned = set(troubles)

    def on_train_end(self, logs=None):
        self.model.report_gradient_norms(False)

    def _check_samples(self):
        try:
            shape = self._draw().shape[1:]
        except NotImplementedError as error:
            raise ValueError(
                f"`real` must be None for a {type(self.model).__name__}: there are no "
                f"samples to compare it with. {error}"
            ) from error
        if shape != self._real_shape:
            raise ValueError(
                f"`real` must have the shape of the samples, (n, *{shape}). "
                f"Received: (n, *{self._real_shape})"
            )

    def _draw(self):
        labels = standardize_labels(self.model, None, self.num_samples)
        samples = self.model.sample(self.num_samples, condition=labels, seed=self.seed)
        return np.asarray(ops.convert_to_numpy(samples))

    def _spread_over_orders(self):
        """Returns how much of the scores' deviation is one of orders within packs."""
        packing = getattr(self.model, "packing", 1)
        num_packs = len(self._real) // packing
        if packing == 1 or num_packs == 0 or self.model.is_conditional:
            return None
        shape = self._real.shape[1:]
        packs = self._real[: num_packs * packing].reshape(num_packs, packing, *shape)
        scores = []
        for order in _shifts_and_reversals(packing):
            x = packs[:, order].reshape(-1, *shape).astype("float32")
            found = self.model(ops.convert_to_tensor(x), training=False)
            found = np.asarray(ops.convert_to_numpy(found), "float64")
            scores.append(found.reshape(num_packs, -1).mean(axis=1))
        total = np.var(scores)
        return float(np.sqrt(np.var(scores, axis=0).mean() / total)) if total else 0.0

    def _troubles(self, logs):
        """Returns what is wrong, as a dict from the cause's name to a sentence."""
        troubles = {}
        diversity = logs.get("sample_diversity")
        if diversity is not None and not diversity >= self.collapse_below:
            troubles["mode_collapse"] = (
                f"the modes collapse: samples are {diversity:.2g} times as far apart "
                f"as data (`collapse_below`: {self.collapse_below})."
            )
        for objective in self.model.objectives():
            name = objective.name
            accuracies = [logs.get(f"{name}_{kind}_accuracy") for kind in _KINDS]
            if None not in accuracies and min(accuracies) > self.saturated_above:
                troubles[f"saturated_{name}"] = (
                    f"{name!r} is saturated: it is right in {accuracies[0]:.2%} of "
                    f"real and {accuracies[1]:.2%} of fake data (`saturated_above`: "
                    f"{self.saturated_above}); its generator learns little from it."
                )
            norm = logs.get(f"{name}_gradient_norm")
            if norm is not None and norm < self.vanishing_below:
                troubles[f"vanishing_{name}"] = (
                    f"the gradient of {name!r} vanishes: its norm is {norm:.2g} "
                    f"(`vanishing_below`: {self.vanishing_below})."
                )
            if norm is not None and not norm <= self.exploding_above:
                troubles[f"exploding_{name}"] = (
                    f"the gradient of {name!r} explodes: its norm is {norm:.2g} "
                    f"(`exploding_above`: {self.exploding_above})."
                )
        return troubles


_KINDS = ("real", "fake")


def _limit(name, value):
    """Returns a number of any sign, or infinite, where nothing is warned of."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_number or value != value:
        raise ValueError(f"`{name}` must be a number. Received: {name}={value!r}")
    return value


def _largest_singular_value(variable):
    """Returns that of a kernel as a matrix, and 0 of a vector."""
    if len(variable.shape) < 2:
        return 0.0
    matrix = ops.convert_to_numpy(variable).astype("float64")
    matrix = matrix.reshape(-1, matrix.shape[-1])
    short = matrix if len(matrix) <= matrix.shape[1] else matrix.T
    return float(np.sqrt(np.linalg.eigvalsh(short @ short.T)[-1]))


def _shifts_and_reversals(size):
    """Returns orders of some numbers, `(2 size, size)`: all of them for 2 and 3."""
    numbers = np.arange(size)
    shifts = (numbers[:, None] + numbers) % size
    return np.concatenate([shifts, shifts[:, ::-1]])


def _spread(x):
    """Returns the mean distance between two examples."""
    if len(x) < 2:
        return 0.0
    return float(pdist(np.reshape(x, (len(x), -1)).astype("float64")).mean())
