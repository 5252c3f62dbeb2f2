"""
The partition sum of an RBM
===========================

Exact by enumeration, and estimated by annealed importance sampling.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_genmod import RBM, callbacks, data

x = data.binarize(data.load("digits", "train")[0], "static", seed=0).reshape(-1, 64)
model = RBM(64, 16, persistent=True, seed=0)
model.compile(keras.optimizers.SGD(0.05))
model.fit(x, epochs=100, verbose=0)

# %%
# Sixteen hidden units have 65,536 states: log Z is a sum. AIS gets nearer with more
# temperatures, and says how far off it may be: bars are three standard errors.

exact = model.log_partition("exact")
print(exact)
counts = (30, 100, 1000, 3000)
found = [
    model.log_partition("ais", num_temperatures=n, num_chains=100, seed=0)
    for n in counts
]
print(found[-1])
plt.figure(figsize=(5, 3))
plt.axhline(exact.value, color="gray", label="exact")
values = np.array([f.value for f in found])
bars = [values - [f.low for f in found], [f.high for f in found] - values]
plt.errorbar(counts, values, bars, fmt="o-", capsize=3, label="AIS, 100 chains")
plt.xscale("log")
plt.xlabel("temperatures")
plt.ylabel("log Z, nats")
plt.legend()
plt.tight_layout()

# %%
# Rows: samples after 300 Gibbs steps; then the couplings of the hidden units.

samples = keras.ops.convert_to_numpy(model.sample(16, seed=0, num_steps=300))
weights = keras.ops.convert_to_numpy(model.couplings).T
weights = 0.5 + 0.5 * weights / np.abs(weights).max()
rows = np.concatenate([samples, weights]).reshape(-1, 8, 8, 1)
plt.figure(figsize=(5, 2.8))
plt.imshow(callbacks.image_grid(rows, 8, scale=3), cmap="gray")
plt.axis("off")
plt.tight_layout()
