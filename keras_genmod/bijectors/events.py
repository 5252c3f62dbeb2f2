"""What element-wise and structural bijectors do with all values of an event."""

from keras import ops


def sum_event(x):
    """Sums over all axes but the first: `(batch, *event)` to `(batch,)`."""
    return ops.sum(x, axis=tuple(range(1, len(x.shape))))


def same_for_all(log_det, x):
    """Returns a log-determinant of shape `()` once for each example, `(batch,)`."""
    return ops.broadcast_to(ops.cast(log_det, "float32"), (ops.shape(x)[0],))
