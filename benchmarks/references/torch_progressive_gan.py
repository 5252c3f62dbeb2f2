"""The train step of progressive GAN in plain PyTorch, at the last level."""

import math

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from benchmarks import sizes
from benchmarks.references.torch_adversarial import adversarial_adam
from benchmarks.references.torch_parts import DEVICE, Loop, minimize
from benchmarks.references.torch_sngan import doubled

_LEVELS = int(math.log2(sizes.STYLE_IMAGE)) - 1  # from 4 pixels a side on
_WIDTHS = [
    min(sizes.GROWN_BASE // 2 ** (i + 1), sizes.GROWN_FILTERS) for i in range(_LEVELS)
]
_LAST = min(sizes.GROWN_BASE, sizes.GROWN_FILTERS)
_FADE = sizes.GROWN_FADE
_DRIFT = 1e-3  # weight of the scores squared
_GAIN = math.sqrt(2)


class _Equalized(nn.Module):
    """Weights from N(0, 1), scaled where they are used, and biases from 0."""

    def __init__(self, *shape, gain=_GAIN):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape))
        self.bias = nn.Parameter(torch.zeros(shape[0]))
        self.scale = gain / math.sqrt(math.prod(shape[1:]))


class Conv(_Equalized):
    """A convolution that keeps the sides."""

    def __init__(self, inputs, outputs, size=3, **kwargs):
        super().__init__(outputs, inputs, size, size, **kwargs)

    def forward(self, x):
        size = self.weight.shape[-1]
        return F.conv2d(x, self.scale * self.weight, self.bias, padding=size // 2)


class Dense(_Equalized):
    """A dense layer."""

    def __init__(self, inputs, outputs, **kwargs):
        super().__init__(outputs, inputs, **kwargs)

    def forward(self, x):
        return F.linear(x, self.scale * self.weight, self.bias)


def _halved(x):
    return F.avg_pool2d(x, 2)


def _unit(x):
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def _leaky(x):
    return F.leaky_relu(x, 0.2)


class Generator(nn.Module):
    """The network of `networks.ProgressiveGenerator`, with channels first."""

    def __init__(self):
        super().__init__()
        first = _WIDTHS[0]
        self.dense = Dense(sizes.GROWN_LATENTS, 16 * first, gain=_GAIN / 4)
        self.convolutions = nn.ModuleList([Conv(first, first)])
        for before, now in zip(_WIDTHS, _WIDTHS[1:], strict=False):
            self.convolutions += [Conv(before, now), Conv(now, now)]
        self.to_rgb = nn.ModuleList(Conv(w, 1, 1, gain=1.0) for w in _WIDTHS)

    def forward(self, z, fade=_FADE):
        x = _unit(_leaky(self.dense(_unit(z)).view(len(z), -1, 4, 4)))
        x = _unit(_leaky(self.convolutions[0](x)))
        for i in range(1, _LEVELS):
            before, x = x, doubled(x)
            for convolution in self.convolutions[2 * i - 1 : 2 * i + 1]:
                x = _unit(_leaky(convolution(x)))
        coarse = doubled(self.to_rgb[-2](before))
        return torch.lerp(coarse, self.to_rgb[-1](x), fade)


class Critic(nn.Module):
    """The network of `networks.ProgressiveCritic`, with channels first."""

    def __init__(self):
        super().__init__()
        first = _WIDTHS[0]
        self.from_rgb = nn.ModuleList(Conv(1, w, 1) for w in _WIDTHS)
        self.convolutions = nn.ModuleList([Conv(first + 1, first)])
        for after, now in zip(_WIDTHS, _WIDTHS[1:], strict=False):
            self.convolutions += [Conv(now, now), Conv(now, after)]
        self.dense = Dense(16 * first, _LAST)
        self.score = Dense(_LAST, 1, gain=1.0)

    def forward(self, x, fade=_FADE):
        h = _leaky(self.from_rgb[-1](x))
        for i in range(_LEVELS - 1, 0, -1):
            for convolution in self.convolutions[2 * i - 1 : 2 * i + 1]:
                h = _leaky(convolution(h))
            h = _halved(h)
            if i == _LEVELS - 1:
                h = torch.lerp(_leaky(self.from_rgb[-2](_halved(x))), h, fade)
        h = _leaky(self.convolutions[0](_with_deviation(h)))
        return self.score(_leaky(self.dense(h.flatten(1))))


def _with_deviation(x):
    """Appends a map of how much a group of images varies."""
    n, channels, height, width = x.shape
    group = sizes.STYLE_GROUP
    y = x.view(group, n // group, channels, height, width)
    deviation = (y.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
    maps = deviation.view(1, -1, 1, 1, 1).expand(group, -1, 1, height, width)
    return torch.cat([x, maps.reshape(n, 1, height, width)], 1)


def at_level(x, fade=_FADE):
    """Returns images in [-1, 1], less sharp while the level fades in."""
    x = 2 * x - 1
    return torch.lerp(doubled(_halved(x)), x, fade)


def critic_loss(critic, real, fake, e):
    """Returns the Wasserstein loss with penalty and drift; e mixes the images."""
    of_real = critic(real)
    loss = critic(fake).mean() - of_real.mean()
    mixed = torch.lerp(fake, real, e).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    length = (gradient.flatten(1).square().sum(1) + 1e-12).sqrt()
    loss = loss + sizes.PENALTY * (length - 1).square().mean()
    return loss + _DRIFT * of_real.square().mean()


def _progressive_gan():
    generator, critic = Generator().to(DEVICE), Critic().to(DEVICE)
    adam_g, adam_d = adversarial_adam(generator), adversarial_adam(critic)

    def latents(x):
        return torch.randn(len(x), sizes.GROWN_LATENTS, device=DEVICE)

    def step(x):
        with torch.no_grad():
            fake = generator(latents(x))
        e = torch.rand(len(x), 1, 1, 1, device=DEVICE)
        total = minimize(adam_d, critic_loss(critic, at_level(x), fake, e))
        critic.requires_grad_(False)
        loss = minimize(adam_g, -critic(generator(latents(x))).mean())
        critic.requires_grad_(True)
        return total + loss

    return Loop(step, generator, critic)


LOOPS = {"progressive_gan": _progressive_gan}
