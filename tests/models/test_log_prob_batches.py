"""`log_prob` works in batches of one size, whatever it is given."""

import numpy as np
import pytest
from keras import ops

from keras_genmod import (
    DBN,
    RBM,
    VAE,
    NormalizingFlow,
    PixelCNN,
    UniformDequantization,
)
from keras_genmod.bijectors import Affine, Chain, Sigmoid
from tests.models.small_networks import small_network

IMAGE, LATENT = (2, 2, 1), 2
_generator = np.random.default_rng(0)
X = (_generator.random((21, *IMAGE)) < 0.5).astype("float32")
LABELS = _generator.integers(0, 3, 21)
VECTORS = X.reshape(21, 4)


def pixel_cnn():
    return PixelCNN(IMAGE, num_classes=3, filters=4, num_blocks=1)


def vae():
    return VAE(small_network(IMAGE, (4,)), small_network((LATENT,), IMAGE), LATENT)


def flow():
    chain = Chain([Affine((2,)), Sigmoid((2,), margin=0.1)])
    return NormalizingFlow(chain, dequantization=UniformDequantization(2))


def rbm():
    return RBM(4, 3, seed=0)


def dbn():
    return DBN((4, 16, 2), seed=0)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize(
    ("make", "inputs"),
    [(pixel_cnn, (X, LABELS)), (rbm, (VECTORS,))],
    ids=["pixel_cnn", "rbm"],
)
def test_exact_models_do_not_notice_the_batches(make, inputs):
    model = make()
    whole = numpy(model.log_prob(*inputs, batch_size=64))
    assert whole.shape == (21,) and whole.dtype == "float32"
    for batch_size in (1, 8):
        found = numpy(model.log_prob(*inputs, batch_size=batch_size))
        np.testing.assert_allclose(found, whole, rtol=0, atol=1e-6)
    assert np.ptp(whole) > 0.01


@pytest.mark.parametrize("num_examples", [1, 2, 3, 5])
def test_few_examples_make_a_small_batch(num_examples):
    model = pixel_cnn()
    expected = numpy(model.log_prob(X, LABELS))[:num_examples]
    found = numpy(model.log_prob(X[:num_examples], LABELS[:num_examples]))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_one_shape_serves_all_numbers_of_examples(monkeypatch):
    shapes, outputs = [], PixelCNN.outputs

    def outputs_and_shape(self, x, *args, **kwargs):
        shapes.append(tuple(x.shape))
        return outputs(self, x, *args, **kwargs)

    model = pixel_cnn()
    monkeypatch.setattr(PixelCNN, "outputs", outputs_and_shape)
    for number in (21, 20, 8, 7, 5):
        model.log_prob(X[:number], LABELS[:number], batch_size=8)
    assert set(shapes) == {(8, *IMAGE)}


@pytest.mark.parametrize(
    ("make", "x"),
    [(vae, X), (flow, X[:, 0, :, 0]), (dbn, VECTORS)],
    ids=["vae", "flow", "dbn"],
)
def test_bounds_repeat_and_each_batch_draws_its_own(make, x):
    model, same = make(), np.repeat(x[:1], 16, axis=0)
    first, second = (
        numpy(model.log_prob(same, num_samples=2, seed=seed, batch_size=8))
        for seed in (0, 0)
    )
    np.testing.assert_array_equal(first, second)
    assert len(set(first.tolist())) == 16
    other = numpy(model.log_prob(same, num_samples=2, seed=1, batch_size=8))
    assert not np.any(first == other)


def test_one_shape_serves_a_machine(monkeypatch):
    shapes, free_energy = [], RBM._free_energy

    def energy_and_shape(self, v):
        shapes.append(tuple(v.shape))
        return free_energy(self, v)

    monkeypatch.setattr(RBM, "_free_energy", energy_and_shape)
    model = rbm()
    for number in (21, 20, 7):
        model.log_prob(VECTORS[:number], batch_size=8)
    assert set(shapes) == {(8, 4)}


@pytest.mark.parametrize("num_examples", [1, 64])
def test_importance_samples_of_a_batch_are_bounded(num_examples, monkeypatch):
    model, sizes, decode = vae(), [], VAE._decode

    def decode_and_size(self, z, condition):
        sizes.append(z.shape[0])
        return decode(self, z, condition)

    monkeypatch.setattr(VAE, "_decode", decode_and_size)
    x = np.repeat(X[:1], num_examples, axis=0)
    model.log_prob(x, num_samples=3000)
    # In large steps also for one image: it takes two of them.
    assert 1400 <= max(sizes) <= 2048


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, True, None])
def test_batch_size_must_be_a_positive_int(batch_size):
    with pytest.raises(ValueError, match="`batch_size` must be a positive int"):
        vae().log_prob(X, batch_size=batch_size)


def test_no_example_has_no_log_prob():
    with pytest.raises(ValueError, match="`x` must hold at least one example"):
        pixel_cnn().log_prob(X[:0], LABELS[:0])
