"""The learned variance of a normal likelihood, where an objective has to own it."""

from typing import Any

import keras


class OutputVariance(keras.layers.Layer):
    """Holds `log_var`, the log-variance of all values of p(x | z), 0 at first.

    A model with one loss trains a weight of its own; one of several objectives trains
    what its layers own.

    Args:
        **kwargs: As in `keras.layers.Layer`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.log_var = self.add_weight(
            (), "zeros", "float32", autocast=False, name="output_log_var"
        )
        self.built = True
