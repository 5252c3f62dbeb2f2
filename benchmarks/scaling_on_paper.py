"""How efficient training would be on many devices: arithmetic, not a measurement.

    python -m benchmarks.scaling_on_paper

prints the table of `docs/guides/devices.md`. With t the measured time of a step of one
device, G bytes of gradients, n devices of bandwidth B and latency a, a device that
keeps its own batch spends

    c(n) = 2 (n - 1) / n G / B + 2 a log2(n)

on averaging them (a ring's volume, a tree's rounds), and the share of its time that it
computes is t / (t + c(n)), where nothing of both overlaps.
"""

import math
from typing import NamedTuple

BANDWIDTH = 50e9  # bytes a second of a device: a network card of 400 Gbit/s each
LATENCY = 10e-6  # seconds a round
BYTES = 4  # of a gradient: float32 under every policy
DEVICES = (2, 8, 64, 256, 1000)


class Step(NamedTuple):
    """One measured train step.

    Times are those of JAX with `mixed_bfloat16` on one NVIDIA H100 80GB HBM3, Keras
    3.15.1, JAX 0.11.2, 2026-11-27: medians, warm, synchronised. RESULTS.md has them
    under "Precision and memory of larger models".
    """

    model: str
    batch: int
    millions: float  # of parameters
    milliseconds: float


STEPS = (
    Step("VAE 784-4096-4096", 4096, 42, 2.38),
    Step("convolutional VAE 64x64x3", 256, 7.6, 6.3),
    Step("PixelCNN 28x28, 128 filters, 15 blocks", 256, 0.83, 9.6),
    Step("DCGAN 64x64x3", 256, 51, 11.7),
    Step("CausalTransformer, 8 x 512", 64, 26, 13.8),
    Step("Glow 32x32x3, 3 x 16 steps", 64, 12.6, 33.6),
    Step("CycleGAN 128x128x3, 9 blocks", 8, 28, 54.1),
)


def seconds_of_averaging(num_bytes: float, num_devices: int) -> float:
    """Returns c(n)."""
    volume = 2 * (num_devices - 1) / num_devices * num_bytes / BANDWIDTH
    return volume + 2 * LATENCY * math.log2(num_devices)


def efficiency(step: Step, num_devices: int) -> float:
    """Returns the share of its time that a device computes."""
    seconds = step.milliseconds / 1e3
    num_bytes = BYTES * step.millions * 1e6
    return seconds / (seconds + seconds_of_averaging(num_bytes, num_devices))


def table() -> str:
    """Returns the table as Markdown."""
    heads = ["model", "batch", "ms a step", "MB of gradients", *map(str, DEVICES)]
    rows = [heads, ["---"] * len(heads)]
    for step in STEPS:
        shares = [f"{efficiency(step, n):.0%}" for n in DEVICES]
        size = f"{BYTES * step.millions:.3g}"
        rows.append(
            [step.model, str(step.batch), f"{step.milliseconds:g}", size, *shares]
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    print(table())
