"""Several examples that are judged together, as one with more channels."""

from keras import ops


def packed(x, packing):
    """Returns packs of examples, joined along the last axis.

    Args:
        x: Tensor `(batch, ..., channels)`.
        packing: Positive int, examples a pack; neighbours in the batch.

    Returns:
        Tensor `(batch / packing, ..., packing * channels)`.

    Raises:
        ValueError: If a known batch size is no multiple of `packing`.
    """
    if packing == 1:
        return x
    size = x.shape[0]
    if size is not None and size % packing:
        raise ValueError(
            f"The batch must hold a multiple of `packing` examples. Received a batch "
            f"of {size} and packing={packing}; use a batch size that leaves no other "
            "last batch, or drop it."
        )
    middle, channels = tuple(x.shape[1:-1]), x.shape[-1]
    x = ops.reshape(x, (-1, packing, *middle, channels))
    x = ops.moveaxis(x, 1, -2)  # (packs, ..., packing, channels)
    return ops.reshape(x, (-1, *middle, packing * channels))
