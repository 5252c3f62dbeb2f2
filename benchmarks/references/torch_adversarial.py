"""Train steps in plain PyTorch: GAN, Wasserstein GANs, CycleGAN."""

import functools
import itertools
import random

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from benchmarks import sizes
from benchmarks.references.torch_parts import DEVICE, Loop, adam, minimize

_SIDE = sizes.IMAGE // 4


class Rescale(nn.Module):
    """scale x + shift."""

    def __init__(self, scale, shift):
        super().__init__()
        self.scale, self.shift = scale, shift

    def forward(self, x):
        return self.scale * x + self.shift


def _make_generator():
    f = sizes.GAN_FILTERS
    return nn.Sequential(
        nn.Linear(sizes.GAN_LATENTS, 2 * f * _SIDE * _SIDE, bias=False),
        nn.Unflatten(1, (2 * f, _SIDE, _SIDE)),
        nn.BatchNorm2d(2 * f),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * f, f, 4, 2, 1, bias=False),
        nn.BatchNorm2d(f),
        nn.ReLU(),
        nn.ConvTranspose2d(f, 1, 4, 2, 1),
        nn.Tanh(),
        Rescale(0.5, 0.5),
    ).to(DEVICE)


def _make_scorer(normalization=None):
    f = sizes.GAN_FILTERS
    return nn.Sequential(
        Rescale(2.0, -1.0),
        nn.Conv2d(1, f, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(f, 2 * f, 4, 2, 1, bias=normalization is None),
        *(() if normalization is None else (normalization(2 * f),)),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * f, 1, _SIDE),
        nn.Flatten(),
    ).to(DEVICE)


def _latents(size):
    return torch.randn(size, sizes.GAN_LATENTS, device=DEVICE)


def adversarial_adam(*modules):
    """Returns one Adam for the parameters of modules."""
    parameters = itertools.chain(*(module.parameters() for module in modules))
    return adam(parameters, sizes.ADAM_ADVERSARIAL)


def _gan():
    generator, scorer = _make_generator(), _make_scorer(nn.BatchNorm2d)
    adam_g, adam_d = adversarial_adam(generator), adversarial_adam(scorer)

    def step(x):
        with torch.no_grad():
            fake = generator(_latents(len(x)))
        loss = F.softplus(-scorer(x)).mean() + F.softplus(scorer(fake)).mean()
        loss_d = minimize(adam_d, loss)
        scorer.requires_grad_(False)
        loss = F.softplus(-scorer(generator(_latents(len(x))))).mean()
        loss_g = minimize(adam_g, loss)
        scorer.requires_grad_(True)
        return loss_d + loss_g

    return Loop(step, generator, scorer)


def _wasserstein(has_penalty):
    def layer_norm(channels):
        return nn.GroupNorm(1, channels)

    generator = _make_generator()
    critic = _make_scorer(layer_norm if has_penalty else None)
    adam_g, adam_d = adversarial_adam(generator), adversarial_adam(critic)

    def penalty(x, fake):
        e = torch.rand(len(x), 1, 1, 1, device=DEVICE)
        mixed = (e * x + (1 - e) * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
        length = (gradient.flatten(1).square().sum(1) + 1e-12).sqrt()
        return sizes.PENALTY * (length - 1).square().mean()

    def step(x):
        total = 0.0
        for i in range(sizes.CRITIC_STEPS):
            part = x[i :: sizes.CRITIC_STEPS]
            with torch.no_grad():
                fake = generator(_latents(len(part)))
            loss = critic(fake).mean() - critic(part).mean()
            if has_penalty:
                loss = loss + penalty(part, fake)
            total = total + minimize(adam_d, loss) / sizes.CRITIC_STEPS
            if not has_penalty:
                with torch.no_grad():
                    for p in critic.parameters():
                        p.clamp_(-sizes.CLIP, sizes.CLIP)
        critic.requires_grad_(False)
        loss = minimize(adam_g, -critic(generator(_latents(len(x)))).mean())
        critic.requires_grad_(True)
        return total + loss

    return Loop(step, generator, critic)


# CycleGAN.


def instance(channels):
    """Returns a normalization of each map of each image."""
    return nn.InstanceNorm2d(channels, affine=True)


class _ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.inner = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=False),
            instance(channels),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=False),
            instance(channels),
        )

    def forward(self, x):
        return x + self.inner(x)


