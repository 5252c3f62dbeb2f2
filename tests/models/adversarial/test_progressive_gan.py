"""Progressive GANs: losses by hand, fades, schedule, resuming inside a fade."""

import shutil
import warnings

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import ProgressiveGAN, callbacks, networks
from keras_genmod.layers.resolutions import doubled, faded, halved
from keras_genmod.models.adversarial.adversarial_model import AdversarialModel
from tests.contracts import assert_same_state, slow_elsewhere, start_process, state_of

SHAPE, LATENT = (8, 8, 1), 3
X = np.random.default_rng(0).random((20, *SHAPE)).astype("float32")


def progressive_gan(shape=SHAPE, **kwargs):
    return ProgressiveGAN(
        networks.ProgressiveGenerator(shape, LATENT, filters_base=8),
        networks.ProgressiveCritic(shape, filters_base=8, group_size=2),
        **{"images_per_phase": 16, "seed": 0, **kwargs},
    )


def array_of(tensor):
    return np.array(ops.convert_to_numpy(tensor))


# Networks.


@pytest.fixture(scope="module")
def generator():
    return networks.ProgressiveGenerator((16, 32, 3), LATENT, 32, 8)


@pytest.fixture(scope="module")
def critic():
    return networks.ProgressiveCritic((16, 32, 3), 32, 8)


Z = np.random.default_rng(1).normal(size=(6, LATENT)).astype("float32")


@slow_elsewhere
@pytest.mark.parametrize("level,sides", [(0, (4, 8)), (1, (8, 16)), (2, (16, 32))])
def test_each_level_has_its_size(generator, critic, level, sides):
    images = generator(Z, level=level)
    assert images.shape == (6, *sides, 3)
    assert critic(images, level=level).shape == (6, 1)


@pytest.mark.parametrize("level", [1, 2])
def test_a_level_that_is_not_faded_in_shows_the_one_below(generator, critic, level):
    old, new = (array_of(generator(Z, level=k)) for k in (level - 1, level))
    start, middle = (array_of(generator(Z, level=level, fade=f)) for f in (0.0, 0.25))
    np.testing.assert_allclose(start, array_of(doubled(old)), atol=1e-6)
    expected = 0.25 * new + 0.75 * array_of(doubled(old))
    np.testing.assert_allclose(middle, expected, atol=1e-5)
    images = array_of(generator(Z, level=level))
    np.testing.assert_allclose(
        array_of(critic(images, level=level, fade=0.0)),
        array_of(critic(halved(ops.array(images)), level=level - 1)),
        atol=1e-5,
    )


def test_widths_and_scales_are_those_of_the_paper(generator, critic):
    assert [generator.width(level) for level in range(3)] == [8, 8, 4]
    widths = [layer.filters for layer in generator.convolutions]
    assert widths == [8, 8, 8, 4, 4]
    assert [layer.filters for layer in critic.convolutions] == [8, 8, 8, 4, 8]
    assert [layer.gain for layer in generator.to_rgb] == [1.0] * 3
    assert critic.score.gain == 1.0
    assert generator.dense.gain == pytest.approx(2**0.5 / 4)
    for layer in (*generator.convolutions, *critic.convolutions, *critic.from_rgb):
        assert layer.gain == pytest.approx(2**0.5)


def test_size_of_the_first_level():
    # 512 channels up to 32x32, as for 1024x1024 in the paper's table 2.
    generator = networks.ProgressiveGenerator((4, 4, 3), 512)
    assert sum(int(np.prod(w.shape)) for w in generator.weights) == (
        512 * 16 * 512 + 16 * 512 + 9 * 512 * 512 + 512 + 512 * 3 + 3
    )


def test_features_keep_unit_mean_square(generator):
    x = generator.normalization(generator.activation(generator.dense(Z)))
    # Of each pixel alone: the dense layer's features are normalized as a map.
    image = generator._convolved(
        ops.reshape(x, (-1, 4, 8, 8)), generator.convolutions[:1]
    )
    mean_square = array_of(ops.mean(ops.square(image), axis=-1))
    np.testing.assert_allclose(mean_square, 1.0, atol=1e-3)


@pytest.mark.parametrize("shape", [(12, 12, 1), (2, 2, 1), (8, 13, 1), (24, 16, 1)])
def test_sides_that_do_not_halve_to_four_are_an_error(shape):
    if shape == (24, 16, 1):  # halves to 6x4
        assert networks.ProgressiveCritic(shape, 8).num_levels == 3
        return
    for network in (networks.ProgressiveGenerator, networks.ProgressiveCritic):
        with pytest.raises(ValueError, match="`image_shape` must have sides.*Received"):
            network(shape)


