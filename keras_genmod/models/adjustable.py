"""Scalars of a loss that training may change between epochs."""

import keras
import numpy as np


class Adjustable:
    """An attribute of a model that is a scalar weight, as Keras' `learning_rate`.

    A Python number would be compiled into the step; a weight is read anew in each
    step, saved with the model, and set by callbacks on every backend:

    ```python
    class VAE(GenerativeModel):
        beta = Adjustable(checks.non_negative)

    vae.beta = 0.5  # assigns the weight
    float(vae.beta)  # 0.5
    ```

    Args:
        check: Function of `(name, value)` that returns the number or raises.
        optional: Whether a model may be made with `None`: what the scalar weighs is
            then left out of the compiled steps, and a number is refused afterwards.
    """

    def __init__(self, check, optional=False):
        self._check = check
        self._optional = optional

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, model, owner=None):
        if model is None:
            return self
        try:
            return model.__dict__[f"_{self._name}_weight"]
        except KeyError:  # on TensorFlow, Keras asks before it sets
            raise AttributeError(self._name) from None

    def __set__(self, model, value):
        place = f"_{self._name}_weight"
        if self._optional and model.__dict__.get(place, 0) is None:
            raise ValueError(
                f"`{self._name}` must be given when the model is made to be changed "
                f"later: its steps leave it out. Received: {self._name}={value!r}"
            )
        if self._optional and value is None and place not in model.__dict__:
            model.__dict__[place] = None
            return
        number = self._check(self._name, value)
        value = float(np.float32(number))  # as the weight keeps it
        self._check(self._name, type(number)(value))  # and as a file is loaded
        weight = model.__dict__.get(place)
        if weight is not None:
            weight.assign(value)
            return
        weight = model.add_weight(
            shape=(),
            initializer=keras.initializers.Constant(value),
            dtype="float32",
            trainable=False,
            autocast=False,
            name=self._name,
        )
        # Past Keras' attribute tracking, which `add_weight` has done already.
        model.__dict__[place] = weight


def step_counter(model, name: str):
    """Returns a float32 weight of 0 that a model's loss counts its train steps in."""
    return model.add_weight(
        shape=(),
        initializer="zeros",
        dtype="float32",
        trainable=False,
        autocast=False,
        aggregation="only_first_replica",
        name=name,
    )
