"""What the LSTM layers over pixels share: gates, and the states that they make."""

from keras import ops

from keras_genmod import checks


def state_dtype(dtype: str) -> str:
    """Returns the type of LSTM states where a layer computes in `dtype`."""
    return "float32" if dtype in ("float16", "bfloat16") else dtype


def open_forget_gates(num_channels: int, num_directions: int = 1):
    """Returns an initializer of biases: 1 for forget gates, 0 for all others.

    Args:
        num_channels: Int, of the groups that the gates come in.
        num_directions: Int, how many LSTMs the biases are of.
    """

    def biases(shape, dtype=None):
        parts = (num_channels, num_directions, 4, -1)
        forget = ops.reshape(ops.arange(4) == 1, (1, 1, 4, 1))
        ones = ops.reshape(ops.ones(shape, dtype), parts)
        return ops.reshape(ones * ops.cast(forget, dtype), shape)

    return biases


def gates_first(gates, num_channels: int, num_gates: int = 4):
    """Turns the gates of each channel group into the groups of each gate.

    Masked convolutions keep the features of a group together; an LSTM wants to find
    all features of a gate in one place.

    Args:
        gates: Tensor `(batch, ..., num_gates filters)`.
        num_channels: Int, the number of groups, a divisor of `filters`.
        num_gates: Int.
    """
    if num_channels == 1:
        return gates
    shape = (-1, *gates.shape[1:])
    size = shape[-1] // (num_channels * num_gates)
    grouped = ops.reshape(gates, (*shape[:-1], num_channels, num_gates, size))
    return ops.reshape(ops.swapaxes(grouped, -3, -2), shape)


def next_state(gates, cell):
    """Returns `(hidden, cell)`, both `(..., filters)`.

    o, f, i = sigmoid(gates), g = tanh(gates)
    cell    = f * cell + i * g
    hidden  = o * tanh(cell)

    Gates and a cell of zeros give zeros.

    Args:
        gates: Tensor `(..., 4 filters)` of o, f, i and g before their activations.
        cell: Tensor `(..., filters)`.
    """
    filters = cell.shape[-1]
    opened = ops.sigmoid(gates[..., : 3 * filters])
    output, forget, take = (
        opened[..., i * filters : (i + 1) * filters] for i in range(3)
    )
    cell = forget * cell + take * ops.tanh(gates[..., 3 * filters :])
    return output * ops.tanh(cell), cell


def check_filters(filters, num_channels) -> tuple[int, int]:
    """Returns both as ints; a `ValueError` unless `filters` fall into equal groups."""
    num_channels = checks.positive_int("num_channels", num_channels)
    filters = checks.positive_int("filters", filters)
    if filters % num_channels:
        raise ValueError(
            "`filters` must be a positive multiple of `num_channels`, so that every "
            f"gate has groups of one size. Received: filters={filters}, "
            f"num_channels={num_channels}"
        )
    return filters, num_channels
