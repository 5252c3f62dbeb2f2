"""Importance-weighted bounds, with memory that does not grow with their draws."""

import math

from keras import ops

from keras_genmod.engine import fori_loop


def log_mean_weight(log_weights, num_samples: int, batch_size: int, limit: int):
    """Returns log mean_k w_k of each example, `(batch,)`, with K = `num_samples`.

    Draws of a batch are made in chunks of one size: as many as the limit allows, so
    that few examples take few large steps and many examples no more memory.

    Args:
        log_weights: Function `(chunk, size)` that returns log w `(batch, size)` of
            `size` draws; `chunk` is an int or a traced integer that tells one chunk's
            draws from another's.
        num_samples: Positive int.
        batch_size: Positive int, the number of examples.
        limit: Positive int, draws of all examples together at a time, at most; of
            more examples than that each gets one.
    """
    num_chunks = math.ceil(num_samples / max(1, limit // batch_size))
    chunk_size = math.ceil(num_samples / num_chunks)

    def weigh(chunk, size):
        return ops.logsumexp(log_weights(chunk, size), axis=1)

    num_whole, rest = divmod(num_samples, chunk_size)
    total = weigh(0, chunk_size)
    if rest:
        total = ops.logaddexp(total, weigh(num_whole, rest))
    total = fori_loop(
        num_whole - 1,
        lambda i, total: ops.logaddexp(total, weigh(i + 1, chunk_size)),
        total,
    )
    return total - math.log(num_samples)


def scale_gradient(tensor, factors):
    """Returns a tensor as it is, whose gradient is that of each row times a factor.

    Args:
        tensor: Float tensor `(rows, ...)`.
        factors: Tensor of as many factors as there are rows, of any shape.
    """
    factors = ops.reshape(factors, (-1, *(1 for _ in tensor.shape[1:])))
    fixed = ops.stop_gradient(tensor)
    return fixed + ops.stop_gradient(factors) * (tensor - fixed)
