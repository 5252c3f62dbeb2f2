"""What the plain PyTorch loops share: a loop, modules, the device."""

import torch
from torch import nn

from benchmarks import sizes

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class Loop:
    """A train step.

    Args:
        step: Function `batch -> loss` that updates modules.
        module: `nn.Module` or list of them, whose parameters learn.
    """

    def __init__(self, step, *modules):
        self.num_parameters = sum(
            p.numel() for module in modules for p in module.parameters()
        )
        self._step = step

    def __call__(self, batch):
        """Takes one step; returns the loss as it is on the device."""
        return self._step(batch)

    def compile(self):
        """Compiles the step with `torch.compile`, at its first call."""
        self._step = torch.compile(self._step)

    @staticmethod
    def to_device(batch):
        """Returns the batch on the device, images with channels first."""
        if isinstance(batch, tuple):
            return tuple(Loop.to_device(part) for part in batch)
        x = torch.from_numpy(batch)
        if x.ndim == 4:
            x = x.permute(0, 3, 1, 2).contiguous()
        return x.to(DEVICE)


def adam(parameters, rates=sizes.ADAM):
    """Returns torch's Adam with the constants of the benchmark."""
    rate, beta_1, beta_2 = rates
    return torch.optim.Adam(
        parameters, lr=rate, betas=(beta_1, beta_2), eps=sizes.EPSILON
    )


def minimize(optimizer, loss):
    """Moves the optimizer's parameters one step down; returns the loss."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


class MaskedConv2d(nn.Conv2d):
    """A convolution that sees the pixels before the centre, and it if included."""

    def __init__(self, inputs, outputs, size, include_centre):
        super().__init__(inputs, outputs, size, padding=size // 2)
        mask = torch.zeros(1, 1, size, size)
        mask[:, :, : size // 2] = 1
        mask[:, :, size // 2, : size // 2 + include_centre] = 1
        self.register_buffer("mask", mask)

    def forward(self, x):
        return self._conv_forward(x, self.weight * self.mask, self.bias)


def binary_log_prob(x, logits):
    """Returns the log-probability of each binary image."""
    terms = nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return -terms.flatten(1).sum(1)
