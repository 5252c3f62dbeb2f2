"""The distance is a distance, that of the formula, and the same in all modes."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.losses import PerceptualLoss
from tests.autodiff import gradient

GENERATOR = np.random.default_rng(0)
X, Y = GENERATOR.random((2, 3, 5, 5, 2)).astype("float32")


def network():
    inputs = keras.Input((5, 5, 2))
    x = keras.layers.Conv2D(4, 3, activation="tanh", name="first")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.Conv2D(3, 2, name="second")(x)
    return keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(x)))


@pytest.fixture(scope="module")
def classifier():
    return network()


def numpy(x):
    return ops.convert_to_numpy(x)


def test_it_is_zero_of_equal_images_symmetric_and_positive(classifier):
    loss = PerceptualLoss(classifier, ["first", "second"])
    np.testing.assert_array_equal(numpy(loss((X, X))), np.zeros(3))
    found = numpy(loss((X, Y)))
    np.testing.assert_allclose(found, numpy(loss((Y, X))), rtol=1e-6)
    assert found.shape == (3,) and np.all(found > 0)


def test_it_is_the_weighted_distance_of_unit_features(classifier, rng):
    weights = [rng.random(4), rng.random(3)]
    scale, offset = [2.0, 4.0], [-1.0, -0.5]
    loss = PerceptualLoss(classifier, ["first", "second"], weights, scale, offset)
    layers = [classifier.get_layer(name).output for name in ("first", "second")]
    features = keras.Model(classifier.inputs[0], layers)
    expected = np.zeros(3)
    pairs = zip(features(X * scale + offset), features(Y * scale + offset), strict=True)
    for (x, y), w in zip(pairs, weights, strict=True):
        x, y = (numpy(f) / np.linalg.norm(numpy(f), axis=-1)[..., None] for f in (x, y))
        expected += (w * np.square(x - y)).sum(-1).mean((1, 2))
    np.testing.assert_allclose(numpy(loss((X, Y))), expected, rtol=1e-4)


def test_of_raw_features_it_is_their_mean_squared_error(classifier):
    loss = PerceptualLoss(classifier, ["first", "second"], unit_length=False)
    layers = [classifier.get_layer(name).output for name in ("first", "second")]
    features = keras.Model(classifier.inputs[0], layers)
    expected = sum(
        np.square(numpy(x) - numpy(y)).mean((1, 2, 3))  # over channels too
        for x, y in zip(features(X), features(Y), strict=True)
    )
    np.testing.assert_allclose(numpy(loss((X, Y))), expected, rtol=1e-5)
    again = PerceptualLoss.from_config(loss.get_config())
    assert not again.unit_length


@pytest.mark.parametrize(
    "unit_length,expected",
    [(True, [0.5527736, 0.25388368]), (False, [17.45865386, 9.6964074])],
)
def test_it_is_what_sums_by_hand_once_were(unit_length, expected):
    # Numbers of loops in float64 over places, taps and channels, without this package.
    generator = np.random.RandomState(0)
    x, y = generator.rand(2, 2, 4, 4, 2)
    arrays = [generator.randn(*s) for s in ((3, 3, 2, 3), (3,), (2, 2, 3, 2), (2,))]
    weights = [generator.rand(3), generator.rand(2)]
    model = keras.Sequential(
        [
            keras.Input((4, 4, 2)),
            keras.layers.Conv2D(3, 3, 1, "same", activation="relu", name="first"),
            keras.layers.Conv2D(2, 2, activation="tanh", name="second"),
        ]
    )
    model.set_weights(arrays)
    loss = PerceptualLoss(
        model, ["first", "second"], weights, [2.0, 4.0], [-1.0, -0.5], unit_length
    )
    found = numpy(loss((x.astype("float32"), y.astype("float32"))))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_training_changes_nothing_in_it_and_it_nothing_in_the_network(classifier):
    loss = PerceptualLoss(classifier, "second")
    found = numpy(loss((X, Y), training=True))
    np.testing.assert_array_equal(found, numpy(loss((X, Y), training=False)))
    np.testing.assert_array_equal(found, numpy(loss((X, Y), training=True)))
    assert not loss.trainable_variables and classifier.trainable_variables
    kernel = classifier.get_layer("first").kernel
    before = numpy(kernel)
    kernel.assign(before + 1)  # the copy stays what it is
    np.testing.assert_array_equal(found, numpy(loss((X, Y))))
    kernel.assign(before)


def test_features_of_zeros_have_a_gradient_that_is_finite(classifier):
    model = keras.Sequential(
        [keras.Input((5, 5, 2)), keras.layers.Conv2D(2, 1, name="features")]
    )
    loss = PerceptualLoss(model, "features")
    found = gradient(lambda x: ops.sum(loss((x, ops.array(Y)))), 0.0 * X)
    assert np.all(np.isfinite(found))


def test_config_and_weights_make_it_again(classifier):
    loss = PerceptualLoss(classifier, ["second"], [np.ones(3)], 2.0, [-1.0, 0.0])
    again = PerceptualLoss.from_config(loss.get_config())
    assert again.get_config() == loss.get_config()
    again.set_weights(loss.get_weights())
    np.testing.assert_array_equal(numpy(again((X, Y))), numpy(loss((X, Y))))


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"layers": ["third"]}, "`layers` must be names of layers"),
        ({"layers": []}, "`layers` must be names of layers"),
        ({"weights": [np.ones(3)]}, "`weights` must be an array"),
        ({"weights": [-np.ones(4)]}, "`weights` must be an array"),
        ({"scale": [1.0, 2.0, 3.0]}, "`scale` must be a number"),
        ({"network": keras.layers.Dense(2)}, "`network` must be a built"),
    ],
)
def test_bad_arguments_are_named(classifier, arguments, message):
    with pytest.raises(ValueError, match=message):
        PerceptualLoss(**{"network": classifier, "layers": ["first"], **arguments})


def test_images_of_other_channels_are_refused(classifier):
    loss = PerceptualLoss(classifier, "first")
    with pytest.raises(ValueError, match="`inputs` must have shape"):
        loss((X[..., :1], Y[..., :1]))
