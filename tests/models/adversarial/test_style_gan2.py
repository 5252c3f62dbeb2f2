"""StyleGAN2: penalties in closed form, lazily too, styles mixed, truncated, found."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import StyleGAN2, networks
from tests.autodiff import gradients
from tests.contracts import uncompiled
from tests.models.small_networks import small_network

IMAGE, LATENT, STYLE, NUM_STYLES = (2, 3, 1), 3, 2, 4
RNG = np.random.default_rng(0)
X = RNG.random((8, *IMAGE), dtype="float32")
Z = RNG.standard_normal((5, LATENT)).astype("float32")


def value(x):
    return np.array(ops.convert_to_numpy(x))


def linear(input_shape, output_shape, use_bias=False):
    """Returns a network of one dense layer, with weights from N(0, 1)."""
    size = int(np.prod(output_shape))
    start = keras.initializers.RandomNormal(stddev=1.0)
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Flatten(),
            keras.layers.Dense(size, use_bias=use_bias, kernel_initializer=start),
            keras.layers.Reshape(output_shape),
        ]
    )


def style_gan(mapping=None, synthesis=None, discriminator=None, **kwargs):
    keras.utils.set_random_seed(0)
    return StyleGAN2(
        mapping or linear((LATENT,), (STYLE,)),
        synthesis or linear((NUM_STYLES, STYLE), IMAGE),
        discriminator or linear(IMAGE, (1,)),
        **{"seed": 0, **kwargs},
    )


def loss_of(model, name, training=True):
    """Returns the loss of an objective as a step computes it."""
    objective = {o.name: o for o in model.objectives()}[name]
    return float(value(objective.loss(ops.array(X), None, training)[0]))


# Penalties.


@pytest.mark.every_backend
def test_path_lengths_of_a_linear_map_are_those_of_its_rows(rng):
    model = style_gan()
    kernel = value(model.synthesis.weights[0]).reshape(NUM_STYLES, STYLE, -1)
    y = rng.standard_normal((20_000, *IMAGE)).astype("float32")
    styles = np.zeros((len(y), NUM_STYLES, STYLE), "float32")
    lengths = value(model._lengths(ops.array(styles), ops.array(y)))
    gradient = np.einsum("nx,lsx->nls", y.reshape(len(y), -1), kernel) / 6**0.5
    by_hand = np.sqrt((gradient**2).sum(2).mean(1))
    np.testing.assert_allclose(lengths, by_hand, rtol=1e-4)
    # E l^2 = |A|_F^2 / (H W), over the layers' mean
    expected = (kernel**2).sum((1, 2)).mean() / 6
    assert (lengths**2).mean() == pytest.approx(expected, rel=0.03)


def test_path_lengths_train_the_mapping_too(rng):
    model = style_gan(
        mapping=small_network((LATENT,), (STYLE,)),
        synthesis=small_network((NUM_STYLES, STYLE), IMAGE, "sigmoid"),
    )
    y = ops.array(rng.standard_normal((5, *IMAGE)).astype("float32"))
    kernel = model.mapping.trainable_variables[0]

    def penalty():
        styles, _ = model._styles(ops.array(Z), None, False)
        return ops.mean(ops.square(model._lengths(styles, y) - 0.3))

    (found,) = gradients(penalty, [kernel])
    start, step = value(kernel), 1e-2
    for place in [(0, 0), (2, 5)]:
        sides = []
        for sign in (1, -1):
            moved = start.copy()
            moved[place] += sign * step
            kernel.assign(moved)
            sides.append(float(value(penalty())))
        expected = (sides[0] - sides[1]) / (2 * step)
        assert found[place] == pytest.approx(expected, rel=0.02)
    assert np.abs(found).max() > 1e-5


def test_path_lengths_of_a_style_gan_may_be_penalised_too(rng):
    shape = (4, 4, 1)
    synthesis = networks.style_gan_synthesis(
        shape, 2, 8, STYLE, "instance_normalization"
    )
    num_styles = synthesis.input_shape[1]
    model = style_gan(synthesis=synthesis, discriminator=linear(shape, (1,)))
    for weight in synthesis.trainable_variables:
        weight.assign(ops.ones_like(ops.convert_to_tensor(weight)) * 0.3 + weight)
    y = ops.array(rng.standard_normal((5, *shape)).astype("float32"))
    styles = rng.standard_normal((5, num_styles, STYLE)).astype("float32")
    found = value(model._lengths(ops.array(styles), y))
    # By differences, of each place of the styles
    step, squares = 1e-3, np.zeros(5)
    for layer in range(num_styles):
        for place in range(STYLE):
            sides = []
            for sign in (1, -1):
                moved = styles.copy()
                moved[:, layer, place] += sign * step
                images = value(synthesis(moved, training=False))
                sides.append((images * value(y)).sum((1, 2, 3)) / 4)
            squares += ((sides[0] - sides[1]) / (2 * step)) ** 2 / num_styles
    assert found.min() > 1e-3
    np.testing.assert_allclose(found, np.sqrt(squares), rtol=0.05)


@pytest.mark.every_backend
def test_r1_of_a_linear_discriminator_is_its_squared_norm():
    weights = {"r1_weight": 3.0, "r1_interval": 5, "path_length_weight": None}
    model, plain = style_gan(**weights), style_gan(**{**weights, "r1_weight": None})
    squared = (value(model.discriminator.weights[0]) ** 2).sum()
    found = []
    for step in range(11):
        model.num_steps.assign(float(step))
        found.append(loss_of(model, "discriminator"))
    base = [loss_of(plain, "discriminator") for _ in range(11)]
    excess = np.array(found) - base
    expected = [5 * 3.0 / 2 * squared if step % 5 == 0 else 0 for step in range(11)]
    np.testing.assert_allclose(excess, expected, atol=1e-4, rtol=1e-4)
    # k lazy steps are as much as k plain ones; reported are those that are taken
    assert excess[:10].sum() == pytest.approx(10 * 3.0 / 2 * squared, rel=1e-4)
    reported = float(value(model.penalty_trackers["r1"].result()))
    assert reported == pytest.approx(squared / 2, rel=1e-4)
    held_out = [loss_of(m, "discriminator", False) for m in (model, plain)]
    assert held_out[0] - held_out[1] == pytest.approx(1.5 * squared, rel=1e-4)


@pytest.mark.every_backend
def test_path_length_penalty_is_taken_now_and_then_for_k_steps(monkeypatch):
    model = style_gan(path_length_weight=2.0, path_length_interval=4, r1_weight=None)
    plain = style_gan(path_length_weight=None, r1_weight=None)
    lengths = np.array([1.0, 2.0, 3.0, 6.0], "float32")
    monkeypatch.setattr(StyleGAN2, "_lengths", lambda *_: ops.array(lengths))
    model.mean_path_length.assign(1.5)
    found, means = [], []
    for _ in range(9):  # the loss counts the steps
        found.append(loss_of(model, "generator") - loss_of(plain, "generator"))
        # The noise of a path is a draw that the plain model lacks.
        plain.seed_generator.state.assign(value(model.seed_generator.state.value))
        means.append(float(value(model.mean_path_length.value)))
    mean, expected = 1.5, []
    for step in range(9):
        if step % 4 == 0:
            mean += 0.01 * (3.0 - mean)
        due = 4 * 2.0 * ((lengths - mean) ** 2).mean()
        expected.append(due if step % 4 == 0 else 0.0)
        assert means[step] == pytest.approx(mean, rel=1e-5)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    assert float(value(model.penalty_trackers["path_length"].result())) == 3.0


def test_generator_and_discriminator_have_the_non_saturating_losses():
    model = style_gan(r1_weight=None, path_length_weight=None, mixing_probability=0.0)
    kernel = value(model.discriminator.weights[0])[:, 0]
    state = value(model.seed_generator.state.value)
    z = value(model.prior.sample(len(X), model.seed_generator))
    fake = value(model.generator(z)).reshape(len(X), -1) @ kernel
    real = X.reshape(len(X), -1) @ kernel
    model.seed_generator.state.assign(state)
    expected = np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean()
    assert loss_of(model, "discriminator") == pytest.approx(expected, rel=1e-4)
    model.seed_generator.state.assign(state)
    expected = np.logaddexp(0, -fake).mean()
    assert loss_of(model, "generator") == pytest.approx(expected, rel=1e-4)


# Styles.


def test_layers_from_a_random_one_on_take_another_style(rng):
    model = style_gan(mixing_probability=1.0)
    z = rng.standard_normal((600, LATENT)).astype("float32")
    styles, w = (value(t) for t in model._styles(ops.array(z), None, True))
    is_first = np.all(styles == w[:, None], axis=2)
    cuts = is_first.sum(axis=1)
    np.testing.assert_array_equal(is_first, np.arange(4) < cuts[:, None])
    counts = np.bincount(cuts, minlength=5)
    assert counts[0] == counts[4] == 0 and counts[1:4].min() > 150
    last = styles[:, -1:]
    np.testing.assert_array_equal(styles[~is_first], last.repeat(4, 1)[~is_first])
    assert len(np.unique(last, axis=0)) == 600  # each with a latent of its own


@pytest.mark.parametrize("probability", [0.0, 0.25])
def test_styles_are_mixed_as_often_as_asked(probability, rng):
    model = style_gan(mixing_probability=probability)
    z = ops.array(rng.standard_normal((2000, LATENT)).astype("float32"))
    styles, w = (value(t) for t in model._styles(z, None, True))
    share = np.any(styles[:, -1] != w, axis=1).mean()
    assert share == pytest.approx(probability, abs=0.04)
    styles, _ = (value(t) for t in model._styles(z, None, False))
    np.testing.assert_array_equal(styles, np.repeat(w[:, None], 4, axis=1))


@pytest.fixture(scope="module")
def model():
    model = style_gan(synthesis=small_network((NUM_STYLES, STYLE), IMAGE, "sigmoid"))
    model.mean_style.assign([0.5, -1.0])
    # As after training: the averages, which samples come from, are other weights.
    for weight in model.averaged_generator.weights:
        weight.assign(1.5 * weight)
    return model


def test_truncated_styles_lie_between_the_mean_and_their_own(model):
    mean, whole = np.array([0.5, -1.0]), value(model.map_latents(Z))
    averaged = model.averaged_generator.get_layer(model.mapping.name)
    expected = np.repeat(value(averaged(Z))[:, None], 4, axis=1)
    np.testing.assert_allclose(whole, expected, rtol=1e-4, atol=1e-6)
    half = value(model.map_latents(Z, truncation=0.5))
    np.testing.assert_allclose(half, (mean + whole) / 2, rtol=1e-4, atol=1e-6)
    coarse = value(model.map_latents(Z, truncation=0.5, cutoff=1))
    np.testing.assert_allclose(coarse[:, :1], half[:, :1], rtol=1e-5)
    np.testing.assert_allclose(coarse[:, 1:], whole[:, 1:], rtol=1e-5)


def test_truncation_0_is_the_image_of_the_mean_style(model):
    mean = value(model.decode_styles(np.array([[0.5, -1.0]], "float32")))
    images = value(model.sample(3, seed=0, truncation=0.0))
    np.testing.assert_allclose(images, mean.repeat(3, axis=0), atol=1e-6)
    whole, alike = (value(model.sample(3, seed=0, truncation=t)) for t in (None, 1.0))
    np.testing.assert_allclose(whole, alike, atol=1e-6)
    assert np.abs(whole - mean).max() > 1e-2


def test_decoding_maps_and_decodes_styles(model):
    images = value(model.decode(Z))
    by_steps = value(model.decode_styles(model.map_latents(Z)))
    np.testing.assert_allclose(images, by_steps, atol=1e-6)
    assert np.abs(images - value(model.generator(Z))).max() > 1e-3


def test_styles_of_images_are_found(rng):
    model = style_gan(mixing_probability=0.0)
    styles = rng.standard_normal((2, STYLE)).astype("float32")
    images = np.clip(value(model.decode_styles(styles)), 0.0, 1.0)
    kernel = value(model.synthesis.weights[0]).reshape(NUM_STYLES, STYLE, 6).sum(0)
    best = images.reshape(2, 6) @ np.linalg.pinv(kernel)  # least squares
    with uncompiled():
        found = value(model.project(images, num_steps=120))
    np.testing.assert_allclose(found, best, atol=0.02)
    with uncompiled():
        far = model.project(images, 5, distance=lambda pair: 0.0 * pair[0][:, 0, 0, 0])
    np.testing.assert_array_equal(value(far), 0.0)  # nothing to move for


# Averages.


def test_mean_style_moves_by_a_200th_a_step(rng):
    model = style_gan()
    mean = np.zeros(STYLE)
    for _ in range(3):
        w = rng.standard_normal((8, STYLE)).astype("float32")
        model._track_styles(ops.array(w))
        mean = 0.995 * mean + 0.005 * w.mean(axis=0)
    np.testing.assert_allclose(value(model.mean_style.value), mean, rtol=1e-4)


@pytest.mark.parametrize("ramp", [None, 2.0])
def test_averages_have_the_half_life_and_its_ramp(ramp):
    model = style_gan(
        r1_weight=None, path_length_weight=None, ema_half_life=32.0, ema_ramp=ramp
    )
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    expected = model.generator.get_weights()
    for step in range(1, 4):
        model.train_on_batch(X)
        half_life = 32.0 if ramp is None else min(32.0, ramp * 8 * step)
        share = 0.5 ** (8 / half_life)
        pairs = zip(expected, model.generator.get_weights(), strict=True)
        expected = [share * average + (1 - share) * weight for average, weight in pairs]
    found = model.averaged_generator.get_weights()
    for average, by_hand in zip(found, expected, strict=True):
        np.testing.assert_allclose(average, by_hand, rtol=1e-4, atol=1e-6)


# Wrong arguments.


@pytest.mark.parametrize(
    "call,message",
    [
        (lambda: style_gan(r1_weight=-1), "`r1_weight` must"),
        (lambda: style_gan(path_length_weight=-1), "`path_length_weight` must"),
        (lambda: style_gan(r1_interval=0), "`r1_interval` must"),
        (lambda: style_gan(path_length_interval=0.5), "`path_length_interval` must"),
        (lambda: style_gan(mixing_probability=1.1), "`mixing_probability` must"),
        (lambda: style_gan(ema_half_life=0), "`ema_half_life` must"),
        (lambda: style_gan(ema_ramp=0), "`ema_ramp` must"),
        (lambda: style_gan(linear((LATENT,), (STYLE, 1))), "`mapping` must end in"),
        (lambda: style_gan(linear((LATENT,), (3,))), "`synthesis` must take what"),
        (lambda: style_gan(None, linear((STYLE,), IMAGE)), "`synthesis` must take"),
        (
            lambda: style_gan(None, None, linear((2, 2, 1), (1,))),
            "`discriminator` must take what",
        ),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        call()


@pytest.mark.parametrize("name", ["packing", "ema_momentum", "latent_dim"])
def test_arguments_of_relatives_are_refused(name):
    with pytest.raises(TypeError, match=f"StyleGAN2 takes no `{name}`"):
        style_gan(**{name: 2})


@pytest.mark.parametrize(
    "call,message",
    [
        (lambda m: m.sample(2, truncation=1.5), "`truncation` must"),
        (lambda m: m.sample(2, truncation=-0.5), "`truncation` must"),
        (lambda m: m.sample(2, cutoff=5), "`cutoff` must be at most 4"),
        (lambda m: m.map_latents(np.ones((2, 9))), "`z` must"),
        (lambda m: m.decode_styles(np.ones((2, 3, STYLE))), "`styles` must"),
        (lambda m: m.project(X - 1), "`x` must lie"),
        (lambda m: m.project(X, 0), "`num_steps` must"),
        (lambda m: m.project(X, 1, -1.0), "`learning_rate` must"),
        (lambda m: m.project(X, 1, distance="mse"), "`distance` must"),
        (
            lambda m: m.project(X, 1, distance=lambda x, y: ops.mean(x - y, (1, 2, 3))),
            r"`distance` must be .* one pair `\(x, y\)`",
        ),
        (
            lambda m: m.project(X, 1, distance=lambda pair: ops.mean(pair[0])),
            r"`distance` must be .* returns their distances `\(batch,\)`",
        ),
        (lambda m: m.project(X, 1, distance=lambda pair: 0.5), "`distance` must be"),
        (lambda m: m.sample(2, cutoff=2), "`cutoff` must be None without `trunc"),
        (lambda m: m.map_latents(Z, cutoff=2), "`cutoff` must be None without"),
    ],
)
def test_wrong_arguments_of_methods_are_named(model, call, message):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        call(model)


def test_networks_of_one_name_are_refused():
    mapping, synthesis = linear((LATENT,), (STYLE,)), linear((4, STYLE), IMAGE)
    synthesis.name = mapping.name = "network"
    with pytest.raises(ValueError, match="`synthesis` must have another name"):
        style_gan(mapping, synthesis)


def test_a_penalised_discriminator_holds_no_batch_normalization():
    layers = [keras.Input(IMAGE), keras.layers.BatchNormalization()]
    network = keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="`discriminator` must hold no Batch"):
        style_gan(discriminator=network)
    style_gan(discriminator=network, r1_weight=None)
