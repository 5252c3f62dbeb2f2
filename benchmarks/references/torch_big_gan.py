"""The train step of BigGAN in plain PyTorch."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.parametrizations import spectral_norm

from benchmarks import sizes
from benchmarks.references.torch_adversarial import adversarial_adam
from benchmarks.references.torch_parts import DEVICE, Loop, minimize
from benchmarks.references.torch_sngan import doubled

_WIDTH = 4 * sizes.BIG_FILTERS  # of all blocks of images of 32x32
_BLOCKS = 3  # of the generator, from 4 pixels a side on
_PART = sizes.BIG_LATENTS // (_BLOCKS + 1)


def _spectral(layer):
    nn.init.orthogonal_(layer.weight)
    if getattr(layer, "bias", None) is not None:
        nn.init.zeros_(layer.bias)
    return spectral_norm(layer)


def _conv(inputs, outputs, size=3, bias=True):
    layer = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=bias)
    return _spectral(layer)


class _ConditionalNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(_WIDTH, affine=False)
        size = sizes.BIG_EMBEDDING + _PART
        self.gain = _spectral(nn.Linear(size, _WIDTH, bias=False))
        self.bias = _spectral(nn.Linear(size, _WIDTH, bias=False))

    def forward(self, x, condition):
        gain, bias = (f(condition)[:, :, None, None] for f in (self.gain, self.bias))
        return torch.addcmul(bias, self.norm(x), 1 + gain)


class _Attention(nn.Module):
    """SAGAN's attention of pixels to 2x2 maxima."""

    def __init__(self):
        super().__init__()
        inside = _WIDTH // 2
        self.query, self.key, self.value = (
            _conv(_WIDTH, size, 1, bias=False)
            for size in (_WIDTH // 8, _WIDTH // 8, inside)
        )
        self.last = _conv(inside, _WIDTH, 1, bias=False)
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        query = self.query(x).flatten(2)  # (batch, channels, pixels)
        key, value = (F.max_pool2d(f(x), 2).flatten(2) for f in (self.key, self.value))
        shares = torch.bmm(query.mT, key).softmax(2)
        found = torch.bmm(value, shares.mT).unflatten(2, x.shape[2:])
        return x + self.gate * self.last(found)


class _Up(nn.Module):
    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(_ConditionalNorm() for _ in range(2))
        self.first, self.last = _conv(_WIDTH, _WIDTH), _conv(_WIDTH, _WIDTH)
        self.skip = _conv(_WIDTH, _WIDTH, 1)

    def forward(self, x, condition):
        h = self.first(doubled(F.relu(self.norms[0](x, condition))))
        h = self.last(F.relu(self.norms[1](h, condition)))
        return h + self.skip(doubled(x))


class Generator(nn.Module):
    """The network of `networks.big_gan_generator`, with channels first."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(sizes.BIG_CLASSES, sizes.BIG_EMBEDDING)
        nn.init.orthogonal_(self.embedding.weight)
        self.dense = _spectral(nn.Linear(_PART, 16 * _WIDTH))
        self.blocks = nn.ModuleList(_Up() for _ in range(_BLOCKS))
        self.attention = _Attention()
        self.norm = nn.BatchNorm2d(_WIDTH)
        self.last = _conv(_WIDTH, 1)

    def forward(self, z, labels):
        embedding = self.embedding(labels)
        first, *parts = z.chunk(_BLOCKS + 1, 1)
        x = self.dense(first).view(len(z), -1, 4, 4)
        for block, part in zip(self.blocks, parts, strict=True):
            x = block(x, torch.cat([embedding, part], 1))
            x = self.attention(x) if x.shape[-1] == sizes.BIG_ATTENTION else x
        return 0.5 * torch.tanh(self.last(F.relu(self.norm(x)))) + 0.5


class _Down(nn.Module):
    """A block: the first has no ReLU before it, the last two do not halve."""

    def __init__(self, inputs, halves):
        super().__init__()
        self.is_first = inputs != _WIDTH
        self.first, self.last = _conv(inputs, _WIDTH), _conv(_WIDTH, _WIDTH)
        self.skip = _conv(inputs, _WIDTH, 1) if halves else None

    def forward(self, x):
        h = self.last(F.relu(self.first(x if self.is_first else F.relu(x))))
        if self.skip is None:
            return h + x
        if self.is_first:
            return F.avg_pool2d(h, 2) + self.skip(F.avg_pool2d(x, 2))
        return F.avg_pool2d(h + self.skip(x), 2)


class Discriminator(nn.Module):
    """The network of `networks.big_gan_discriminator`, with channels first."""

    def __init__(self):
        super().__init__()
        shapes = (1, True), (_WIDTH, True), (_WIDTH, False), (_WIDTH, False)
        first, *rest = (_Down(*shape) for shape in shapes)
        self.body = nn.Sequential(first, _Attention(), *rest)
        self.score = _spectral(nn.Linear(_WIDTH, 1))
        self.embedding = _spectral(nn.Embedding(sizes.BIG_CLASSES, _WIDTH))

    def forward(self, x, labels):
        features = F.relu(self.body(2 * x - 1)).sum((2, 3))
        projected = (self.embedding(labels) * features).sum(1, keepdim=True)
        return self.score(features) + projected


def _big_gan():
    generator, scorer = Generator().to(DEVICE), Discriminator().to(DEVICE)
    adam_g, adam_d = adversarial_adam(generator), adversarial_adam(scorer)

    def latents(x):
        return torch.randn(len(x), sizes.BIG_LATENTS, device=DEVICE)

    def step(batch):
        total = 0.0
        for i in range(sizes.BIG_STEPS):
            x, labels = (part[i :: sizes.BIG_STEPS] for part in batch)
            with torch.no_grad():
                fake = generator(latents(x), labels)
            loss = F.relu(1 - scorer(x, labels)).mean()
            loss = loss + F.relu(1 + scorer(fake, labels)).mean()
            total = total + minimize(adam_d, loss) / sizes.BIG_STEPS
        x, labels = batch
        scorer.requires_grad_(False)
        loss = minimize(adam_g, -scorer(generator(latents(x), labels), labels).mean())
        scorer.requires_grad_(True)
        return total + loss

    return Loop(step, generator, scorer)


LOOPS = {"big_gan": _big_gan}
