"""
Classes as conditions
=====================

Labels are ``y`` in ``fit`` and ``condition`` elsewhere.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_genmod import VAE, callbacks, data, networks

x, labels = data.load("digits", "train")
x_test, labels_test = data.load("digits", "test")
x, x_test = (data.binarize(images, "static", seed=0) for images in (x, x_test))
model = VAE(
    networks.mlp_encoder((8, 8, 1), hidden_dims=(128,), num_classes=10),
    networks.mlp_decoder(6, (8, 8, 1), hidden_dims=(128,), num_classes=10),
    latent_dim=6,
    num_classes=10,
    seed=0,
)
model.compile(keras.optimizers.Adam(2e-3))
model.fit(x, labels, epochs=25, verbose=0)

# %%
# A column a class.

condition = np.tile(np.arange(10), 5)
samples = keras.ops.convert_to_numpy(model.sample(50, condition=condition, seed=0))
plt.figure(figsize=(6, 3.2))
plt.imshow(callbacks.image_grid(samples, 10, scale=3), cmap="gray")
plt.axis("off")
plt.tight_layout()

# %%
# A conditional density classifies: the label under which an image is most probable. No
# classifier was trained.

scores = [
    keras.ops.convert_to_numpy(model.log_prob(x_test, condition=k, seed=0))
    for k in range(10)
]
share = np.mean(np.argmax(scores, axis=0) == labels_test)
print(f"{share:.1%} of {len(x_test)} held-out images")
