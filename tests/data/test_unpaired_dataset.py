"""Two sets of different length, each in its own order."""

import numpy as np
import pytest

from keras_genmod.data import UnpairedDataset

pytestmark = pytest.mark.any_backend

LONG, SHORT = np.arange(11.0)[:, None], 100 + np.arange(4.0)[:, None]


def epoch_of(dataset):
    sides = zip(*(batch for (batch,) in dataset), strict=True)
    return [np.concatenate(side).ravel() for side in sides]


@pytest.mark.parametrize("swapped", [False, True])
def test_longer_set_is_visited_once(swapped):
    a, b = (SHORT, LONG) if swapped else (LONG, SHORT)
    longer = epoch_of(UnpairedDataset(a, b, 3))[int(swapped)]
    assert sorted(longer) == LONG.ravel().tolist()


def test_shorter_set_wraps_around_evenly():
    _, shorter = epoch_of(UnpairedDataset(LONG, SHORT, 3))
    counts = np.bincount(shorter.astype(int))[100:]
    assert sorted(counts) == [2, 3, 3, 3]


def test_batches_of_both_sets_have_one_size():
    sizes = [(len(a), len(b)) for ((a, b),) in UnpairedDataset(LONG, SHORT, 3)]
    assert sizes == [(3, 3), (3, 3), (3, 3), (2, 2)]


def test_sets_of_one_length_get_different_orders():
    a, b = epoch_of(UnpairedDataset(LONG, LONG, 3))
    assert a.tolist() != b.tolist()


def test_epochs_differ_and_repeat():
    dataset = UnpairedDataset(LONG, SHORT, 3, seed=5)
    first = epoch_of(dataset)
    dataset.on_epoch_end()
    second = epoch_of(dataset)
    dataset.epoch = 0
    again = epoch_of(dataset)
    assert first[0].tolist() != second[0].tolist()
    np.testing.assert_array_equal(np.stack(first), np.stack(again))


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"a": LONG[:0]}, "a"),
        ({"b": np.float32(1)}, "b"),
        ({"a": "A"}, "a"),
        ({"b": np.array(["A", "B"])}, "b"),
        ({"batch_size": 0}, "batch_size"),
        ({"seed": 0.5}, "seed"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    good = {"a": LONG, "b": SHORT, "batch_size": 4}
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: {name}"):
        UnpairedDataset(**{**good, **arguments})
