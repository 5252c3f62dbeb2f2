"""The train step of VQGAN in plain PyTorch."""

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from benchmarks import sizes
from benchmarks.references.torch_adversarial import adversarial_adam, make_judge
from benchmarks.references.torch_parts import DEVICE, Loop, minimize
from benchmarks.references.torch_vq_vae import VQVAE


class Features(nn.Module):
    """The frozen network whose features, of unit length, images differ in."""

    def __init__(self):
        super().__init__()
        first, last = sizes.FEATURE_FILTERS
        self.first = nn.Conv2d(1, first, 3, padding=1)
        self.last = nn.Conv2d(first, last, 3, 2, 1)
        self.requires_grad_(False)

    def forward(self, x):
        first = F.relu(self.first(x))
        return [_unit(first), _unit(F.relu(self.last(first)))]

    def distance(self, x, y):
        """Returns the mean distance of images; `x` gets no gradient."""
        pairs = zip(self(x), self(y), strict=True)
        return sum((a - b).square().sum(1).mean() for a, b in pairs)


def _unit(x):
    return x * torch.rsqrt(x.square().sum(1, keepdim=True) + 1e-10)


def autoencoder_losses(model, judge, features, x):
    """Returns the losses of reconstruction, game and codes, and the reconstructions."""
    vectors, cost = model.narrow(x)
    y = torch.sigmoid(model.decoder(vectors))
    distance = sizes.FEATURE_WEIGHT * features.distance(x, y)
    cost = cost.mean() / vectors[0].numel()
    return 2 * F.l1_loss(y, x) + distance, -judge(y).mean(), cost, y


def adaptive_weight(kernel, reconstruction, game):
    """Returns how much the game weighs for both to pull the last kernel as hard."""
    lengths = (
        torch.autograd.grad(loss, kernel, retain_graph=True)[0].norm()
        for loss in (reconstruction, game)
    )
    return (next(lengths) / (next(lengths) + 1e-4)).clamp(max=1e4)


def judge_loss(judge, x, fake):
    """Returns the hinge loss of images and of reconstructions."""
    return 0.5 * (F.relu(1 - judge(x)).mean() + F.relu(1 + judge(fake)).mean())


def _vq_gan():
    model, judge, features = VQVAE().to(DEVICE), make_judge(), Features().to(DEVICE)
    adam_g, adam_d = adversarial_adam(model), adversarial_adam(judge)

    def step(x):
        judge.requires_grad_(False)
        reconstruction, game, cost, y = autoencoder_losses(model, judge, features, x)
        factor = adaptive_weight(model.decoder[-1].weight, reconstruction, game)
        loss = reconstruction + cost + sizes.GAME_WEIGHT * factor * game
        total = minimize(adam_g, loss)
        judge.requires_grad_(True)
        return total + minimize(adam_d, judge_loss(judge, x, y.detach()))

    return Loop(step, model, judge)


LOOPS = {"vq_gan": _vq_gan}
