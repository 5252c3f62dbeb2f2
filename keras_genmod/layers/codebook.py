"""Looking vectors up in a codebook, some codes at a time.

Neither function holds more than vectors x 256 numbers and a copy of its arguments,
however many codes there are.
"""

import math

from keras import ops

from keras_genmod.engine import argmax, fori_loop, read, write

_BLOCK = 256  # codes at a time


def nearest_codes(vectors, codebook):
    """Returns the nearest code of each vector, int32 `(n,)`; the first of equal ones.

    The least |v - e|^2 is the most v.e - |e|^2 / 2, with both taken from the codebook's
    mean: far away from the origin the squares would swallow the differences.

    Args:
        vectors: Float32 tensor `(n, code_dim)`; no gradient.
        codebook: Float32 tensor `(num_codes, code_dim)`.
    """
    num_codes = codebook.shape[0]
    codebook = ops.stop_gradient(codebook)
    center = ops.mean(codebook, axis=0)
    vectors, codebook = ops.stop_gradient(vectors) - center, codebook - center
    offsets = -0.5 * ops.sum(ops.square(codebook), axis=1)
    size = min(_BLOCK, num_codes)
    num_blocks = math.ceil(num_codes / size)
    padding = num_blocks * size - num_codes
    codebook = ops.pad(codebook, ((0, padding), (0, 0)))
    offsets = ops.pad(offsets, (0, padding), constant_values=-math.inf)
    # Offsets in the product: no second array of all vectors and a block of codes.
    vectors = ops.concatenate([vectors, ops.ones_like(vectors[:, :1])], axis=1)
    codebook = ops.concatenate([codebook, offsets[:, None]], axis=1)

    if num_blocks == 1:
        scores = vectors @ ops.transpose(codebook)  # (n, size)
        return argmax(scores)

    def step(i, carry):
        most, code = carry
        block = read(codebook, i * size, size, axis=0)
        scores = vectors @ ops.transpose(block)  # (n, size)
        found = ops.max(scores, axis=1)
        place = argmax(scores) + i * size
        nearer = found > most
        return ops.where(nearer, found, most), ops.where(nearer, place, code)

    most = ops.full_like(vectors[:, 0], -math.inf)
    start = most, ops.zeros_like(most, dtype="int32")
    return fori_loop(num_blocks, step, start)[1]


def code_totals(codes, num_codes: int, vectors=None):
    """Returns how often each code comes, and the sum of the vectors that have it.

    As products of matrices, in the same order each time: sums that are scattered come
    out in another order, and so otherwise rounded, each time on a GPU.

    Args:
        codes: Int32 tensor `(n,)`.
        num_codes: Positive int.
        vectors: Float32 tensor `(n, code_dim)`, without gradient; or `None`.

    Returns:
        Float32 tensors `(num_codes,)` and `(num_codes, code_dim)`, the latter `None`
        without vectors.
    """
    size = min(_BLOCK, num_codes)
    num_blocks = math.ceil(num_codes / size)
    order = ops.arange(size, dtype="int32")

    def step(i, totals):
        belongs = ops.cast(codes[:, None] == order + i * size, "float32")  # (n, size)
        found = [ops.sum(belongs, axis=0)]
        if vectors is not None:
            found.append(ops.transpose(belongs) @ vectors)
        return [
            write(total, part, i * size, axis=0)
            for total, part in zip(totals, found, strict=True)
        ]

    shapes = [()] if vectors is None else [(), vectors.shape[-1:]]
    start = [ops.zeros((num_blocks * size, *shape), "float32") for shape in shapes]
    totals = [total[:num_codes] for total in fori_loop(num_blocks, step, start)]
    return totals[0], totals[1] if vectors is not None else None
