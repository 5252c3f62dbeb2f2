"""
From noise to data along a flow
===============================

Flow matching on two moons: the way of points, and how many steps they need.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_genmod import FlowMatching, data, networks

points, _ = data.load("two_moons", "train")
model = FlowMatching(networks.time_mlp(2, (64, 64)), (2,), seed=0)
model.compile(keras.optimizers.Adam(3e-3))
model.fit(points, epochs=50, batch_size=256, verbose=0)

# %%
# The same noise, solved with few and with many steps of Euler's and of Heun's method.

z = np.random.default_rng(0).standard_normal((1500, 2), "float32")
ways = [("euler", 2), ("euler", 5), ("heun", 5), ("euler", 50)]
figure, axes = plt.subplots(1, 4, figsize=(9, 2.7))
for axis, (sampler, num_steps) in zip(axes, ways, strict=True):
    drawn = model.decode(z, sampler=sampler, num_steps=num_steps)
    axis.plot(*keras.ops.convert_to_numpy(drawn).T, ".", markersize=1)
    axis.set(title=f"{sampler}, {num_steps}", xlim=(-5, 5), ylim=(-4, 4))
figure.tight_layout()

# %%
# The density follows from the divergence along the way.

edges = np.linspace(-5, 5, 51, dtype="float32")
grid = np.stack(np.meshgrid(edges, edges), axis=-1).reshape(-1, 2)
log_prob = keras.ops.convert_to_numpy(model.log_prob(grid, batch_size=2048))
density = np.exp(log_prob).reshape(51, 51)
plt.figure(figsize=(3.2, 3))
plt.contourf(edges, edges, density, 20)
plt.gca().set_aspect("equal")
plt.tight_layout()
print(f"mass on the grid: {density.sum() * (edges[1] - edges[0]) ** 2:.3f}")
