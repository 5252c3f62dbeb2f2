"""Train steps of diffusion and flow matching in plain PyTorch, with their U-Net."""

import math

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from benchmarks import sizes
from benchmarks.references.diffusers_unet import Called, make_unet
from benchmarks.references.torch_parts import DEVICE, Loop, adam, minimize


class _Block(nn.Module):
    def __init__(self, inputs, outputs, units):
        super().__init__()
        self.norms = nn.ModuleList(
            nn.GroupNorm(math.gcd(32, channels), channels, eps=1e-6)
            for channels in (inputs, outputs)
        )
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.scale, self.shift = nn.Linear(units, outputs), nn.Linear(units, outputs)
        self.last = nn.Conv2d(outputs, outputs, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        self.skip = nn.Identity()
        if inputs != outputs:
            self.skip = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x, embedding):
        y = self.norms[1](self.first(F.silu(self.norms[0](x))))
        scale, shift = (f(embedding)[..., None, None] for f in (self.scale, self.shift))
        return self.skip(x) + self.last(F.silu((1 + scale) * y + shift))


class _Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.GroupNorm(math.gcd(32, channels), channels, eps=1e-6)
        self.parts = nn.Conv2d(channels, 3 * channels, 1)
        self.projection = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.projection.weight)

    def forward(self, x):
        query, key, value = (
            part.flatten(2).mT for part in self.parts(self.norm(x)).chunk(3, 1)
        )
        found = F.scaled_dot_product_attention(query, key, value)
        return x + self.projection(found.mT.reshape(x.shape))


class UNet(nn.Module):
    """The network of `networks.unet`, with channels first.

    Args:
        channels: Int, of an image.
        filters: Int.
        multipliers: Tuple of ints; attention is at the lowest level alone.
        num_blocks: Int.
    """

    def __init__(self, channels, filters, multipliers, num_blocks):
        super().__init__()
        units = 4 * filters
        self.frequencies = 1000 * torch.exp(
            -math.log(10_000) * torch.arange(filters // 2) / (filters // 2)
        ).to(DEVICE)
        self.embed = nn.Sequential(
            nn.Linear(filters, units), nn.SiLU(), nn.Linear(units, units), nn.SiLU()
        )
        self.first = nn.Conv2d(channels, filters, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        x, skips = filters, [filters]

        def block(inputs, outputs, level):
            attention = nn.Identity()
            if level == len(multipliers) - 1:
                attention = _Attention(outputs)
            return nn.ModuleList([_Block(inputs, outputs, units), attention])

        for level, multiplier in enumerate(multipliers):
            if level > 0:
                self.down.append(nn.Conv2d(x, x, 3, stride=2))
                skips.append(x)
            for _ in range(num_blocks):
                self.down.append(block(x, multiplier * filters, level))
                x = multiplier * filters
                skips.append(x)
        self.middle = nn.ModuleList(
            [_Block(x, x, units), _Attention(x), _Block(x, x, units)]
        )
        for level, multiplier in reversed(list(enumerate(multipliers))):
            for _ in range(num_blocks + 1):
                self.up.append(block(x + skips.pop(), multiplier * filters, level))
                x = multiplier * filters
            if level > 0:
                self.up.append(nn.Conv2d(x, x, 3, padding=1))
        self.norm = nn.GroupNorm(math.gcd(32, x), x, eps=1e-6)
        self.last = nn.Conv2d(x, channels, 3, padding=1)
        nn.init.zeros_(self.last.weight)

    def forward(self, x, t):
        angles = t[:, None] * self.frequencies
        embedding = self.embed(torch.cat([angles.cos(), angles.sin()], 1))
        x = self.first(x)
        skips = [x]
        for part in self.down:
            if isinstance(part, nn.Conv2d):  # with zeros where Keras has them
                x = part(F.pad(x, (0, 1, 0, 1)))
            else:
                x = _run(part, x, embedding)
            skips.append(x)
        first, attention, last = self.middle
        x = last(attention(first(x, embedding)), embedding)
        for part in self.up:
            if isinstance(part, nn.Conv2d):
                x = part(F.interpolate(x, scale_factor=2.0))
            else:
                x = _run(part, torch.cat([x, skips.pop()], 1), embedding)
        return self.last(F.silu(self.norm(x)))


def _run(pair, x, embedding):
    block, attention = pair
    return attention(block(x, embedding))


_SIZE = (sizes.UNET_FILTERS, sizes.UNET_MULTIPLIERS, sizes.UNET_BLOCKS)


def _loop(loss_of, network=None):
    network = (UNet(1, *_SIZE) if network is None else network).to(DEVICE)
    optimizer = adam(network.parameters())

    def step(batch):
        return minimize(optimizer, loss_of(network, 2 * batch - 1))

    return Loop(step, network)


def _diffusion(network=None):
    steps = sizes.DIFFUSION_STEPS
    alphas = torch.tensor(sizes.cosine_alphas(), device=DEVICE)

    def loss_of(network, x):
        i = torch.randint(steps, (len(x),), device=DEVICE)
        alpha = alphas[i][:, None, None, None]
        sigma = torch.sqrt(1 - alpha**2)
        noise = torch.randn_like(x)
        found = network(alpha * x + sigma * noise, (i + 1) / steps)
        return F.mse_loss(found, alpha * noise - sigma * x)

    return _loop(loss_of, network)


def diffusion_of_diffusers():
    """Returns the loop of diffusion, with the U-Net of diffusers."""
    return _diffusion(Called(make_unet((28, 28, 1), *_SIZE)))


def _flow_matching():
    def loss_of(network, x):
        t = torch.rand(len(x), device=DEVICE)
        at = t[:, None, None, None]
        noise = torch.randn_like(x)
        return F.mse_loss(network((1 - at) * x + at * noise, t), x - noise)

    return _loop(loss_of)


LOOPS = {"diffusion": _diffusion, "flow_matching": _flow_matching}
