"""
What kind of number is this?
============================

A lower bound that tightens with importance samples, an exact number, and a table that
refuses to rank one against the other.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_genmod import RBM, VAE, data, evaluation, networks

x, x_test = (
    data.binarize(data.load("digits", split)[0], "static", seed=0).reshape(-1, 64)
    for split in ("train", "test")
)
vae = VAE(
    networks.mlp_encoder((64,), hidden_dims=(128,)),
    networks.mlp_decoder(8, (64,), hidden_dims=(128,)),
    latent_dim=8,
    seed=0,
)
vae.compile(keras.optimizers.Adam(2e-3))
vae.fit(x, epochs=25, verbose=0)
rbm = RBM(64, 20, persistent=True, seed=0)
rbm.compile(keras.optimizers.SGD(0.05))
rbm.fit(x, epochs=60, verbose=0)

# %%
# ``log_prob`` of a VAE is a lower bound, with its mean over the posterior's draws taken
# inside the logarithm. More draws make it tighter; it never passes log p(x).

counts = [1, 5, 25, 100, 500]
bounds = [
    np.mean(keras.ops.convert_to_numpy(vae.log_prob(x_test, num_samples=n, seed=0)))
    for n in counts
]
plt.figure(figsize=(5, 3))
plt.semilogx(counts, bounds, "o-")
plt.xlabel("importance samples")
plt.ylabel("bound on log p(x), nats")
plt.tight_layout()

# %%
# The RBM has 20 hidden units, so its partition sum can be enumerated: its number is
# exact. Both numbers know what they are.

protocol = {"dataset": "digits", "split": "test", "binarization": "static(0)"}
table = evaluation.LikelihoodTable()
table.add(
    "VAE", evaluation.evaluate_likelihood(vae, x_test, num_samples=100, **protocol)
)
table.add("RBM", evaluation.evaluate_likelihood(rbm, x_test, **protocol))
print(table)

# %%
# Asked for the best of all, the table refuses.

try:
    table.best()
except ValueError as error:
    print(error)
