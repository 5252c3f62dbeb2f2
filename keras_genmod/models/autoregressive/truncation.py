"""Sampling from the likeliest levels alone: top-k and nucleus."""

from typing import Any

from keras import ops

from keras_genmod.models.autoregressive.raster_sampling import RasterNetwork

_NEVER = -1e9  # a logit that leaves no chance at any temperature in use


def truncated(logits, top_k: int | None, top_p: Any):
    """Returns logits with all but the likeliest levels out of reach.

    Args:
        logits: Float32 tensor `(..., num_levels)`.
        top_k: How many levels stay, or `None` for all; ties with the last one stay.
        top_p: Float tensor `()`: of these levels the fewest stay whose chances add up
            to it; the likeliest one always does. Or `None`.

    Logits of NaN stay NaN.
    """
    if top_k is not None and top_k < logits.shape[-1]:
        largest = ops.top_k(logits, top_k)[0]
        logits = ops.where(logits < largest[..., -1:], _NEVER, logits)  # NaN stays
    if top_p is not None:
        ranked = ops.flip(ops.sort(logits, axis=-1), axis=-1)
        chances = ops.softmax(ranked, axis=-1)
        before = ops.cumsum(chances, axis=-1) - chances
        stays = before < top_p  # the first one: 0 < top_p
        least = ops.min(ops.where(stays, ranked, ranked[..., :1]), axis=-1)
        logits = ops.where(logits < least[..., None], _NEVER, logits)
    return logits


class Truncated(RasterNetwork):
    """A network whose outputs, logits of levels, are truncated.

    Args:
        model: `AutoregressiveModel` of independent levels.
        network: Its network, with caches or without.
        temperature: Positive float tensor `()`, which the logits are divided by after.
        top_k: Positive int, or `None`.
        top_p: Float tensor `()`, or `None`.
    """

    def __init__(self, model, network, temperature, top_k, top_p):
        self._num_levels, self._network = model.num_levels, network
        self._temperature, self._limits = temperature, (top_k, top_p)
        self.num_lanes = network.num_lanes

    def init_cache(self):
        return self._network.init_cache()

    def prefill(self, cache, row):
        return self._network.prefill(cache, row)

    def step(self, pixel, cache, row, column):
        outputs, cache = self._network.step(pixel, cache, row, column)
        logits = ops.cast(outputs, "float32") / self._temperature
        if self._num_levels == 2:  # one logit, that of level 1 beside level 0
            logits = ops.stack([ops.zeros_like(logits), logits], axis=-1)
            logits = truncated(logits, *self._limits)
            logits = logits[..., 1] - logits[..., 0]
        else:
            size = logits.shape[-1]
            shape = (-1, size // self._num_levels, self._num_levels)
            levels = truncated(ops.reshape(logits, shape), *self._limits)
            logits = ops.reshape(levels, (-1, size))
        return logits * self._temperature, cache

    def put(self, pixel, cache, row, column):
        return self._network.put(pixel, cache, row, column)