def test_halving_and_fading_by_hand():
    x = ops.reshape(ops.arange(16, dtype="float32"), (1, 4, 4, 1))
    small = array_of(halved(x))[0, :, :, 0]
    np.testing.assert_allclose(small, [[2.5, 4.5], [10.5, 12.5]])
    mixed = array_of(faded(x, 0.25))[0, :, :, 0]
    coarse = np.kron(small, np.ones((2, 2)))
    np.testing.assert_allclose(mixed, 0.25 * array_of(x)[0, :, :, 0] + 0.75 * coarse)


# Losses.


@pytest.mark.parametrize("level,fade", [(0, 1.0), (1, 0.25), (1, 1.0)])
def test_losses_by_hand_for_a_linear_critic(monkeypatch, level, fade):
    model = progressive_gan(penalty_weight=3.0, drift_weight=0.5)
    model.grow(level, fade)
    weights, fake = 0.1 * np.random.default_rng(2).normal(size=(2, 20, 8, 8, 1))
    side = 4 * 2**level
    weights = weights[:1, :side, :side]
    fake = fake[:, :side, :side]

    def score(self, x, level, training):
        w = ops.convert_to_tensor(weights.astype("float32"))
        return ops.sum(x * w, axis=(1, 2, 3))[:, None]

    monkeypatch.setattr(ProgressiveGAN, "_score", score)
    monkeypatch.setattr(
        ProgressiveGAN, "_generated", lambda *a: ops.array(fake.astype("float32"))
    )
    found = []
    for objective in model.objectives():
        loss, _ = objective.loss(ops.array(X), None, True)
        found.append(float(array_of(loss)))
    real = 2.0 * X.astype("float64") - 1.0
    if level == 0:
        real = array_of(halved(ops.array(real)))
    else:
        real = array_of(faded(ops.array(real), fade))
    of_real, of_fake = ((x * weights).sum((1, 2, 3)) for x in (real, fake))
    penalty = (np.sqrt((weights**2).sum()) - 1.0) ** 2
    distance = of_real.mean() - of_fake.mean()
    critic_loss = 3.0 * penalty - distance + 0.5 * (of_real**2).mean()
    np.testing.assert_allclose(found, [critic_loss, -of_fake.mean()], rtol=1e-4)
    assert int(array_of(model.images_seen.value)) == len(X)


@pytest.mark.parametrize("value", [-0.01, 1.01, np.nan])
def test_losses_of_images_out_of_range_are_nan(value):
    model, wrong = progressive_gan(), X[:4].copy()
    for x, expected in ((X[:4], False), (wrong, True)):
        x[2, 1, 0, 0] = value if expected else x[2, 1, 0, 0]
        for objective in model.objectives():
            loss, _ = objective.loss(ops.array(x), None, False)
            assert np.isnan(array_of(loss)) == expected


# Growing.


