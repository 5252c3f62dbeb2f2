"""Figures and words on adversarial training."""

import itertools
import warnings

import keras
import numpy as np
import pytest

from keras_genmod import GAN, VAE, WGAN, WGANGP, CycleGAN
from keras_genmod.callbacks import Backup, GanHealth, GanHealthWarning
from tests.contracts import (
    array_of,
    assert_same_state,
    slow_elsewhere,
    start_process,
    state_of,
    torch_param,
)
from tests.engine.two_players import TwoPlayers
from tests.models.small_networks import small_network

IMAGE = (2, 2, 1)
IMAGES = np.random.default_rng(0).random((12, *IMAGE)).astype("float32")
LABELS = np.arange(12) % 3
X = np.array([[1.0, 2.0, 0.0], [3.0, 0.0, -1.0]], "float32")


def generator(num_classes=None):
    return small_network((2,), IMAGE, "sigmoid", num_classes)


def scorer(num_classes=None, **options):
    return small_network(IMAGE, (1,), num_classes=num_classes, **options)


def gan(num_classes=None, rate=0.01, **options):
    networks = generator(num_classes), scorer(num_classes)
    model = GAN(*networks, latent_dim=2, num_classes=num_classes, seed=0, **options)
    model.compile(keras.optimizers.Adam(rate))
    return model


def wasserstein(make):
    critic = scorer(use_bias=False)
    model = make(generator(), critic, latent_dim=2, critic_steps=2, seed=0)
    model.compile("adam")
    return model


def cycle_gan():
    networks = [small_network(IMAGE, IMAGE, "sigmoid") for _ in range(2)]
    model = CycleGAN(*networks, scorer(), scorer(), seed=0)
    model.compile("adam")
    return model


def fit(model, *callbacks, x=IMAGES, y=None, epochs=2, **options):
    options = {"batch_size": 4, "shuffle": False, "verbose": 0, **options}
    return model.fit(x, y, epochs=epochs, callbacks=list(callbacks), **options).history


def quiet(*arguments, **options):
    """Returns a callback that finds nothing worth a warning."""
    limits = {"collapse_below": -1, "saturated_above": 1, "vanishing_below": 0}
    return GanHealth(*arguments, **limits, exploding_above=np.inf, **options)


MODELS = {
    "gan": (gan, {}, ["discriminator", "generator"]),
    "conditional": (lambda: gan(3), {"y": LABELS}, ["discriminator", "generator"]),
    "wgan": (lambda: wasserstein(WGAN), {}, ["critic", "generator"]),
    "wgan_gp": (lambda: wasserstein(WGANGP), {}, ["critic", "generator"]),
    "cycle_gan": (
        cycle_gan,
        {"x": (IMAGES, IMAGES)},
        ["generator", "discriminator_a", "discriminator_b"],
    ),
}


@pytest.fixture(
    scope="module",
    params=["gan", "wgan_gp", *map(torch_param, ("conditional", "wgan", "cycle_gan"))],
)
def trained(request):
    make, data, names = MODELS[request.param]
    real = None if request.param == "cycle_gan" else IMAGES
    inputs = data.get("x", IMAGES)
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    validation = inputs if "y" not in data else (*inputs, data["y"])
    model = make()
    history = fit(model, quiet(real), validation_data=validation, **data)
    return model, history, names


def test_figures_are_in_the_logs(trained):
    model, history, names = trained
    expected = {f"{name}_gradient_norm" for name in names}
    for name in names:
        if name.startswith("discriminator"):
            expected |= {f"{name}_real_accuracy", f"{name}_fake_accuracy"}
    if "critic" in names:
        expected |= {"wasserstein_distance"}
    if not isinstance(model, CycleGAN):
        expected |= {"sample_diversity"}
    assert expected <= set(history)
    for name in expected:
        assert len(history[name]) == 2 and np.all(np.isfinite(history[name]))
        assert np.all(np.array(history[name]) > 0) or "norm" not in name
    assert not any("norm" in name for name in history if name.startswith("val_"))


@pytest.mark.every_backend
def test_fits_without_the_callback_report_no_gradients():
    model = gan()
    norms = {"discriminator_gradient_norm", "generator_gradient_norm"}
    before, during, after = (
        set(fit(model, *callbacks, epochs=1)) for callbacks in ([], [quiet()], [])
    )
    assert before == after == during - norms and norms <= during


def test_an_interrupt_turns_gradient_norms_off():
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            raise KeyboardInterrupt

    model = gan()
    with pytest.raises(KeyboardInterrupt):
        fit(model, quiet(), Interrupt())
    assert not model.reports_gradient_norms
    assert "generator_gradient_norm" not in [metric.name for metric in model.metrics]
    model.report_gradient_norms()  # who turned them on before gets them back
    with pytest.raises(KeyboardInterrupt):
        fit(model, Interrupt())
    assert model.reports_gradient_norms


