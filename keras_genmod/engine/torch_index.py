"""Indices of loops on PyTorch of which something is known while a body is recorded."""

import dataclasses

import torch


@dataclasses.dataclass(frozen=True)
class Index:
    """The integer `period * group + offset`, of which only the group is a tensor.

    Its remainder by a divisor of the period is an int, which Python can branch on.
    """

    group: torch.Tensor
    period: int
    offset: int

    def __mod__(self, divisor):
        if self.period % divisor == 0:
            return self.offset % divisor
        return self._tensor() % divisor

    def __floordiv__(self, divisor):
        if self.period % divisor == 0:
            return Index(self.group, self.period // divisor, self.offset // divisor)
        return self._tensor() // divisor

    def __mul__(self, factor):
        return self._tensor() * factor

    def _tensor(self):
        return self.group * self.period + self.offset
