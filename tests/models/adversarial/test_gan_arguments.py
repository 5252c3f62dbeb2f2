"""Packing, penalties, noise, averages and truncation of GANs, by hand."""

import keras
import numpy as np
import pytest
import scipy.stats
from keras import ops

from keras_genmod import GAN, WGAN, WGANGP, layers
from keras_genmod.models.adversarial.losses import top_weights
from tests.autodiff import gradients
from tests.models.small_networks import small_network

RNG = np.random.default_rng(0)
DATA = RNG.random((8, 2)).astype("float32")
IMAGE = (4, 4, 2)
IMAGES = RNG.random((8, *IMAGE)).astype("float32")


def linear(inputs, outputs, use_bias=True):
    x = keras.Input((inputs,))
    return keras.Sequential([x, keras.layers.Dense(outputs, use_bias=use_bias)])


def gan(packing=1, model=GAN, **kwargs):
    """Returns a GAN of vectors with linear networks."""
    keras.utils.set_random_seed(0)
    networks = linear(3, 2), linear(2 * packing, 1)
    return model(*networks, latent_dim=3, seed=0, packing=packing, **kwargs)


def value(x):
    return ops.convert_to_numpy(x)


# Packing.


@pytest.mark.every_backend
@pytest.mark.parametrize("model", [GAN, WGANGP])
def test_packs_of_one_change_no_bit(model, monkeypatch):
    one = gan(1, model)
    plain = gan(1, model)
    monkeypatch.setattr(plain, "_packs", lambda x, condition: (x, condition))
    data = DATA if model is GAN else np.repeat(DATA, 3, axis=0)
    for each in (plain, one):
        each.compile(keras.optimizers.SGD(0.1))
        each.fit(data, batch_size=len(data), shuffle=False, verbose=0)
    for a, b in zip(plain.get_weights(), one.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_packs_are_neighbours_joined_along_the_channels():
    keras.utils.set_random_seed(0)
    discriminator = small_network((4, 4, 6), (1,))
    generator = small_network((3,), IMAGE, "sigmoid")
    model = GAN(generator, discriminator, 3, packing=3)
    tags = np.arange(6, dtype="float32") / 10
    images = np.broadcast_to(tags[:, None, None, None], (6, *IMAGE))
    packs, _ = model._packs(ops.convert_to_tensor(images), None)
    found = value(packs)[:, 0, 0]
    expected = np.repeat(tags, 2).reshape(2, 6)  # each image once, in order
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert model.predict(images, verbose=0).shape == (2, 1)


def test_every_image_of_a_pack_is_made_of_its_own_latents_and_learnt_from():
    model = gan(4)
    _, _, fake = model._real_and_fake(ops.convert_to_tensor(DATA), True)
    fake = value(fake).reshape(8, 2)
    assert len(np.unique(fake, axis=0)) == 8
    # d loss / d G's bias: a sum over the four places of D's weights
    found = gradients(
        lambda: model._generator_loss(ops.convert_to_tensor(DATA), None, True)[0],
        [model.generator.layers[-1].bias],
    )[0]
    weights = model.discriminator.get_weights()[0].reshape(4, 2).sum(axis=0)
    slope = found / weights
    np.testing.assert_allclose(slope, slope[0], rtol=1e-4)


def test_labels_are_packed_with_their_data():
    generator = small_network((3,), IMAGE, "sigmoid", num_classes=3)
    discriminator = small_network((4, 4, 4), (1,), num_classes=6)
    model = GAN(generator, discriminator, 3, num_classes=3, packing=2)
    labels = np.eye(3, dtype="float32")[[0, 2, 1, 1]]
    _, packs = model._packs(ops.convert_to_tensor(IMAGES[:4]), ops.array(labels))
    np.testing.assert_array_equal(value(packs), labels.reshape(2, 6))


def test_batches_that_packs_do_not_divide_are_refused():
    model = gan(2)
    model.compile()
    with pytest.raises(ValueError, match="`batch_size` must leave batches of a mul"):
        model.fit(DATA, batch_size=5, verbose=0)
    steps = gan(2, discriminator_steps=3)
    steps.compile()
    with pytest.raises(ValueError, match="multiple of 6 examples"):
        steps.fit(DATA, batch_size=8, verbose=0)
    with pytest.raises(ValueError, match="`discriminator` must take .* 3 of them"):
        GAN(linear(3, 2), linear(2, 1), 3, packing=3)


FEW = r": give at least 4 examples\."


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "size,batch_size,advice",
    [
        (200, 50, r": give a `batch_size` that is a multiple of 4\."),
        (203, 50, r": give a .* multiple of 4 and leave out 3 examples\."),
        (201, 20, r": leave out 1 example\."),
        (7, 20, r": leave out 3 examples\."),
        (3, 20, FEW),
        (3, 2, FEW),
    ],
)
def test_the_way_out_of_broken_packs_is_one(size, batch_size, advice):
    model, data = gan(4), np.zeros((size, 2), "float32")
    model.compile()
    with pytest.raises(ValueError, match=f"{advice} Received"):
        model.fit(data, batch_size=batch_size, verbose=0)
    # What the message says, done
    better, enough = 4 * max(batch_size // 4, 1), max(size - size % 4, 4)
    data = np.zeros((enough, 2), "float32")
    model._check_last_batch({"x": data, "batch_size": better})


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "size,batch_size,advice",
    [
        (40, 4, r": give a `batch_size` of at least 5\."),
        (41, 4, r": give a `batch_size` of at least 5\."),
        (42, 10, r": give another, or leave out 2 examples\."),
        (3, 10, r": give at least 5 examples\."),
    ],
)
def test_the_way_out_of_batches_for_too_few_steps_is_one(size, batch_size, advice):
    model = gan(discriminator_steps=5)
    model.compile()
    with pytest.raises(ValueError, match=f"{advice} Received"):
        model.fit(np.zeros((size, 2), "float32"), batch_size=batch_size, verbose=0)


