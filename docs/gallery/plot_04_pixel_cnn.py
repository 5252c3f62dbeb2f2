"""
Pixel by pixel: samples and completions
=======================================

A PixelCNN draws each pixel given those before it, in one compiled loop with caches.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_genmod import PixelCNN, callbacks, data

x, x_test = (
    data.binarize(data.load("digits", split)[0], "static", seed=0)
    for split in ("train", "test")
)
model = PixelCNN((8, 8, 1), filters=16, num_blocks=3, seed=0)
model.compile(keras.optimizers.Adam(3e-3))
model.fit(x, epochs=10, batch_size=64, verbose=0)
nats = np.mean(keras.ops.convert_to_numpy(model.log_prob(x_test)))
print(f"held-out log p(x) = {nats:.2f} nats, exact")

# %%
# Rows: samples; held-out images; the same with the lower half drawn anew.

known = x_test[:10]
mask = np.zeros((8, 8, 1), bool)
mask[:4] = True
completed = model.sample(10, known=known, mask=mask, seed=0)
samples = model.sample(20, seed=0)
rows = [keras.ops.convert_to_numpy(row) for row in (samples, known, completed)]
plt.figure(figsize=(6, 2.6))
plt.imshow(callbacks.image_grid(np.concatenate(rows), 10, scale=3), cmap="gray")
plt.axis("off")
plt.tight_layout()

# %%
# ``temperature`` below one draws nearer to the modes: the samples are more probable to
# the model, and more alike.

for temperature in (0.5, 1.0, 1.5):
    drawn = model.sample(200, seed=0, temperature=temperature)
    found = np.mean(keras.ops.convert_to_numpy(model.log_prob(drawn)))
    spread = np.mean(np.std(keras.ops.convert_to_numpy(drawn), axis=0))
    print(f"temperature {temperature}: {found:6.2f} nats, spread {spread:.3f}")
