"""Train steps in plain PyTorch: autoencoders, PixelCNN, planar flow, RBM."""

import functools
import math

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from benchmarks import sizes
from benchmarks.references import (
    torch_adversarial,
    torch_big_gan,
    torch_diffusion,
    torch_factor_vae,
    torch_ladder_vae,
    torch_pix2pix,
    torch_progressive_gan,
    torch_sngan,
    torch_style_gan2,
    torch_vq_gan,
    torch_vq_vae,
)
from benchmarks.references.torch_parts import (
    DEVICE,
    Loop,
    MaskedConv2d,
    adam,
    binary_log_prob,
    minimize,
)


def make_loop(name, xla=True):
    """Returns the loop of this name; torch has no XLA."""
    del xla
    torch.manual_seed(0)
    makers = _LOOPS | {k: make for room in _ROOMS for k, make in room.LOOPS.items()}
    return makers[name]()


def _likelihood_loop(module, loss_of):
    """Returns the loop of one loss of a batch and Adam."""
    optimizer = adam(module.parameters())
    return Loop(lambda batch: minimize(optimizer, loss_of(batch)), module)


def _autoencoder():
    hidden, latents = sizes.AUTOENCODER_HIDDEN, sizes.AUTOENCODER_LATENTS
    module = nn.Sequential(
        nn.Flatten(),
        nn.Linear(sizes.PIXELS, hidden),
        nn.ReLU(),
        nn.Linear(hidden, latents),
        nn.ReLU(),
        nn.Linear(latents, hidden),
        nn.ReLU(),
        nn.Linear(hidden, sizes.PIXELS),
        nn.Sigmoid(),
    ).to(DEVICE)
    return _likelihood_loop(module, lambda x: F.mse_loss(module(x), x.flatten(1)))


class _VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(sizes.PIXELS, sizes.VAE_HIDDEN)
        self.mean = nn.Linear(sizes.VAE_HIDDEN, sizes.VAE_LATENTS)
        self.log_var = nn.Linear(sizes.VAE_HIDDEN, sizes.VAE_LATENTS)
        self.decoder = nn.Linear(sizes.VAE_LATENTS, sizes.VAE_HIDDEN)
        self.logits = nn.Linear(sizes.VAE_HIDDEN, sizes.PIXELS)

    def forward(self, x):
        x = x.flatten(1)
        features = F.relu(self.encoder(x))
        mean, log_var = self.mean(features), self.log_var(features)
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        logits = self.logits(F.relu(self.decoder(z)))
        kl = 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(1)
        return (kl - binary_log_prob(x, logits)).mean()


class _IWAE(_VAE):
    def forward(self, x):
        features = F.relu(self.encoder(x.flatten(1)))
        mean, log_var = (
            layer(features).repeat_interleave(sizes.IWAE_DRAWS, 0)
            for layer in (self.mean, self.log_var)
        )
        x = x.flatten(1).repeat_interleave(sizes.IWAE_DRAWS, 0)
        noise = torch.randn_like(mean)
        z = mean + torch.exp(0.5 * log_var) * noise
        log_prob = binary_log_prob(x, self.logits(F.relu(self.decoder(z))))
        # log p(z) - log q(z | x): 2 pi is in both.
        log_ratio = 0.5 * (noise.square() + log_var - z.square()).sum(1)
        log_weights = (log_prob + log_ratio).view(-1, sizes.IWAE_DRAWS)
        bound = torch.logsumexp(log_weights, 1) - math.log(sizes.IWAE_DRAWS)
        return -bound.mean()


def _vae(kind=_VAE):
    module = kind().to(DEVICE)
    return _likelihood_loop(module, module)


class _PixelBlock(nn.Module):
    def __init__(self, filters):
        super().__init__()
        half = filters // 2
        self.inner = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(filters, half, 1),
            nn.ReLU(),
            MaskedConv2d(half, half, 3, include_centre=True),
            nn.ReLU(),
            nn.Conv2d(half, filters, 1),
        )

    def forward(self, x):
        return x + self.inner(x)


def _pixel_cnn():
    filters = sizes.PIXEL_CNN_FILTERS
    module = nn.Sequential(
        MaskedConv2d(1, filters, 7, include_centre=False),
        *(_PixelBlock(filters) for _ in range(sizes.PIXEL_CNN_BLOCKS)),
        nn.ReLU(),
        nn.Conv2d(filters, filters, 1),
        nn.ReLU(),
        nn.Conv2d(filters, 1, 1),
    ).to(DEVICE)
    return _likelihood_loop(module, lambda x: -binary_log_prob(x, module(x)).mean())


def _residual_and_slope(a, target, b, gap):
    tanh = torch.tanh(a + b)
    squared = tanh.square()
    slope = squared + (1 - squared) * gap
    return a - tanh - target + gap * tanh, slope


