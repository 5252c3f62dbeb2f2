"""The page of qualities, and the clock of the runs on it."""

import dataclasses
import json
import math

import keras
import numpy as np
import pytest

from benchmarks import (
    published,
    quality_models,
    quality_page,
    quality_runs,
    quality_targets,
)
from benchmarks.quality_clock import Batches, Best, Clock
from keras_genmod.distributions import LogPartition
from keras_genmod.evaluation.likelihood import Likelihood, LikelihoodProtocol

IMAGES = np.random.default_rng(0).random((20, 3)).astype("float32")


def partition_sum(chains):
    return LogPartition(
        value=10.0,
        low=9.0,
        high=10.5,
        method="ais",
        effective_sample_size=chains,
        num_temperatures=10,
        num_chains=20,
    )


def likelihood(mean=-81.0, **fields):
    protocol = {
        "kind": "exact",
        "dataset": "mnist",
        "split": "test",
        "binarization": "dynamic(0)",
        "num_levels": 2,
        "num_dims": 784,
        "count": 10_000,
    }
    return Likelihood(
        mean=mean,
        standard_error=0.1,
        protocol=LikelihoodProtocol(**{**protocol, **fields}),
    )


def written(folder, name="PixelCNN", found=None, epochs="45.7"):
    training = {"minutes": 8.0, "epochs": epochs, "images": 55_000}
    rows = {"last": {"likelihood": found or likelihood(), "samples": None}}
    path = quality_runs.path(name, "8min", 0, folder)
    quality_runs.write_run(path, name, "autoregressive", training, rows)
    (run,), _ = quality_runs.read(folder)
    return run


@pytest.mark.any_backend
class TestPage:
    def test_it_is_made_from_the_files(self):
        assert quality_page.page() == quality_page.PATH.read_text()

    def test_every_row_has_a_command_and_a_date(self):
        runs, tables = quality_runs.read()
        assert len(runs) >= 30
        for one in runs + tables:
            assert one["command"].startswith("KERAS_BACKEND="), one
            assert one["hardware"] and one["date"].startswith("20")

    def test_a_run_is_read_as_it_was_written(self, tmp_path):
        found = likelihood()
        run = written(tmp_path, found=found)
        assert run["rows"]["last"]["likelihood"] == found
        assert [file.name for file in tmp_path.iterdir()] == [
            quality_runs.path("PixelCNN", "8min", 0, tmp_path).name
        ]

    def test_names_that_differ_by_signs_have_files_of_their_own(self):
        names = {quality_runs.file_name(n, "", 0) for n in quality_models.ENTRIES}
        assert len(names) == len(quality_models.ENTRIES)

    def test_a_file_of_something_else_is_refused(self, tmp_path):
        (tmp_path / "other.json").write_text(json.dumps({"schema": "other"}))
        with pytest.raises(ValueError, match=r"other\.json must be of a run"):
            quality_runs.read(tmp_path)

    def test_models_without_a_run_are_named(self, tmp_path):
        written(tmp_path)
        section = quality_page.page(tmp_path).split("## Not run")[1]
        assert "| GAN |" in section and "| PixelCNN |" in section
        run = dict(quality_runs.read(tmp_path)[0][0], command="x --minutes 8")
        section = "\n".join(quality_page.not_run([run]))
        assert "| GAN |" in section and "| PixelCNN |" not in section
        for other in ({"note": " of that date"}, {"dataset": "cifar10_jpeg"}):
            section = "\n".join(quality_page.not_run([{**run, **other}]))
            assert "| PixelCNN |" in section
        assert "| PixelCNN, cifar10_jpeg |" not in section
        assert "| GatedPixelCNN, cifar10_jpeg |" in section

    def test_what_a_run_remarks_stands_with_its_budget(self):
        spent = {"minutes": 2, "epochs": "3", "images": 4000}
        for remark, end in ((None, "4,000 images"), ("half used", "; half used")):
            words = quality_page.training({"training": {**spent, "remark": remark}})
            assert words.endswith(end)

    @pytest.mark.parametrize(
        ("mean", "word"),
        [(-81.0, "**better**"), (-81.5, "equal"), (-82.0, "worse")],
    )
    def test_a_row_is_judged_by_its_interval_with_its_budget(
        self, tmp_path, mean, word
    ):
        run = written(tmp_path, found=likelihood(mean))
        row = quality_page.likelihood_row(run, "last", likelihood(mean))
        same, others = row[9:11]
        assert same.endswith(f": {word}, in 10% of its epochs")
        assert others == ""

    def test_a_machine_is_short_of_its_mark_by_its_best_sound_row(self):
        name, reach = "RBM 784x500 CD-25", quality_targets.REACH["RBM 784x500 CD-25"]

        def row(mean, chains):
            sums = partition_sum(chains)
            found = dataclasses.replace(likelihood(mean), log_partition=sums)
            return {"likelihood": found, "samples": None}

        rows = {"last": row(-90.0, 50.0), "best": row(-88.0, 40.0)}
        run = {"model": name, "rows": rows, "training": "4 min", "hardware": "a core"}
        few = {**run, "rows": {"last": row(-80.0, 5.0)}}
        others = set()
        for model, *cells in quality_targets.rows([few, run], lambda r: r["training"]):
            if model == name:
                assert cells[:3] == [f"{reach:g}", "88.00", "2.0"]
                assert cells[3:] == ["4 min", "a core", "best"]
            else:
                others.add(cells[1])
        assert others == {"no sound estimate"}

    def test_better_in_more_epochs_is_not_marked(self, tmp_path):
        run = written(tmp_path, found=likelihood(-81.0))
        for epochs, word in (("457", "**better**"), ("457 + 1", "better")):
            run["training"]["epochs"] = epochs
            row = quality_page.likelihood_row(run, "last", likelihood(-81.0))
            assert row[9].endswith(f": {word}, in 1e+02% of its epochs")

    @pytest.mark.parametrize(
        "fields",
        [{"binarization": "static(0)"}, {"kind": "lower_bound"}, {"count": 100}],
    )
    def test_another_protocol_stands_apart(self, tmp_path, fields):
        found = likelihood(**fields)
        row = quality_page.likelihood_row(written(tmp_path, found=found), "last", found)
        same, others = row[9:11]
        assert same == ""
        assert others.startswith("-81.45 (read: pytorch-generative")

    def test_bits_are_better_where_they_are_fewer(self):
        (nice,) = published.beside("NICE 4 x 5 x 1000")
        fields = {"kind": "lower_bound", "binarization": None, "num_levels": 256}
        run = {"training": {"epochs": "3"}}
        bits = 784 * math.log(2.0)
        words = ((-0.1, "**better**"), (0.1, "worse"), (0.0, "equal"))
        for distance, word in words:
            found = likelihood(-bits * (4.34 + distance), **fields)
            assert quality_page.is_same(nice, found)
            assert quality_page.verdict(run, found, nice).startswith(word)

    def test_an_interval_holds_that_of_the_partition_sum(self, tmp_path):
        sums = partition_sum(5.0)
        found = dataclasses.replace(likelihood(), log_partition=sums)
        assert quality_page.interval(found) == pytest.approx((-81.696, -79.804))
        row = quality_page.likelihood_row(written(tmp_path), "last", found)
        assert "5.0 of 20 (!)" in row


