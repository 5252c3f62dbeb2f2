"""The PixelCNN of 53,569 parameters of pytorch-generative, written by hand in torch.

Where it differs from `keras_genmod.PixelCNN`:

- a block gives x + f(x), and the stack adds x to that once more: x doubles in each of
  the blocks, so that the first layer reaches the head times 2^15 and the last block
  times 1;
- weights and biases start from U(-r, r), r = 1 / sqrt(inputs of a unit), hidden taps
  counted in; the package takes Keras' Glorot weights and biases of zero;
- hidden taps get gradients and moments, and are set to zero before each use.

The order of activations, the head, the sizes and the receptive field are the same.
"""

import torch
from torch import nn


class _Masked(nn.Conv2d):
    """Convolution without the taps of pixels to come, mask B, or A if `first`."""

    def __init__(self, inputs, outputs, size, first=False):
        super().__init__(inputs, outputs, size, padding=size // 2)
        mask = torch.zeros(size, size)
        mask[: size // 2] = 1.0
        mask[size // 2, : size // 2 + (not first)] = 1.0
        self.register_buffer("mask", mask)

    def forward(self, x):
        self.weight.data *= self.mask
        return super().forward(x)


class TorchPixelCNN(nn.Module):
    """The reference, or with `doubles` off and `glorot` on the package's PixelCNN.

    Args:
        doubles: Whether the stack adds x to what a block gives.
        glorot: Whether weights start as in Keras.
        filters: Int.
        num_blocks: Int.
    """

    def __init__(self, doubles=True, glorot=False, filters=32, num_blocks=15):
        super().__init__()
        half = filters // 2
        self.first = _Masked(1, filters, 7, first=True)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.ReLU(),
                nn.Conv2d(filters, half, 1),
                nn.ReLU(),
                _Masked(half, half, 3),
                nn.ReLU(),
                nn.Conv2d(half, filters, 1),
            )
            for _ in range(num_blocks)
        )
        self.head = nn.Sequential(
            nn.ReLU(), nn.Conv2d(filters, 32, 1), nn.ReLU(), nn.Conv2d(32, 1, 1)
        )
        self.factor = 2.0 if doubles else 1.0
        if glorot:
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.xavier_uniform_(module.weight)
                    nn.init.zeros_(module.bias)

    def forward(self, x):
        """Returns logits `(batch, 1, height, width)`."""
        x = self.first(x)
        for block in self.blocks:
            x = self.factor * x + block(x)
        return self.head(x)

    def log_prob(self, x):
        """Returns log p(x) in nats, `(batch,)`."""
        loss = nn.functional.binary_cross_entropy_with_logits(
            self(x), x, reduction="none"
        )
        return -loss.sum(dim=(1, 2, 3))
