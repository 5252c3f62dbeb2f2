"""The train step of a ladder VAE of two levels in plain PyTorch."""

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


class _Normal(nn.Module):
    """A dense layer with ReLU, then the mean and the log-variance."""

    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.hidden = nn.Linear(inputs, hidden)
        self.mean = nn.Linear(hidden, outputs)
        self.log_var = nn.Linear(hidden, outputs)

    def forward(self, x):
        features = F.relu(self.hidden(x))
        return features, self.mean(features), self.log_var(features)


def _draw(mean, log_var):
    return mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)


class LadderVAE(nn.Module):
    """Both levels; returns the negative ELBO."""

    def __init__(self):
        super().__init__()
        (low, high), (low_dim, high_dim) = sizes.LADDER_HIDDEN, sizes.LADDER_LATENTS
        self.of_data = _Normal(sizes.PIXELS, low, low_dim)
        self.of_features = _Normal(low, high, high_dim)
        self.prior = _Normal(high_dim, high, low_dim)
        self.decoder = nn.Linear(low_dim, low)
        self.logits = nn.Linear(low, sizes.PIXELS)

    def forward(self, x):
        x = x.flatten(1)
        features, mean_x, log_var_x = self.of_data(x)
        _, mean, log_var = self.of_features(features)
        kl = 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(1)
        _, mean_p, log_var_p = self.prior(_draw(mean, log_var))
        # The product of what the data say and of the prior: precisions add up.
        of_x, of_p = torch.exp(-log_var_x), torch.exp(-log_var_p)
        precision = of_x + of_p
        mean = (of_x * mean_x + of_p * mean_p) / precision
        log_var = -torch.log(precision)
        gap = ((mean - mean_p).square() + 1 / precision) * of_p
        kl = kl + 0.5 * (gap - 1 - log_var + log_var_p).sum(1)
        logits = self.logits(F.relu(self.decoder(_draw(mean, log_var))))
        return (kl - binary_log_prob(x, logits)).mean()


def _ladder_vae():
    model = LadderVAE().to(DEVICE)
    optimizer = adam(model.parameters())
    return Loop(lambda x: minimize(optimizer, model(x)), model)


LOOPS = {"ladder_vae": _ladder_vae}
