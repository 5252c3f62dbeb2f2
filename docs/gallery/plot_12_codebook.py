"""
A codebook in use
=================

A VQ-VAE writes digits as sixteen codes; perplexity says how many codes it uses.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_genmod import VQVAE, callbacks, data, layers, networks

x, x_test = (data.load("digits", split)[0] for split in ("train", "test"))


def trained(restart_threshold):
    """Returns a model and its history; a threshold of zero never restarts a code."""
    model = VQVAE(
        networks.grid_encoder((8, 8, 1), 8, 16, num_downsamplings=1, num_blocks=1),
        layers.VectorQuantizer(32, 8, restart_threshold=restart_threshold, seed=0),
        networks.grid_decoder((4, 4, 8), 1, 16, num_upsamplings=1, num_blocks=1),
        seed=0,
    )
    model.compile(keras.optimizers.Adam(2e-3))
    return model, model.fit(x, epochs=10, batch_size=64, verbose=0).history


model, history = trained(0.05)
_, without = trained(0.0)

# %%
# Codes that fall out of use are moved to features of the batch. With so few codes both
# end alike; the larger the codebook, the more of it would lie idle without restarts.

plt.figure(figsize=(5, 3))
plt.plot(history["perplexity"], label="unused codes restart")
plt.plot(without["perplexity"], label="no restarts")
plt.axhline(32, color="gray", linestyle=":")
plt.xlabel("epoch")
plt.ylabel("perplexity of 32 codes")
plt.legend()
plt.tight_layout()

# %%
# Rows: held-out images; their codes, a grey level each; reconstructions.

codes = keras.ops.convert_to_numpy(model.encode(x_test[:10]))  # (10, 4, 4)
shown = np.repeat(np.repeat(codes, 2, axis=1), 2, axis=2)[..., None] / 31
decoded = keras.ops.convert_to_numpy(model.decode(codes))
rows = np.concatenate([x_test[:10], shown, decoded]).astype("float32")
plt.figure(figsize=(6, 2))
plt.imshow(callbacks.image_grid(rows, 10, scale=3), cmap="gray")
plt.axis("off")
plt.tight_layout()
