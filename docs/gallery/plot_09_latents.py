"""
Ways between images
===================

Interpolation and analogies in the latents of an autoencoder.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_genmod import VAE, callbacks, data, latents, networks

x, labels = data.load("digits", "train")
model = VAE(
    networks.mlp_encoder((8, 8, 1), hidden_dims=(128,)),
    networks.mlp_decoder(8, (8, 8, 1), hidden_dims=(128,)),
    latent_dim=8,
    beta=0.3,
    seed=0,
)
model.compile(keras.optimizers.Adam(2e-3))
model.fit(x, epochs=25, verbose=0)

# %%
# Four ways from one image to another.

z = latents.encode(model, x[:8])
path = latents.interpolate(z[:4], z[4:], 10)
images = latents.decode(model, path).reshape(-1, 8, 8, 1)
plt.figure(figsize=(6, 2.6))
plt.imshow(callbacks.image_grid(images, 10, scale=3), cmap="gray")
plt.axis("off")
plt.tight_layout()

# %%
# Codes of all images on their first two principal axes.

codes = latents.encode(model, x)
centred = codes - codes.mean(axis=0)
_, _, axes = np.linalg.svd(centred, full_matrices=False)
plt.figure(figsize=(4.6, 4))
plt.scatter(*(centred @ axes[:2].T).T, c=labels, s=6, cmap="tab10")
plt.clim(-0.5, 9.5)
plt.colorbar(label="digit", ticks=range(10))
plt.tight_layout()

# %%
# Mean of the eights less that of the threes, added to the zeros.

groups = [codes[labels == digit] for digit in (8, 3, 0)]
found = latents.analogy(groups[:2], groups[2:], among=codes)
means = np.stack([group.mean(axis=0) for group in groups] + [found.latent[0]])
images = keras.ops.convert_to_numpy(latents.decode(model, means))
plt.figure(figsize=(4, 1.4))
plt.imshow(callbacks.image_grid(images, 4, scale=6), cmap="gray")
plt.title("8 - 3 + 0")
plt.axis("off")
plt.tight_layout()