# Penalties.


def penalty_of(name, **kwargs):
    """Returns a penalty as it is reported, and D's weights, of a linear D."""
    model = gan(**{f"{name}_weight": 3.0}, **kwargs)
    model.compile()
    logs = model.evaluate(DATA, batch_size=8, verbose=0, return_dict=True)
    plain = gan(**kwargs)
    plain.compile()
    without = plain.evaluate(DATA, batch_size=8, verbose=0, return_dict=True)
    added = logs["discriminator_loss"] - without["discriminator_loss"]
    np.testing.assert_allclose(added, 3.0 * logs[name], rtol=1e-3)
    return logs[name], model.discriminator.get_weights()[0]


@pytest.mark.every_backend
@pytest.mark.parametrize("name", ["r1", "r2"])
@pytest.mark.parametrize("packing", [1, 2])
def test_zero_centred_penalties_of_a_linear_discriminator(name, packing):
    # D = w.x + b: |grad D|^2 / 2 = |w|^2 / 2 at every x
    found, w = penalty_of(name, packing=packing)
    np.testing.assert_allclose(found, np.sum(w**2) / 2, rtol=1e-4)


def test_gradient_penalty_of_a_linear_discriminator():
    found, w = penalty_of("gradient_penalty")
    np.testing.assert_allclose(found, (np.linalg.norm(w) - 1) ** 2, rtol=1e-4)


@pytest.mark.parametrize("name", ["r1", "r2"])
def test_penalties_are_taken_at_real_or_at_generated_data(name):
    # D = |x|^2, grad D = 2 x: half of 4 E |x|^2
    x = keras.Input((2,))
    score = keras.layers.Dense(1, use_bias=False)(ops.square(x))
    model = GAN(linear(3, 2), keras.Model(x, score), 3, **{f"{name}_weight": 1.0})
    model.discriminator.set_weights([np.ones((2, 1))])
    model.generator.set_weights([np.zeros((3, 2)), np.array([3.0, 4.0])])
    model.compile()
    logs = model.evaluate(DATA, batch_size=8, verbose=0, return_dict=True)
    expected = 2 * np.mean(np.sum(DATA**2, axis=1)) if name == "r1" else 50.0
    np.testing.assert_allclose(logs[name], expected, rtol=1e-4)


