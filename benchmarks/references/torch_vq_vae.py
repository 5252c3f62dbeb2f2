"""The train step of VQ-VAE in plain PyTorch, its codebook by moving averages."""

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


class _Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.last = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return x + self.last(F.relu(self.first(F.relu(x))))


def _residuals():
    f = sizes.GRID_FILTERS
    return [*(_Residual(f) for _ in range(sizes.GRID_BLOCKS)), nn.ReLU()]


class VQVAE(nn.Module):
    """The networks of `networks.grid_encoder` and `grid_decoder`, and the codebook."""

    def __init__(self):
        super().__init__()
        f, d = sizes.GRID_FILTERS, sizes.CODE_DIM
        self.encoder = nn.Sequential(
            nn.Conv2d(1, f, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(f, f, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(f, f, 3, padding=1),
            *_residuals(),
            nn.Conv2d(f, d, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(d, f, 3, padding=1),
            *_residuals(),
            nn.ConvTranspose2d(f, f, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(f, f, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(f, 1, 3, padding=1),
        )
        codebook = torch.rand(sizes.CODES, d) * 2 - 1
        self.register_buffer("codebook", codebook / sizes.CODES)
        self.register_buffer("counts", torch.zeros(sizes.CODES))
        self.register_buffer("sums", torch.zeros(sizes.CODES, d))
        self.register_buffer("num_steps", torch.zeros(()))

    def narrow(self, x):
        """Returns what the decoder takes, and each image's loss; moves the codebook."""
        z = self.encoder(2 * x - 1).permute(0, 2, 3, 1)  # (batch, height, width, dim)
        vectors = z.detach().reshape(-1, sizes.CODE_DIM)
        norms = self.codebook.square().sum(1)
        codes = (norms - 2 * vectors @ self.codebook.T).argmin(1)
        chosen = self.codebook[codes].view(z.shape)
        loss = sizes.COMMITMENT * (z - chosen).square().sum((1, 2, 3))
        self._move(vectors, codes)
        return (z + (chosen - z).detach()).permute(0, 3, 1, 2), loss

    def forward(self, x):
        quantized, loss = self.narrow(x)
        return (loss - binary_log_prob(x, self.decoder(quantized))).mean()

    @torch.no_grad()
    def _move(self, vectors, codes):
        belongs = F.one_hot(codes, sizes.CODES).float()
        self.num_steps += 1
        rest = 1 - sizes.CODE_DECAY
        self.counts.lerp_(belongs.sum(0), rest)
        self.sums.lerp_(belongs.T @ vectors, rest)
        debias = 1 - sizes.CODE_DECAY**self.num_steps
        uses = self.counts / debias
        total, more = uses.sum(), sizes.CODE_SMOOTHING
        smooth = (uses + more) / (total + sizes.CODES * more) * total
        moved = self.sums / debias / smooth[:, None]
        self.codebook = torch.where(uses[:, None] > 0, moved, self.codebook)


def _vq_vae():
    model = VQVAE().to(DEVICE)
    optimizer = adam(model.parameters())
    return Loop(lambda x: minimize(optimizer, model(x)), model)


LOOPS = {"vq_vae": _vq_vae}
