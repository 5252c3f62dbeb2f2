"""Samples in batches, and the bars of long work."""

import numpy as np
import pytest

from keras_genmod import evaluation, metrics
from keras_genmod.evaluation.batches import in_batches
from keras_genmod.progress import shown

pytestmark = pytest.mark.any_backend


class Stub:
    """Draws what it is asked for: a number of the seed, and its conditions."""

    def __init__(self):
        self.calls = []

    def sample(self, num_samples, condition=None, seed=None, scale=1.0):
        self.calls.append((num_samples, condition, seed))
        noise = np.random.default_rng(seed).normal(size=(num_samples, 1))
        parts = condition if isinstance(condition, dict) else {"all": condition}
        for part in parts.values():
            noise = noise if part is None else np.hstack([noise, part[:, None]])
        return scale * noise.astype("float32")


@pytest.mark.parametrize(("number", "sizes"), [(7, [3, 3, 3]), (2, [2]), (6, [3, 3])])
def test_batches_are_of_one_size_and_of_own_draws(number, sizes):
    model = Stub()
    samples = evaluation.draw_samples(model, number, batch_size=3)
    assert samples.shape == (number, 1) and len(np.unique(samples)) == number
    assert [size for size, _, _ in model.calls] == sizes
    again = evaluation.draw_samples(Stub(), number, batch_size=3)
    np.testing.assert_array_equal(samples, again)
    other = evaluation.draw_samples(Stub(), number, batch_size=3, seed=1)
    assert not np.isin(other, samples).any()


def test_each_sample_has_its_condition():
    rows = np.arange(7)
    drawn = evaluation.draw_samples(Stub(), 7, rows, batch_size=3)
    np.testing.assert_array_equal(drawn[:, 1], rows)
    drawn = evaluation.draw_samples(Stub(), 7, list(rows), batch_size=3, scale=2.0)
    np.testing.assert_array_equal(drawn[:, 1], 2 * rows)
    drawn = evaluation.draw_samples(Stub(), 7, {"a": rows, "b": -rows}, batch_size=3)
    np.testing.assert_array_equal(drawn[:, 1:], np.stack([rows, -rows], axis=1))
    drawn = evaluation.draw_samples(Stub(), 7, 4, batch_size=3)
    assert (drawn[:, 1] == 4).all()


class Judge:
    data_shape = (2,)

    def free_energy(self, x):
        return x[:, 0]


@pytest.mark.parametrize(
    "argument",
    [
        {"num_samples": 0},
        {"batch_size": 0},
        {"seed": -1},
        {"verbose": 3},
        {"condition": [1, 2]},
    ],
    ids=str,
)
def test_bad_arguments_are_named(argument):
    (name,) = argument
    with pytest.raises(ValueError, match=f"`{name}` must "):
        evaluation.draw_samples(Stub(), **{"num_samples": 4, **argument})


def test_a_bar_counts_and_changes_nothing(capsys):
    assert list(shown("abc", 0)) == list(shown("abc", 1)) == ["a", "b", "c"]
    out = capsys.readouterr().out
    assert "3/3" in out and "1/3" not in out.replace("\b", "")[-60:]
    assert list(shown(iter("ab"), 2, total=2)) == ["a", "b"]
    assert "2/2" in capsys.readouterr().out
    with pytest.raises(ValueError, match="`verbose` must be one of 0, 1, 2"):
        shown([], "loud")


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_long_work_shows_its_batches_where_asked_to(verbose, capsys):
    x = np.random.default_rng(0).normal(size=(9, 2))
    found = [
        evaluation.draw_samples(Stub(), 7, batch_size=3, verbose=verbose),
        in_batches(lambda x, *_: x[:, 0], x, None, 4, verbose),
        metrics.precision_recall_density_coverage(x, x + 1, 2, verbose=verbose),
    ]
    distance = metrics.kernel_distance(x, x + 1, 3, 4, verbose=verbose)
    scores = evaluation.anomaly_score(Judge(), x, batch_size=4, verbose=verbose)
    np.testing.assert_array_equal(scores.scores, x[:, 0])
    out = capsys.readouterr().out
    assert out.count("3/3") >= 4 if verbose else out == ""
    assert out.count("1/1") >= 3 if verbose else True
    silent = metrics.precision_recall_density_coverage(x, x + 1, 2)
    assert found[2] == silent
    assert distance == metrics.kernel_distance(x, x + 1, 3, 4)
