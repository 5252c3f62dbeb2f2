"""The train step of Pix2Pix in plain PyTorch."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from benchmarks import sizes
from benchmarks.references.torch_adversarial import (
    adversarial_adam,
    instance,
    make_judge,
)
from benchmarks.references.torch_parts import DEVICE, Loop, minimize

_NUM_DROPOUTS = 3


class Translator(nn.Module):
    """The network of `networks.unet_generator`, with channels first."""

    def __init__(self):
        super().__init__()
        depth = sizes.PAIR_DEPTH
        widths = [sizes.PAIR_FILTERS * min(2**i, 8) for i in range(depth)]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for i, width in enumerate(widths):
            parts = [nn.LeakyReLU(0.2)] if i > 0 else []
            inputs = widths[i - 1] if i > 0 else 1
            parts += [nn.Conv2d(inputs, width, 4, 2, 1, bias=False)]
            parts += [instance(width)] if 0 < i < depth - 1 else []
            self.down.append(nn.Sequential(*parts))
        inputs = widths[-1]
        for i, width in enumerate(reversed(widths[:-1])):
            up = nn.ConvTranspose2d(inputs, width, 4, 2, 1, bias=False)
            parts = [nn.ReLU(), up, instance(width)]
            parts += [nn.Dropout(sizes.PAIR_DROPOUT)] if i < _NUM_DROPOUTS else []
            self.up.append(nn.Sequential(*parts))
            inputs = 2 * width
        self.last = nn.ConvTranspose2d(inputs, 1, 4, 2, 1)

    def forward(self, x):
        x, maps = 2 * x - 1, []
        for layer in self.down:
            x = layer(x)
            maps.append(x)
        maps.pop()
        for layer in self.up:
            x = torch.cat([layer(x), maps.pop()], 1)
        return 0.5 * torch.tanh(self.last(F.relu(x))) + 0.5


def _pix2pix():
    translator, judge = Translator().to(DEVICE), make_judge(channels=2)
    adam_g, adam_d = adversarial_adam(translator), adversarial_adam(judge)

    def step(batch):
        a, b = batch
        fake = translator(a)
        of_real, of_fake = (judge(torch.cat([a, x], 1)) for x in (b, fake.detach()))
        loss = F.softplus(-of_real).mean() + F.softplus(of_fake).mean()
        total = minimize(adam_d, 0.5 * loss)
        judge.requires_grad_(False)
        loss = F.softplus(-judge(torch.cat([a, fake], 1))).mean()
        total = total + minimize(adam_g, loss + sizes.PAIR_WEIGHT * F.l1_loss(fake, b))
        judge.requires_grad_(True)
        return total

    return Loop(step, translator, judge)


LOOPS = {"pix2pix": _pix2pix}
