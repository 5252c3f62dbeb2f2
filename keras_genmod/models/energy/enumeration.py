"""Sums over all states of a layer of binary units."""

from keras import ops

from keras_genmod.engine import scan

_BLOCK = 12  # log2 of the number of states that are held at a time


def log_sum_over_states(num_units, log_weight):
    """Returns log sum_s exp(log_weight(s)) over all states s in {0, 1}^num_units.

    Goes through the states in blocks, in a loop on the device, so memory does not grow
    with their number, but for one float a block.

    Args:
        num_units: Positive int.
        log_weight: Function from states `(block, num_units)` to `(block, ...)`.

    Returns:
        Float32 tensor of shape `(...)`, in nats.
    """
    block = min(num_units, _BLOCK)
    shifts = ops.arange(num_units, dtype="int32")

    def block_sum(i):
        states = i * 2**block + ops.arange(2**block, dtype="int32")
        bits = ops.right_shift(states[:, None], shifts) % 2
        return ops.logsumexp(log_weight(ops.cast(bits, "float32")), axis=0)

    first = block_sum(0)
    if block == num_units:
        return first
    blocks = ops.arange(1, 2 ** (num_units - block), dtype="int32")
    # The sums of blocks are added up at the end, so that rounding does not grow.
    sums = scan(lambda _, i: block_sum(i), first, blocks)
    return ops.logsumexp(ops.concatenate([first[None], sums]), axis=0)
