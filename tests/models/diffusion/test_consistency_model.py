"""Consistency of normal data has a closed form, in training and in samples."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import (
    ConsistencyModel,
    CosineSchedule,
    DiffusionModel,
    FlowMatching,
    StraightSchedule,
)
from keras_genmod.engine import input_gradient
from tests.contracts import array_of, slow_elsewhere
from tests.models.diffusion.oracle import Oracle, VarianceExploding
from tests.models.small_networks import small_time_network

MEAN, STD = 0.7, 0.5
LOW, HIGH = 0.002, 80.0


def sigma_of(t):
    return (LOW ** (1 / 7) + t * (HIGH ** (1 / 7) - LOW ** (1 / 7))) ** 7


class Exact(keras.layers.Layer):
    """What the network says where f is the equation's map of N(MEAN, STD^2)."""

    def __init__(self, std=STD, power=0.5):
        super().__init__(autocast=False)
        self.std, self.power = std, power

    def call(self, inputs):
        x, t = inputs
        sigma = ops.expand_dims(sigma_of(t), 1)
        scale = ops.sqrt(sigma**2 + 0.25)
        x = scale * x
        variance = self.std**2
        shrink = ((variance + LOW**2) / (variance + sigma**2)) ** self.power
        end = MEAN + shrink * (x - MEAN)
        skip = 0.25 / ((sigma - LOW) ** 2 + 0.25)
        out = 0.5 * (sigma - LOW) / scale
        return (end - skip * x) / ops.maximum(out, 1e-6)


def teacher():
    schedule = VarianceExploding()
    oracle = Oracle(schedule, [MEAN], [[STD**2]], "data")
    return DiffusionModel(oracle, (1,), schedule, "data")


@pytest.fixture(scope="module")
def exact():
    return ConsistencyModel(Exact(), (1,), teacher())


def losses(model, number=64, num_scales=18, std=STD):
    """Losses of draws between all neighbours of levels, without their weights."""
    rng = np.random.default_rng(0)
    x = (MEAN + std * rng.normal(size=(number, 1))).astype("float32")
    noise = rng.normal(size=(number, 1)).astype("float32")
    index = rng.integers(0, num_scales - 1, number)
    low, high = ((index + i) / (num_scales - 1) for i in (0, 1))
    parts = (v.astype("float32") for v in (x, low, high, noise))
    found = model._example_losses(
        *map(ops.convert_to_tensor, parts), None, training=False
    )
    widths = 1 if model.teacher else sigma_of(high) - sigma_of(low)
    return array_of(found) * widths


@pytest.mark.parametrize("shape", [(2,), (2, 2, 1)])
def test_data_are_fixed_points_of_any_weights(shape, rng):
    model = ConsistencyModel(small_time_network(shape), shape)
    x = rng.normal(size=(5, *shape)).astype("float32")
    found = array_of(model.denoise(x, 0.0))
    if len(shape) == 1:
        np.testing.assert_array_equal(found, x)
    np.testing.assert_allclose(found, x, rtol=1e-6, atol=1e-6)  # scaled and back
    assert np.all(array_of(model.denoise(x, 0.5)) != x)


def test_scalings_are_those_of_the_paper(rng):
    model = ConsistencyModel(small_time_network((2,)), (2,), data_std=0.4)
    x, t = rng.normal(size=(3, 2)).astype("float32"), np.float32([0.2, 0.6, 1.0])
    sigma = sigma_of(t)[:, None]
    scale = np.sqrt(sigma**2 + 0.16)
    network = array_of(model.network([(x / scale).astype("float32"), t]))
    expected = 0.16 / ((sigma - LOW) ** 2 + 0.16) * x
    expected = expected + 0.4 * (sigma - LOW) / scale * network
    np.testing.assert_allclose(array_of(model.denoise(x, t)), expected, rtol=1e-4)


def test_the_equations_map_is_a_fixed_point_of_distillation(exact):
    """Up to the error of the teacher's steps, which is of second order."""
    coarse, fine = (losses(exact, 256, n).mean() for n in (40, 160))
    assert fine < coarse / 8 and fine < 5e-4
    # That of the mean of the data given noisy ones is none.
    other = ConsistencyModel(Exact(power=1.0), (1,), teacher())
    assert losses(other, 256, 160).mean() > 20 * fine


def test_the_map_of_a_point_is_a_fixed_point_of_training_alone():
    model = ConsistencyModel(Exact(std=0.0), (1,))
    assert losses(model, std=0.0).max() < 1e-4
    assert losses(ConsistencyModel(Exact(), (1,)), std=0.0).max() > 1e-2


