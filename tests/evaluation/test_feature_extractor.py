import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_genmod.evaluation import FeatureExtractor
from keras_genmod.metrics import FeatureStatistics, Protocol, classifier_score

RNG = np.random.default_rng(0)
IMAGES = RNG.random((11, 8, 8, 1), "float32")


@pytest.fixture
def classifier():
    return make_classifier()


def make_classifier():
    """A small convolutional classifier whose weights are the same everywhere."""
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(3, 3, activation="relu", name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.5, name="drop"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(5, activation="relu", name="features"),
            layers.Dense(4, activation="softmax", name="classes"),
        ],
        name="classifier",
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 1.0, w.shape) for w in model.weights])
    return model


def untouched(shape):
    """A model that returns its input."""
    return keras.Sequential([layers.Input(shape), layers.Identity()], name="pixels")


def resized(images, size):
    """Antialiased bilinear interpolation in float64: the oracle."""
    rows, columns = (
        triangle(old, new) for old, new in zip(images.shape[1:3], size, strict=True)
    )
    return np.einsum("ai,nijc,bj->nabc", rows, images.astype("float64"), columns)


def triangle(old, new):
    """Weights `(new, old)` of a triangle filter that widens where images shrink."""
    scale = old / new
    centres = (np.arange(new)[:, None] + 0.5) * scale
    distance = np.abs(np.arange(old) + 0.5 - centres) / max(scale, 1.0)
    weights = np.clip(1.0 - distance, 0.0, None)
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    "old,new",
    [
        ((28, 28), (8, 8)),
        ((7, 7), (75, 75)),
        ((16, 16), (29, 29)),
        ((9, 12), (5, 17)),
        ((5, 5), (1, 1)),
    ],
)
def test_resize_is_antialiased_bilinear_and_unrounded(old, new, rng):
    images = rng.random((2, *old, 3), "float32")
    features = FeatureExtractor(untouched((*new, 3)), batch_size=2)(images)
    expected = resized(images, new).reshape(2, -1)
    np.testing.assert_allclose(features, expected, rtol=0, atol=3e-6)


def test_images_of_the_right_size_stay_as_they_are():
    features = FeatureExtractor(untouched((8, 8, 1)))(IMAGES)
    np.testing.assert_array_equal(features, IMAGES.reshape(11, -1))


@pytest.mark.parametrize("size", [4, (4, 4)])
def test_size_is_free_where_the_model_leaves_it_free(size):
    model = untouched((None, None, 1))
    assert FeatureExtractor(model)(IMAGES).shape == (11, 64)
    assert FeatureExtractor(model).protocol().resize is None
    assert FeatureExtractor(model, size=size)(IMAGES).shape == (11, 16)


def test_grey_is_repeated_for_a_model_of_rgb():
    features = FeatureExtractor(untouched((8, 8, 3)))(IMAGES)
    np.testing.assert_array_equal(features, IMAGES.repeat(3, -1).reshape(11, -1))


def test_preprocess_comes_after_the_resize():
    extractor = FeatureExtractor(
        untouched((4, 4, 1)), preprocess=lambda x: 2.0 * x - 1.0, name="signed"
    )
    expected = 2.0 * resized(IMAGES, (4, 4)).reshape(11, -1) - 1.0
    np.testing.assert_allclose(extractor(IMAGES), expected, atol=3e-6)


@pytest.mark.parametrize("layer", ["features", -2, 4])
def test_features_are_the_output_of_the_layer(classifier, layer):
    x = IMAGES
    for part in classifier.layers[:-1]:
        x = part(x, training=False) if part.name in ("norm", "drop") else part(x)
    extractor = FeatureExtractor(classifier, layer)
    features = extractor(IMAGES)
    assert features.dtype == np.float64 and features.shape == (11, 5)
    np.testing.assert_allclose(features, ops.convert_to_numpy(x), rtol=1e-5)
    assert extractor.protocol().features == "classifier/features"


def test_features_are_the_same_on_each_backend(classifier):
    extractor = FeatureExtractor(classifier, "features")
    features = extractor(np.linspace(0, 1, 2 * 12 * 12).reshape(2, 12, 12, 1))
    expected = [  # as computed with torch
        [3.88504362, 1.65845835, 2.63085794, 3.91271305, 1.80581009],
        [7.3580966, 3.12817121, 5.49311447, 7.74659634, 3.53787851],
    ]
    np.testing.assert_allclose(features, expected, rtol=1e-6)
    assert extractor.weights_hash == "961e798e8914f670"