def test_norm_is_that_of_the_gradient():
    model = TwoPlayers(3, steps=2)
    model.compile(keras.optimizers.SGD(1.0))
    history = fit(model, quiet(), x=X, epochs=1)
    # The first loss is w.x: its gradients are the examples, one in each step.
    expected = np.linalg.norm(X, axis=1).mean()
    np.testing.assert_allclose(history["first_gradient_norm"], expected, rtol=1e-5)
    w = -X.sum(axis=0)  # after both steps
    gradient = ((X @ w + 1)[:, None] * X).mean(axis=0)
    np.testing.assert_allclose(
        history["second_gradient_norm"], np.linalg.norm(gradient), rtol=1e-5
    )


def test_norm_is_not_that_of_the_scaled_loss(dtype_policy):
    dtype_policy("mixed_float16")
    model = TwoPlayers(3)
    # The gradient of the second loss, 1e4 x^2 * 2^15, overflows; that of the first
    # does not.
    model.first.kernel.assign(np.full((3, 1), 1e4))
    model.compile(keras.optimizers.SGD(1e-3))
    history = fit(model, quiet(), x=X / 10, epochs=1)
    expected = np.linalg.norm(X.mean(axis=0) / 10)
    np.testing.assert_allclose(history["first_gradient_norm"], expected, rtol=1e-2)
    assert history["second_gradient_norm"] == [0.0]  # no step was taken


def test_training_is_the_same_with_the_callback():
    states = []
    for callbacks in ([], [quiet(IMAGES)]):
        start_process(1)
        model = gan()
        fit(model, *callbacks)
        states.append(state_of(model))
    assert_same_state(*states, atol=1e-6)


