"""
A VAE of digits
===============

Samples, reconstructions, and what one latent does.
"""

# %%
# Binary images, drawn once from the grey values; ``load`` needs no network for digits.

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_genmod import VAE, callbacks, data, latents, networks

x, x_test = (
    data.binarize(data.load("digits", split)[0], "static", seed=0)
    for split in ("train", "test")
)
model = VAE(
    networks.mlp_encoder((8, 8, 1), hidden_dims=(128,)),
    networks.mlp_decoder(8, (8, 8, 1), hidden_dims=(128,)),
    latent_dim=8,
    seed=0,
)
model.compile(keras.optimizers.Adam(2e-3))
history = model.fit(x, validation_data=(x_test,), epochs=30, verbose=0).history

# %%
# The loss is the negative ELBO in nats an image.

plt.figure(figsize=(5, 3))
plt.plot(history["loss"], label="training")
plt.plot(history["val_loss"], label="held out")
plt.xlabel("epoch")
plt.ylabel("negative ELBO, nats")
plt.legend()
plt.tight_layout()

# %%
# Rows: samples; held-out images; their reconstructions; then the first image with each
# of three latents going from -3 to 3.

z = latents.encode(model, x_test[:1])
sweeps = latents.traverse(z, range(3), np.linspace(-3, 3, 10))
rows = [
    model.sample(10, seed=0),
    x_test[:10],
    model.reconstruct(x_test[:10]),
    latents.decode(model, sweeps)[0].reshape(30, 8, 8, 1),
]
rows = np.concatenate([keras.ops.convert_to_numpy(row) for row in rows])
plt.figure(figsize=(6, 3.8))
plt.imshow(callbacks.image_grid(rows, 10, scale=3), cmap="gray")
plt.axis("off")
plt.tight_layout()
