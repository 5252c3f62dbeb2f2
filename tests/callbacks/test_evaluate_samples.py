import csv
import json

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_genmod import GAN, Autoencoder, StyleGAN2
from keras_genmod.callbacks import EvaluateSamples, TensorBoard
from keras_genmod.evaluation import FeatureExtractor
from keras_genmod.metrics import (
    RankDeficientWarning,
    frechet_distance,
    kernel_distance,
    mode_coverage,
    precision_recall_density_coverage,
)
from tests.callbacks.small_models import IMAGE, X, fit, vae
from tests.models.small_networks import small_network

POINTS = np.random.default_rng(0).normal(size=(30, 2)).astype("float32")
FOUR = ["precision", "recall", "density", "coverage"]


class Still(keras.Model):
    """Draws given points, whatever it learns; counts how often."""

    is_conditional = False

    def __init__(self, points=POINTS + 1):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.points = points
        self.drawn = []
        self.compile("sgd", "mse")

    def call(self, x):
        return self.dense(x)

    def sample(self, num_samples, condition=None, seed=None):
        self.drawn.append((num_samples, condition, seed))
        rows = np.random.default_rng(seed).integers(len(self.points), size=num_samples)
        return keras.ops.convert_to_tensor(self.points[rows])


def watch(callback, epochs=1, others=(), model=None, **kwargs):
    model = Still() if model is None else model
    callbacks = [callback, *others]
    history = model.fit(
        POINTS,
        np.ones((30, 1)),
        epochs=epochs,
        callbacks=callbacks,
        verbose=0,
        **kwargs,
    )
    return history.history


def test_numbers_are_those_of_the_metrics():
    kept = []

    def keep(real, fake):
        kept.append((real, fake))
        return np.float32(0.5)

    names = ["frechet_distance", "kernel_distance", *FOUR]
    callback = EvaluateSamples(POINTS, [*names, keep], num_samples=25, batch_size=10)
    history = watch(callback)
    real, fake = kept[-1]
    assert np.array_equal(real, POINTS) and fake.shape == (25, 2)
    four = precision_recall_density_coverage(real, fake)
    assert history["frechet_distance"] == [
        pytest.approx(frechet_distance(real, fake).value, rel=1e-9)
    ]
    kernel = kernel_distance(real, fake, num_subsets=None)
    assert history["kernel_distance"] == [kernel.value]
    assert [history[name] for name in FOUR] == [[getattr(four, name)] for name in FOUR]
    assert history["keep"] == [0.5]
    result = callback.results[0]["kernel_distance"]
    assert (result.protocol.num_fake, result.protocol.features) == (25, "data")


def test_results_of_several_numbers_are_logged_field_by_field():
    metrics = {"modes": mode_coverage_of_fake}
    history = watch(EvaluateSamples(POINTS, metrics, num_samples=20))
    assert history["num_modes_found"] == [1] and history["high_quality_share"] == [1]
    assert "modes" not in history


def test_each_evaluation_draws_the_same_in_batches_of_one_size():
    model = Still()
    watch(EvaluateSamples(POINTS, num_samples=25, batch_size=10), 2, model=model)
    trial, *drawn = model.drawn
    assert [num_samples for num_samples, *_ in drawn] == [10] * 6
    seeds = [seed for *_, seed in drawn]
    assert seeds[:3] == seeds[3:] and len(set(seeds)) == 3 and trial[2] == seeds[0]
    other = Still()
    callback = EvaluateSamples(POINTS, num_samples=25, batch_size=10, seed=1)
    watch(callback, model=other)
    assert not set(seeds) & {seed for *_, seed in other.drawn}


def test_reference_features_are_computed_once():
    sizes = []

    def features(x):
        sizes.append((len(x), bool(np.isin(x, POINTS).all())))
        return keras.ops.convert_to_tensor(x[:, :1])

    callback = EvaluateSamples(
        POINTS, ["frechet_distance"], 1, 20, features, batch_size=15, split="test"
    )
    watch(callback, epochs=2)
    assert sizes == [(15, False)] + [(15, True)] * 2 + [(15, False), (5, False)] * 2
    protocol = callback.results[1]["frechet_distance"].protocol
    assert (protocol.features, protocol.split) == ("features", "test")


