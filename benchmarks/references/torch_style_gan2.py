"""The train step of StyleGAN2 in plain PyTorch."""

import copy
import math

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from benchmarks import sizes
from benchmarks.references.torch_adversarial import adversarial_adam
from benchmarks.references.torch_parts import DEVICE, Loop, minimize

_SIDE = 4  # of the smallest map
_DOUBLINGS = int(math.log2(sizes.STYLE_IMAGE // _SIDE))
WIDTHS = tuple(
    min(sizes.STYLE_BASE // 2 ** (i + 2), sizes.STYLE_FILTERS)
    for i in range(_DOUBLINGS + 1)
)
NUM_STYLES = 2 * len(WIDTHS)
_SPEED = 0.01  # of the mapping's weights
_KEPT, _PATH_STEP = 0.995, 0.01  # of the mean style, of the mean path length
_HALF_LIFE, _RAMP = 10_000.0, 0.05  # of the averaged weights, in images


def _activated(x):
    return F.leaky_relu(x, 0.2).mul_(math.sqrt(2.0))


class Dense(nn.Module):
    """A dense layer with weights that are scaled where they are used."""

    def __init__(self, inputs, outputs, speed=1.0, start=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / speed)
        self.bias = nn.Parameter(torch.full((outputs,), start))
        self.speed, self.scale = speed, speed / math.sqrt(inputs)

    def forward(self, x):
        bias = self.bias if self.speed == 1.0 else self.speed * self.bias
        return F.linear(x, self.scale * self.weight, bias)


class Conv(nn.Module):
    """A convolution with weights that are scaled where they are used."""

    def __init__(self, inputs, outputs, size, stride=1, has_bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if has_bias else None
        self.scale, self.stride = 1 / math.sqrt(inputs * size**2), stride

    def forward(self, x):
        padding = self.weight.shape[-1] // 2
        if self.stride == 2:  # from the first pixel on
            x, padding = F.pad(x, (0, 1, 0, 1)), 0
        weight = self.scale * self.weight
        return F.conv2d(x, weight, self.bias, self.stride, padding)


class Blur(nn.Module):
    """The filter (1, 3, 3, 1) along each side; can double or halve images."""

    def __init__(self, channels, up=1, down=1):
        super().__init__()
        side = torch.tensor([0.125, 0.375, 0.375, 0.125]) * up
        kernel = (side[:, None] * side).repeat(channels, 1, 1, 1)
        self.register_buffer("kernel", kernel)
        self.up, self.down = up, down

    def forward(self, x):
        channels = x.shape[1]
        if self.up == 2:
            return F.conv_transpose2d(x, self.kernel, None, 2, 1, groups=channels)
        if self.down == 2:
            return F.conv2d(x, self.kernel, None, 2, 1, groups=channels)
        return F.conv2d(F.pad(x, (2, 1, 2, 1)), self.kernel, groups=channels)


class Modulated(nn.Module):
    """A convolution of inputs scaled by a style."""

    def __init__(self, inputs, outputs, size, demodulates=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.style = Dense(sizes.STYLE_DIM, inputs, start=1.0)
        self.demodulates = demodulates

    def forward(self, x, w):
        style, weight = self.style(w), self.weight
        if not self.demodulates:
            style = style / math.sqrt(weight[0].numel())
        x = x * style[:, :, None, None]
        if not self.demodulates:
            return F.conv2d(x, weight, self.bias)
        squares = F.linear(style.square(), weight.square().sum((2, 3)))
        length = (squares + 1e-8).rsqrt()[:, :, None, None]
        x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        return torch.addcmul(self.bias[:, None, None], x, length)


class Styled(nn.Module):
    """A modulated convolution, noise and an activation."""

    def __init__(self, inputs, outputs, side):
        super().__init__()
        self.convolution = Modulated(inputs, outputs, 3)
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", torch.randn(1, 1, side, side))

    def forward(self, x, w, is_random):
        x, noise = self.convolution(x, w), self.noise
        if is_random:
            noise = torch.randn(len(x), *noise.shape[1:], device=x.device)
        return _activated(x.add_(self.strength * noise))


class Mapping(nn.Module):
    """The network of `networks.style_gan_mapping`."""

    def __init__(self):
        super().__init__()
        layers = (
            Dense(sizes.STYLE_DIM, sizes.STYLE_DIM, _SPEED)
            for _ in range(sizes.STYLE_LAYERS)
        )
        self.layers = nn.ModuleList(layers)

    def forward(self, z):
        x = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.layers:
            x = _activated(layer(x))
        return x


class Synthesis(nn.Module):
    """The network of `networks.style_gan_synthesis`, with channels first."""

    def __init__(self):
        super().__init__()
        self.constant = nn.Parameter(torch.randn(1, WIDTHS[0], _SIDE, _SIDE))
        self.styled = nn.ModuleList([Styled(WIDTHS[0], WIDTHS[0], _SIDE)])
        self.up, side = nn.ModuleList(), _SIDE
        for before, width in zip(WIDTHS, WIDTHS[1:], strict=False):
            side *= 2
            self.up.append(Blur(before, up=2))
            self.styled.append(Styled(before, width, side))
            self.styled.append(Styled(width, width, side))
        self.up_colours = Blur(1, up=2)
        self.colours = nn.ModuleList(Modulated(width, 1, 1, False) for width in WIDTHS)

    def forward(self, styles, is_random=True):
        each = styles.unbind(1)
        x = self.constant.expand(len(styles), -1, -1, -1)
        x = self.styled[0](x, each[0], is_random)
        image = self.colours[0](x, each[1])
        for i, up in enumerate(self.up):
            x = self.styled[2 * i + 1](up(x), each[2 * i + 1], is_random)
            x = self.styled[2 * i + 2](x, each[2 * i + 2], is_random)
            colours = self.colours[i + 1](x, each[2 * i + 3])
            image = self.up_colours(image) + colours
        return 0.5 * torch.tanh(image) + 0.5


class _Down(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.first = Conv(inputs, inputs, 3)
        self.last = Conv(inputs, outputs, 3, stride=2)
        self.skip = Conv(inputs, outputs, 1, has_bias=False)
        self.blur, self.halve = Blur(inputs), Blur(inputs, down=2)

    def forward(self, x):
        h = _activated(self.last(self.blur(_activated(self.first(x)))))
        return math.sqrt(0.5) * (h + self.skip(self.halve(x)))


class Discriminator(nn.Module):
    """The network of `networks.style_gan_discriminator`, with channels first."""

    def __init__(self):
        super().__init__()
        self.first = Conv(1, WIDTHS[-1], 1)
        pairs = zip(WIDTHS[:0:-1], WIDTHS[-2::-1], strict=True)
        self.blocks = nn.Sequential(*(_Down(*pair) for pair in pairs))
        self.last = Conv(WIDTHS[0] + 1, WIDTHS[0], 3)
        self.dense = Dense(WIDTHS[0] * _SIDE**2, WIDTHS[0])
        self.score = Dense(WIDTHS[0], 1)

    def forward(self, x):
        x = self.blocks(_activated(self.first(2 * x - 1)))
        # How much the images of a group vary, as a map.
        groups = x.view(sizes.STYLE_GROUP, -1, *x.shape[1:])
        deviation = (groups.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
        column = deviation.repeat(sizes.STYLE_GROUP).view(-1, 1, 1, 1)
        x = torch.cat([x, column.expand(-1, -1, _SIDE, _SIDE)], 1)
        x = _activated(self.last(x)).flatten(1)
        return self.score(_activated(self.dense(x)))


def path_lengths(synthesis, styles, y):
    """Returns the length of the path that a step in each image's styles takes."""
    total = (synthesis(styles, is_random=False) * y).sum() / sizes.STYLE_IMAGE
    (gradient,) = torch.autograd.grad(total, styles, create_graph=True)
    return (gradient.square().sum(2).mean(1) + 1e-12).sqrt()


def scorer_loss(scorer, x, fake, has_penalty):
    """Returns the discriminator's loss, with R1 or without it."""
    of_real = scorer(x.requires_grad_(has_penalty))
    loss = F.softplus(-of_real).mean() + F.softplus(scorer(fake)).mean()
    if has_penalty:
        (gradient,) = torch.autograd.grad(of_real.sum(), x, create_graph=True)
        weight = sizes.STYLE_R1_EVERY * sizes.STYLE_R1 / 2
        loss = loss + weight * gradient.square().sum((1, 2, 3)).mean()
    return loss


def mixed_styles(mapping, size):
    """Returns the styles of each layer, some of two latents, and those of the first."""
    z = torch.randn(2 * size, sizes.STYLE_DIM, device=DEVICE)
    first, second = mapping(z).chunk(2)
    mixes = torch.rand(size, device=DEVICE) < sizes.STYLE_MIXING
    cut = torch.randint(1, NUM_STYLES, (size,), device=DEVICE)
    cut = torch.where(mixes, cut, NUM_STYLES)
    is_first = torch.arange(NUM_STYLES, device=DEVICE) < cut[:, None]
    return torch.where(is_first[..., None], first[:, None], second[:, None]), first


class _Trainer:
    """The networks, and what moves with them."""

    def __init__(self):
        self.mapping, self.synthesis, self.scorer = (
            network.to(DEVICE, memory_format=torch.channels_last)
            for network in (Mapping(), Synthesis(), Discriminator())
        )
        generator = nn.ModuleList([self.mapping, self.synthesis])
        self.averaged = copy.deepcopy(generator).requires_grad_(False)
        self.pair = list(self.averaged.parameters()), list(generator.parameters())
        self.adam_g, self.adam_d = (
            adversarial_adam(network) for network in (generator, self.scorer)
        )
        self.mean_style = torch.zeros(sizes.STYLE_DIM, device=DEVICE)
        self.mean_length = torch.zeros((), device=DEVICE)
        self.num_steps = self.num_images = 0

    def step(self, x):
        """Takes one step, with the penalties that are due."""
        size = len(x)
        with torch.no_grad():
            fake = self.synthesis(mixed_styles(self.mapping, size)[0])
        takes_r1 = self.num_steps % sizes.STYLE_R1_EVERY == 0
        loss = scorer_loss(self.scorer, x.detach(), fake, takes_r1)
        total = minimize(self.adam_d, loss)
        self.scorer.requires_grad_(False)
        styles, w = mixed_styles(self.mapping, size)
        loss = F.softplus(-self.scorer(self.synthesis(styles))).mean()
        if self.num_steps % sizes.STYLE_PATH_EVERY == 0:
            loss = loss + self.path_loss(styles[: (size + 1) // 2])
        total = total + minimize(self.adam_g, loss)
        self.scorer.requires_grad_(True)
        self.average(w.detach())
        self.num_steps += 1
        return total

    def path_loss(self, styles):
        """Returns how far paths are from their mean length, and moves that."""
        side = sizes.STYLE_IMAGE
        y = torch.randn(len(styles), 1, side, side, device=DEVICE)
        lengths = path_lengths(self.synthesis, styles, y)
        mean = self.mean_length.lerp(lengths.mean(), _PATH_STEP)
        self.mean_length = mean.detach()
        weight = sizes.STYLE_PATH_EVERY * sizes.STYLE_PATH
        return weight * (lengths - mean).square().mean()

    @torch.no_grad()
    def average(self, w):
        """Moves the averaged weights and the mean style."""
        self.mean_style.lerp_(w.mean(0), 1 - _KEPT)
        self.num_images += len(w)
        half_life = min(_HALF_LIFE, _RAMP * self.num_images)
        torch._foreach_lerp_(*self.pair, 1 - 0.5 ** (len(w) / half_life))


def _style_gan2():
    trainer = _Trainer()
    return Loop(trainer.step, trainer.mapping, trainer.synthesis, trainer.scorer)


LOOPS = {"style_gan2": _style_gan2}