def _make_translator():
    f = sizes.CYCLE_FILTERS
    widths = [f * 2**i for i in range(sizes.CYCLE_DOWN + 1)]
    pairs = list(zip(widths, widths[1:], strict=False))
    layers = [Rescale(2.0, -1.0), nn.ReflectionPad2d(3)]
    layers += [nn.Conv2d(1, f, 7, bias=False), instance(f), nn.ReLU()]
    for i, o in pairs:
        layers += [nn.Conv2d(i, o, 3, 2, 1, bias=False), instance(o), nn.ReLU()]
    layers += [_ResidualBlock(widths[-1]) for _ in range(sizes.CYCLE_BLOCKS)]
    for i, o in reversed(pairs):
        up = nn.ConvTranspose2d(o, i, 3, 2, 1, output_padding=1, bias=False)
        layers += [up, instance(i), nn.ReLU()]
    layers += [nn.ReflectionPad2d(3), nn.Conv2d(f, 1, 7), nn.Tanh(), Rescale(0.5, 0.5)]
    return nn.Sequential(*layers).to(DEVICE)


def make_judge(channels=1):
    """Returns the PatchGAN of so many channels."""
    f, count = sizes.CYCLE_FILTERS, sizes.CYCLE_LAYERS
    layers = [Rescale(2.0, -1.0), nn.Conv2d(channels, f, 4, 2, 1), nn.LeakyReLU(0.2)]
    for i in range(1, count + 1):
        inputs, outputs, stride = f * 2 ** (i - 1), f * 2**i, 2 if i < count else 1
        layers += [nn.Conv2d(inputs, outputs, 4, stride, 1, bias=False)]
        layers += [instance(outputs), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(outputs, 1, 4, 1, 1)).to(DEVICE)


class _Pool:
    """Exchanges images with a list of old ones, one by one."""

    def __init__(self):
        self.images = []

    def exchange(self, images):
        returned = []
        for image in images.split(1):
            if len(self.images) < sizes.POOL:
                self.images.append(image)
            elif random.random() < 0.5:
                place = random.randrange(sizes.POOL)
                image, self.images[place] = self.images[place], image
            returned.append(image)
        return torch.cat(returned)


def _cycle_gan():
    to_b, to_a = _make_translator(), _make_translator()
    judge_a, judge_b = make_judge(), make_judge()
    adam_g = adversarial_adam(to_b, to_a)
    adam_a, adam_b = adversarial_adam(judge_a), adversarial_adam(judge_b)
    pool_a, pool_b = _Pool(), _Pool()

    def fooled(scores):
        return 0.5 * (scores - 1).square().mean()

    def generator_loss(a, b, fake_a, fake_b):
        loss = 2 * fooled(judge_a(fake_a)) + 2 * fooled(judge_b(fake_b))
        cycle = F.l1_loss(to_a(fake_b), a) + F.l1_loss(to_b(fake_a), b)
        same = F.l1_loss(to_a(a), a) + F.l1_loss(to_b(b), b)
        weight = sizes.CYCLE_WEIGHT
        return loss + weight * cycle + sizes.IDENTITY_WEIGHT * weight * same

    def step(batch):
        a, b = batch
        for judge in (judge_a, judge_b):
            judge.requires_grad_(False)
        fake_a, fake_b = to_a(b), to_b(a)
        total = minimize(adam_g, generator_loss(a, b, fake_a, fake_b))
        for judge in (judge_a, judge_b):
            judge.requires_grad_(True)
        for real, fake, judge, optimizer, pool in (
            (a, fake_a, judge_a, adam_a, pool_a),
            (b, fake_b, judge_b, adam_b, pool_b),
        ):
            fake = pool.exchange(fake.detach())
            loss = fooled(judge(real)) + 0.5 * judge(fake).square().mean()
            total = total + minimize(optimizer, loss)
        return total

    return Loop(step, to_b, to_a, judge_a, judge_b)


LOOPS = {
    "gan": _gan,
    "wgan": functools.partial(_wasserstein, has_penalty=False),
    "wgan_gp": functools.partial(_wasserstein, has_penalty=True),
    "cycle_gan": _cycle_gan,
}