def test_an_inner_layer_is_flattened(classifier):
    assert FeatureExtractor(classifier, "conv")(IMAGES).shape == (11, 6 * 6 * 3)


@pytest.mark.parametrize("batch_size", [1, 4, 11, 64])
def test_the_padded_last_batch_is_as_any_other(classifier, batch_size):
    extractor = FeatureExtractor(classifier, "features", batch_size=batch_size)
    features = extractor(IMAGES)
    whole = classifier.predict_on_batch(IMAGES)
    classes = FeatureExtractor(classifier, batch_size=batch_size)(IMAGES)
    np.testing.assert_allclose(classes, whole, rtol=1e-5)
    np.testing.assert_array_equal(extractor(IMAGES[-3:]), features[-3:])


def test_it_is_compiled_once():
    shapes = []

    def preprocess(images):
        shapes.append(tuple(images.shape))
        return images

    model = untouched((8, 8, 1))
    extractor = FeatureExtractor(model, None, None, preprocess, 4, "pixels")
    for count in (11, 3, 4, 1):
        extractor(IMAGES[:count])
    assert set(shapes) == {(4, 8, 8, 1)}
    if keras.backend.backend() != "torch":  # which runs as it is written
        assert len(shapes) == 1


def test_an_iterator_of_batches_gives_the_same(classifier):
    extractor = FeatureExtractor(classifier, "features", batch_size=4)
    batches = (ops.convert_to_tensor(IMAGES[i : i + 5]) for i in range(0, 11, 5))
    np.testing.assert_array_equal(extractor(batches), extractor(IMAGES))


def test_statistics_stream_the_features(classifier):
    extractor = FeatureExtractor(classifier, "features", batch_size=4)
    statistics = extractor.statistics(iter([IMAGES[:7], IMAGES[7:]]), split="test")
    expected = FeatureStatistics().update(extractor(IMAGES))
    assert statistics.count == 11
    np.testing.assert_allclose(statistics.mean, expected.mean, rtol=1e-12)
    np.testing.assert_allclose(statistics.covariance, expected.covariance, atol=1e-12)
    assert statistics.protocol == extractor.protocol("test")


def test_protocol_names_what_made_the_features(classifier):
    extractor = FeatureExtractor(classifier, "features")
    assert extractor.protocol(split="train") == Protocol(
        features="classifier/features",
        weights_hash=extractor.weights_hash,
        resize="bilinear antialiased float32 8x8",
        split="train",
    )
    assert FeatureExtractor(classifier, name="mine").protocol().features == "mine"


def test_the_output_gives_class_probabilities(classifier):
    extractor = FeatureExtractor(classifier)
    score = classifier_score(extractor(IMAGES), 2, protocol=extractor.protocol())
    assert 1 <= score.value <= 4
    assert score.protocol.features == "classifier/output"


def test_the_hash_is_of_the_weights_in_use(classifier, tmp_path):
    extractor = FeatureExtractor(classifier, "features")
    before = extractor.weights_hash
    classifier.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert FeatureExtractor(loaded, "features").weights_hash == before
    assert extractor.protocol() == FeatureExtractor(loaded, "features").protocol()

    def change(layer):
        weight = classifier.get_layer(layer).weights[-1]
        weight.assign(weight.value + 1e-3)

    change("classes")  # behind the features
    assert extractor.weights_hash == before
    change("norm")  # the moving variance, which is not trained
    assert extractor.weights_hash != before