def test_epochs_without_an_evaluation_repeat_the_last(tmp_path):
    values = iter([9.0, 5.0, 4.0, 3.0])  # the first before training
    callback = EvaluateSamples(POINTS, {"value": lambda *_: next(values)}, every=3)
    table = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    history = watch(callback, epochs=7, others=[table])
    expected = [5.0, 5.0, 4.0, 4.0, 4.0, 3.0, 3.0]
    assert history["value"] == expected
    assert callback.results == {0: {"value": 5}, 2: {"value": 4}, 5: {"value": 3}}
    with open(tmp_path / "log.csv") as file:
        assert [float(row["value"]) for row in csv.DictReader(file)] == expected


def test_keras_callbacks_use_the_numbers(tmp_path):
    values = iter([9.0, 5.0, 3.0, 4.0, 4.5])
    others = [
        keras.callbacks.ModelCheckpoint(
            tmp_path / "{epoch}.weights.h5",
            "value",
            mode="min",
            save_best_only=True,
            save_weights_only=True,
        ),
        keras.callbacks.EarlyStopping("value", mode="min", patience=2),
        TensorBoard(tmp_path / "board"),
    ]
    callback = EvaluateSamples(POINTS, {"value": lambda *_: next(values)})
    assert watch(callback, 9, others)["value"] == [5.0, 3.0, 4.0, 4.5]
    saved = sorted(path.name for path in tmp_path.glob("*.h5"))
    assert saved == ["1.weights.h5", "2.weights.h5"]
    events = EventAccumulator(str(tmp_path / "board" / "train")).Reload()
    written = [event.value for event in events.Scalars("epoch_value")]
    assert written == [5.0, 3.0, 4.0, 4.5]


def test_a_resumed_run_repeats_what_the_first_one_found(tmp_path):
    def run(start, epochs, *numbers):
        values = iter([9.0, *numbers])
        callback = EvaluateSamples(
            POINTS, {"value": lambda *_: next(values)}, every=4, log_dir=tmp_path
        )
        return watch(callback, epochs, initial_epoch=start)["value"]

    assert run(0, 2, 5.0) == [5.0, 5.0]
    assert run(2, 5, 4.0) == [5.0, 4.0, 4.0]
    # Started anew in the same folder, and after an epoch that the backup has lost.
    assert run(3, 5, 3.0) == [3.0, 3.0]
    assert run(0, 1, 2.0) == [2.0]
    saved = json.loads((tmp_path / "evaluation.json").read_text())
    assert saved["epochs"] == {"0": {"value": 2.0}}


def test_a_finished_run_started_again_still_knows_its_last_numbers(tmp_path):
    def run(start):
        values = iter([9.0, 5.0, 4.0])
        callback = EvaluateSamples(
            POINTS, {"value": lambda *_: next(values)}, every=2, log_dir=tmp_path
        )
        assert callback.latest == {}
        watch(callback, 3, initial_epoch=start)
        return callback.latest

    assert run(0) == {"value": 4.0}  # of epochs 1 and 2; 9.0 was before training
    assert run(3) == {"value": 4.0}  # trains nothing


def test_protocols_are_written(tmp_path):
    extractor = FeatureExtractor(small_network(IMAGE, (3,)), name="small")
    callback = EvaluateSamples(
        X,
        ["frechet_distance"],
        num_samples=20,
        feature_extractor=extractor,
        split="test",
        log_dir=tmp_path,
        name="quality",
    )
    fit(vae(), [callback], epochs=1)
    protocol = callback.results[0]["frechet_distance"].protocol
    assert protocol.weights_hash == extractor.weights_hash
    events = EventAccumulator(str(tmp_path / "train")).Reload()
    (event,) = events.Tensors("quality/protocol")
    text = event.tensor_proto.string_val[0].decode()
    assert f"frechet_distance: {protocol}" in text and "20 samples" in text
    saved = json.loads((tmp_path / "quality.json").read_text())
    assert saved["protocols"] == {"frechet_distance": str(protocol)}


