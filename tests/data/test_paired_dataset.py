"""Pairs stay pairs in any order, flipped and cropped alike."""

import numpy as np
import pytest

from keras_genmod.data import PairedDataset, UnpairedDataset

pytestmark = pytest.mark.any_backend

# Each pixel says where it stands: image, row and column.
PLACES = np.stack(
    np.meshgrid(np.arange(9.0), np.arange(5.0), np.arange(6.0), indexing="ij"), -1
)


def paired(**kwargs):
    return PairedDataset(PLACES, -PLACES, **{"batch_size": 4, "seed": 3, **kwargs})


def epoch_of(dataset):
    return [np.concatenate(side) for side in zip(*dataset, strict=True)]


def test_an_epoch_visits_every_pair_once_in_an_order_of_its_own():
    dataset = paired()
    orders = []
    for _ in range(2):
        sources, targets = epoch_of(dataset)
        np.testing.assert_array_equal(targets, -sources)
        orders.append(sources[:, 0, 0, 0].tolist())
        assert sorted(orders[-1]) == list(range(9))
        dataset.on_epoch_end()
    assert orders[0] != orders[1] != sorted(orders[1])
    assert [len(batch) for batch, _ in dataset] == [4, 4, 1]


def test_both_sides_are_changed_alike():
    sources, targets = epoch_of(paired(crop_size=(2, 3), flip=True))
    assert sources.shape == (9, 2, 3, 3)
    np.testing.assert_array_equal(targets, -sources)


def places_of(dataset, num_epochs=40):
    """Returns the row, the column and the direction of each window."""
    found = []
    for _ in range(num_epochs):
        batches = [batch[0] if len(batch) == 1 else batch for batch in dataset]
        x = np.concatenate([side for side, _ in batches])
        steps = x[:, 0, 1, 2] - x[:, 0, 0, 2]
        assert np.all(np.abs(np.diff(x[..., 2], axis=2)) == 1)  # no pixel left out
        assert np.all(np.diff(x[..., 1], axis=1) == 1)
        found.append(np.stack([x[:, 0, 0, 1], x[..., 2].min((1, 2)), steps], -1))
        dataset.on_epoch_end()
    return np.concatenate(found)


@pytest.mark.parametrize(
    "make", [paired, lambda **k: UnpairedDataset(PLACES, PLACES, 4, 3, **k)]
)
def test_windows_and_mirrors_are_drawn_evenly(make):
    rows, columns, steps = places_of(make(crop_size=(2, 4), flip=True)).T
    for values, count in ((rows, 4), (columns, 3), (steps, 2)):
        names, counts = np.unique(values, return_counts=True)
        assert len(names) == count
        expected = len(values) / count
        assert np.abs(counts - expected).max() < 4.5 * expected**0.5
    (steps,) = np.unique(places_of(make(crop_size=2), 3)[:, 2])
    assert steps == 1  # not mirrored unless asked


def test_each_image_of_each_domain_is_changed_by_itself():
    dataset = UnpairedDataset(PLACES, PLACES, 9, crop_size=2)
    (((a, b),),) = list(dataset)
    corners = a[:, 0, 0, 1:], b[:, 0, 0, 1:]  # row and column, in the batch's order
    assert np.any(corners[0] != corners[1])
    for side in corners:
        assert np.all(np.ptp(side, axis=0) > 0)


def test_draws_are_functions_of_seed_and_epoch():
    dataset = paired(crop_size=3, flip=True)
    first = epoch_of(dataset)
    dataset.on_epoch_end()
    assert np.any(epoch_of(dataset)[0] != first[0])
    dataset.epoch = 0
    np.testing.assert_array_equal(epoch_of(dataset)[0], first[0])
    np.testing.assert_array_equal(dataset[1][0], first[0][4:8])  # in any order
    assert np.any(epoch_of(paired(crop_size=3, flip=True, seed=4))[0] != first[0])


@pytest.mark.parametrize(
    "arguments,message",
    [
        (
            {"targets": PLACES[:8]},
            "`targets` must be as many.*Received: targets of 8 and sources of 9",
        ),
        ({"sources": "a"}, "`sources` must be an array"),
        ({"batch_size": 0}, "`batch_size` must"),
        ({"seed": -1}, "`seed` must"),
        ({"flip": 1}, "`flip` must be True or False"),
        ({"crop_size": 0}, "`crop_size` must"),
        ({"crop_size": (2, 2, 2)}, "`crop_size` must"),
        ({"crop_size": 6}, "`crop_size` must be at most the sides.*resize"),
        ({"targets": PLACES[:, :4], "flip": True}, "`targets` must have the height"),
        ({"sources": PLACES[..., 0], "flip": True}, "`sources` must be images"),
    ],
)
def test_bad_argument_is_named(arguments, message):
    good = {"sources": PLACES, "targets": PLACES, "batch_size": 4}
    with pytest.raises(ValueError, match=message) as caught:
        PairedDataset(**{**good, **arguments})
    assert "Received: " in str(caught.value)
