"""
The density of a flow
=====================

Splines bend a normal distribution to two moons; the density is exact.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_genmod import NormalizingFlow, data, networks
from keras_genmod.bijectors import Chain, Permutation, SplineCoupling

points, _ = data.load("two_moons", "train")
points = points[:4000]


def layer():
    """Makes one value's spline a function of the other, and swaps them."""
    network = networks.coupling_mlp(2, (32, 32), outputs_per_dim=3 * 8 - 1)
    return [SplineCoupling((2,), network, bound=4.0), Permutation((2,), [1, 0])]


model = NormalizingFlow(Chain([*layer(), *layer(), *layer(), *layer()]), seed=0)
model.compile(keras.optimizers.Adam(5e-3))
model.fit(points, epochs=12, batch_size=256, verbose=0)

# %%
# Training points, the density on a grid, and points drawn from it.

edges = np.linspace(-5, 5, 121, dtype="float32")
grid = np.stack(np.meshgrid(edges, edges), axis=-1)
log_prob = keras.ops.convert_to_numpy(
    model.log_prob(grid.reshape(-1, 2), batch_size=4096)
)
density = np.exp(log_prob).reshape(121, 121)
drawn = keras.ops.convert_to_numpy(model.sample(2000, seed=0))
figure, axes = plt.subplots(1, 3, figsize=(8, 2.8))
axes[0].plot(*points[:2000].T, ",")
axes[1].contourf(edges, edges, density, 20)
axes[2].plot(*drawn.T, ",")
for axis, title in zip(axes, ("data", "density", "samples"), strict=True):
    axis.set(title=title, xlim=(-5, 5), ylim=(-3, 3), aspect="equal")
figure.tight_layout()

# %%
# A density integrates to one. The sum over the grid says how much of it lies there.

print(f"mass on the grid: {density.sum() * (edges[1] - edges[0]) ** 2:.3f}")
