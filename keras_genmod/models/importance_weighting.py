"""Importance-weighted bounds, with memory that does not grow with their draws."""

import math

from keras import ops


def log_mean_weight(log_weights, num_samples, chunk_size):
    """Returns log mean_k w_k of each example, `(batch,)`, with K = `num_samples`.

    Args:
        log_weights: Function `(chunk, size)` that returns log w `(batch, size)` of
            `size` draws; `chunk` is an int or a traced integer that tells one chunk's
            draws from another's.
        num_samples: Positive int.
        chunk_size: Positive int, draws at a time, at most.
    """

    def weigh(chunk, size):
        return ops.logsumexp(log_weights(chunk, size), axis=1)

    num_chunks, rest = divmod(num_samples, chunk_size)
    total = weigh(num_chunks, rest) if rest else None
    if num_chunks:
        first = weigh(0, chunk_size)
        total = first if total is None else ops.logaddexp(total, first)
        total = ops.fori_loop(
            1,
            num_chunks,
            lambda i, total: ops.logaddexp(total, weigh(i, chunk_size)),
            total,
        )
    return total - math.log(num_samples)
