"""Codes, bounds against enumeration, usage over an epoch, and what is refused."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import VQVAE, CausalTransformer, evaluation
from keras_genmod.distributions import DiscretizedLogisticMixture, Normal
from keras_genmod.layers import (
    FiniteScalarQuantizer,
    GumbelQuantizer,
    VectorQuantizer,
)
from keras_genmod.models.discrete.code_usage import CodeUsage
from tests.contracts import slow_elsewhere
from tests.models.small_networks import small_network

IMAGE, GRID = (2, 2, 1), (2, 1)
ALL_IMAGES = np.array(list(itertools.product((0.0, 1.0), repeat=4)), "float32")
ALL_IMAGES = ALL_IMAGES.reshape(16, *IMAGE)


def made(quantizer=None, outputs=IMAGE, **options):
    keras.utils.set_random_seed(0)
    quantizer = quantizer or VectorQuantizer(3, 2, seed=0)
    if hasattr(quantizer, "codebook"):
        book = np.random.default_rng(0).normal(size=quantizer.codebook.shape)
        quantizer.codebook.assign(book)
    return VQVAE(
        small_network(IMAGE, (*GRID, quantizer.input_dim)),
        quantizer,
        small_network((*GRID, quantizer.code_dim), outputs),
        **options,
    )


@pytest.fixture(scope="module")
def model():
    return made()


def numpy(x):
    return ops.convert_to_numpy(x)


def test_encode_gives_the_nearest_codes_and_decode_their_images(model):
    codes = numpy(model.encode(ALL_IMAGES))
    assert codes.shape == (16, *GRID) and codes.dtype == np.int32
    features = numpy(model.encoder(ALL_IMAGES))
    book = numpy(model.quantizer.codebook)
    distances = np.square(features[..., None, :] - book).sum(-1)
    np.testing.assert_array_equal(codes, distances.argmin(-1))
    logits = numpy(model.decoder(book[codes]))
    expected = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(numpy(model.decode(codes)), expected, rtol=1e-4)
    np.testing.assert_allclose(
        numpy(model.reconstruct(ALL_IMAGES)), expected, rtol=1e-4
    )


def test_log_prob_is_one_term_of_the_sum_over_all_codes(model):
    all_codes = np.array(list(itertools.product(range(3), repeat=2)), "int32")
    means = numpy(model.decode(all_codes.reshape(-1, *GRID))).astype("float64")
    x = ALL_IMAGES[:, None]  # (16, 1, 2, 2, 1) beside (9, 2, 2, 1)
    joint = np.where(x == 1, means, 1 - means).prod((2, 3, 4)) / 9  # (16, 9)
    exact = np.log(joint.sum(1))
    np.testing.assert_allclose(np.exp(exact).sum(), 1.0, rtol=1e-5)
    bound = numpy(model.log_prob(ALL_IMAGES))
    codes = numpy(model.encode(ALL_IMAGES)).reshape(16, 2)
    chosen = (codes[:, None] == all_codes).all(-1)
    np.testing.assert_allclose(bound, np.log(joint[chosen]), rtol=1e-4)
    assert np.all(bound <= exact) and model.likelihood_kind == "lower_bound"


def test_ledger_says_which_prior_the_bound_has(model):
    found = evaluation.evaluate_likelihood(
        model, ALL_IMAGES, dataset="all", split="test"
    )
    assert dict(found.protocol.options)["prior"] == "uniform"


def test_loss_is_the_bound_without_its_prior_plus_that_of_the_quantizer(model):
    model.compile("adam")
    logs = model.evaluate(ALL_IMAGES, return_dict=True, verbose=0)
    bound = numpy(model.log_prob(ALL_IMAGES)).mean() + 2 * np.log(3)
    np.testing.assert_allclose(logs["reconstruction"], -bound, rtol=1e-4)
    np.testing.assert_allclose(
        logs["loss"], logs["reconstruction"] + logs["quantization"], rtol=1e-5
    )
    codes = numpy(model.encode(ALL_IMAGES))
    shares = np.bincount(codes.ravel(), minlength=3) / codes.size
    used = shares[shares > 0]
    perplexity = np.exp(-np.sum(used * np.log(used)))
    np.testing.assert_allclose(logs["perplexity"], perplexity, rtol=1e-4)
    np.testing.assert_allclose(logs["code_usage"], np.mean(shares > 0), rtol=1e-6)


def test_normal_and_mixture_likelihoods_are_those_of_their_distributions(rng):
    x = (rng.integers(0, 4, (5, *IMAGE)) / 3).astype("float32")
    model = made(likelihood="normal")
    model.output_log_var.assign(0.7)
    output = model.decoder(model.quantizer.lookup(model.encode(x)))
    expected = numpy(Normal(output, 0.7).log_prob(x)) - 2 * np.log(3)
    np.testing.assert_allclose(numpy(model.log_prob(x)), expected, rtol=1e-4)
    assert model.num_levels is None
    model = made(outputs=(2, 2, 6), likelihood="logistic_mixture", num_levels=4)
    output = model.decoder(model.quantizer.lookup(model.encode(x)))
    mixture = DiscretizedLogisticMixture.from_outputs(output, 1, 4)
    expected = numpy(mixture.log_prob(x)) - 2 * np.log(3)
    np.testing.assert_allclose(numpy(model.log_prob(x)), expected, rtol=1e-4)
    assert model.num_levels == 4
    assert numpy(model.sample(3, seed=0)).shape == (3, *IMAGE)


def test_samples_have_uniform_codes(rng):
    model = made(FiniteScalarQuantizer((3,)))
    codes = rng.integers(0, 3, (4000, *GRID))
    expected = numpy(model.decode(codes)).mean(0)
    found = numpy(model.sample(4000, seed=0)).mean(0)
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_usage_gathers_over_batches_until_it_is_reset(rng):
    usage = CodeUsage(512, prefix="top_")
    codes = rng.integers(0, 512, (64, 8, 8))
    usage.update_state(codes[0])
    one = {k: float(v) for k, v in usage.result().items()}
    assert one["top_perplexity"] < 64 and one["top_code_usage"] < 0.125
    for batch in codes[1:]:
        usage.update_state(batch)
    all_of_them = {k: float(v) for k, v in usage.result().items()}
    assert all_of_them["top_perplexity"] > 450
    counts = np.bincount(codes.ravel(), minlength=512)
    assert all_of_them["top_code_usage"] == np.float32(np.mean(counts > 0))
    usage.reset_state()
    assert float(usage.result()["top_code_usage"]) == 0.0
    assert CodeUsage.from_config(usage.get_config()).prefix == "top_"


@pytest.mark.any_backend
def test_few_draws_of_codes_look_like_few_codes(rng):
    # 512 codes in uniform use, as 64, 512 and 4,096 tokens show them
    for size, perplexity in ((64, 59), (512, 290), (4096, 480)):
        usage, found = CodeUsage(512), []
        for _ in range(10):
            usage.reset_state()
            usage.update_state(rng.integers(0, 512, size))
            found.append(float(usage.result()["perplexity"]))
        assert np.mean(found) == pytest.approx(perplexity, abs=4)


@slow_elsewhere
@pytest.mark.parametrize(
    "quantizer",
    [
        FiniteScalarQuantizer((3, 2)),
        GumbelQuantizer(4, 2, seed=0),
        VectorQuantizer(4, 2, decay=None),
    ],
    ids=lambda quantizer: type(quantizer).__name__,
)
def test_other_quantizers_train_and_survive_their_file(quantizer, tmp_path):
    model = made(quantizer)
    model.compile(keras.optimizers.Adam(0.01))
    history = model.fit(ALL_IMAGES, epochs=8, batch_size=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        numpy(loaded.log_prob(ALL_IMAGES)), numpy(model.log_prob(ALL_IMAGES)), rtol=1e-6
    )


def test_streams_of_wrong_values_have_no_finite_loss(model):
    model.compile("adam")
    loss = model.compute_loss(ALL_IMAGES + 2, y_pred=model(ALL_IMAGES + 2))
    assert np.isnan(numpy(loss))


@pytest.mark.parametrize(
    "codes,message",
    [
        (np.full((1, *GRID), 3), "must lie in 0 to 2"),
        (np.full((1, *GRID), -1), "must lie in 0 to 2"),
        (np.zeros((1, *GRID)), "must hold ints"),
        (np.zeros((1, 2, 2), int), "must have shape"),
        ([[0, 1]], "must be a NumPy array"),
    ],
)
def test_codes_that_are_none_are_refused(model, codes, message):
    with pytest.raises(ValueError, match=f"`codes` {message}"):
        model.decode(codes)


def test_a_prior_belongs_to_two_stages(model):
    with pytest.raises(ValueError, match=r"`prior` must not be set: .*`TwoStage\("):
        model.prior = CausalTransformer((2, 1, 1), 3, 4, 2, 1)
    assert not hasattr(model, "prior")


def test_networks_that_do_not_fit_are_refused():
    encoder = small_network(IMAGE, (*GRID, 2))
    decoder = small_network((*GRID, 2), IMAGE)
    quantizer = VectorQuantizer(3, 2)
    with pytest.raises(ValueError, match="`encoder` must end in 5 channels"):
        VQVAE(encoder, VectorQuantizer(3, 5), decoder)
    with pytest.raises(ValueError, match="`quantizer` must be a"):
        VQVAE(encoder, keras.layers.Dense(2), decoder)
    with pytest.raises(ValueError, match="`decoder` must map shape"):
        VQVAE(encoder, quantizer, small_network((*GRID, 3), IMAGE))
    with pytest.raises(ValueError, match="multiple of 3 channels"):
        VQVAE(encoder, quantizer, decoder, likelihood="logistic_mixture")
    with pytest.raises(ValueError, match="`likelihood` must be one of"):
        VQVAE(encoder, quantizer, decoder, likelihood="poisson")
