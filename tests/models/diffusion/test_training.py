"""What diffusion models learn from."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import CosineSchedule, DiffusionModel, LinearSchedule
from keras_genmod.callbacks import ExponentialMovingAverage
from keras_genmod.models.diffusion.loss_weights import loss_weight
from keras_genmod.models.diffusion.predictions import PREDICTIONS
from tests.contracts import array_of
from tests.models.diffusion.oracle import Oracle
from tests.models.small_networks import small_time_network

T = np.array([0.01, 0.3, 0.7, 0.99])
STD = 0.5


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_predictions_stand_for_data(prediction):
    schedule = CosineSchedule()
    alpha, sigma = schedule.alpha(T), schedule.sigma(T)
    data, noise = np.array([0.3, -1.0, 0.5, 2.0]), np.array([1.0, 0.2, -0.4, 0.1])
    kind, x = PREDICTIONS[prediction], alpha * data + sigma * noise
    target = kind.target(data, noise, alpha, sigma)
    np.testing.assert_allclose(kind.data(target, x, alpha, sigma), data, rtol=1e-9)
    moved = kind.data(target + 0.1, x, alpha, sigma)
    error = 0.1 * kind.factor(alpha, sigma)
    np.testing.assert_allclose(np.abs(moved - data), error, rtol=1e-9)


@pytest.mark.parametrize("name", ["min_snr", "likelihood"])
def test_weighted_losses_of_all_targets_are_equal(name):
    schedule = LinearSchedule()
    alpha, sigma = schedule.alpha(T), schedule.sigma(T)
    per_data = loss_weight(name, "data", schedule, T)
    for prediction in ("noise", "v"):
        weight = loss_weight(name, prediction, schedule, T)
        factor = PREDICTIONS[prediction].factor(alpha, sigma)
        np.testing.assert_allclose(weight / factor**2, per_data)


def test_min_snr_weights_are_the_papers():
    snr = np.exp(LinearSchedule().log_snr(T))
    expected = {
        "noise": np.minimum(snr, 5) / snr,
        "data": np.minimum(snr, 5),
        "v": np.minimum(snr, 5) / (snr + 1),
    }
    for prediction, weight in expected.items():
        found = loss_weight("min_snr", prediction, LinearSchedule(), T)
        np.testing.assert_allclose(found, weight)


def test_likelihood_weights_are_the_fall_of_the_ratio():
    steps, schedule = np.arange(2, 1001) / 1000, LinearSchedule()
    snr = np.exp(schedule.log_snr(np.arange(1, 1001) / 1000))
    found = loss_weight("likelihood", "data", schedule, steps)
    np.testing.assert_allclose(found, 500 * (snr[:-1] - snr[1:]), rtol=1e-9)
    # In continuous time, half its derivative.
    schedule, t = LinearSchedule(None), np.array([0.2, 0.9])
    slope = (
        np.exp(schedule.log_snr(t - 1e-6)) - np.exp(schedule.log_snr(t + 1e-6))
    ) / 2e-6
    found = loss_weight("likelihood", "data", schedule, t)
    np.testing.assert_allclose(found, slope / 2, rtol=1e-3)


def oracle_model(prediction="v", **arguments):
    schedule = arguments.pop("schedule", LinearSchedule())
    oracle = Oracle(schedule, np.zeros(1), STD**2 * np.eye(1), prediction)
    return DiffusionModel(oracle, (1,), schedule, prediction, **arguments)


@pytest.mark.parametrize("prediction", ["noise", "data", "v"])
def test_the_loss_of_a_perfect_network_is_the_variance_it_cannot_know(prediction):
    model = oracle_model(prediction)
    t = np.full(20_000, 0.3, "float32")
    rng = np.random.default_rng(0)
    x, noise = (rng.normal(size=(20_000, 1)).astype("float32") for _ in range(2))
    tensors = map(ops.convert_to_tensor, (STD * x, t, noise))
    losses = array_of(model._example_losses(*tensors, None, False))
    alpha, sigma = model.schedule.alpha(0.3), model.schedule.sigma(0.3)
    of_data = STD**2 * sigma**2 / (alpha**2 * STD**2 + sigma**2)
    expected = of_data / PREDICTIONS[prediction].factor(alpha, sigma) ** 2
    np.testing.assert_allclose(losses.mean(), expected, rtol=0.05)


@pytest.mark.parametrize("steps", [4, None])
def test_all_times_are_drawn(steps):
    model = oracle_model(schedule=CosineSchedule(steps))
    t = array_of(model._draw_times(4000))
    if steps is None:
        assert t.min() > 0 and t.max() <= 1
        np.testing.assert_allclose(t.mean(), 0.5, atol=0.03)
    else:
        values, counts = np.unique(t, return_counts=True)
        np.testing.assert_allclose(values, [0.25, 0.5, 0.75, 1])
        assert np.all(np.abs(counts - 1000) < 150)


class Recorder(keras.layers.Layer):
    """Says in place of a prediction what its condition was."""

    def call(self, inputs):
        x, _, condition = inputs
        return ops.zeros_like(x) + ops.sum(condition, axis=1, keepdims=True)


def test_conditions_are_dropped_in_training_alone():
    model = DiffusionModel(Recorder(), (1,), num_classes=3, drop_rate=0.2, seed=0)
    condition = ops.one_hot(ops.zeros((5000,), "int32"), 3)
    given = model._dropped(condition, model.seed_generator, False)
    np.testing.assert_array_equal(array_of(given), array_of(condition))
    kept = array_of(model._dropped(condition, model.seed_generator, True)).sum(1)
    assert set(np.unique(kept)) == {0.0, 1.0}  # as a whole, each example's by itself
    np.testing.assert_allclose(kept.mean(), 0.8, atol=0.02)
    x, t = ops.zeros((50, 1)), ops.convert_to_tensor(np.float32([0.5, 0.7, 0.7]))
    labels = condition[:50]
    for _ in range(2):
        data, _ = model._denoise(x, t, labels)
        np.testing.assert_allclose(array_of(data), -0.7 / (0.7**2 * 2), rtol=1e-5)


class Kept(keras.layers.Layer):
    """Predicts 100 where the condition was left, and 0 where it was dropped."""

    def build(self, input_shape=None):
        self.weight = self.add_weight(shape=(1,), initializer="zeros")

    def call(self, inputs):
        x, _, condition = inputs
        kept = 100.0 * ops.sum(condition, axis=1, keepdims=True)
        return 0.0 * x + self.weight + kept


def test_a_compiled_step_takes_a_new_drop_rate():
    model = DiffusionModel(Kept(), (1,), num_classes=3, drop_rate=0.0, seed=0)
    model.compile(keras.optimizers.SGD(0.0))
    x, labels, losses = np.ones((8, 1), "float32"), np.zeros(8), []
    for rate in (0.0, 0.999):
        model.drop_rate = rate
        model.reset_metrics()
        losses.append(model.train_on_batch(x, labels, return_dict=True)["loss"])
    assert losses[0] > 5_000 and losses[1] < 50
    model.reset_metrics()  # evaluation is of the conditions that are given
    assert model.test_on_batch(x, labels, return_dict=True)["loss"] > 5_000
    with pytest.raises(ValueError, match="`drop_rate` must be below 1"):
        model.drop_rate = 1


def test_a_doubled_batch_equals_two_calls():
    network = small_time_network((2,), num_classes=3)
    model = DiffusionModel(network, (2,), num_classes=3)
    rng = np.random.default_rng(0)
    x = ops.convert_to_tensor(rng.normal(size=(4, 2)).astype("float32"))
    row = ops.convert_to_tensor(np.float32([0.3, 0.8, 0.6]))
    labels = ops.one_hot(ops.convert_to_tensor(np.int32([0, 1, 2, 0])), 3)
    given = array_of(model._denoise(x, row, labels)[0])
    free = array_of(model._denoise(x, row, ops.zeros_like(labels))[0])
    assert np.any(given != free)
    for w in (0.0, 1.0, 3.0):
        guided = model._denoise(x, row, labels, ops.convert_to_tensor(np.float32(w)))
        np.testing.assert_allclose(
            array_of(guided[0]), free + w * (given - free), atol=1e-5
        )


def test_it_learns_two_points():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 512)
    x = (np.array([[1.0, 1.0], [-1.0, 0.0]])[labels]).astype("float32")
    network = small_time_network((2,), num_classes=2, hidden_dim=64)
    model = DiffusionModel(network, (2,), num_classes=2, seed=0)
    model.compile(keras.optimizers.Adam(0.01))
    losses = model.fit(x, labels, batch_size=128, epochs=40, verbose=0).history["loss"]
    assert np.mean(losses[-5:]) < 0.6 * losses[0]
    for label, point in enumerate([[1.0, 1.0], [-1.0, 0.0]]):
        found = array_of(model.sample(200, label, seed=1))
        np.testing.assert_allclose(np.median(found, axis=0), point, atol=0.35)


class Counted(keras.layers.Layer):
    """One number as prediction, and an integer beside it that is no weight."""

    def build(self, input_shape=None):
        self.number = self.add_weight(shape=(1,), initializer="zeros")
        self.count = self.add_weight(
            shape=(), initializer="ones", dtype="int32", trainable=False
        )

    def call(self, inputs):
        # 3 / 3 = 1 as long as the integer is the one it was loaded as.
        share = ops.cast(self.count, "float32") / 3
        return 0.0 * inputs[0] + share * self.number


def constant_model(optimizer):
    model = DiffusionModel(Counted(), (1,), prediction="data", seed=0)
    model.network.count.assign(3)
    model.compile(optimizer)
    return model


def test_gradients_of_microbatches_are_averaged():
    """The gradient of (x_0 - number)^2 hangs neither on time nor on noise."""
    x = np.arange(32, dtype="float32")[:, None]
    for options, batch_size in (({}, 32), ({"gradient_accumulation_steps": 4}, 8)):
        model = constant_model(keras.optimizers.SGD(0.1, **options))
        model.fit(x, batch_size=batch_size, epochs=1, shuffle=False, verbose=0)
        found = array_of(model.network.number)
        np.testing.assert_allclose(found, [0.1 * 2 * x.mean()], rtol=1e-5)


def test_averages_of_weights_draw_what_these_do():
    """An average of integers, or one that begins at 0, would draw something else."""
    model = constant_model(keras.optimizers.SGD(0.0, use_ema=True, ema_momentum=0.99))
    model.network.number.assign([0.75])
    before = array_of(model.sample(4, seed=0, num_steps=3))
    x = np.ones((8, 1), "float32")
    model.fit(x, verbose=0, callbacks=[ExponentialMovingAverage()])
    assert int(array_of(model.network.count)) == 3
    found = array_of(model.sample(4, seed=0, num_steps=3))
    np.testing.assert_allclose(found, before, rtol=1e-6)
    np.testing.assert_allclose(found, 0.75, rtol=1e-5)


def test_images_outside_of_their_range_in_a_stream_give_nan():
    model = DiffusionModel(small_time_network((2, 2, 1)), (2, 2, 1))
    model.compile()
    good = np.full((4, 2, 2, 1), 0.5, "float32")
    stream = iter([(good,), (255 * good,)])
    logs = model.evaluate(stream, steps=2, verbose=0, return_dict=True)
    assert np.isnan(logs["loss"])


NETWORK = small_time_network((2,))


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"schedule": "sine"}, '`schedule` must be "cosine", "linear" or a'),
        ({"prediction": "eps"}, "`prediction` must be one of .*'noise'"),
        (
            {"schedule": CosineSchedule(None), "prediction": "noise"},
            r'`prediction` must not be "noise" .* \(0 / 0\)',
        ),
        (
            {"schedule": CosineSchedule(None), "loss_weight": "min_snr"},
            '`loss_weight` must not be "min_snr" for this schedule',
        ),
        ({"loss_weight": "snr"}, "`loss_weight` must be one of .*'likelihood'"),
        ({"drop_rate": 1.0}, "`drop_rate` must be below 1"),
        ({"drop_rate": 0.99999999}, "`drop_rate` must be below 1"),  # 1 in float32
        ({"data_shape": (3,)}, r"`network` must be a Keras model .*\[x, t\]"),
        ({"num_classes": 3}, r"`network` must be a Keras model .*\[x, t, one_hot\]"),
        (
            {"network": small_time_network((2,), outputs_per_value=2)},
            r"`network` must return the shape \(batch, 2\).*Received.*4",
        ),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        DiffusionModel(**{"network": NETWORK, "data_shape": (2,), **arguments})


def test_guidance_needs_examples_without_labels():
    network = small_time_network((2,), num_classes=3)
    model = DiffusionModel(network, (2,), num_classes=3, drop_rate=0.0)
    with pytest.raises(ValueError, match="`guidance` must be 1: it needs .*drop_rate="):
        model.sample(2, 0, guidance=2.0)
    network = small_time_network((2,), num_classes=5)
    model = DiffusionModel(network, (2,), embedding_dim=5, drop_rate=0.0)
    message = "or `embedding_dim` that has .* train with `drop_rate=0.1`.*_dim=5, .*=0$"
    with pytest.raises(ValueError, match=message):
        model.sample(2, np.ones(5), guidance=2.0)
