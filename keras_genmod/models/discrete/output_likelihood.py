"""What the outputs of a decoder say of data."""

from typing import Any

from keras_genmod import checks
from keras_genmod.distributions import (
    Bernoulli,
    DiscretizedLogisticMixture,
    Normal,
)
from keras_genmod.models import network_checks, valid_data

KINDS = ("bernoulli", "logistic_mixture", "normal")


class OutputLikelihood:
    """p(x | decoder's output) of one kind, and the data that it is of.

    Args:
        kind: "bernoulli", "normal" or "logistic_mixture".
        num_levels: Int, levels of the data of "logistic_mixture".
        data_shape: Tuple of ints, without the batch.
    """

    def __init__(self, kind: str, num_levels: int, data_shape: Any) -> None:
        self.kind = checks.choice("likelihood", kind, KINDS)
        num_levels = checks.integer("num_levels", num_levels, 2)
        self._levels, self._data_shape = num_levels, tuple(data_shape)
        #: Levels that have a probability; `None` for a density.
        self.num_levels = {"bernoulli": 2, "normal": None}.get(kind, num_levels)

    def check_decoder(self, decoder: Any, code_shape: Any) -> None:
        """Raises a `ValueError` unless the decoder maps code vectors to parameters."""
        if self.kind != "logistic_mixture":
            network_checks.maps("decoder", decoder, code_shape, self._data_shape)
            if self.kind == "bernoulli":
                network_checks.warn_unless_scores("decoder", decoder)
            return
        found, output_shape = network_checks.shapes("decoder", decoder)
        each = DiscretizedLogisticMixture.num_parameters(self._data_shape[-1])
        places = self._data_shape[:-1]
        fits = output_shape[:-1] == places and output_shape[-1] % each == 0
        if found != tuple(code_shape) or not fits:
            raise ValueError(
                f"`decoder` must map shape {tuple(code_shape)} to {places} and a "
                f"multiple of {each} channels, so many parameters has a component of "
                f"likelihood='logistic_mixture'. Received a network from {found} to "
                f"{output_shape}"
            )

    def distribution(self, output: Any, log_var: Any = None) -> Any:
        """Returns p(x | output).

        Args:
            output: What the decoder returns.
            log_var: Float tensor `()`, of "normal".
        """
        if self.kind == "bernoulli":
            return Bernoulli(output)
        if self.kind == "normal":
            return Normal(output, log_var)
        return DiscretizedLogisticMixture.from_outputs(
            output, self._data_shape[-1], self._levels
        )

    def log_prob(self, output: Any, data: Any, log_var: Any = None) -> Any:
        """Returns log p(data | output) in nats, `(batch,)`; NaN where there is none.

        Later batches of a stream come unseen, and off the levels it is no bound.
        """
        log_prob = self.distribution(output, log_var).log_prob(data)
        if self.kind == "bernoulli":
            valid = valid_data.in_range(data, 0.0, 1.0)
        elif self.kind == "logistic_mixture":
            valid = valid_data.on_levels(data, self._levels)
        else:
            return log_prob
        return valid_data.nan_unless(valid, log_prob)

    def check_examples(self, x: Any) -> None:
        """Raises a `ValueError` unless all values of `x` have a likelihood."""
        if self.kind == "bernoulli":
            checks.unit_range("x", x)
        elif self.kind == "logistic_mixture":
            checks.levels("x", x, self._levels)
