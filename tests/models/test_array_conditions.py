"""Conditions that are dicts of padded arrays, through every way into a model."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import GenerativeModel
from keras_genmod.callbacks import SampleGrid
from keras_genmod.engine import Seeds, compiled, seed_state
from keras_genmod.evaluation.batches import examples, in_batches
from tests.contracts import NUM_BATCHES, NUM_EXAMPLES, array_of
from tests.models.test_inputs import Batches, as_dataset, as_generator, as_loader

STREAMS = {
    "PyDataset": Batches,
    "tf.data": as_dataset,
    "DataLoader": as_loader,
    "generator": as_generator,
}
NUM, SLOTS = NUM_EXAMPLES, 3
RNG = np.random.default_rng(0)
X = RNG.random((NUM, 2, 2, 1), dtype="float32")
POINTS = {
    "points": RNG.normal(size=(NUM, SLOTS, 2)).astype("float32"),
    "kinds": RNG.integers(0, 4, (NUM, SLOTS)).astype("int64"),
    "mask": np.arange(SLOTS) < RNG.integers(1, SLOTS + 1, (NUM, 1)),
}


@keras.saving.register_keras_serializable("tests")
class Pooled(GenerativeModel):
    """Takes the mean of x to be a . (sum of real points) + sum of real kinds."""

    def __init__(self, **kwargs):
        super().__init__((2, 2, 1), **kwargs)
        self.a = self.add_weight(shape=(2,), initializer="ones", name="a")
        self.finish_construction()

    @property
    def condition_shape(self):
        return {"points": (SLOTS, 2), "kinds": (SLOTS,), "mask": (SLOTS,)}

    def _mean(self, condition):
        assert set(condition) == set(POINTS)
        mask = ops.cast(condition["mask"], "float32")
        points = ops.sum(condition["points"] * mask[..., None], axis=1)
        kinds = ops.sum(ops.cast(condition["kinds"], "float32") * mask, axis=1)
        return ops.sum(points * self.a, axis=1) + kinds

    def call(self, inputs):
        x, condition = self.data_and_condition(inputs)
        return ops.mean(x, axis=(1, 2, 3)) - self._mean(condition)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, **kwargs):
        return self.mean_loss(y_pred**2, sample_weight)

    @compiled()
    def _sample(self, state, condition, *, num_samples):
        noise = keras.random.uniform((num_samples, 2, 2, 1), seed=Seeds(state))
        return noise + self._mean(condition)[:, None, None, None]

    def log_prob(self, x, condition=None, batch_size=3):
        state = seed_state(0, self.seed_generator)
        return self._in_batches(self._difference, x, condition, batch_size, state)

    @compiled()
    def _difference(self, state, x, condition):
        return self.call(self._join(x, condition))


def expected(condition=POINTS):
    mask = condition["mask"]
    points = (condition["points"] * mask[..., None]).sum(axis=(1, 2))
    return points + (condition["kinds"] * mask).sum(axis=1)


DIFFERENCE = X.mean(axis=(1, 2, 3)) - expected()


@pytest.fixture(scope="module")
def model():
    model = Pooled()
    model.compile(keras.optimizers.SGD(0.0))
    return model


def without(name):
    return {key: value for key, value in POINTS.items() if key != name}


@pytest.mark.parametrize("kind", ["arrays", "pair", *STREAMS])
def test_every_way_in_sees_the_same_arrays(model, kind):
    given = (X, POINTS) if kind == "arrays" else ((X, POINTS),)
    options = {"batch_size": NUM}
    if kind in STREAMS:
        given, options = (STREAMS[kind]((X, POINTS)),), {"steps": NUM_BATCHES}
    loss = model.evaluate(*given, verbose=0, **options)
    np.testing.assert_allclose(loss, np.mean(DIFFERENCE**2), rtol=1e-5)


def test_prediction_has_the_arrays_of_each_example(model):
    found = model.predict((X, POINTS), batch_size=3, verbose=0)
    np.testing.assert_allclose(found, DIFFERENCE, rtol=1e-5, atol=1e-5)


def test_numbers_of_examples_come_in_batches(model):
    np.testing.assert_allclose(
        array_of(model.log_prob(X, POINTS)), DIFFERENCE, rtol=1e-5, atol=1e-5
    )
    data, condition = examples(X, POINTS, (2, 2, 1))
    found = in_batches(lambda x, y, number: model.log_prob(x, y), data, condition, 3)
    np.testing.assert_allclose(found, DIFFERENCE, rtol=1e-5, atol=1e-5)


def test_fit_learns_from_all_arrays_and_validates(model):
    learner = Pooled()
    learner.compile(keras.optimizers.SGD(0.01))
    data = (X[:4], {name: values[:4] for name, values in POINTS.items()})
    history = learner.fit(X, POINTS, validation_data=data, verbose=0).history
    assert history["val_loss"] and np.isfinite(history["val_loss"]).all()
    residual = 2 / NUM * DIFFERENCE
    points = (POINTS["points"] * POINTS["mask"][..., None]).sum(axis=1)
    gradient = -(residual[:, None] * points).sum(axis=0)
    np.testing.assert_allclose(array_of(learner.a), 1 - 0.01 * gradient, rtol=1e-4)


def test_samples_have_an_array_each_or_one_for_all(model):
    samples = array_of(model.sample(NUM, POINTS, seed=1)).mean(axis=(1, 2, 3))
    assert np.all(np.abs(samples - 0.5 - expected()) <= 0.5)
    one = {name: values[2] for name, values in POINTS.items()}
    first = array_of(model.sample(NUM, one, seed=1))
    each = {name: np.repeat(v[2:3], NUM, axis=0) for name, v in POINTS.items()}
    np.testing.assert_array_equal(first, array_of(model.sample(NUM, each, seed=1)))


def test_a_callback_of_samples_hands_the_arrays_over(model, tmp_path):
    grid = SampleGrid(tmp_path / "grid.png", num_samples=NUM, condition=POINTS)
    grid.set_model(model)
    assert grid.draw(model).shape == (NUM, 2, 2, 1)


def test_the_file_of_a_model_takes_the_same_arrays(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    found = loaded.predict((X, POINTS), verbose=0)
    np.testing.assert_allclose(found, DIFFERENCE, rtol=1e-5, atol=1e-5)


BAD = {
    "none": (None, "needs a condition, a dict of arrays .*Received None"),
    "labels": (np.arange(NUM), "a dict of arrays .*Received a"),
    "missing": (without("mask"), "Received a dict with no 'mask'"),
    "unknown": ({**POINTS, "points2": X}, "Received a dict with an unknown 'points2'"),
    "shape": (
        {**POINTS, "kinds": POINTS["kinds"][:, :2]},
        rf"`kinds` must have shape \(batch, 3\). Received: kinds.shape=\({NUM}, 2\)",
    ),
    "length": (
        {**POINTS, "mask": POINTS["mask"][:5]},
        rf"`mask` must have shape \({NUM}, ...\), one row an example.*\(5, 3\)",
    ),
    "not finite": (
        {**POINTS, "points": np.full_like(POINTS["points"], np.inf)},
        "`points` must be finite",
    ),
    "strings": (
        {**POINTS, "kinds": POINTS["kinds"].astype(str)},
        "`kinds` must hold real numbers",
    ),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict", "sample"])
def test_wrong_conditions_are_named(model, kind, method):
    condition, message = BAD[kind]
    with pytest.raises(ValueError, match=message):
        if method == "sample":
            model.sample(NUM, condition)
        elif method == "predict":
            model.predict((X, condition))
        else:
            getattr(model, method)(X, condition)


@pytest.mark.parametrize("kind", STREAMS)
def test_wrong_conditions_in_a_stream_are_named(model, kind):
    condition = {**POINTS, "kinds": POINTS["kinds"][:, :2]}
    with pytest.raises(ValueError, match="`kinds` must have shape"):
        model.fit(STREAMS[kind]((X, condition)), verbose=0)


def test_class_weights_need_labels(model):
    with pytest.raises(ValueError, match="`class_weight` needs class labels"):
        model.fit(X, POINTS, class_weight={0: 1.0})


def test_infinity_in_a_stream_gives_nan(model):
    bad = {**POINTS, "points": POINTS["points"].copy()}
    bad["points"][0, 0] = np.inf  # of a real point: its loss would be infinite
    stream = iter([(X, POINTS), (X, bad)])
    assert np.isnan(model.evaluate(stream, steps=2, verbose=0))
