"""A prior over codes: probabilities that sum to one, data that are encoded once."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import (
    VQVAE,
    Autoencoder,
    CausalTransformer,
    DiffusionModel,
    GatedPixelCNN,
    LadderVAE,
    TwoStage,
    evaluation,
)
from keras_genmod.layers import FiniteScalarQuantizer
from keras_genmod.models.discrete.between import in_batches
from tests.contracts import slow_elsewhere
from tests.models.small_networks import small_network, small_time_network

IMAGE, GRID = (2, 2, 1), (2, 1)
ALL_IMAGES = np.array(list(itertools.product((0.0, 1.0), repeat=4)), "float32")
ALL_IMAGES = ALL_IMAGES.reshape(16, *IMAGE)
ALL_CODES = np.array(list(itertools.product(range(3), repeat=2)), "int32")
ALL_CODES = ALL_CODES.reshape(9, *GRID)
LABELS = np.arange(16) % 2


def numpy(x):
    return ops.convert_to_numpy(x)


def autoencoder():
    model = VQVAE(
        small_network(IMAGE, (*GRID, 1)),
        FiniteScalarQuantizer((3,)),
        small_network((*GRID, 1), IMAGE),
    )
    generator = np.random.default_rng(0)
    for weight in model.trainable_variables:  # far apart, so that all codes come
        weight.assign(2 * generator.normal(size=weight.shape))
    return model


def transformer(num_classes=None, num_levels=3):
    model = CausalTransformer((*GRID, 1), num_levels, 8, 2, 1, num_classes)
    model.head.kernel.assign(5 * numpy(model.head.kernel))
    return model


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return TwoStage(autoencoder(), transformer(num_classes=2))


def test_probabilities_of_all_codes_and_of_all_images_sum_to_one(model):
    for label in (0, 1):
        prior = numpy(model.log_prob_of_codes(ALL_CODES, label)).astype("float64")
        np.testing.assert_allclose(np.exp(prior).sum(), 1.0, rtol=1e-5)
        means = numpy(model.autoencoder.decode(ALL_CODES)).astype("float64")
        x = ALL_IMAGES[:, None]
        given_codes = np.where(x == 1, means, 1 - means).prod((2, 3, 4))  # (16, 9)
        exact = np.log(given_codes @ np.exp(prior))
        np.testing.assert_allclose(np.exp(exact).sum(), 1.0, rtol=1e-5)
        # The bound is the term of the image's own codes.
        codes = numpy(model.autoencoder.encode(ALL_IMAGES)).reshape(16, 1, 2)
        own = (codes == ALL_CODES.reshape(1, 9, 2)).all(-1)
        terms = np.log(given_codes[own]) + np.broadcast_to(prior, (16, 9))[own]
        bound = numpy(model.log_prob(ALL_IMAGES, label))
        np.testing.assert_allclose(bound, terms, rtol=1e-4)
        assert np.all(bound <= exact + 1e-6)


def test_the_ledger_names_the_prior(model):
    found = evaluation.evaluate_likelihood(
        model, ALL_IMAGES, LABELS, dataset="all", split="test"
    )
    assert found.protocol.kind == "lower_bound" and found.protocol.conditional
    assert dict(found.protocol.options)["prior"] == "CausalTransformer"


@pytest.mark.parametrize("options", [{}, {"top_k": 2}, {"top_p": 0.9}], ids=str)
def test_a_prior_of_nan_weights_draws_nan(model, options):
    weights = model.prior.get_weights()
    try:
        model.prior.set_weights([np.full_like(weight, np.nan) for weight in weights])
        samples = numpy(model.sample(8, 1, seed=4, **options))
    finally:
        model.prior.set_weights(weights)
    assert samples.shape == (8, *IMAGE) and np.isnan(samples).all()


def test_samples_are_decoded_codes_of_the_prior(model):
    codes = model.prior.sample(8, 1, seed=4, top_k=2)
    codes = np.round(numpy(codes)[..., 0] * 2).astype(int)
    found = numpy(model.sample(8, 1, seed=4, top_k=2))
    np.testing.assert_allclose(found, numpy(model.autoencoder.decode(codes)), rtol=1e-5)


def test_codes_are_those_of_the_values_that_a_prior_has(model):
    values = model._between.from_codes(ALL_CODES)
    assert values.shape == (9, *GRID, 1) and set(np.unique(values)) == {0.0, 0.5, 1.0}
    found = numpy(model._between.decode(values))
    np.testing.assert_allclose(found, numpy(model.autoencoder.decode(ALL_CODES)))


def test_data_are_encoded_once_a_fit_and_the_autoencoder_stays(model, monkeypatch):
    model.compile(keras.optimizers.Adam(0.01))
    before = [numpy(v) for v in model.autoencoder.variables]
    calls, encode = [], model.autoencoder.encode
    monkeypatch.setattr(
        model.autoencoder, "encode", lambda x: calls.append(len(x)) or encode(x)
    )
    history = model.fit(ALL_IMAGES, LABELS, epochs=3, batch_size=8, verbose=0).history
    assert calls == [16] and history["loss"][-1] < history["loss"][0]
    for value, old in zip(model.autoencoder.variables, before, strict=True):
        np.testing.assert_array_equal(numpy(value), old)
    loss = model.evaluate(ALL_IMAGES, LABELS, verbose=0)
    codes = numpy(encode(ALL_IMAGES))
    nats = -numpy(model.log_prob_of_codes(codes, LABELS)).mean()
    np.testing.assert_allclose(loss, nats, rtol=1e-4)


def test_many_examples_are_encoded_in_batches_of_one_size():
    sizes, x = [], np.arange(300.0)[:, None]
    found = in_batches(lambda x: sizes.append(len(x)) or 2 * x, x)
    np.testing.assert_array_equal(found, 2 * x)
    assert sizes == [128, 128, 128]


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, i):
        rows = slice(8 * i, 8 * i + 8)
        return ALL_IMAGES[rows], LABELS[rows]


def test_data_sets_and_generators_give_what_arrays_give(model):
    model.compile("adam")
    expected = model.evaluate(ALL_IMAGES, LABELS, batch_size=8, verbose=0)
    np.testing.assert_allclose(model.evaluate(Batches(), verbose=0), expected, 1e-5)
    batches = (Batches()[i] for i in range(2))
    found = model.evaluate(batches, steps=2, verbose=0)
    np.testing.assert_allclose(found, expected, 1e-5)
    history = model.fit(
        Batches(), epochs=2, validation_data=(ALL_IMAGES, LABELS), verbose=0
    ).history
    assert np.isfinite([history["loss"], history["val_loss"]]).all()
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        model.fit(ALL_IMAGES + 2, LABELS, verbose=0)


@slow_elsewhere
def test_a_gated_pixel_cnn_is_a_prior_too():
    prior = GatedPixelCNN((*GRID, 1), 3, filters=4, num_blocks=1)
    model = TwoStage(autoencoder(), prior)
    model.compile("adam")
    model.fit(ALL_IMAGES, verbose=0)
    total = np.exp(numpy(model.log_prob_of_codes(ALL_CODES))).sum()
    np.testing.assert_allclose(total, 1.0, rtol=1e-5)
    assert numpy(model.sample(3, seed=0)).shape == (3, *IMAGE)


@slow_elsewhere
def test_a_file_keeps_both_stages_and_their_optimizers(tmp_path):
    first = autoencoder()
    first.compile("adam")
    first.fit(ALL_IMAGES, verbose=0)
    model = TwoStage(first, transformer())
    model.compile("adam")
    model.fit(ALL_IMAGES, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        numpy(loaded.log_prob(ALL_IMAGES)), numpy(model.log_prob(ALL_IMAGES)), 1e-6
    )
    assert loaded.autoencoder.compiled
    loaded.fit(ALL_IMAGES, verbose=0)
    loaded.autoencoder.fit(ALL_IMAGES, verbose=0)


def test_a_run_does_not_go_on_with_codes_of_another_autoencoder(model, tmp_path):
    model.compile("adam")
    path = tmp_path / "backup"
    options = {"batch_size": 16, "verbose": 0}

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup = keras.callbacks.BackupAndRestore(path)
        model.fit(ALL_IMAGES, LABELS, epochs=2, callbacks=[backup, Stop()], **options)
    weight = model.autoencoder.trainable_variables[0]
    weight.assign(numpy(weight) + 1.0)
    with pytest.raises(ValueError, match="begun with another autoencoder"):
        backup = keras.callbacks.BackupAndRestore(path)
        model.fit(ALL_IMAGES, LABELS, epochs=2, callbacks=backup, **options)


def diffusion(data_shape, **options):
    return DiffusionModel(small_time_network(data_shape), data_shape, **options)


@slow_elsewhere
def test_latent_diffusion_scales_features_and_samples_through_the_quantizer(tmp_path):
    first = autoencoder()
    model = TwoStage(first, diffusion((*GRID, 1), of_images=False))
    model.compile("adam")
    options = {"batch_size": 16, "verbose": 0, "shuffle": False}
    assert np.isfinite(model.fit(ALL_IMAGES, **options).history["loss"]).all()
    features = numpy(first.encode_features(ALL_IMAGES))
    scale = numpy(model.latent_scale)
    np.testing.assert_allclose(scale, 1 / features.std(), rtol=1e-5)
    latents = numpy(model.prior.sample(4, seed=0, num_steps=3)) / scale
    expected = numpy(first.decode_features(latents))
    found = numpy(model.sample(4, seed=0, num_steps=3))
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    with pytest.raises(NotImplementedError, match="There is no bound"):
        model.log_prob(ALL_IMAGES)
    # The prior sees features of deviation 1, and the scale stays what it was.
    seen, call = [], model.prior.call
    model.prior.call = lambda x, **kwargs: seen.append(numpy(x)) or call(x, **kwargs)
    model(features)
    model.prior.call = call
    np.testing.assert_allclose(seen[0].std(), 1.0, rtol=1e-4)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    loaded.fit(ALL_IMAGES[:3], **options)
    np.testing.assert_array_equal(numpy(loaded.latent_scale), scale)


@slow_elsewhere
def test_latents_of_an_autoencoder_have_a_prior_too():
    plain = Autoencoder(small_network(IMAGE, (3,)), small_network((3,), IMAGE))
    model = TwoStage(plain, diffusion((3,), num_classes=None))
    model.compile("adam")
    model.fit(ALL_IMAGES, verbose=0)
    latents = numpy(model.prior.sample(4, seed=0, num_steps=3))
    expected = numpy(plain.decode(latents / numpy(model.latent_scale)))
    found = numpy(model.sample(4, seed=0, num_steps=3))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_latents_that_do_not_vary_have_no_scale():
    plain = Autoencoder(small_network(IMAGE, (3,)), small_network((3,), IMAGE))
    model = TwoStage(plain, diffusion((3,)))
    model.compile("adam")
    with pytest.raises(ValueError, match="latents must be finite and vary"):
        model.fit(np.zeros((4, *IMAGE), "float32"), verbose=0)


def test_models_that_do_not_fit_are_refused():
    first = autoencoder()
    with pytest.raises(ValueError, match="`prior` must be of image_shape=.*levels=3"):
        TwoStage(first, transformer(num_levels=4))
    with pytest.raises(ValueError, match="`prior` must be of image_shape"):
        TwoStage(first, CausalTransformer((1, 2, 1), 3, 8, 2, 1))
    with pytest.raises(ValueError, match="`prior` must be a model"):
        TwoStage(first, keras.layers.Dense(2))
    with pytest.raises(ValueError, match="`prior` must take latents as they are"):
        TwoStage(first, diffusion((*GRID, 1)))
    plain = Autoencoder(small_network(IMAGE, (3,)), small_network((3,), IMAGE))
    with pytest.raises(ValueError, match="`prior` must be of data_shape"):
        TwoStage(plain, diffusion((2,)))
    with pytest.raises(ValueError, match="`autoencoder` must have codes"):
        TwoStage(plain, transformer())
    ladder = LadderVAE(
        [small_network(IMAGE, (6,)), small_network((6,), (4,))],
        [small_network((2,), IMAGE), small_network((2,), (4,))],
        (2, 2),
    )
    for other in (transformer(), ladder):
        with pytest.raises(ValueError, match="`autoencoder` must have one `encoder`"):
            TwoStage(other, transformer())
