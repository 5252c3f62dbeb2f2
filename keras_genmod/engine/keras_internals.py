"""What the package needs of Keras that Keras does not document, in one place.

Written for Keras 3.15; other versions may have other names.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

_KINDS = (
    "trainable_variables",
    "non_trainable_variables",
    "optimizer_variables",
    "metrics_variables",
)


class KeptState:
    """A part of a model that gets its variables back where a step fails.

    On JAX Keras takes their values out before an epoch and hands them from step to
    step. Where the first fails, they would be gone, and the model with them.
    """

    _jax_state: dict[str, list] | None
    jax_state_sync: Callable[[], None]

    def _get_jax_state(self, purge_model_variables: bool = False, **kinds: bool) -> Any:
        state = super()._get_jax_state(  # type: ignore[misc]
            purge_model_variables=purge_model_variables, **kinds
        )
        # What `jax_state_sync` puts back, until the step returns a newer state.
        taken = [kind for kind in _KINDS if kinds.get(kind)]
        self._jax_state = dict(zip(taken, state, strict=True))
        return state

    @contextlib.contextmanager
    def _keeping_state(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if getattr(self, "_jax_state", None):
                self.jax_state_sync()
                self._jax_state = None
            raise
