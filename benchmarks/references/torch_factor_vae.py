"""The train step of FactorVAE in plain PyTorch."""

import itertools

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from benchmarks import sizes
from benchmarks.references.torch_parts import (
    DEVICE,
    Loop,
    adam,
    binary_log_prob,
    minimize,
)


class VAE(nn.Module):
    """Encoder, heads and decoder; returns latents and the negative ELBO."""

    def __init__(self):
        super().__init__()
        hidden, latents = sizes.VAE_HIDDEN, sizes.FACTOR_LATENTS
        self.encoder = nn.Linear(sizes.PIXELS, hidden)
        self.mean = nn.Linear(hidden, latents)
        self.log_var = nn.Linear(hidden, latents)
        self.decoder = nn.Linear(latents, hidden)
        self.logits = nn.Linear(hidden, sizes.PIXELS)

    def forward(self, x):
        x = x.flatten(1)
        features = F.relu(self.encoder(x))
        mean, log_var = self.mean(features), self.log_var(features)
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        logits = self.logits(F.relu(self.decoder(z)))
        kl = 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(1)
        return z, (kl - binary_log_prob(x, logits)).mean()


def make_discriminator():
    """Returns the network from latents to the logit of their being as they are."""
    widths = sizes.FACTOR_LATENTS, *sizes.FACTOR_HIDDEN
    pairs = itertools.pairwise(widths)
    hidden = [(nn.Linear(i, o), nn.LeakyReLU(0.2)) for i, o in pairs]
    return nn.Sequential(*itertools.chain(*hidden), nn.Linear(widths[-1], 1))


def discriminator_loss(discriminator, z):
    """Returns the loss of latents, whose second half is permuted in each column."""
    joint, other = z.chunk(2)
    independent = other.gather(0, torch.rand_like(other).argsort(0))
    loss = F.softplus(-discriminator(joint)).mean()
    return 0.5 * (loss + F.softplus(discriminator(independent)).mean())


def _factor_vae():
    vae, discriminator = VAE().to(DEVICE), make_discriminator().to(DEVICE)
    adam_v, adam_d = adam(vae.parameters()), adam(discriminator.parameters())

    def step(x):
        discriminator.requires_grad_(False)
        z, loss = vae(x)
        loss = loss + sizes.FACTOR_GAMMA * discriminator(z).mean()
        total = minimize(adam_v, loss)
        discriminator.requires_grad_(True)
        loss = discriminator_loss(discriminator, z.detach())
        return total + minimize(adam_d, loss)

    return Loop(step, vae, discriminator)


LOOPS = {"factor_vae": _factor_vae}
