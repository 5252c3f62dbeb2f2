"""Pairs of noise and data are a permutation, and the best one."""

import itertools

import numpy as np
import pytest

from keras_genmod.data import TransportPairs

pytestmark = pytest.mark.any_backend
POINTS = np.random.default_rng(0).normal(size=(11, 2)).astype("float32")


def batches(dataset):
    return [dataset[i] for i in range(len(dataset))]


def cost(noise, x):
    return np.sum((noise - x) ** 2)


def test_each_example_occurs_once_an_epoch():
    dataset = TransportPairs(POINTS, 4)
    sizes, parts = [], []
    for noise, x in batches(dataset):
        assert noise.shape == x.shape and noise.dtype == x.dtype == np.float32
        sizes.append(len(x))
        parts.append(x)
    assert sizes == [4, 4, 3]
    found = np.concatenate(parts)
    assert not np.array_equal(found, POINTS)
    np.testing.assert_array_equal(np.sort(found, axis=0), np.sort(POINTS, axis=0))


def test_pairs_are_the_best_of_all_permutations():
    for noise, x in batches(TransportPairs(POINTS, 5)):
        orders = itertools.permutations(range(len(x)))
        best = min(cost(noise[list(order)], x) for order in orders)
        assert cost(noise, x) == pytest.approx(best, rel=1e-6)


def test_no_draw_of_noise_is_used_twice():
    x = np.zeros((50, 2), "float32")  # which all are the same to
    x[0] = 3
    ((noise, _),) = batches(TransportPairs(x, 50))
    assert len(np.unique(noise, axis=0)) == 50


def test_noise_is_normal_and_new_in_each_epoch():
    dataset = TransportPairs(np.zeros((4000, 1)), 100, seed=3)
    first = np.concatenate([noise for noise, _ in batches(dataset)])
    dataset.epoch = 1
    second = np.concatenate([noise for noise, _ in batches(dataset)])
    assert np.abs(np.corrcoef(first[:, 0], second[:, 0])[0, 1]) < 0.1
    assert np.mean(first) == pytest.approx(0, abs=0.06)
    assert np.std(first) == pytest.approx(1, abs=0.05)
    dataset.epoch = 0
    np.testing.assert_array_equal(dataset[0][0], first[:100])


def test_images_are_paired_as_models_see_them():
    """On [-1, 1] black pixels are as far from no noise as white ones."""
    x = np.random.default_rng(1).integers(0, 2, size=(6, 1, 2, 1)).astype("float32")
    ((noise, images),) = batches(TransportPairs(x, 6))
    orders = [list(order) for order in itertools.permutations(range(6))]
    best = min(cost(noise[order], 2 * images - 1) for order in orders)
    assert cost(noise, 2 * images - 1) == pytest.approx(best, rel=1e-6)


def test_labels_stay_with_their_examples():
    labels = np.arange(11) % 3
    for (_, x), given in batches(TransportPairs(POINTS, 4, labels=labels)):
        assert given.dtype == np.int32 and len(given) == len(x)
        for example, label in zip(x, given, strict=True):
            (place,) = np.flatnonzero((example == POINTS).all(axis=1))
            assert labels[place] == label


def test_noise_of_each_label_stays_normal():
    """Else samples of a label would start from another noise than it is trained on."""
    labels = np.arange(4000) % 2
    x = np.where(labels[:, None] == 1, 3.0, -3.0)
    parts = batches(TransportPairs(x + POINTS[labels, :1], 200, labels=labels))
    noise = np.concatenate([noise for (noise, _), _ in parts])
    given = np.concatenate([label for _, label in parts])
    for label in (0, 1):
        assert np.mean(noise[given == label]) == pytest.approx(0, abs=0.08)
        assert np.std(noise[given == label]) == pytest.approx(1, abs=0.06)
    assert len(np.unique(noise)) == 4000


def test_pairs_of_a_label_are_the_best():
    labels = np.array([0, 1, 0, 1, 0, 0])
    (((noise, x), given),) = batches(TransportPairs(POINTS[:6], 6, labels=labels))
    for label in (0, 1):
        own, ends = noise[given == label], x[given == label]
        orders = itertools.permutations(range(len(own)))
        best = min(cost(own[list(order)], ends) for order in orders)
        assert cost(own, ends) == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize(
    "name,value",
    [
        ("x", np.zeros((0, 2))),
        ("x", np.zeros(3)),
        ("batch_size", 0),
        ("labels", np.zeros(10)),
        ("labels", np.eye(11)),
        ("labels", np.full(11, 0.5)),
    ],
)
def test_bad_argument_is_named(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: "):
        TransportPairs(**{"x": POINTS, "batch_size": 2, name: value})