@torch.no_grad()
def _newton(target, b, gap):
    """Returns a with a + w.u tanh(a + b) = target."""
    reach = (gap - 1).abs()
    a, low, high = target, target - reach, target + reach
    last_move = high - low
    for _ in range(sizes.NEWTON_STEPS):
        residual, slope = _residual_and_slope(a, target, b, gap)
        below = residual < 0
        low, high = torch.where(below, a, low), torch.where(below, high, a)
        move = residual / slope.clamp_min(1e-12)
        inside = (a - move >= low) & (a - move <= high)
        trusted = inside & (2 * move.abs() <= last_move)
        following = torch.where(trusted, a - move, 0.5 * (low + high))
        a, last_move = following, (following - a).abs()
    return a


class _Planar(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(sizes.EVENT))
        self.v = nn.Parameter(0.1 * torch.randn(sizes.EVENT))
        self.b = nn.Parameter(torch.zeros(()))

    def inverse(self, x):
        product = self.w @ self.v
        gap = F.softplus(product)  # 1 + w.u
        u = self.v + (gap - 1 - product) * self.w / (self.w @ self.w)
        target = x @ self.w
        a = _newton(target, self.b, gap)
        residual, slope = _residual_and_slope(a, target, self.b, gap)
        a = a - residual / slope.detach().clamp_min(1e-12)
        tanh = torch.tanh(a + self.b)
        squared = tanh.square()
        log_det = torch.log(squared + (1 - squared) * gap)
        return x - tanh[:, None] * u, -log_det


def _flow():
    layers = nn.ModuleList(_Planar() for _ in range(sizes.PLANAR_LAYERS)).to(DEVICE)

    def loss_of(x):
        total = 0.0
        for layer in reversed(layers):
            x, log_det = layer.inverse(x)
            total = total + log_det
        terms = x.square() + math.log(2 * math.pi)
        return (0.5 * terms.sum(1) - total).mean()

    return _likelihood_loop(layers, loss_of)


class _Machine(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(0.01 * torch.randn(sizes.VISIBLE, sizes.HIDDEN))
        self.a = nn.Parameter(torch.zeros(sizes.VISIBLE))
        self.b = nn.Parameter(torch.zeros(sizes.HIDDEN))
        chains = torch.rand(sizes.BATCH["rbm_pcd"], sizes.VISIBLE) < 0.5
        self.register_buffer("chains", chains.float())

    def field(self, v):
        return torch.addmm(self.b, v, self.w)

    def visible(self, h):
        return torch.sigmoid(torch.addmm(self.a, h, self.w.T))

    def free_energy(self, v, field):
        return -(v @ self.a) - F.softplus(field).sum(1)


def _rbm(persistent):
    """CD-1 or PCD-1 by its statistics; reports free energies and reconstruction."""
    machine = _Machine().to(DEVICE)

    @torch.no_grad()
    def step(v):
        field = machine.field(v)
        hidden = torch.sigmoid(field)
        start = hidden
        if persistent:
            start = torch.sigmoid(machine.field(machine.chains))
        mean = machine.visible(torch.bernoulli(start))
        chain = torch.bernoulli(mean)
        chain_field = machine.field(chain)
        hidden_chain = torch.sigmoid(chain_field)
        if persistent:
            machine.chains = chain
            mean = machine.visible(hidden)
        loss = machine.free_energy(v, field).mean()
        loss = loss - machine.free_energy(chain, chain_field).mean()
        loss = loss + F.mse_loss(mean, v)
        rate, n, m = sizes.SGD, v.shape[0], chain.shape[0]
        machine.w.addmm_(v.T, hidden, alpha=rate / n)
        machine.w.addmm_(chain.T, hidden_chain, alpha=-rate / m)
        machine.a.add_(v.mean(0) - chain.mean(0), alpha=rate)
        machine.b.add_(hidden.mean(0) - hidden_chain.mean(0), alpha=rate)
        return loss

    return Loop(step, machine)


_ROOMS = (
    torch_adversarial,
    torch_big_gan,
    torch_diffusion,
    torch_factor_vae,
    torch_ladder_vae,
    torch_pix2pix,
    torch_progressive_gan,
    torch_sngan,
    torch_style_gan2,
    torch_vq_gan,
    torch_vq_vae,
)
_LOOPS = {
    "autoencoder": _autoencoder,
    "vae": _vae,
    "iwae": functools.partial(_vae, _IWAE),
    "pixel_cnn": _pixel_cnn,
    "flow": _flow,
    "rbm_cd": functools.partial(_rbm, persistent=False),
    "rbm_pcd": functools.partial(_rbm, persistent=True),
}
