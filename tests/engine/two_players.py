"""A model of two objectives whose steps can be worked out by hand."""

import keras
import numpy as np
from keras import ops

from keras_genmod.engine import Objective
from keras_genmod.models.adversarial.adversarial_model import AdversarialModel


class TwoPlayers(AdversarialModel):
    """Minimises E w.x for `first`, then E (w.x + 1) v.x for `second`.

    Weights w and v start at zero; the networks have no bias.

    Args:
        dim: Length of an example.
        steps: Steps of `first` a batch.
        passes_on: Whether `second` minimises E (w.x) * E v.x with w.x of the first
            objective instead.
        shares: Whether `second` trains the first network too.
        **kwargs: As in `GenerativeModel`.
    """

    def __init__(self, dim, steps=1, passes_on=False, shares=False, **kwargs):
        super().__init__(data_shape=(dim,), **kwargs)
        self.first, self.second = (
            keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros", name=name)
            for name in ("first", "second")
        )
        self.first.build((None, dim))
        self.second.build((None, dim))
        self.steps = steps
        self.passes_on = passes_on
        self.shares = shares
        self.finish_construction()

    def define_objectives(self):
        networks = [self.first, self.second] if self.shares else [self.second]
        return [
            Objective("first", self._first_loss, [self.first], self.steps),
            Objective("second", self._second_loss, networks),
        ]

    def _first_loss(self, x, passed_on, training):
        scores = self._scores(self.first, x)
        loss = ops.mean(scores)
        return loss, scores + 1.0 if self.passes_on else None

    def _second_loss(self, x, passed_on, training):
        own = self._scores(self.first, x)
        factor = own + 1.0 if passed_on is None else passed_on
        # The term of no weight gives the first network a gradient, if only of zero.
        return ops.mean(factor * self._scores(self.second, x) + 0.0 * own), None

    @staticmethod
    def _scores(network, x):
        return ops.cast(network(ops.cast(x, "float32")), "float32")


def trained(model, x, batch_size=None, optimizer=None, epochs=1, **options):
    """Returns the model after training, by plain gradient descent of rate 1."""
    fit = {name: options.pop(name) for name in ("callbacks",) if name in options}
    optimizer = keras.optimizers.SGD(1.0) if optimizer is None else optimizer
    model.compile(optimizer, **options)
    model.fit(
        x,
        batch_size=len(x) if batch_size is None else batch_size,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        **fit,
    )
    return model


def weights(layer):
    """Returns the weight vector of a layer of the model."""
    return np.array(ops.convert_to_numpy(layer.kernel))[:, 0]
