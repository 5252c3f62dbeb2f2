"""One loss, the networks it trains and how often."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Objective:
    """One of the losses that an adversarial model minimises in turn.

    A train step takes a model's objectives in order. Each is differentiated with
    respect to its own networks only and updates them with its own optimizer.

    An objective with `steps=k` is minimised `k` times a batch, each time on another
    strided slice, `x[i::k]`: every example is used exactly once, also when `k` does
    not divide the batch (the first slices are then one example longer). A batch of
    fewer than `k` examples is an error.

    Args:
        name: String. Names the optimizer in `compile` and the logged
            `"<name>_loss"`.
        loss: Callable `loss(inputs, training)` that returns a scalar of shape `()`,
            the mean over the slice. It may return `(scalar, passed_on)` instead:
            the later objectives of the same step are then called as
            `loss(inputs, training, passed_on)`, with gradients stopped. So what one
            objective has computed (a translator's images, say) is not computed
            again by the next.
        networks: Sequence of Keras models or layers whose trainable variables the
            loss updates.
        steps: Positive int, the number of updates a batch.
    """

    name: str
    loss: Callable[..., Any]
    networks: Sequence[Any]
    steps: int = 1

    def trainable_variables(self) -> list:
        """Returns the trainable variables of the networks, each one once."""
        unique = {
            id(variable): variable
            for network in self.networks
            for variable in network.trainable_variables
        }
        return list(unique.values())

    def evaluate(self, inputs, training: bool, passed_on=None):
        """Returns `(loss, passed_on)` for one slice of the batch."""
        arguments = (
            (inputs, training)
            if passed_on is None
            else (
                inputs,
                training,
                passed_on,
            )
        )
        result = self.loss(*arguments)
        return result if isinstance(result, tuple) else (result, passed_on)