def test_the_model_is_not_changed(classifier):
    extractor = FeatureExtractor(classifier, "features", batch_size=4)
    before = classifier.get_weights()
    first, second = extractor(IMAGES), extractor(IMAGES)
    np.testing.assert_array_equal(first, second)  # the dropout is off
    for old, new in zip(before, classifier.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert len(classifier.layers) == 6 and classifier.trainable


def test_features_follow_a_model_that_trains_on(classifier):
    extractor = FeatureExtractor(classifier, "features", batch_size=4)
    before = extractor(IMAGES)
    classifier.set_weights([0.5 * w for w in classifier.get_weights()])
    fresh = FeatureExtractor(classifier, "features", batch_size=4)(IMAGES)
    np.testing.assert_array_equal(extractor(IMAGES), fresh)
    assert not np.allclose(fresh, before)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16"])
def test_low_precision_comes_out_as_float64(dtype_policy, policy):
    dtype_policy(policy)
    classifier = make_classifier()
    images = ops.cast(IMAGES, "bfloat16")
    features = FeatureExtractor(classifier, "features")(images)
    dtype_policy("float32")
    expected = FeatureExtractor(make_classifier(), "features")(IMAGES)
    assert features.dtype == np.float64
    np.testing.assert_allclose(features, expected, rtol=0.05)
    assert len(FeatureExtractor(classifier).weights_hash) == 16


class Halves(keras.Model):
    """A model without a graph."""

    def call(self, x):
        return ops.mean(x, axis=(1, 2)) / 2.0


def test_a_subclassed_model_gives_its_output():
    model = Halves()
    model(IMAGES)
    expected = IMAGES.mean(axis=(1, 2), dtype="float64") / 2
    np.testing.assert_allclose(FeatureExtractor(model)(IMAGES), expected, rtol=1e-5)
    with pytest.raises(ValueError, match="Functional or Sequential"):
        FeatureExtractor(model, "pool")


def test_a_nested_model_is_handed_over_itself(classifier):
    inputs = keras.Input((8, 8, 1))
    outer = keras.Sequential([inputs, classifier, layers.Dense(2)])
    with pytest.raises(ValueError, match="Hand over a nested model"):
        FeatureExtractor(outer, "features")
    inner = FeatureExtractor(outer.get_layer("classifier"), "features")
    np.testing.assert_array_equal(
        inner(IMAGES), FeatureExtractor(classifier, "features")(IMAGES)
    )


def test_a_layer_that_was_first_called_elsewhere_is_an_error():
    shared = layers.Flatten(name="shared")
    first, second = keras.Input((8, 8, 1)), keras.Input((8, 8, 1))
    keras.Model(first, shared(first))
    model = keras.Model(second, shared(second))
    with pytest.raises(ValueError, match="layer that.*calls itself, and first"):
        FeatureExtractor(model, "shared")


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "images,message",
    [
        (IMAGES[0], "of shape \\(num_images, height, width"),
        ((255 * IMAGES).astype("uint8"), "dtype uint8"),
        (IMAGES.repeat(2, axis=-1), "must have 1 channels"),
        (IMAGES * 1.1, "lie in \\[0, 1\\]"),
        (IMAGES - 0.1, "lie in \\[0, 1\\]"),
        (np.where(IMAGES > 0.99, np.nan, IMAGES), "finite"),
        (np.where(IMAGES > 0.99, np.inf, IMAGES), "finite"),
        (IMAGES[:0], "at least one image"),
        ([], "at least one image"),
        (iter([(IMAGES, np.zeros(11))]), "no pairs with labels"),
        (None, "an iterable of arrays"),
    ],
)
def test_images_that_are_none_are_named(classifier, images, message):
    with pytest.raises(ValueError, match=f"`images`.*{message}"):
        FeatureExtractor(classifier, "features")(images)


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"model": "classifier"}, "`model` must be a built Keras model"),
        ({"model": keras.Sequential([layers.Dense(1)])}, "`model` must be a built"),
        (
            {"model": keras.Sequential([layers.Input((4,)), layers.Dense(1)])},
            "`model` must have one input of shape",
        ),
        ({"layer": "feature"}, "`layer` must be the name.*'pool', 'features'"),
        ({"layer": 6}, "`layer` must be the name or index"),
        ({"size": 0}, "`size` must be a positive int"),
        ({"size": (8, 8, 1)}, "`size` must be an integer or a pair"),
        ({"batch_size": 0}, "`batch_size` must be a positive int"),
        ({"preprocess": ops.square}, "`name` must be given with `preprocess`"),
    ],
)
def test_bad_arguments_are_named(classifier, arguments, message):
    with pytest.raises(ValueError, match=message):
        FeatureExtractor(**{"model": classifier, **arguments})


def test_a_model_of_two_outputs_asks_for_a_layer():
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, [layers.Flatten()(inputs), layers.ReLU()(inputs)])
    with pytest.raises(ValueError, match="choose one by `layer`"):
        FeatureExtractor(model)(IMAGES)
