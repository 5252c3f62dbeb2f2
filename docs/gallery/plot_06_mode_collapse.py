"""
Mode collapse, and packing against it
=====================================

Eight Gaussians on a ring, one GAN that sees points one by one and one that sees four at
once.
"""

import keras
import matplotlib.pyplot as plt

from keras_genmod import GAN, data, metrics, networks

points, _ = data.ring(seed=0, num_points=10_000)
centres = data.ring_centres()


def trained(packing):
    """Returns a GAN whose discriminator judges so many points together."""
    keras.utils.set_random_seed(0)
    model = GAN(
        networks.mlp_decoder(2, (2,), hidden_dims=(64, 64)),
        networks.mlp_discriminator((2 * packing,), (64, 64)),
        latent_dim=2,
        packing=packing,
        seed=0,
    )
    model.compile(keras.optimizers.Adam(1e-3, beta_1=0.9))
    model.fit(points, epochs=30, batch_size=200, verbose=0)
    return model


models = {f"packs of {n}": trained(n) for n in (1, 4)}

# %%
# A mode counts as found where a sample lies within 0.3 of its centre. So few steps find
# modes and do not fit them.

figure, axes = plt.subplots(1, 3, figsize=(8, 2.9))
axes[0].plot(*points[:2000].T, ".", markersize=2)
axes[0].set_title("data")
for axis, (name, model) in zip(axes[1:], models.items(), strict=True):
    drawn = keras.ops.convert_to_numpy(model.sample(2000, seed=0))
    found = metrics.mode_coverage(drawn, centres, radius=0.3)
    axis.plot(*drawn.T, ".", markersize=2)
    axis.set_title(f"{name}: {found.num_modes_found} of 8")
    print(name, found.num_modes_found, f"{found.high_quality_share:.1%} near a mode")
for axis in axes:
    axis.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal")
figure.tight_layout()
