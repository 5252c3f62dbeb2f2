"""One loss, the networks it trains and how often."""

import contextlib
import contextvars
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
from keras import ops, tree


@dataclasses.dataclass(frozen=True)
class Objective:
    """One of the losses that an adversarial model minimises in turn.

    A train step takes a model's objectives in order. Each is differentiated with
    respect to its own networks only and updates them with its own optimizer.

    What its own networks add to a loss counts too, in training and in evaluation:
    regularizers of their trainable weights, once, and what `call_network` saw their
    layers add (activity regularizers, `add_loss`), for each call.

    An objective with `steps=k` is minimised `k` times a batch, each time on another
    strided slice, `x[i::k]`: every example is used exactly once, also when `k` does
    not divide the batch (the first slices are then one example longer). A batch of
    fewer than `k` examples is an error.

    Args:
        name: String. Names the optimizer in `compile` and the logged
            `"<name>_loss"`.
        loss: Callable `loss(inputs, passed_on, training)` that returns
            `(loss, passed_on)`: a scalar of shape `()`, the mean over the slice, and
            what the later objectives of the same step get as their `passed_on`, with
            gradients stopped. So what one objective has computed (a translator's
            images, say) is not computed again by the next. It is `None` for the first.
        networks: Sequence of Keras models or layers whose trainable variables the
            loss updates.
        steps: Positive int, the number of updates a batch.
        constrain: Callable from a value to one of the same shape, applied to each
            trainable variable after each update; or `None`. It may read weights of
            the model.
        after: Callable without arguments that is called after each update, or `None`.
            It may assign weights of the model that no optimizer trains, averages say.
        is_due: Callable without arguments that is asked before each loss, and returns a
            boolean tensor `()`: where it is false, the update leaves the trainable
            variables and the optimizer's as they are, whatever the gradient; or `None`
            for an update each time.
    """

    name: str
    loss: Callable[[Any, Any, bool], tuple[Any, Any]]
    networks: Sequence[Any]
    steps: int = 1
    constrain: Callable[[Any], Any] | None = None
    after: Callable[[], None] | None = None
    is_due: Callable[[], Any] | None = None

    def trainable_variables(self) -> list:
        """Returns the trainable variables of the networks, each one once."""
        unique = {
            id(variable): variable
            for network in self.networks
            for variable in network.trainable_variables
        }
        return list(unique.values())

    def evaluate(self, inputs: Any, passed_on: Any, training: bool) -> tuple[Any, Any]:
        """Returns `(loss, passed_on)` for one slice of the batch."""
        with _recording(self.networks) as added:
            loss, passed_on = self.loss(inputs, passed_on, training)
        for variable in self.trainable_variables():
            if variable.regularizer is not None:
                added.append(variable.regularizer(ops.convert_to_tensor(variable)))
        for extra in added:
            loss = loss + ops.sum(ops.cast(extra, "float32"))
        return loss, passed_on


def finish_update(objective: Objective, variables: Sequence[Any]) -> None:
    """Assigns what an objective's constraint makes of its variables; then `after`."""
    if objective.constrain is not None:
        for variable in variables:
            variable.assign(objective.constrain(ops.convert_to_tensor(variable)))
    if objective.after is not None:
        objective.after()


def call_network(network: keras.Layer, inputs: Any, training: bool) -> Any:
    """Returns `network(inputs)` as float32; notes losses that its layers add.

    Keras forgets them at the next call of the network, and an objective may call it
    more than once. Only those of the objective's own networks are kept.

    Args:
        network: Keras model or layer.
        inputs: What it takes.
        training: Whether it is called to train.

    Returns:
        Tensor, or a nest of them where the network returns one.
    """
    outputs = network(inputs, training=training)
    recorder = _recorder.get()
    if recorder is not None:
        recorder.look_at(network)
    return tree.map_structure(lambda output: ops.cast(output, "float32"), outputs)


class _Recorder:
    """The losses that calls of some networks add."""

    def __init__(self, networks):
        self.own = {id(network) for network in networks}
        self.losses: list = []

    def look_at(self, network):
        if id(network) not in self.own:
            return
        # `losses` ends with one loss a regularized weight, which count once.
        losses = network.losses
        of_weights = sum(v.regularizer is not None for v in network.trainable_weights)
        self.losses.extend(losses[: len(losses) - of_weights])


# Replicas of `tf.distribute` run in threads: each has a context of its own.
_recorder: contextvars.ContextVar[_Recorder | None] = contextvars.ContextVar(
    "recorder", default=None
)


@contextlib.contextmanager
def _recording(networks) -> Iterator[list]:
    recorder = _Recorder(networks)
    token = _recorder.set(recorder)
    try:
        yield recorder.losses
    finally:
        _recorder.reset(token)