def test_batch_normalization_in_a_penalised_discriminator_is_refused():
    discriminator = keras.Sequential(
        [keras.Input((2,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    )
    GAN(linear(3, 2), discriminator, 3)
    with pytest.raises(ValueError, match="must hold no BatchNormalization"):
        GAN(linear(3, 2), discriminator, 3, r1_weight=1.0)


# What changes data, labels and scores.


def test_smoothed_labels_are_those_of_the_cross_entropy():
    model = gan(label_smoothing=0.1)
    model.compile()
    model.generator.set_weights([np.zeros((3, 2)), np.array([0.3, 0.8])])
    w, b = model.discriminator.get_weights()
    logs = model.evaluate(DATA, batch_size=8, verbose=0, return_dict=True)
    real, fake = (1 / (1 + np.exp(-(x @ w + b))) for x in (DATA, np.array([0.3, 0.8])))
    expected = -(0.9 * np.log(real) + 0.1 * np.log(1 - real)).mean()
    expected -= np.log(1 - fake).mean()
    np.testing.assert_allclose(logs["discriminator_loss"], expected, rtol=1e-4)


def test_instance_noise_is_normal_and_stays_out_of_evaluation():
    model = gan(instance_noise=0.5)
    data = np.zeros((2_000, 2), "float32")
    real, _, fake = model._real_and_fake(ops.convert_to_tensor(data), True)
    real = value(real).ravel()
    assert scipy.stats.kstest(real / 0.5, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(real, value(fake).ravel())[0, 1]) < 0.1
    clean, _, _ = model._real_and_fake(ops.convert_to_tensor(data), False)
    assert not np.any(value(clean))


def test_a_generators_step_augments_no_data(monkeypatch):
    model, shown = gan(), []
    monkeypatch.setattr(GAN, "_shown", lambda self, x: shown.append(value(x)) or x)
    inputs = ops.convert_to_tensor(DATA)
    model._discriminator_loss(inputs, None, True)
    assert [np.array_equal(x, DATA) for x in shown] == [True, False]
    model._generator_loss(inputs, None, True)
    assert [np.array_equal(x, DATA) for x in shown[2:]] == [False]


def test_weights_are_equal_on_the_highest_scores():
    scores = np.array([[3.0], [-1.0], [5.0], [0.0], [4.0]], "float32")
    for share, number in ((1.0, 5), (0.6, 3), (0.5, 3), (0.2, 1), (0.01, 1), (1e-5, 1)):
        found = value(top_weights(ops.convert_to_tensor(scores), share))
        order = np.argsort(-scores[:, 0])[:number]
        expected = np.zeros(5)
        expected[order] = 1 / number
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "loss", ["non_saturating", "minimax", "least_squares", "hinge"]
)
def test_generator_learns_from_the_highest_scores_alone(loss):
    model = gan(loss=loss, top_k=0.25)
    inputs = ops.convert_to_tensor(DATA)
    state = model.seed_generator.state.numpy()
    _, _, fake = model._real_and_fake(inputs, True)
    scores = np.sort(value(model._score(fake, None))[:, 0])
    model.seed_generator.state.assign(state)
    found = float(value(model._generator_loss(inputs, None, True)[0]))
    functions = {
        "non_saturating": lambda s: np.log1p(np.exp(-s)),
        "minimax": lambda s: -np.log1p(np.exp(s)),
        "least_squares": lambda s: (s - 1) ** 2 / 2,
        "hinge": lambda s: -s,
    }
    np.testing.assert_allclose(found, functions[loss](scores[-2:]).mean(), rtol=1e-4)


def test_both_kinds_of_data_are_augmented_in_the_steps_of_both_networks():
    class Black(keras.layers.Layer):
        def call(self, inputs, training=False):
            return 0.0 * inputs

    keras.utils.set_random_seed(0)
    networks = small_network((3,), IMAGE, "sigmoid"), small_network(IMAGE, (1,))
    model = GAN(*networks, 3, augmentation=Black(), seed=0)
    inputs = ops.convert_to_tensor(IMAGES)
    real, _, fake = model._real_and_fake(inputs, True)
    assert not np.any(value(real)) and not np.any(value(fake))
    at_black = float(value(model._score(0.0 * inputs, None))[0, 0])
    expected = np.log1p(np.exp(-at_black))
    found = float(value(model._generator_loss(inputs, None, True)[0]))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_probability_of_the_augmentation_is_reported_and_resumes(tmp_path):
    keras.utils.set_random_seed(0)
    augmentation = layers.AdaptiveAugment(num_images=64, interval=1, seed=0)
    networks = small_network((3,), IMAGE, "sigmoid"), small_network(IMAGE, (1,))
    model = GAN(*networks, 3, augmentation=augmentation, seed=0)
    model.discriminator.layers[-2].bias.assign([9.0])  # real data score above 0
    model.compile(keras.optimizers.SGD(1e-3))
    logs = model.fit(IMAGES, batch_size=4, epochs=2, verbose=0).history
    # 4 / 64 a step; each batch reports what it found
    np.testing.assert_allclose(
        logs["augmentation_probability"], [1 / 32, 5 / 32], rtol=1e-5
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert float(value(loaded.augmentation.probability.value)) == 0.25


@pytest.mark.parametrize("packing", [1, 2])
def test_the_probability_counts_images_rather_than_packs(packing):
    keras.utils.set_random_seed(0)
    augmentation = layers.AdaptiveAugment(num_images=64, interval=1, seed=0)
    networks = (
        small_network((3,), IMAGE, "sigmoid"),
        small_network((*IMAGE[:2], packing * IMAGE[2]), (1,)),
    )
    model = GAN(*networks, 3, packing=packing, augmentation=augmentation, seed=0)
    model.discriminator.layers[-2].bias.assign([9.0])
    model.compile(keras.optimizers.SGD(1e-3))
    model.fit(IMAGES, batch_size=4, verbose=0)
    found = float(value(augmentation.probability.value))
    np.testing.assert_allclose(found, len(IMAGES) / 64, rtol=1e-6)


@pytest.mark.parametrize("model", [WGAN, WGANGP])
def test_critics_take_no_augmentation_that_adapts(model):
    networks = small_network((3,), IMAGE, "sigmoid"), small_network(IMAGE, (1,))
    with pytest.raises(ValueError, match="`augmentation` must not .*DiffAugment"):
        model(*networks, 3, augmentation=layers.AdaptiveAugment())


def test_an_augmentation_keeps_the_shape():
    networks = small_network((3,), IMAGE, "sigmoid"), small_network(IMAGE, (1,))
    crop = keras.layers.Cropping2D(1)
    with pytest.raises(ValueError, match="`augmentation` must return data of the shap"):
        GAN(*networks, 3, augmentation=crop)
    with pytest.raises(ValueError, match="`augmentation` must return data of the shap"):
        gan(augmentation=layers.DiffAugment())  # of vectors


def test_validation_takes_whole_packs():
    model = gan(packing=2)
    model.compile(keras.optimizers.SGD(0.1))
    wrong = "`validation_batch_size` must leave batches of a multiple of 2"
    for options in (
        {"validation_data": (DATA[:3],)},
        {"validation_data": (DATA,), "validation_batch_size": 3},
    ):
        with pytest.raises(ValueError, match=wrong):
            model.fit(DATA, batch_size=2, verbose=0, **options)
    assert int(model.optimizer["generator"].iterations) == 0
    model.fit(DATA, batch_size=2, verbose=0, validation_data=(DATA[:4],))


# Averages, truncation.


def test_averages_follow_the_generator_after_each_step(tmp_path, rng):
    model = gan(ema_momentum=0.75)
    expected = model.generator.get_weights()
    model.compile(keras.optimizers.SGD(0.5))
    for kept in (0.1, 2 / 11, 0.25, 0.75):  # one step each
        if kept == 0.75:
            model.num_averages.assign(100)
        model.fit(DATA, batch_size=8, verbose=0)
        weights = model.generator.get_weights()
        pairs = zip(expected, weights, strict=True)
        expected = [kept * average + (1 - kept) * weight for average, weight in pairs]
    found = model.averaged_generator.get_weights()
    for average, by_hand, weight in zip(found, expected, weights, strict=True):
        np.testing.assert_allclose(average, by_hand, rtol=1e-4, atol=1e-6)
        assert np.any(average != weight)
    z = rng.standard_normal((4, 3)).astype("float32")
    images = value(model.decode(z))
    by_hand = value(model.averaged_generator(z))
    np.testing.assert_allclose(images, by_hand, rtol=1e-5, atol=1e-6)
    model.sampling_generator.save(tmp_path / "generator.keras")
    alone = keras.saving.load_model(tmp_path / "generator.keras")
    np.testing.assert_allclose(alone.predict(z, verbose=0), by_hand, rtol=1e-5)


@pytest.mark.every_backend
def test_one_step_moves_the_average_by_its_share():
    model = gan(ema_momentum=0.9)
    model.num_averages.assign(81)  # steps, after which 0.9 may stay
    before = model.generator.get_weights()
    model.compile(keras.optimizers.SGD(0.5))
    model.fit(DATA, batch_size=8, verbose=0)
    after = model.generator.get_weights()
    found = model.averaged_generator.get_weights()
    for old, new, average in zip(before, after, found, strict=True):
        np.testing.assert_allclose(average, 0.9 * old + 0.1 * new, rtol=1e-4, atol=1e-6)
    optimizer = model.optimizer["generator"]
    assert len(optimizer.variables) == 2  # of SGD, no slot: averages are not trained


def spectral(inputs, outputs, hidden=6, normalized=True):
    """Returns a network of spectral norms, and of a batch normalization."""
    first, last = (
        keras.layers.Dense(size, use_bias=False) for size in (hidden, outputs)
    )
    between = [keras.layers.BatchNormalization(momentum=0.5)] if normalized else []
    return keras.Sequential(
        [
            keras.Input((inputs,)),
            layers.SpectralNormalization(first),
            *between,
            layers.SpectralNormalization(last),
        ]
    )


@pytest.mark.every_backend
def test_vectors_and_moving_statistics_are_copied_and_not_averaged(rng):
    keras.utils.set_random_seed(0)
    model = GAN(spectral(3, 2), linear(2, 1), 3, ema_momentum=0.9, seed=0)
    first, _, last = model.generator.layers
    for layer in (first, last):  # far from what they turn towards
        layer.u.assign(ops.roll(layer.u, 1))
    model.num_averages.assign(81)  # steps, after which 0.9 may stay
    model.compile(keras.optimizers.SGD(0.1))
    before = [value(x.value) for x in model.averaged_generator.variables]
    model.fit(DATA, batch_size=2, shuffle=False, verbose=0)
    after = [value(x.value) for x in model.averaged_generator.variables]
    trained = {id(x) for x in model.generator.trainable_variables}
    kinds = {True: 0, False: 0}
    for old, new, raw in zip(before, after, model.generator.variables, strict=True):
        is_trained = id(raw) in trained
        kinds[is_trained] += 1
        assert np.any(old != value(raw.value))  # it has moved
        assert np.array_equal(new, value(raw.value)) != is_trained
    assert kinds == {True: 4, False: 4}  # kernels, scale, shift; u, u, mean, variance
    for layer in (x for x in model.averaged_generator.layers if hasattr(x, "u")):
        stored, kernel = value(layer.layer.kernel.value), layer.normalized_kernel()
        assert np.linalg.norm(value(kernel), 2) == pytest.approx(1.0, abs=1e-2)
        assert abs(np.linalg.norm(stored, 2) - 1.0) > 0.05


@pytest.mark.every_backend
@pytest.mark.parametrize("steps", [1, 2])
def test_each_training_call_moves_the_vector_of_a_spectral_norm_once(steps, rng):
    # A step of D calls G once and D of real and of generated data; G's calls both once.
    keras.utils.set_random_seed(0)
    networks = spectral(3, 2, normalized=False), spectral(2, 1, normalized=False)
    model = GAN(*networks, 3, discriminator_steps=steps, seed=0)
    model.compile(keras.optimizers.SGD(0.0))
    starts = []
    for network in networks:
        layer = network.layers[0]
        # Singular values so near to one another that each move is seen
        left, _, right = np.linalg.svd(layer.layer.kernel.numpy(), full_matrices=False)
        values = np.linspace(1.0, 0.8, len(left))
        layer.layer.kernel.assign(left * values @ right)
        layer.u.assign(right[-1] + 0.1 * right[0])
        starts.append((value(layer.layer.kernel.value), value(layer.u.value)))
    model.fit(DATA, batch_size=8, verbose=0)
    model.evaluate(DATA, batch_size=8, verbose=0)
    model.sample(2)
    for network, (w, u), number in zip(
        networks, starts, (steps + 1, 2 * steps + 1), strict=True
    ):
        moved = [u]
        for _ in range(number + 1):
            v = w @ moved[-1] / np.linalg.norm(w @ moved[-1])
            moved.append(v @ w / np.linalg.norm(v @ w))
        found = value(network.layers[0].u.value)
        distances = [np.abs(found - expected).max() for expected in moved]
        assert np.argmin(distances) == number and distances[number] < 1e-5
        assert np.sort(distances)[1] > 1e-3


def test_truncated_latents_are_normal_ones_without_tails():
    generator = linear(3, 3)
    generator.set_weights([np.eye(3), np.zeros(3)])
    model = GAN(generator, linear(3, 1), 3, seed=0)
    for limit in (0.5, 2.0):
        z = value(model.sample(3_000, seed=0, truncation=limit)).ravel()
        assert np.abs(z).max() <= limit
        law = scipy.stats.truncnorm(-limit, limit)
        assert scipy.stats.kstest(z, law.cdf).pvalue > 1e-3
    wide = value(model.sample(2_000, seed=0, truncation=50.0)).ravel()
    assert scipy.stats.kstest(wide, "norm").pvalue > 1e-3
    for bad in (0.0, -1.0, "much"):
        with pytest.raises(ValueError, match="`truncation` must be .*Received"):
            model.sample(2, truncation=bad)


def test_standing_statistics_are_those_of_the_weights_and_latents_of_samples(rng):
    keras.utils.set_random_seed(0)
    generator = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(6),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(2),
        ]
    )
    model = GAN(generator, linear(2, 1), 3, ema_momentum=0.5, seed=0)
    model.averaged_generator.layers[0].kernel.assign(rng.standard_normal((3, 6)))
    raw = generator.layers[1].moving_variance.numpy().copy()
    found = {}
    for limit in (None, 0.5):
        model.standing_statistics(num_batches=20, batch_size=256, truncation=limit)
        z = np.random.default_rng(1).standard_normal((20_000, 3))
        if limit is not None:
            z = scipy.stats.truncnorm(-limit, limit).rvs(z.shape, random_state=1)
        hidden = z @ model.averaged_generator.layers[0].kernel.numpy()
        normalization = model.averaged_generator.layers[1]
        found[limit] = normalization.moving_variance.numpy()
        np.testing.assert_allclose(found[limit], hidden.var(axis=0), rtol=0.06)
    assert np.all(found[0.5] < 0.2 * found[None])
    np.testing.assert_array_equal(generator.layers[1].moving_variance.numpy(), raw)
    assert normalization.momentum == 0.99 and not normalization.trainable


@pytest.mark.every_backend
def test_inference_with_standing_statistics_is_as_training_on_many_samples(rng):
    keras.utils.set_random_seed(0)
    z, label = keras.Input((3,)), keras.Input((3,))
    x = keras.layers.Reshape((2, 2, 4))(keras.layers.Dense(16)(z))
    x = layers.ConditionalBatchNormalization()([x, label])
    x = keras.layers.Conv2D(2, 1)(keras.layers.ReLU()(x))
    generator = keras.Model([z, label], x)
    discriminator = small_network((2, 2, 2), (1,), num_classes=3)
    model = GAN(generator, discriminator, 3, num_classes=3, ema_momentum=0.5, seed=0)
    averaged = model.averaged_generator
    for weight in averaged.weights:  # as after training, with other statistics
        weight.assign(weight + 0.5 * rng.random(weight.shape).astype("float32"))
    labels = np.arange(2**15) % 3
    inputs = [
        ops.convert_to_tensor(rng.standard_normal((len(labels), 3)).astype("float32")),
        model.one_hot(ops.convert_to_tensor(labels)),
    ]
    (layer,) = (x.normalization for x in averaged.layers if hasattr(x, "normalization"))
    layer.trainable = True  # a frozen one takes its moving statistics
    in_training = value(averaged(inputs, training=True))
    layer.trainable = False
    for weight in layer.variables:
        weight.assign(ops.ones_like(ops.convert_to_tensor(weight)))
    distances = []
    for stands in (False, True):
        if stands:
            model.standing_statistics(num_batches=16, batch_size=2048)
        found = value(averaged(inputs, training=False))
        norm = np.linalg.norm(in_training)
        distances.append(np.linalg.norm(found - in_training) / norm)
    assert distances[0] > 0.05 and distances[1] < 0.01


@pytest.mark.every_backend
def test_standing_statistics_change_no_later_training(rng):
    def trained(stands):
        keras.utils.set_random_seed(0)
        hidden = layers.SpectralNormalization(keras.layers.Dense(6))
        stack = [hidden, keras.layers.BatchNormalization(), keras.layers.Dropout(0.1)]
        ends = keras.Input((3,)), keras.layers.Dense(2)
        model = GAN(
            keras.Sequential([ends[0], *stack, ends[1]]), linear(2, 1), 3, seed=0
        )
        model.compile(keras.optimizers.SGD(0.1))
        for _ in range(2):
            model.fit(DATA, batch_size=8, shuffle=False, verbose=0)
            if stands:
                model.standing_statistics(num_batches=3, batch_size=8)
        return [value(weight.value) for weight in model.trainable_variables]

    for with_them, without in zip(trained(True), trained(False), strict=True):
        np.testing.assert_array_equal(with_them, without)


# Arguments.


def test_numbers_change_between_epochs_where_they_were_given():
    model = gan(r1_weight=0.0)
    change = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(model, "r1_weight", 5.0 * epoch)
    )
    model.compile(keras.optimizers.SGD(0.01))
    start = model.discriminator.get_weights()[0]
    options = {"batch_size": 8, "shuffle": False, "verbose": 0}
    model.fit(DATA, callbacks=[change], **options)
    without = model.discriminator.get_weights()[0]
    model.fit(DATA, epochs=2, initial_epoch=1, callbacks=[change], **options)
    penalised = model.discriminator.get_weights()[0]
    # Of R1 alone a step is -rate weight w.
    np.testing.assert_allclose(
        penalised - without, -0.05 * without + (without - start), atol=5e-3
    )
    assert model.get_config()["r1_weight"] == 5.0
    assert model.get_config()["r2_weight"] is None
    with pytest.raises(ValueError, match="`r2_weight` must be given when the model"):
        model.r2_weight = 1.0


