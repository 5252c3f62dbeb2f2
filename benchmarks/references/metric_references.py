"""Metrics as they are usually computed, for `metrics_time` to stand beside."""

import numpy as np
from scipy import linalg
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors


def moments(x):
    """Returns mean and covariance, as pytorch-fid computes them."""
    return x.mean(axis=0), np.cov(x, rowvar=False)


def frechet_distance(real, fake):
    """Returns the Frechet distance of two pairs of moments, as pytorch-fid does."""
    offset = real[0] - fake[0]
    root = linalg.sqrtm(real[1].dot(fake[1]))
    if not np.isfinite(root).all():
        more = np.eye(len(offset)) * 1e-6
        root = linalg.sqrtm((real[1] + more).dot(fake[1] + more))
    traces = np.trace(real[1]) + np.trace(fake[1])
    return offset.dot(offset) + traces - 2 * np.trace(root.real)


def prdc(real, fake):
    """Returns the four numbers of prdc, k = 5."""
    import prdc

    found = prdc.compute_prdc(real, fake, nearest_k=5)
    return [found[name] for name in ("precision", "recall", "density", "coverage")]


def kernel_distance(real, fake):
    """Returns KID over 20 subsets of 1,000, with scikit-learn's kernel."""
    rng = np.random.RandomState(2020)
    values = []
    size = min(1000, len(real))
    for _ in range(20):
        x = fake[rng.choice(len(fake), size, replace=False)]
        y = real[rng.choice(len(real), size, replace=False)]
        within = [polynomial_kernel(s, degree=3, coef0=1) for s in (x, y)]
        across = polynomial_kernel(x, y, degree=3, coef0=1)
        sums = sum(kernel.sum() - np.trace(kernel) for kernel in within)
        values.append(sums / (size * (size - 1)) - 2 * across.mean())
    return np.mean(values)


def nearest_neighbours(real, fake):
    """Returns the distances to the five nearest, with scikit-learn."""
    return NearestNeighbors(n_neighbors=5).fit(real).kneighbors(fake)[0]