def test_samples_that_are_not_finite_are_nan_in_the_logs():
    class Diverges(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.points = POINTS + (np.nan if epoch == 1 else 1)

    metrics = ["frechet_distance", mode_coverage_of_fake]
    callback = EvaluateSamples(POINTS, metrics, num_samples=20)
    with pytest.warns(UserWarning, match="The samples of this Still are not finite"):
        history = watch(callback, 3, [Diverges()])
    assert list(np.isnan(history["frechet_distance"])) == [False, True, False]
    assert list(np.isnan(history["num_modes_found"])) == [False, True, False]


def test_clean_samples_of_weights_that_are_not_finite_are_not_believed():
    # Comparisons with a NaN are false: many a model draws zeros of it.
    model = Still(POINTS)
    callback = EvaluateSamples(POINTS, ["precision"], num_samples=20)
    assert watch(callback, model=model)["precision"] == [1.0]
    model.dense.bias.assign([np.nan])
    with pytest.warns(UserWarning, match="The weights of this Still .* precision are"):
        assert np.isnan(callback.judge()["precision"])


def test_the_final_model_is_judged_whatever_was_logged_last():
    model = Still()
    callback = EvaluateSamples(POINTS, every=5, num_samples=20)
    watch(callback, 2, model=model)
    before = callback.latest
    assert callback.judge() == before  # the same random numbers, the same model
    model.points = POINTS + 3
    assert callback.judge()["frechet_distance"] > 2 * before["frechet_distance"]
    assert callback.latest == before and list(callback.results) == [0]


def test_numbers_of_another_protocol_are_left_out(tmp_path):
    def run(epochs, num_samples):
        callback = EvaluateSamples(
            POINTS, every=3, num_samples=num_samples, log_dir=tmp_path
        )
        watch(callback, epochs, initial_epoch=epochs - 1)
        return callback.latest

    first = run(1, 20)
    assert run(2, 20) == first
    with pytest.warns(UserWarning, match="holds numbers of another protocol"):
        assert run(2, 25) != first
    saved = json.loads((tmp_path / "evaluation.json").read_text())
    assert list(saved["epochs"]) == ["1"] and "25 samples" in saved["samples"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"epochs": {}}', '{"epochs": {"one": {}}, "protocols": {}}']
    + [
        f'{{"epochs": {epochs}, "protocols": {{}}, "samples": ""}}'
        for epochs in ("[]", '{"one": {}}', '{"1": {"value": "good"}}', '{"1": [2]}')
    ],
)
def test_a_damaged_file_is_named(text, tmp_path):
    (tmp_path / "evaluation.json").write_text(text)
    callback = EvaluateSamples(POINTS, num_samples=20, log_dir=tmp_path)
    callback.set_model(Still())
    with pytest.raises(ValueError, match="evaluation.json' must be .* damaged. Delete"):
        callback.on_train_begin()


def mode_coverage_of_fake(real, fake):
    return mode_coverage(fake, [[1.0, 1.0]], radius=9.0)


def test_a_classifier_scores_the_samples():
    def classifier(x):
        return np.eye(2)[(x[:, 0] > 1).astype(int)]

    callback = EvaluateSamples(
        POINTS, ["classifier_score"], num_samples=30, classifier=classifier
    )
    (value,) = watch(callback)["classifier_score"]
    assert 1.5 < value <= 2


def test_labels_are_those_given_or_each_in_turn():
    def labels(condition):
        model = Still()
        model.num_classes = 2
        callback = EvaluateSamples(
            POINTS, num_samples=5, batch_size=3, condition=condition
        )
        watch(callback, model=model)
        return [list(given) for _, given, _ in model.drawn[1:]]

    assert labels(None) == [[0, 1, 0], [1, 0, 0]]  # the last one is thrown away
    assert labels(1) == [[1, 1, 1], [1, 1, 1]]
    assert labels([1, 1, 0, 0, 0]) == [[1, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metrics": ["coverage"], "num_samples": 5}, "`k` must be at most 4"),
        ({"metrics": ["kernel_distance"], "num_samples": 1}, "must have at least 2"),
        ({"real": POINTS[:, :1]}, "`real` must have the shape of the samples"),
        ({"metrics": {"loss": "coverage"}}, "must not have the names of the model's"),
        ({"metrics": {"value": lambda *_: "good"}}, "must return a number"),
        ({"condition": [1, 0]}, "`condition` must be one for all, or 1000"),
        (
            {"metrics": ["coverage", precision_recall_density_coverage]},
            r"must give each number another name: .*\['coverage'\] twice",
        ),
        (
            {"metrics": ["classifier_score"], "classifier": lambda x: x},
            "`probabilities` must not be negative",
        ),
    ],
)
def test_what_cannot_be_computed_is_an_error_before_training(arguments, message):
    callback, model = EvaluateSamples(**{"real": POINTS, **arguments}), Still()
    with pytest.raises(ValueError, match=message):
        watch(callback, model=model)
    assert int(model.optimizer.iterations) == 0


