"""Flows of the quality benchmark.

Grey images of 256 levels with uniform noise, in logit space but for Glow; and planar
flows in the posterior of a VAE of binary images.
"""

import keras

import keras_genmod
from benchmarks.quality_entry import LOSS, Entry, compiled
from keras_genmod import bijectors, networks

_DIM = 784
_SHAPE = (28, 28, 1)
_LATENTS = 40
_MARGIN = 1e-6  # that of the MAF paper's logits of MNIST
_BATCH = 128


def _density(members, seed, learning_rate=1e-4):
    """Returns a flow of dequantized vectors, compiled; members from latent to data."""
    model = keras_genmod.NormalizingFlow(
        bijectors.Chain(members),
        dequantization=keras_genmod.UniformDequantization(256),
        seed=seed,
    )
    return compiled(model, keras.optimizers.Adam(learning_rate, clipnorm=5.0))


def _nice(seed):
    couplings = [
        bijectors.AdditiveCoupling(
            (_DIM,), networks.coupling_mlp(_DIM, (1000,) * 5, 1), flip=bool(i % 2)
        )
        for i in range(4)
    ]
    # Couplings keep volumes: the scales of all values are learnt at the latents. In
    # logit space, for a normal base: pixels that training never saw lit cost the
    # paper's logistic one less.
    members = [bijectors.ActNorm((_DIM,)), *couplings]
    members.append(bijectors.Sigmoid((_DIM,), _MARGIN))
    return _density(members, seed, learning_rate=1e-3)


def _real_nvp(seed):
    members = []
    for i in range(10):  # the paper's 5 blocks of two couplings
        network = networks.coupling_mlp(_DIM, (512,), 2)
        members.append(bijectors.AffineCoupling((_DIM,), network, flip=bool(i % 2)))
        members.append(bijectors.ActNorm((_DIM,)))
    return _density([*members, bijectors.Sigmoid((_DIM,), _MARGIN)], seed)


def _maf(seed):
    members = []
    for _ in range(5):
        network = networks.made(_DIM, (512,))
        members.append(bijectors.MaskedAutoregressive(_DIM, network))
        members.append(bijectors.Permutation((_DIM,), "reverse"))
        members.append(bijectors.ActNorm((_DIM,)))
    return _density([*members, bijectors.Sigmoid((_DIM,), _MARGIN)], seed)


def _glow(seed):
    model = keras_genmod.Glow(_SHAPE, num_scales=2, num_steps=4, filters=64, seed=seed)
    return compiled(model, keras.optimizers.Adam(1e-3, clipnorm=5.0))


def _planar_vae(num_flows):
    def make(seed):
        encoder = networks.mlp_encoder(_SHAPE, (400,))
        (features,) = encoder.output_shape[1:]
        flows = [
            bijectors.Planar(_LATENTS, condition_dim=features) for _ in range(num_flows)
        ]
        model = keras_genmod.VAE(
            encoder,
            networks.mlp_decoder(_LATENTS, _SHAPE, (400,)),
            latent_dim=_LATENTS,
            posterior_flow=bijectors.Chain(flows),
            seed=seed,
        )
        return compiled(model, keras.optimizers.Adam(1e-3))

    return Entry(
        make, "autoencoders", True, _BATCH, options={"num_samples": 200}, **LOSS
    )


def _entry(make, batch_size=_BATCH, is_flat=True, **options):
    return Entry(make, "flows", False, batch_size, is_flat, **options, **LOSS)


ENTRIES = {
    "NICE 4 x 5 x 1000": _entry(_nice),
    "RealNVP 10 x 512": _entry(_real_nvp),
    # A draw takes 784 passes of each of five networks.
    "MAF 5 x 512": _entry(_maf, has_samples=False),
    "Glow 2 scales x 4 steps": _entry(_glow, 64, is_flat=False),
    **{f"VAE with {n} planar flows": _planar_vae(n) for n in (10, 20, 40, 80)},
}
