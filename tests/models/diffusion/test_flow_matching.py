"""Flow matching of normal data has a closed form, in each of its parts."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import FlowMatching, StraightSchedule
from keras_genmod.data import TransportPairs
from tests.contracts import array_of
from tests.models.diffusion.oracle import Oracle
from tests.models.small_networks import small_time_network

MEAN, STD = 0.7, 0.5


@pytest.fixture(scope="module")
def exact():
    """A flow that knows N(MEAN, STD^2)."""
    oracle = Oracle(StraightSchedule(), [MEAN], [[STD**2]], "velocity")
    return FlowMatching(oracle, (1,))


@pytest.mark.every_backend
def test_the_velocity_is_that_of_the_exact_map(exact):
    """u = mean + (s std^2 - (1 - s)) / (s^2 std^2 + (1 - s)^2) (x - s mean)."""
    x, t = np.float32([[0.3], [-2.0], [1.0]]), np.float32([0.2, 0.5, 1.0])
    s = 1 - t[:, None]
    slope = (s * STD**2 - (1 - s)) / (s**2 * STD**2 + (1 - s) ** 2)
    expected = MEAN + slope * (x - s * MEAN)
    np.testing.assert_allclose(array_of(exact.network([x, t])), expected, rtol=1e-5)


def errors(model, sampler, steps):
    """Errors of the map's scale, mean + STD z, at each number of steps."""
    z = np.float32([[1.0], [-1.0]])
    ends = [array_of(model.decode(z, sampler=sampler, num_steps=n)) for n in steps]
    return [float((end[0, 0] - end[1, 0]) / 2 - STD) for end in ends]


@pytest.mark.every_backend
def test_errors_of_euler_halve_and_of_heun_quarter(exact):
    first, second = errors(exact, "euler", (20, 40))
    assert second / first == pytest.approx(1 / 2, rel=0.1) and abs(second) < 0.02
    first, second = errors(exact, "heun", (40, 80))
    assert second / first == pytest.approx(1 / 4, rel=0.25) and abs(second) < 1e-4


def test_euler_is_eulers_method_in_time(exact):
    z, n = np.float32([[1.3]]), 4
    x = z
    for i in range(n):
        t = np.float32([1 - i / n])
        x = x + array_of(exact.network([x, t])) / n
    found = array_of(exact.decode(z, sampler="euler", num_steps=n))
    np.testing.assert_allclose(found, x, rtol=1e-5)


@pytest.mark.every_backend
def test_the_map_goes_back(exact):
    z = np.float32([[0.5], [-1.5]])
    x = MEAN + STD * z
    found = array_of(exact.encode(x, sampler="heun", num_steps=100))
    np.testing.assert_allclose(found, z, atol=0.01)


@pytest.mark.every_backend
def test_density_of_the_equation():
    covariance = np.array([[0.4, 0.3], [0.3, 0.5]])
    oracle = Oracle(StraightSchedule(), [0.5, -1.0], covariance, "velocity")
    model = FlowMatching(oracle, (2,))
    x = np.float32([[0.0, 0.0], [0.5, -1.0], [1.2, -0.6]])
    off = x - [0.5, -1.0]
    squares = np.sum(off @ np.linalg.inv(covariance) * off, axis=1)
    log_det = np.linalg.slogdet(2 * np.pi * covariance)[1]
    found = array_of(model.log_prob(x, num_steps=50))
    np.testing.assert_allclose(found, -0.5 * (squares + log_det), atol=2e-3)
    assert model.kind_of_log_prob() == "exact"


def test_the_loss_is_the_distance_to_the_straight_line():
    model = FlowMatching(small_time_network((2,)), (2,))
    x, noise = np.float32([[1.0, 2.0]]), np.float32([[-1.0, 0.5]])
    t = np.float32([0.3])
    velocity = array_of(model.network([0.7 * x + 0.3 * noise, t]))
    expected = np.mean((x - noise - velocity) ** 2)
    parts = map(ops.convert_to_tensor, (x, t, noise))
    found = array_of(model._example_losses(*parts, None, False))
    np.testing.assert_allclose(found, [expected], rtol=1e-5)


def test_given_pairs_stay_together():
    """Of pairs all on one line each, the loss of the true velocity is 0."""
    line = Oracle(StraightSchedule(), [1.0, 0.0], 1e-8 * np.eye(2), "velocity")
    model = FlowMatching(line, (2,), seed=0)
    model.compile("sgd")
    generator = np.random.default_rng(0)
    noise = generator.normal(size=(64, 2)).astype("float32")
    points = np.repeat(np.float32([[1.0, 0.0]]), 64, axis=0)
    assert model.evaluate(noise, points, verbose=0) < 1e-3
    shifted = points + np.float32([0.5, 0.0])  # another end: 0.25 / 2 at least
    assert model.evaluate(noise, shifted, verbose=0) > 0.12
    # Where noise and data change places the loss is another one.
    assert model.evaluate(points, noise, verbose=0) > 0.5


def test_pairs_of_images_are_noise_and_images_in_the_unit_range():
    model = FlowMatching(small_time_network((2, 2, 1)), (2, 2, 1))
    noise = np.full((3, 2, 2, 1), -2.5, "float32")
    model.check_data(noise, np.full((3, 2, 2, 1), 0.5, "float32"))
    with pytest.raises(ValueError, match="`x` must .*Received: "):
        model.check_data(noise, noise)


ENDS = np.float32([[2.0, 0.0], [-2.0, 1.0]])


class OfLabels(keras.layers.Layer):
    """A velocity for each label, whatever the point."""

    def call(self, inputs):
        x, _, labels = inputs
        return 0.0 * x + ops.matmul(labels, ops.convert_to_tensor(ENDS))


@pytest.fixture(scope="module")
def of_labels():
    model = FlowMatching(OfLabels(), (2,), num_classes=2, drop_rate=0.0, seed=0)
    model.compile("sgd")
    return model


def test_pairs_keep_their_labels(of_labels):
    labels = np.arange(64) % 2
    noise = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")
    moved = noise + ENDS[labels]
    assert of_labels.evaluate((noise, moved), labels, verbose=0) < 1e-9
    assert of_labels.evaluate((noise, moved), 1 - labels, verbose=0) > 5
    assert of_labels.evaluate((noise[::-1], moved), labels, verbose=0) > 1
    # Of data that are points, the noise's variance is what remains.
    pairs = TransportPairs(ENDS[labels], 32, labels=labels)
    assert 0.7 < of_labels.evaluate(pairs, verbose=0) < 1.4


def test_pairs_with_labels_are_checked(of_labels):
    noise, labels = np.zeros((4, 2), "float32"), np.array([0, 1, 0, 1])
    with pytest.raises(ValueError, match="`x` must be a pair of as much noise as"):
        of_labels.evaluate((noise[:3], noise), labels)
    with pytest.raises(ValueError, match="Labels must lie in 0 to 1"):
        of_labels.evaluate((noise, noise), labels + 1)
    with pytest.raises(ValueError, match=r"`x` must have shape \(batch, 2\)"):
        of_labels.evaluate((noise[:, :1], noise), labels)
    free = FlowMatching(small_time_network((2,)), (2,))
    with pytest.raises(ValueError, match="takes one tensor of data|must be one array"):
        free.evaluate((noise, noise), labels)
