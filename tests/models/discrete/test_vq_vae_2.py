"""Codes on two levels: their rows, their bound, and one prior of both."""

import itertools

import numpy as np
import pytest
from keras import ops

from keras_genmod import VQVAE2, CausalTransformer, NormalizingFlow, TwoStage, bijectors
from keras_genmod.layers import VectorQuantizer
from tests.autodiff import gradients
from tests.models.small_networks import small_network

IMAGE, K = (4, 4, 1), 3
X = (np.random.default_rng(0).random((6, *IMAGE)) < 0.5).astype("float32")


def numpy(x):
    return ops.convert_to_numpy(x)


def made(**change):
    arguments = {
        "encoder": small_network(IMAGE, (1, 3, 2)),
        "top_encoder": small_network((1, 3, 2), (1, 1, 2)),
        "top_quantizer": VectorQuantizer(K, 2, seed=1),
        "top_decoder": small_network((1, 1, 2), (1, 3, 2)),
        "bottom_quantizer": VectorQuantizer(K, 2, seed=2),
        "decoder": small_network((1, 3, 4), IMAGE),
    }
    model = VQVAE2(**{**arguments, **change}, seed=0)
    generator = np.random.default_rng(1)
    for quantizer in (model.top_quantizer, model.bottom_quantizer):
        quantizer.codebook.assign(generator.normal(size=(K, 2)))
    return model


def test_codes_are_those_of_both_quantizers_the_top_first():
    model = made()
    codes = numpy(model.encode(X))
    assert codes.shape == (6, 4)
    features = numpy(model.encoder(X))
    top = numpy(model.top_encoder(features))  # (6, 1, 1, 2)

    def nearest(vectors, quantizer):
        book = numpy(quantizer.codebook)
        distances = ((vectors[..., None, :] - book) ** 2).sum(axis=-1)
        return distances.argmin(axis=-1), book

    expected, book = nearest(top, model.top_quantizer)
    np.testing.assert_array_equal(codes[:, :1], expected.reshape(6, 1))
    above = numpy(model.top_decoder(book[expected]))
    both = np.concatenate([features, above], axis=-1)
    kernel, bias = (numpy(w) for w in model.bottom_head.weights)
    expected, book = nearest(both @ kernel + bias, model.bottom_quantizer)
    np.testing.assert_array_equal(codes[:, 1:], expected.reshape(6, 3))
    vectors = np.concatenate([above, book[expected]], axis=-1)
    means = 1 / (1 + np.exp(-numpy(model.decoder(vectors))))
    np.testing.assert_allclose(numpy(model.decode(codes)), means, atol=1e-5)
    log_p = np.log(np.where(X > 0, means, 1 - means)).sum(axis=(1, 2, 3))
    bound = numpy(model.log_prob(X))
    np.testing.assert_allclose(bound, log_p - 4 * np.log(K), rtol=1e-4)


def test_rows_of_codes_are_split_and_joined():
    model = made()
    codes = np.arange(8).reshape(2, 4) % K
    top, bottom = model.split(codes)
    np.testing.assert_array_equal(top, codes[:, :1].reshape(2, 1, 1))
    np.testing.assert_array_equal(bottom, codes[:, 1:].reshape(2, 1, 3))
    np.testing.assert_array_equal(model.join(top, bottom), codes)
    with pytest.raises(ValueError, match="`bottom` must hold as many"):
        model.join(top[:1], bottom)
    with pytest.raises(ValueError, match="`top` must lie in 0 to 2"):
        model.join(top + 5, bottom)


def test_both_levels_are_trained_and_counted():
    model = made()
    x = ops.convert_to_tensor(X)
    weights = [
        model.encoder.weights[0],
        model.top_encoder.weights[0],
        model.top_decoder.weights[0],
        model.bottom_head.kernel,
    ]

    def loss():
        return model.compute_loss(x=x, y_pred=model(x), training=False)

    for gradient in gradients(loss, weights):
        assert np.abs(numpy(gradient)).max() > 1e-6
    model.compile("sgd")
    logs = model.evaluate(X, verbose=0, return_dict=True)
    top, bottom = model.split(model.encode(X))
    assert logs["top_code_usage"] == pytest.approx(len(np.unique(top)) / K)
    assert logs["bottom_code_usage"] == pytest.approx(len(np.unique(bottom)) / K)
    total = logs["reconstruction"] + logs["quantization"]
    assert logs["loss"] == pytest.approx(total, rel=1e-5)
    # Both commitments: 0.25 |z - e|^2 of each level, which a weight of 0 takes away
    model.bottom_quantizer.commitment.assign(0.0)
    of_top = model.evaluate(X, verbose=0, return_dict=True)["quantization"]
    model.top_quantizer.commitment.assign(0.0)
    assert model.evaluate(X, verbose=0, return_dict=True)["quantization"] == 0
    assert 0 < of_top < logs["quantization"]


def test_one_prior_of_both_levels_adds_up_to_one():
    prior = CausalTransformer((1, 4, 1), K, model_dim=4, num_heads=2, num_blocks=1)
    model = TwoStage(made(), prior)
    rows = np.array(list(itertools.product(range(K), repeat=4)))
    found = numpy(model.log_prob_of_codes(rows))
    assert np.exp(found).sum() == pytest.approx(1.0, rel=1e-4)
    codes = numpy(model.autoencoder.encode(X))
    expected = numpy(model.autoencoder.log_prob(X)) + 4 * np.log(K)
    places = {tuple(row): i for i, row in enumerate(rows)}
    expected = expected + found[[places[tuple(row)] for row in codes]]
    np.testing.assert_allclose(numpy(model.log_prob(X)), expected, rtol=1e-4)
    assert numpy(model.sample(2, seed=0)).shape == (2, *IMAGE)
    flow = NormalizingFlow(bijectors.Affine((1, 3, 2)))
    with pytest.raises(ValueError, match="`prior` must be one over codes"):
        TwoStage(made(), flow)


@pytest.mark.parametrize(
    "change,message",
    [
        ({"bottom_quantizer": VectorQuantizer(4, 2)}, "`bottom_quantizer` must have 3"),
        ({"bottom_quantizer": None}, "`bottom_quantizer` must be a quantizer"),
        (
            {"top_encoder": small_network((1, 2, 2), (1, 1, 2))},
            "`top_encoder` must take",
        ),
        (
            {"top_encoder": small_network((1, 3, 2), (1, 1, 3))},
            "`top_encoder` must end",
        ),
        (
            {"top_decoder": small_network((1, 1, 2), (1, 2, 2))},
            "`top_decoder` must map",
        ),
        ({"decoder": small_network((1, 3, 2), IMAGE)}, "`decoder` must map"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        made(**change)


def test_a_prior_belongs_to_two_stages():
    with pytest.raises(ValueError, match=r"`prior` must not be set: .*`TwoStage\("):
        made().prior = CausalTransformer((1, 4, 1), K, 4, 2, 1)