def test_two_time_scales_are_two_optimizers():
    model = gan()
    before = [
        network.get_weights() for network in (model.generator, model.discriminator)
    ]
    model.compile(
        {
            "discriminator": keras.optimizers.Adam(4e-4),
            "generator": keras.optimizers.Adam(1e-4),
        }
    )
    model.fit(DATA, batch_size=8, verbose=0)
    after = [
        network.get_weights() for network in (model.generator, model.discriminator)
    ]
    # The first step of Adam is its rate.
    for old, new, rate in zip(before, after, (1e-4, 4e-4), strict=True):
        np.testing.assert_allclose(np.abs(new[0] - old[0]), rate, rtol=0.02)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"packing": 0}, "`packing` must be"),
        ({"r1_weight": -1.0}, "`r1_weight` must be"),
        ({"label_smoothing": 1.0}, "`label_smoothing` must be below 1"),
        ({"label_smoothing": 0.1, "loss": "hinge"}, "`label_smoothing` must be None"),
        ({"instance_noise": -0.1}, "`instance_noise` must be"),
        ({"top_k": 0.0}, "`top_k` must be above 0"),
        ({"augmentation": "color"}, "`augmentation` must be a Keras layer"),
        ({"ema_momentum": 1.1}, "`ema_momentum` must be"),
    ],
)
def test_bad_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        GAN(linear(3, 2), linear(2, 1), 3, **arguments)
