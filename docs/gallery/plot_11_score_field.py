"""
The score field of noisy data
=============================

A network that learns to take noise away knows the gradient of the log density of the
noisy points (Vincent, 2011; Song and Ermon, 2019).
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_genmod import ScoreModel, data, networks

points, _ = data.load("pinwheel", "train")
model = ScoreModel(
    networks.time_mlp(2, (64, 64)), (2,), sigma_min=0.01, sigma_max=8.0, seed=0
)
model.compile(keras.optimizers.Adam(3e-3))
model.fit(points[:5000], epochs=80, batch_size=256, verbose=0)

# %%
# Directions only: at much noise all arrows point to the middle, at little noise to the
# nearest arm.

edges = np.linspace(-3.6, 3.6, 19, dtype="float32")
grid = np.stack(np.meshgrid(edges, edges), axis=-1).reshape(-1, 2)
figure, axes = plt.subplots(1, 3, figsize=(9, 3.1))
for axis, sigma in zip(axes, (0.3, 1.0, 4.0), strict=True):
    # Deviations grow geometrically from 0.01 at t = 0 to 8 at t = 1.
    t = np.log(sigma / 0.01) / np.log(8.0 / 0.01)
    field = keras.ops.convert_to_numpy(model.score(grid, t))
    field /= np.linalg.norm(field, axis=1, keepdims=True)
    axis.plot(*points[:1000].T, ".", markersize=1, color="lightgray")
    axis.quiver(*grid.T, *field.T, angles="xy", width=0.004)
    axis.set(title=f"noise of deviation {sigma}", aspect="equal")
figure.tight_layout()