def test_too_few_samples_are_warned_of_before_training():
    callback, model = EvaluateSamples(POINTS[:2], num_samples=2), Still()
    callback.set_model(model)
    with pytest.warns(RankDeficientWarning):
        callback.on_train_begin()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Autoencoder(small_network(IMAGE, (3,)), small_network((3,), IMAGE)),
            "EvaluateSamples cannot judge a Autoencoder: .* Use VAE",
        ),
        (
            keras.Sequential,
            "EvaluateSamples needs a model with `sample`. .* Sequential",
        ),
    ],
)
def test_a_model_that_cannot_is_an_error_before_training(make, message):
    callback = EvaluateSamples(X)
    callback.set_model(make())
    with pytest.raises(ValueError, match=message):
        callback.on_train_begin()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metrics": ["fid"]}, r"`metrics` must be .* \['classifier_score', "),
        ({"metrics": []}, "`metrics` must hold at least one"),
        ({"metrics": [lambda real, fake: 0]}, "`metrics` must be a dict"),
        ({"metrics": ["classifier_score"]}, "`classifier` must be given"),
        ({"metrics": {"a": "classifier_score"}}, "`classifier` must be given"),
        ({"real": POINTS * np.nan}, "`real` must be finite"),
        ({"real": POINTS[:0]}, "`real` must have the shape"),
        ({"every": 0}, "`every` must be a positive int"),
        ({"num_samples": 0}, "`num_samples` must be a positive int"),
        ({"batch_size": 0}, "`batch_size` must be a positive int"),
        ({"seed": -1}, "`seed` must be a non-negative int"),
        ({"name": "../x"}, "`name` must be a string that can stand in a file's name"),
        ({"name": ""}, "`name` must be a string that can stand in a file's name"),
        ({"name": None}, "`name` must be a string that can stand in a file's name"),
    ],
)
def test_other_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        EvaluateSamples(**{"real": POINTS, **arguments})


@pytest.mark.every_backend
def test_it_works_under_fit_for_points():
    model = GAN(small_network((2,), (2,)), small_network((2,), (1,)), 2)
    # More than one step an execution is not to be had on torch.
    steps = 1 if keras.backend.backend() == "torch" else 2
    model.compile("adam", steps_per_execution=steps)
    history = model.fit(
        POINTS,
        batch_size=10,
        epochs=2,
        callbacks=[EvaluateSamples(POINTS, num_samples=20)],
        verbose=0,
    ).history
    first, second = history["frechet_distance"]
    assert np.isfinite([first, second]).all() and first != second


def test_truncation_reaches_the_samples_and_the_protocol():
    generator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    generator.set_weights([np.eye(2), np.zeros(2)])
    model = GAN(generator, small_network((2,), (1,)), 2, seed=0)
    model.compile()
    largest = {}
    for truncation in (None, 0.25):
        callback = EvaluateSamples(
            POINTS,
            {"largest": lambda real, fake: np.abs(fake).max(), "mean": mean_distance},
            num_samples=30,
            truncation=truncation,
        )
        callback.set_model(model)
        callback.on_train_begin()
        largest[truncation] = callback.judge()["largest"]
        result = callback._judged()[0]["mean"]
        assert result.protocol.truncation == truncation
        kind = None if truncation is None else "largest latent"
        assert result.protocol.truncation_kind == kind
    assert largest[0.25] <= 0.25 < largest[None]
    with pytest.raises(ValueError, match="`truncation` must be .*Received"):
        EvaluateSamples(POINTS, truncation=-0.5)
    assert StyleGAN2.truncation_kind != GAN.truncation_kind


def mean_distance(real, fake):
    return frechet_distance(real, fake)