class TestBatches:
    def test_a_batch_is_a_function_of_the_step(self):
        one, other = (Batches(IMAGES, 4, 3, True, 0) for _ in range(2))
        one.epoch, other.epoch = 2, 1
        straight = [other[i][0] for i in range(3)]
        other.epoch = 2
        again = [other[i][0] for i in range(3)]
        np.testing.assert_array_equal([one[i][0] for i in range(3)], again)
        assert not np.array_equal(straight, again)
        assert np.isin(again, (0, 1)).all()

    def test_a_pass_shows_every_image_once(self):
        batches = Batches(IMAGES, 4, 5, False, 0)
        shown = np.concatenate([batches[i][0] for i in range(5)])
        np.testing.assert_array_equal(np.sort(shown, 0), np.sort(IMAGES, 0))

    def test_pixels_are_drawn_with_their_probabilities(self):
        batches = Batches(np.full((8, 1000), 0.2), 8, 1, True, 0)
        assert batches[0][0].mean() == pytest.approx(0.2, abs=0.02)


class Ticking(Clock):
    """A clock whose time goes on by a second a look."""

    def __init__(self, *args):
        super().__init__(*args)
        self.time = 0

        def now():
            self.time += 1
            return self.time

        self._now = now


@pytest.fixture
def model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    return model


def fit(model, clock, extra=()):
    class Rates(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.found = []

        def on_epoch_end(self, epoch, logs=None):
            rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
            self.found.append(float(rate))

    rates = Rates()
    model.fit(
        IMAGES,
        IMAGES,
        batch_size=20,
        epochs=100,
        verbose=0,
        callbacks=[clock, *extra, rates],
    )
    return rates.found


class TestClock:
    def test_rates_fall_to_zero_by_the_clock(self, model, tmp_path):
        clock = Ticking(5 / 60, tmp_path / "clock.json")
        rates = fit(model, clock)
        assert rates[0] == pytest.approx(0.4)
        assert all(np.diff(rates) < 0) and rates[-1] == 0.0
        assert clock.minutes == pytest.approx(5 / 60, abs=2 / 60)
        assert clock.steps == len(rates) < 100

    def test_what_was_used_is_kept(self, model, tmp_path):
        path = tmp_path / "clock.json"
        first = Ticking(5 / 60, path)
        fit(model, first)
        weights = [keras.ops.convert_to_numpy(w) for w in model.weights]
        again = Ticking(5 / 60, path)
        assert (again.spent, again.steps) == (first.spent, first.steps)
        model.optimizer.learning_rate = 0.5  # as `compile` gives it
        assert fit(model, again) == [0.0]
        assert again.spent == first.spent
        for weight, before in zip(model.weights, weights, strict=True):
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), before)

    def test_the_best_of_all_looks_is_kept(self, model, tmp_path):
        clock = Ticking(8 / 60, tmp_path / "clock.json")
        scores, seen = iter([1.0, 3.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]), []

        def score(model):
            seen.append(keras.ops.convert_to_numpy(model.weights[0]).copy())
            return next(scores)

        best = Best(clock, score, 1 / 60, tmp_path / "best.weights.h5")
        fit(model, clock, [best])
        assert best.best() is best.history[1]
        assert best.best()[1] == 3.0
        model.load_weights(best.path)
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(model.weights[0]), seen[1]
        )
        again = Best(clock, score, 1 / 60, tmp_path / "best.weights.h5")
        assert again.history == best.history
