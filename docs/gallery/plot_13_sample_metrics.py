"""
Judging samples
===============

What Frechet distance, precision and recall say of samples that are too alike, and of
ones that are too wild.
"""

import matplotlib.pyplot as plt
import numpy as np

from keras_genmod import data, metrics

x, x_test = (
    data.load("digits", split)[0].reshape(-1, 64) for split in ("train", "test")
)
real = x[:360]
mean = x_test.mean(axis=0)

# %%
# The "samples" are held-out images, drawn towards their mean (below 1) or away from it.

factors = np.linspace(0.2, 1.8, 9)
results = [
    (
        metrics.frechet_distance(real, mean + factor * (x_test - mean)),
        metrics.precision_recall_density_coverage(
            real, mean + factor * (x_test - mean)
        ),
    )
    for factor in factors
]
figure, axes = plt.subplots(1, 2, figsize=(8, 3))
axes[0].plot(factors, [frechet.value for frechet, _ in results], "o-")
axes[0].set(xlabel="spread of the samples", ylabel="Frechet distance")
axes[1].plot(
    factors, [found.precision for _, found in results], "o-", label="precision"
)
axes[1].plot(factors, [found.recall for _, found in results], "o-", label="recall")
axes[1].set(xlabel="spread of the samples")
axes[1].legend()
figure.tight_layout()

# %%
# One number hides which of the two is wrong. Every result keeps its protocol, and
# results of other protocols refuse to be compared with it.

print(results[4][0])
