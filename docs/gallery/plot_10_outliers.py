"""
Outliers
========

Noise is told from digits at once; digits with one half erased much less well.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

from keras_genmod import VAE, data, evaluation, metrics, networks

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
model.fit(x, epochs=25, verbose=0)

# %%
# Scores are negative log-likelihoods, here from a bound: the higher, the more unusual.

rng = np.random.default_rng(0)
half = x_test.copy()
half[:, 4:] = 0
sets = {
    "digits": x_test,
    "noise": rng.integers(0, 2, x_test.shape).astype("float32"),
    "lower half erased": half,
}
scores = {
    name: evaluation.anomaly_score(model, images, num_samples=20).scores
    for name, images in sets.items()
}
plt.figure(figsize=(5.5, 3))
for name, values in scores.items():
    plt.hist(values, 40, alpha=0.6, label=name, density=True)
plt.xlabel("anomaly score, nats")
plt.legend()
plt.tight_layout()
for name in list(sets)[1:]:
    found = metrics.outlier_auroc(scores["digits"], scores[name])
    print(f"{name}: AUROC {found.auroc:.3f}")

# %%
# Likelihoods reward images with little to explain. Images of 8x8 pixels have little to
# leave out; on MNIST, half-erased digits are *more* probable to a VAE than whole ones,
# and the score is the wrong way round (below 0.5). See the guide on outliers.