@pytest.mark.parametrize(
    "make,schedule",
    [
        (DiffusionModel, CosineSchedule()),
        (DiffusionModel, CosineSchedule(None)),
        (FlowMatching, StraightSchedule()),
    ],
    ids=["steps", "continuous", "straight"],
)
def test_teachers_of_any_schedule_lead_along_the_same_way(make, schedule):
    kind = "velocity" if make is FlowMatching else "v"
    oracle = Oracle(schedule, [MEAN], [[STD**2]], kind)
    given = () if make is FlowMatching else (schedule,)
    model = ConsistencyModel(small_time_network((1,)), (1,), make(oracle, (1,), *given))
    x = np.float32([[2.0], [-1.0], [0.3]])
    t = np.float32([0.3, 0.6, 0.9])
    before, after = (model.schedule.sigma(s)[:, None] for s in (t, t - 0.01))
    found = array_of(
        model._step(*map(ops.convert_to_tensor, (x, t, t - np.float32(0.01))), None)
    )
    shrink = np.sqrt((STD**2 + after**2) / (STD**2 + before**2))
    np.testing.assert_allclose(found, MEAN + shrink * (x - MEAN), rtol=2e-3, atol=1e-3)


def test_the_teachers_step_is_of_second_order(exact):
    x, t, errors = np.float32([[2.0]]), np.float32([0.7]), []
    for width in (0.1, 0.05):
        parts = (x, t, t - np.float32(width))
        found = array_of(exact._step(*map(ops.convert_to_tensor, parts), None))
        before, after = sigma_of(t), sigma_of(t - width)
        shrink = np.sqrt((STD**2 + after**2) / (STD**2 + before**2))
        errors.append(abs((found - MEAN - shrink * (x - MEAN)).item()))
    assert errors[0] / errors[1] > 6  # of one step 8; of Euler's 4


@pytest.mark.parametrize("num_steps", [1, 2, 4])
def test_samples_are_the_datas(exact, num_steps):
    x = array_of(exact.sample(4000, num_steps=num_steps, seed=0))
    assert x.mean() == pytest.approx(MEAN, abs=0.03)
    assert x.std() == pytest.approx(STD, rel=0.04)


def test_levels_are_drawn_as_the_paper_says():
    model = ConsistencyModel(small_time_network((1,)), (1,))
    coin = ops.convert_to_tensor(((np.arange(5000) + 0.5) / 5000).astype("float32"))
    t = array_of(model.schedule.draw(coin))
    logs = np.log(model.schedule.sigma(t.astype("float64")))
    assert np.all(np.diff(t) >= 0) and t.min() >= 0 and t.max() <= 1
    np.testing.assert_allclose(np.median(logs), -1.1, atol=0.05)  # all but untruncated
    np.testing.assert_allclose(np.quantile(logs, 0.8413), 0.9, atol=0.05)


class Bias(keras.layers.Layer):
    """One number, whatever it is asked."""

    def build(self, input_shape=None):
        self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")

    def call(self, inputs):
        return 0.0 * inputs[0] + self.bias


def test_the_target_is_an_average_without_a_gradient():
    """f = skip x + out b: only the noisier side of a pair has a gradient in b."""
    model = ConsistencyModel(Bias(), (1,), num_scales=2, target_momentum=0.75)
    model.compile(keras.optimizers.SGD(0.1))
    x = np.zeros((8, 1), "float32")
    bias, target = model._pairs[0]
    average, last = 0.0, 0.0
    for _ in range(3):
        model.train_on_batch(x)
        average = 0.75 * average + 0.25 * last  # before each step
        last = float(array_of(bias)[0])
        assert array_of(target)[0] == pytest.approx(average, rel=1e-5)
    assert last != 0
    model.evaluate(x, verbose=0)
    assert array_of(target)[0] == pytest.approx(average, rel=1e-5)


def test_no_gradient_passes_the_target(rng):
    model = ConsistencyModel(small_time_network((2,)), (2,))
    t = ops.convert_to_tensor(np.float32([0.3, 0.6, 1.0]))

    def both(x):
        return x + model._target(x, t, None, False)

    x = ops.convert_to_tensor(rng.normal(size=(3, 2)).astype("float32"))
    np.testing.assert_array_equal(array_of(input_gradient(both, x)), 1)


