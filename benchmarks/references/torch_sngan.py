"""The train step of SNGAN in plain PyTorch."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.parametrizations import spectral_norm

from benchmarks import sizes
from benchmarks.references.torch_adversarial import adversarial_adam
from benchmarks.references.torch_parts import DEVICE, Loop, minimize


def doubled(x):
    """Returns images of twice the sides, each pixel repeated."""
    return F.interpolate(x, scale_factor=2.0)


class _Up(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels, 2e-5) for _ in range(2))
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.last = nn.Conv2d(channels, channels, 3, padding=1)
        self.skip = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        h = self.first(doubled(F.relu(self.norms[0](x))))
        return self.last(F.relu(self.norms[1](h))) + self.skip(doubled(x))


class Generator(nn.Module):
    """The network of `networks.sngan_generator`, with channels first."""

    def __init__(self):
        super().__init__()
        f, side = sizes.SNGAN_FILTERS, sizes.SNGAN_START
        self.dense = nn.Linear(sizes.SNGAN_LATENTS, f * side * side)
        self.blocks = nn.ModuleList(_Up(f) for _ in range(sizes.SNGAN_DOUBLINGS))
        self.norm = nn.BatchNorm2d(f, 2e-5)
        self.last = nn.Conv2d(f, 1, 3, padding=1)

    def forward(self, z):
        side = sizes.SNGAN_START
        x = self.dense(z).view(len(z), -1, side, side)
        for block in self.blocks:
            x = block(x)
        return 0.5 * torch.tanh(self.last(F.relu(self.norm(x)))) + 0.5


class _Down(nn.Module):
    """A block: the first has no ReLU before it, the last two do not halve."""

    def __init__(self, inputs, channels, halves):
        super().__init__()
        self.is_first = inputs != channels
        self.first = spectral_norm(nn.Conv2d(inputs, channels, 3, padding=1))
        self.last = spectral_norm(nn.Conv2d(channels, channels, 3, padding=1))
        self.skip = spectral_norm(nn.Conv2d(inputs, channels, 1)) if halves else None

    def forward(self, x):
        h = self.first(x if self.is_first else F.relu(x))
        h = self.last(F.relu(h))
        if self.skip is None:
            return h + x
        if self.is_first:
            return F.avg_pool2d(h, 2) + self.skip(F.avg_pool2d(x, 2))
        return F.avg_pool2d(h, 2) + F.avg_pool2d(self.skip(x), 2)


class Discriminator(nn.Module):
    """The network of `networks.sngan_discriminator`, with channels first."""

    def __init__(self):
        super().__init__()
        f = sizes.SNGAN_FILTERS
        self.blocks = nn.Sequential(
            _Down(1, f, True), _Down(f, f, True), *(_Down(f, f, False) for _ in "12")
        )
        self.dense = spectral_norm(nn.Linear(f, 1))

    def forward(self, x):
        return self.dense(F.relu(self.blocks(2 * x - 1)).sum((2, 3)))


def _sngan():
    generator, scorer = Generator().to(DEVICE), Discriminator().to(DEVICE)
    adam_g, adam_d = adversarial_adam(generator), adversarial_adam(scorer)

    def latents(x):
        return torch.randn(len(x), sizes.SNGAN_LATENTS, device=DEVICE)

    def step(x):
        total = 0.0
        for i in range(sizes.CRITIC_STEPS):
            part = x[i :: sizes.CRITIC_STEPS]
            with torch.no_grad():
                fake = generator(latents(part))
            loss = F.relu(1 - scorer(part)).mean() + F.relu(1 + scorer(fake)).mean()
            total = total + minimize(adam_d, loss) / sizes.CRITIC_STEPS
        scorer.requires_grad_(False)
        loss = minimize(adam_g, -scorer(generator(latents(x))).mean())
        scorer.requires_grad_(True)
        return total + loss

    return Loop(step, generator, scorer)


LOOPS = {"sngan": _sngan}