@slow_elsewhere  # the contract resumes the models everywhere
def test_resumed_run_equals_a_straight_one(tmp_path):
    def run(folder, epochs):
        model = gan()
        return model, fit(model, Backup(folder), quiet(IMAGES), epochs=epochs)

    start_process(1)
    straight, history = run(tmp_path / "straight", 3)
    start_process(1)
    run(tmp_path / "resumed", 2)
    start_process(2)
    resumed, rest = run(tmp_path / "resumed", 3)
    assert_same_state(state_of(resumed), state_of(straight))
    for name, values in rest.items():
        np.testing.assert_allclose(values, history[name][2:], rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("loss", ["non_saturating", "least_squares"])
def test_accuracy_counts_scores_on_the_right_side(loss):
    model = gan(loss=loss)
    real = array_of(model(IMAGES))
    # The generator makes one image, whatever the latents.
    weights = model.generator.get_weights()
    model.generator.set_weights([0 * w for w in weights])
    fake = array_of(model(np.full((1, *IMAGE), 0.5, "float32")))
    boundary = 0.5 if loss == "least_squares" else 0.0
    bias = model.discriminator.layers[-2].bias
    bias.assign(boundary - np.median(real, axis=0))
    shift = boundary - np.median(real)
    logs = model.evaluate(IMAGES, batch_size=8, verbose=0, return_dict=True)
    assert logs["discriminator_real_accuracy"] == 0.5
    expected = float((fake + shift)[0, 0] < boundary)
    assert logs["discriminator_fake_accuracy"] == expected


def test_diversity_is_a_ratio_of_mean_distances():
    model = gan(rate=0.0)
    history = fit(model, quiet(IMAGES, num_samples=8, seed=3), epochs=1)
    samples = array_of(model.sample(8, seed=3)).reshape(8, -1)
    real = IMAGES[np.sort(np.random.default_rng(3).permutation(12)[:8])].reshape(8, -1)
    spreads = [
        np.mean([np.linalg.norm(x[i] - x[j]) for i in range(8) for j in range(i)])
        for x in (samples.astype("float64"), real.astype("float64"))
    ]
    expected = spreads[0] / spreads[1]
    np.testing.assert_allclose(history["sample_diversity"], expected, rtol=1e-5)


def test_diversity_repeats_between_measurements():
    history = fit(gan(rate=0.1), quiet(IMAGES, every=3), epochs=5)["sample_diversity"]
    assert history[0] == history[1] and history[2] == history[3] == history[4]
    assert history[1] != history[2]


# Words.


def warned(*callbacks, model=None, **options):
    """Returns what a fit warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(model or gan(rate=0.0), *callbacks, **options)
    return [str(w.message) for w in caught if w.category is GanHealthWarning]


NEVER = {
    "collapse_below": 0.0,
    "saturated_above": 1.0,
    "vanishing_below": 0.0,
    "exploding_above": 1e9,
}


@slow_elsewhere  # figures and limits on the host
@pytest.mark.parametrize(
    "limits,words",
    [
        ({"collapse_below": 1e9}, ["modes collapse: samples are"]),
        ({"saturated_above": -1.0}, ["'discriminator' is saturated: it is right in"]),
        (
            {"vanishing_below": 1e9},
            ["'discriminator' vanishes", "'generator' vanishes"],
        ),
        (
            {"exploding_above": 0.0},
            ["'discriminator' explodes", "'generator' explodes"],
        ),
        ({}, []),
    ],
)
def test_each_cause_is_warned_of_once(limits, words):
    messages = sorted(warned(GanHealth(IMAGES, **{**NEVER, **limits}), epochs=3))
    assert len(messages) == len(words)
    for message, expected in zip(messages, words, strict=True):
        assert message.startswith("Epoch 1: ") and expected in message


def test_a_collapsed_generator_is_found():
    model = gan(rate=0.0)
    model.generator.set_weights([0 * w for w in model.generator.get_weights()])
    messages = warned(GanHealth(IMAGES), model=model)
    assert any("modes collapse: samples are 0 times" in message for message in messages)


def test_a_cause_that_cleared_is_warned_of_again():
    health = GanHealth(**NEVER)
    limits = {0: 0.0, 1: 1e9, 2: 0.0}

    def change(epoch, logs):
        health.exploding_above = limits[epoch]

    change_limit = keras.callbacks.LambdaCallback(on_epoch_begin=change)
    epochs = [text[:7] for text in warned(change_limit, health, epochs=3)]
    assert epochs == ["Epoch 1", "Epoch 1", "Epoch 3", "Epoch 3"]


def test_words_are_written_for_tensorboard(tmp_path):
    limits = {**NEVER, "saturated_above": -1.0}
    warned(GanHealth(log_dir=tmp_path, **limits))
    (file,) = (tmp_path / "train").iterdir()
    assert b"health/saturated_discriminator" in file.read_bytes()


# What it cannot do.


def test_another_model_is_refused():
    model = VAE(small_network(IMAGE, (4,)), small_network((2,), IMAGE), 2)
    model.compile("adam")
    with pytest.raises(ValueError, match="GanHealth needs an adversarial.*VAE"):
        fit(model, GanHealth())


def packing_gan(weights):
    """Returns a GAN of vectors whose discriminator is linear, and learns nothing."""
    networks = [
        keras.Sequential([keras.Input((size,)), keras.layers.Dense(outputs)])
        for size, outputs in ((2, 2), (weights.size, 1))
    ]
    networks[1].set_weights([weights.reshape(-1, 1), np.zeros(1)])
    model = GAN(*networks, latent_dim=2, packing=len(weights), seed=0)
    model.compile(keras.optimizers.SGD(0.0))
    return model


def test_spread_over_orders_is_that_of_the_places_weights(rng):
    x, weights = rng.random((12, 2)).astype("float32"), rng.standard_normal((3, 2))
    packs = x.reshape(4, 3, 2)
    orders = [list(order) for order in itertools.permutations(range(3))]
    scores = np.array([(packs[:, order] * weights).sum((1, 2)) for order in orders])
    expected = np.sqrt(scores.var(axis=0).mean() / scores.var())
    history = fit(packing_gan(weights), quiet(x), x=x, batch_size=6)
    np.testing.assert_allclose(history["pack_order_spread"], expected, rtol=1e-3)
    assert 0.05 < expected < 1
    alike = packing_gan(np.repeat(weights[:1], 3, axis=0))
    (found,) = fit(alike, quiet(x), x=x, batch_size=6, epochs=1)["pack_order_spread"]
    assert found < 1e-3


def test_a_model_without_packs_has_no_orders(trained):
    assert "pack_order_spread" not in trained[1]


def test_diversity_of_a_translator_is_refused():
    with pytest.raises(ValueError, match="`real` must be None for a CycleGAN"):
        fit(cycle_gan(), GanHealth(IMAGES), x=(IMAGES, IMAGES))


def test_data_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="`real` must have the shape of the samples"):
        fit(gan(), GanHealth(IMAGES[:, :1]))


@pytest.mark.parametrize(
    "real", [IMAGES[:1], np.ones((3, *IMAGE)), np.full((3, 2), np.nan)]
)
def test_data_without_spread_are_refused(real):
    with pytest.raises(ValueError, match="`real` must hold at least 2 different"):
        GanHealth(real)


@pytest.mark.parametrize("name", ["every", "num_samples"])
def test_numbers_are_checked(name):
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        GanHealth(**{name: 0})


def test_singular_values_are_those_of_the_largest_kernel():
    model = gan()
    health = GanHealth(singular_values=True, every=2)
    history = fit(model, health, epochs=4)
    for name, network in (
        ("generator", model.generator),
        ("discriminator", model.discriminator),
    ):
        values = history[f"{name}_singular_value"]
        assert values[0] != values[1] == values[2] != values[3]  # of every second epoch
        kernels = [w for w in network.get_weights() if w.ndim > 1]
        largest = max(
            np.linalg.svd(w.reshape(-1, w.shape[-1]), compute_uv=False)[0]
            for w in kernels
        )
        np.testing.assert_allclose(values[3], largest, rtol=1e-5)


def test_singular_values_are_left_out_unless_asked_for():
    history = fit(gan(), GanHealth(), epochs=1)
    assert not any("singular" in name for name in history)