def test_both_passes_have_the_same_dropout():
    inputs = [keras.Input((50,)), keras.Input(())]
    x = keras.layers.Dropout(0.5, seed=0)(inputs[0])
    model = ConsistencyModel(keras.Model(inputs, keras.layers.Dense(50)(x)), (50,))
    x, t = ops.ones((3, 50)), ops.convert_to_tensor(np.float32([0.3, 0.5, 1.0]))
    for _ in range(2):
        target = array_of(model._target(x, t, None, True))
        np.testing.assert_allclose(
            array_of(model._online(x, t, None, True)), target, rtol=1e-6
        )
    again = array_of(model._target(x, t, None, True))
    assert np.any(again != target)


class LineOfEachLevel(keras.layers.Layer):
    """A slope and an intercept for each of some levels."""

    def __init__(self, num_levels):
        super().__init__()
        self.num_levels = num_levels

    def build(self, input_shape=None):
        self.lines = self.add_weight(shape=(self.num_levels, 2), initializer="zeros")

    def call(self, inputs):
        x, t = inputs
        index = ops.cast(ops.round(t * (self.num_levels - 1)), "int32")
        line = ops.take(self.lines, index, axis=0)
        return line[:, :1] * x + line[:, 1:]


@slow_elsewhere
def test_distillation_learns_the_map():
    model = ConsistencyModel(
        LineOfEachLevel(24), (1,), teacher(), num_scales=24, target_momentum=0.5, seed=0
    )
    x = np.random.default_rng(0).normal(MEAN, STD, (8192, 1)).astype("float32")
    for rate in (0.1, 0.03, 0.01):
        model.compile(keras.optimizers.Adam(rate))
        model.fit(x, batch_size=256, epochs=5, verbose=0)
    z = np.linspace(-2, 2, 5).astype("float32")[:, None]
    found = array_of(model.denoise(HIGH * z, 1.0))
    # Up to the errors of 24 steps, and of few updates.
    np.testing.assert_allclose(found, MEAN + STD * z, atol=0.2)


def test_scalars_are_set_while_it_trains(tmp_path):
    model = ConsistencyModel(small_time_network((2,)), (2,))
    model.num_scales, model.target_momentum = 40, 0.5
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert float(loaded.num_scales) == 40 and float(loaded.target_momentum) == 0.5
    with pytest.raises(ValueError, match="`num_scales` must be an int of at least 2"):
        model.num_scales = 1


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"teacher": "cosine"}, "`teacher` must be a trained `DiffusionModel`"),
        ({"data_shape": (1,)}, "`network` must return the shape"),
        ({"num_scales": 1.5}, "`num_scales` must be an int of at least 2"),
        ({"target_momentum": 1.0}, "`target_momentum` must be below 1"),
        ({"sigma_min": 90.0}, "`sigma_min` must be below `sigma_max`"),
        ({"data_std": 0.0}, "`data_std` must be a finite number above 0"),
        ({"guidance": 2.0}, "`guidance` must be 1 without a teacher"),
    ],
)
def test_arguments_are_checked(arguments, message):
    network = small_time_network((2,))
    with pytest.raises(ValueError, match=message):
        ConsistencyModel(**{"network": network, "data_shape": (2,), **arguments})


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"sigma_max": 90.0}, "within the noise that the teacher knows"),
        (
            {"guidance": 2.0},
            "`guidance` must be 1: it needs a teacher of `num_classes` that has "
            "learned .* train it with `drop_rate=0.1`. .*=2.0, num_classes=None",
        ),
    ],
)
def test_a_teacher_leads_where_it_can(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConsistencyModel(small_time_network((1,)), (1,), teacher(), **arguments)
    with pytest.raises(ValueError, match="`teacher` must be a model of the same"):
        ConsistencyModel(small_time_network((2,)), (2,), teacher())
    of_vectors = small_time_network((1,), num_classes=3)
    of_vectors = DiffusionModel(of_vectors, (1,), embedding_dim=3)
    with pytest.raises(ValueError, match="a model of the same `embedding_dim`"):
        ConsistencyModel(small_time_network((1,)), (1,), of_vectors)


def test_times_and_steps_are_checked(exact):
    with pytest.raises(ValueError, match=r"`t` must be a number in \[0, 1\], or 2"):
        exact.denoise(np.zeros((2, 1), "float32"), 1.5)
    with pytest.raises(ValueError, match="`num_steps` must be a positive int"):
        exact.sample(2, num_steps=0)
