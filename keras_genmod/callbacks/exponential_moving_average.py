"""Averages of weights, in place of the weights, wherever a model is looked at."""

import contextlib
from typing import Any

import keras

from keras_genmod.engine import average_pairs, copies_of, put_averages

_IN_USE = "_averages_in_use"  # where a model keeps the callbacks that have swapped


class ExponentialMovingAverage(keras.callbacks.Callback):
    """Uses averages of the weights of chosen networks for all but training.

    After each step t of its optimizer a weight w has the average
    a_t = momentum a_(t-1) + (1 - momentum) w_t, with a_1 = w_1. Keras' optimizers keep
    it inside the compiled step, when they are made with `use_ema=True` and
    `ema_momentum`; so it is saved and resumed with their other variables. This callback
    only puts the averages in the weights' place: at the end of an epoch, for the
    callbacks that are listed after it (pictures, metrics, checkpoints), during
    validation, and for good when training ends. The weights come back before training
    goes on.

    `Backup` keeps the weights that train, wherever it stands in the list, so that a
    resumed run equals a straight one.

    Args:
        networks: Sequence of names, each an attribute of the model that holds a network
            (`"generator"`, `"decoder"`) or one of its objectives; `None` for all
            weights whose optimizer keeps averages.

    Raises:
        ValueError: In `fit`, before training, if a name is unknown or the optimizer of
            a network keeps no averages.

    Note:
        Weights that do not train, such as the statistics of batch normalization, are
        not averaged. At the end of `fit` Keras puts in the averages of every optimizer
        that keeps some, chosen or not; a second `fit` starts from the averages, or with
        `Backup` from the weights. `keras.callbacks.BackupAndRestore` must be listed
        before this callback, as it knows nothing of averages.

    References:
        - Polyak and Juditsky, Acceleration of stochastic approximation by averaging,
          1992.
        - Yazici et al., The unusual effectiveness of averaging in GAN training, 2019,
          arXiv:1806.04498.

    Example:
        ```python
        model.compile(
            {
                "discriminator": keras.optimizers.Adam(2e-4),
                "generator": keras.optimizers.Adam(
                    2e-4, use_ema=True, ema_momentum=0.999
                ),
            }
        )
        average = keras_genmod.callbacks.ExponentialMovingAverage(["generator"])
        model.fit(x, epochs=10, callbacks=[average, checkpoint])
        ```
    """

    def __init__(self, networks: Any = None) -> None:
        super().__init__()
        if networks is not None:
            networks = [networks] if isinstance(networks, str) else networks
            is_list = isinstance(networks, (list, tuple))
            if not is_list or not all(isinstance(name, str) for name in networks):
                raise ValueError(
                    "`networks` must be a sequence of names, or None. "
                    f"Received: networks={networks!r}"
                )
        self.networks = networks
        self._weights = None  # the values that train, while averages are in the model
        self._swapped_for_test = False

    def on_train_begin(self, logs=None):
        # What an interrupted run left. A backup may have loaded newer weights.
        self._weights = None
        self.model.__dict__.pop(_IN_USE, None)
        self._swapped_for_test = False
        if not self.model.optimizer.built:  # on TensorFlow, before the first step
            self.model.optimizer.build(self.model.trainable_variables)
        self._check_averages()

    def on_epoch_begin(self, epoch, logs=None):
        self.swap_out()

    def on_epoch_end(self, epoch, logs=None):
        self.swap_in()

    def on_test_begin(self, logs=None):
        self._swapped_for_test = self._weights is None
        self.swap_in()

    def on_test_end(self, logs=None):
        if self._swapped_for_test:
            self.swap_out()
        self._swapped_for_test = False

    def on_train_end(self, logs=None):
        # Keras has put the averages in; on JAX so that another `fit` would fail.
        self._weights = None
        self.model.__dict__.pop(_IN_USE, None)
        put_averages(self.model.optimizer)

    def swap_in(self) -> None:
        """Puts the averages into the model, if they are not there."""
        if self._weights is not None:
            return
        pairs = self._pairs(started=True)
        self._weights = copies_of(variable for variable, _ in pairs)
        values = copies_of(average for _, average in pairs)
        for (variable, _), value in zip(pairs, values, strict=True):
            variable.assign(value)
        self.model.__dict__.setdefault(_IN_USE, []).append(self)

    def swap_out(self) -> None:
        """Puts the weights that train back into the model, if they are not there."""
        if self._weights is None:
            return
        pairs = self._pairs(started=True)
        for (variable, _), value in zip(pairs, self._weights, strict=True):
            variable.assign(value)
        self._weights = None
        self.model.__dict__[_IN_USE].remove(self)

    def _pairs(self, started=False):
        """Returns the chosen variables with their averages."""
        pairs = average_pairs(self.model.optimizer, started)
        chosen = {id(variable) for variable in self._chosen()}
        return [(variable, a) for variable, a in pairs if id(variable) in chosen]

    def _chosen(self):
        """Returns the variables of the chosen networks."""
        if self.networks is None:
            return self.model.trainable_variables
        return [v for name in self.networks for v in self._variables_of(name)]

    def _variables_of(self, name):
        """Returns the trainable variables of a network or an objective."""
        network = getattr(self.model, name, None)
        if network is not None and hasattr(network, "trainable_variables"):
            return network.trainable_variables
        objectives = _objectives(self.model)
        for objective in objectives:
            if objective.name == name:
                return objective.trainable_variables()
        raise ValueError(
            f"`networks` must name networks of {type(self.model).__name__} (attributes "
            "of the model) or objectives of it "
            f"{[objective.name for objective in objectives]}. Received: {name!r}"
        )

    def _check_averages(self):
        """Raises a `ValueError` unless averages are kept of all that is chosen."""
        averaged = {id(variable) for variable, _ in self._pairs()}
        missing = {id(v): v for v in self._chosen() if id(v) not in averaged}
        if not missing or (averaged and self.networks is None):
            return
        averaging = "keras.optimizers.Adam(use_ema=True, ema_momentum=0.999)"
        members = [
            f'"{objective.name}": '
            + (averaging if missing.keys() & ids else "keras.optimizers.Adam()")
            for objective in _objectives(self.model)
            for ids in [{id(v) for v in objective.trainable_variables()}]
        ]
        optimizer = f"{{{', '.join(members)}}}" if members else averaging
        raise ValueError(
            f"The optimizer keeps no average of {next(iter(missing.values())).path!r}: "
            "its averages are kept from step to step, so compile the model with "
            f"`use_ema`, such as `model.compile({optimizer})`."
        )


def _objectives(model):
    return model.objectives() if hasattr(model, "objectives") else []


@contextlib.contextmanager
def training_weights(model):
    """Holds the weights that train in the model for as long as the context lasts.

    Args:
        model: Keras model; that of an `ExponentialMovingAverage` may hold averages.
    """
    callbacks = list(model.__dict__.get(_IN_USE, ()))
    for callback in reversed(callbacks):
        callback.swap_out()
    try:
        yield
    finally:
        for callback in callbacks:
            callback.swap_in()
