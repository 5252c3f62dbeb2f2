"""What all coupling layers share: masks, the network, both directions."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.conditioner import check_network
from keras_genmod.bijectors.events import sum_event


class Coupling(Bijector):
    """Keeps a part of the event; maps the rest, value by value, as the part says.

    A network turns the kept part, zeros elsewhere, into the parameters of the map of
    every value. The Jacobian is triangular, so that log-determinants of the map of
    single values add up; and both directions are one pass, since the kept part is the
    same on both sides. A subclass defines `_map_values`.

    With the masks "half" and "channel" a network may give the parameters of the values
    that move alone, in their order; those of the part that stays, if it gives them,
    are dropped before the map.

    Args:
        event_shape: Tuple `(event_dim,)`, or `(height, width, channels)` of images; at
            least two values.
        network: Built Keras model from the event, or the list `[event, condition]`, to
            `outputs_per_value` times as many values on the last axis; or as many times
            the values that move.
        outputs_per_value: Positive int, how many parameters the map of a value has.
        mask: Which part is kept. "half": the first `event_dim // 2` values of a vector.
            "checkerboard": the pixels (i, j) of even i + j, or the values of even index
            of a vector. "channel": the first `channels // 2` channels of an image.
        flip: Whether the other part is kept instead.
        **kwargs: As in `Bijector`.

    Raises:
        ValueError: If the mask does not fit the event, or the network does not.
    """

    #: Whether a network's outputs are a value's parameters, then those of the next.
    _one_value_after_the_other = False

    def __init__(
        self,
        event_shape: Sequence[int],
        network: keras.Model,
        outputs_per_value: Any,
        mask: str = "half",
        flip: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(event_shape, **kwargs)
        self.network = network
        self.mask = mask
        self.flip = checks.boolean("flip", flip)
        self.outputs_per_value = outputs_per_value
        self._is_kept = _kept_part(mask, self.event_shape) != self.flip
        self._moving = _moving_channels(self._is_kept)
        *outer, channels = self.event_shape
        num_moving = channels if self._moving is None else len(self._moving)
        counts = sorted({channels, num_moving}, reverse=True)
        output_shapes = [(*outer, count * outputs_per_value) for count in counts]
        check_network(network, self.event_shape, output_shapes, self.condition_dim)
        self.built = True

    def _map_values(self, values, outputs, inverse):
        """Maps each value by its parameters, or back.

        Args:
            values: Float32 tensor `(batch, ..., count)`: the values that move, or all.
            outputs: Their parameters, `(batch, ..., count * outputs_per_value)`.
            inverse: Whether `values` are data.

        Returns:
            The mapped values and the log-derivative at each, of the shape of `values`.
        """
        raise NotImplementedError

    def _forward_and_log_det(self, z, condition):
        return self._apply(z, condition, inverse=False)

    def _inverse_and_log_det(self, x, condition):
        return self._apply(x, condition, inverse=True)

    def _apply(self, values, condition, inverse):
        is_kept = ops.convert_to_tensor(self._is_kept)
        kept = ops.where(is_kept, values, 0.0)
        inputs = kept if condition is None else [kept, condition]
        outputs = ops.cast(self.network(inputs), "float32")
        if self._moving is None:  # all over the event: maps all, and drops a part
            mapped, log_det = self._map_values(values, outputs, inverse)
            mapped = ops.where(is_kept, values, mapped)
            return mapped, sum_event(ops.where(is_kept, 0.0, log_det))
        start, stop = self._moving.start, self._moving.stop
        mapped, log_det = self._map_values(
            values[..., start:stop], self._parameters_of_moving(outputs), inverse
        )
        parts = [values[..., :start], mapped, values[..., stop:]]
        return ops.concatenate(parts, axis=-1), sum_event(log_det)

    def _parameters_of_moving(self, outputs):
        """Returns a network's outputs without those of the values that stay."""
        channels, count = self.event_shape[-1], self.outputs_per_value
        if outputs.shape[-1] == len(self._moving) * count:
            return outputs
        outer = self.event_shape[:-1]
        chosen = slice(self._moving.start, self._moving.stop)
        if self._one_value_after_the_other:
            outputs = ops.reshape(outputs, (-1, *outer, channels, count))
            outputs = outputs[..., chosen, :]
        else:
            outputs = ops.reshape(outputs, (-1, *outer, count, channels))
            outputs = outputs[..., chosen]
        return ops.reshape(outputs, (-1, *outer, len(self._moving) * count))

    def get_config(self):
        return {
            **super().get_config(),
            "event_shape": self.event_shape,
            "network": keras.saving.serialize_keras_object(self.network),
            "mask": self.mask,
            "flip": self.flip,
            "condition_dim": self.condition_dim,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(
            **keras.saving.deserialize_keras_object(
                config, custom_objects=custom_objects
            )
        )


def _kept_part(mask, event_shape):
    """Returns what the mask keeps of an event, a boolean array."""
    rank = {"half": (1,), "channel": (3,), "checkerboard": (1, 3)}
    checks.choice("mask", mask, rank)
    if len(event_shape) not in rank[mask]:
        raise ValueError(
            '`mask` must be "half" or "checkerboard" for vectors (event_dim,), '
            '"checkerboard" or "channel" for images (height, width, channels). '
            f"Received: mask={mask!r}, event_shape={event_shape}"
        )
    positions = np.indices(event_shape)
    if mask == "checkerboard":
        kept = positions[:2].sum(axis=0) % 2 == 0
    else:
        kept = positions[-1] < event_shape[-1] // 2
    if kept.all() or not kept.any():
        raise ValueError(
            "`event_shape` must have values on both sides of the mask: one side "
            "says how the other moves. "
            f"Received: event_shape={event_shape}, mask={mask!r}"
        )
    return kept


def _moving_channels(is_kept):
    """Returns the range of the last axis that moves, `None` if there is no such one."""
    moves = ~is_kept.reshape(-1, is_kept.shape[-1])
    start, stop = np.flatnonzero(moves.any(axis=0))[[0, -1]] + [0, 1]
    expected = np.zeros_like(moves)
    expected[:, start:stop] = True
    return range(int(start), int(stop)) if np.array_equal(moves, expected) else None
