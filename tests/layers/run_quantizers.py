"""Moves codebooks as one of several processes, and leaves them in a folder.

Run as a process of its own, once for each rank.
"""

import os
import sys

import numpy as np
from keras import ops

from keras_genmod.layers import VectorQuantizer

VECTORS = np.random.default_rng(0).normal(size=(3, 12, 2)).astype("float32")
BOOK = np.random.default_rng(1).normal(size=(8, 2)).astype("float32")
BOOK[3:] += 100.0  # which nothing comes to

#: A threshold of restarts and a number of steps, by name.
CASES = {"moving": (0.0, 3), "restarting": (0.2, 1)}


def moved(name, rank, count):
    """Returns codebook and counts after steps on one process's share of vectors."""
    threshold, num_steps = CASES[name]
    layer = VectorQuantizer(
        *BOOK.shape, decay=0.5, restart_threshold=threshold, seed=rank
    )
    layer.codebook.assign(BOOK)
    for vectors in VECTORS[:num_steps]:
        layer(vectors[rank::count], training=True)
    return [np.array(ops.convert_to_numpy(v)) for v in (layer.codebook, layer.counts)]


def main(rank, count, port, folder):
    import torch

    rank, count = int(rank), int(count)
    torch.distributed.init_process_group(
        "gloo", f"tcp://localhost:{port}", rank=rank, world_size=count
    )
    for name in CASES:
        codebook, counts = moved(name, rank, count)
        place = os.path.join(folder, f"{name}_{rank}.npz")
        np.savez(place, codebook=codebook, counts=counts)


if __name__ == "__main__":
    main(*sys.argv[1:])
