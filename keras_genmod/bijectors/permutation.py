"""Another order of the values."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.events import same_for_all


@keras.saving.register_keras_serializable("keras_genmod")
class Permutation(Bijector):
    """f(z)_i = z_p(i) along the last axis, with a fixed permutation p; log|det| = 0.

    It lets the next coupling or autoregressive bijector see other values than the
    last. The permutation is part of the configuration, so that files hold it.

    Args:
        event_shape: Tuple of positive ints, the shape of an event; `(d,)` for vectors,
            the last axis being the channels of images.
        permutation: Sequence of ints, each of 0, ..., d - 1 once, or `"reverse"`;
            `None` draws one.
        seed: Int for the same draw each time.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of range.

    References:
        - Dinh, Krueger and Bengio, NICE, 2014, arXiv:1410.8516, section 3.3.
        - Germain et al., MADE, 2015, arXiv:1502.03509, for orders of variables.

    Example:
    ```python
    x = Permutation((3,), [2, 0, 1]).forward(ops.array([[0.0, 1.0, 2.0]]))  # 2 0 1
    ```
    """

    only_moves_values = True

    def __init__(
        self,
        event_shape: Sequence[int],
        permutation: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(event_shape, **kwargs)
        length = self.event_shape[-1]
        seed = checks.seed("seed", seed)
        if permutation is None:
            draw = keras.initializers.RandomUniform(seed=seed)((length,))
            permutation = np.argsort(ops.convert_to_numpy(draw))
        elif isinstance(permutation, str) and permutation == "reverse":
            permutation = range(length - 1, -1, -1)
        try:
            order = np.array(permutation)
            is_permutation = order.dtype.kind == "i" and order.ndim == 1
            is_permutation = is_permutation and sorted(order) == list(range(length))
        except ValueError:  # NumPy's, of nests of unequal lengths
            is_permutation = False
        if not is_permutation:
            raise ValueError(
                f"`permutation` must hold each of 0, ..., {length - 1} once, or be "
                f'"reverse". Received: permutation={permutation!r}'
            )
        self.permutation = tuple(order.tolist())
        self._inverse_permutation = tuple(np.argsort(order).tolist())
        self.built = True

    def _forward_and_log_det(self, z, condition):
        return _reordered(z, self.permutation)

    def _inverse_and_log_det(self, x, condition):
        return _reordered(x, self._inverse_permutation)

    def get_config(self):
        # No seed: the permutation is drawn.
        return {
            **super().get_config(),
            "event_shape": self.event_shape,
            "permutation": list(self.permutation),
        }


def _reordered(x, order):
    return ops.take(x, order, axis=-1), same_for_all(0.0, x)
