"""How a sampler goes."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Way:
    """How a sampler goes: what a compiled loop is made for.

    Args:
        sampler: One of `samplers.SAMPLERS`.
        num_steps: Positive int.
        eta: Number in [0, 1].
        spacing: One of `SPACINGS`.
        clip: Whether x0 is clipped to [-1, 1].
        guided: Whether the network is asked without the condition, too.
        start: The first time, in (0, 1].
    """

    sampler: str
    num_steps: int
    eta: float
    spacing: str
    clip: bool
    guided: bool
    start: float = 1.0