def test_schedule_is_the_closed_form():
    model = progressive_gan((16, 16, 1), images_per_phase=100)
    for n in (*range(0, 700, 7), 99, 100, 199, 200, 10**6):
        phase = n / 100
        level = min(int((phase + 1) // 2), 2)
        fade = phase % 1 if int(phase) in (1, 3) else 1.0
        found = model.schedule(n)
        assert found[0] == level and found[1] == pytest.approx(fade)


class Trajectory(keras.callbacks.Callback):
    """Notes level and fade of each step; listed after `GrowNetworks`."""

    def __init__(self):
        super().__init__()
        self.steps = []

    def on_train_batch_begin(self, batch, logs=None):
        self.steps.append((self.model.level, self.model.fade))


def grown(folder, epochs):
    model = progressive_gan()
    model.compile(keras.optimizers.SGD(1e-2, momentum=0.5))
    path = Trajectory()
    backup = keras.callbacks.BackupAndRestore(folder, delete_checkpoint=False)
    each = [callbacks.GrowNetworks(), path, backup]
    model.fit(X, batch_size=10, epochs=epochs, callbacks=each, shuffle=False, verbose=0)
    return model, path.steps


@slow_elsewhere
def test_a_run_resumes_inside_a_fade_to_the_last_bit(tmp_path):
    start_process(seed=1)
    grown(tmp_path / "a", 1)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    start_process(seed=2)
    resumed, later = grown(tmp_path / "b", 2)
    start_process(seed=1)
    straight, steps = grown(tmp_path / "c", 2)
    # 16 images of level 0, then it fades in for 16, of batches of 10
    np.testing.assert_allclose(steps, [(0, 1.0), (0, 1.0), (1, 4 / 16), (1, 14 / 16)])
    assert later == steps[2:]
    assert_same_state(state_of(resumed), state_of(straight))
    resumed.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert (loaded.level, loaded.fade) == pytest.approx((1, 14 / 16))
    images = [array_of(m.sample(3, seed=5)) for m in (resumed, loaded)]
    np.testing.assert_allclose(*images, atol=1e-6)


class Grower(keras.callbacks.Callback):
    """A user's own."""


def told(monkeypatch, model, *args, **kwargs):
    """Returns whether `fit` warns that nothing grows; nothing is trained."""
    monkeypatch.setattr(AdversarialModel, "fit", lambda *_, **__: None)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model.fit(*args, **kwargs)
    texts = [str(each.message) for each in found]
    assert all("2 levels" in text and "GrowNetworks()" in text for text in texts)
    return len(texts) == 1


@pytest.mark.any_backend
def test_a_model_that_no_callback_grows_is_warned_of(monkeypatch, tmp_path):
    model = progressive_gan()
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    still = [log, callbacks.SampleGrid(tmp_path)]
    assert told(monkeypatch, model, X)
    assert told(monkeypatch, model, X, callbacks=log)
    assert told(monkeypatch, model, X, callbacks=still)
    grows = callbacks.GrowNetworks()
    all_of_them = keras.callbacks.CallbackList([log, grows], model=model)
    by_hand = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: None)
    for each in (grows, [*still, grows], all_of_them, [Grower()], [by_hand]):
        assert not told(monkeypatch, model, X, callbacks=each)
    assert not told(monkeypatch, model, X, None, 4, 1, 0, [grows])  # by position
    model.grow(1)
    assert not told(monkeypatch, model, X)
    assert not told(monkeypatch, progressive_gan((4, 4, 1)), X)


def test_optimizers_start_anew_where_a_phase_begins():
    model = progressive_gan()
    model.compile(keras.optimizers.Adam(1e-3, use_ema=True))
    members = model.optimizer.members.values()

    def start(level, fade):
        for member in members:
            for variable in member.variables:
                variable.assign(ops.ones_like(ops.convert_to_tensor(variable)))
        model.grow(level, fade)
        return [
            {v.name: float(np.mean(array_of(v.value))) for v in member.variables}
            for member in members
        ]

    for level, fade, begins in [(1, 0.0, 1), (1, 0.5, 0), (1, 1.0, 1), (1, 1.0, 0)]:
        for values in start(level, fade):
            assert values.pop("learning_rate") == 1.0
            averages = {k: v for k, v in values.items() if "average" in k}
            moments = {k: v for k, v in values.items() if "average" not in k}
            assert averages and set(averages.values()) == {1.0}
            assert len(moments) > 2
            assert set(moments.values()) == {0.0 if begins else 1.0}


def test_samples_are_of_the_level_at_full_size():
    model = progressive_gan()
    low = array_of(model.sample(4, seed=3))
    assert low.shape == (4, *SHAPE) and 0 <= low.min() <= low.max() <= 1
    np.testing.assert_array_equal(low[:, ::2, ::2], low[:, 1::2, 1::2])
    model.grow(1, 0.0)
    np.testing.assert_allclose(array_of(model.sample(4, seed=3)), low, atol=1e-6)
    model.grow(1)
    high = array_of(model.sample(4, seed=3))
    assert np.any(high[:, ::2, ::2] != high[:, 1::2, 1::2])
    np.testing.assert_allclose(array_of(model.decode(Z)).shape, (6, *SHAPE))


# Wrong arguments.


@pytest.mark.parametrize(
    "call,message",
    [
        (lambda: progressive_gan(images_per_phase=0), "`images_per_phase` must"),
        (lambda: progressive_gan(drift_weight=-1), "`drift_weight` must"),
        (lambda: progressive_gan().grow(2), "`level` must be at most 1"),
        (lambda: progressive_gan().grow(0, 1.5), "`fade` must"),
        (lambda: progressive_gan().decode(np.ones((2, 5))), "`z` must"),
        (
            lambda: ProgressiveGAN(
                networks.ProgressiveGenerator((8, 8, 1), 2, 4),
                networks.ProgressiveCritic((16, 16, 1), 4),
            ),
            "`critic` must take what `generator` makes",
        ),
        (
            lambda: ProgressiveGAN(
                keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)]),
                networks.ProgressiveCritic((4, 4, 1), 4),
            ),
            "`generator` must have levels",
        ),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        call()


def test_penalised_critic_normalizes_no_batches():
    class Critic(networks.ProgressiveCritic):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.normalization = keras.layers.BatchNormalization()

    generator = networks.ProgressiveGenerator((4, 4, 1), 2, filters_base=4)
    with pytest.raises(ValueError, match="`critic` must hold no BatchNorm.*use Layer"):
        ProgressiveGAN(generator, Critic((4, 4, 1), 4))


def test_only_models_that_grow_are_grown():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="callback of a `ProgressiveGAN`.*Received"):
        model.fit(Z[:, :2], Z[:, 0], callbacks=[callbacks.GrowNetworks()], verbose=0)


def test_labels_are_no_condition():
    with pytest.raises(TypeError, match="num_classes"):
        progressive_gan(num_classes=3)
