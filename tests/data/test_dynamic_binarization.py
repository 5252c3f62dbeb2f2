"""Fresh draws every epoch, functions of the seed and the epoch alone."""

import numpy as np
import pytest

from keras_genmod.data import DynamicBinarization

pytestmark = pytest.mark.any_backend

GREYS = np.random.default_rng(0).random((10, 3, 3, 1), dtype="float32")
LABELS = np.arange(10)


def end_epoch(dataset):
    batches = list(dataset)
    dataset.on_epoch_end()
    return batches


def make(seed=0):
    return DynamicBinarization(GREYS, LABELS, batch_size=4, seed=seed)


def same(first, second):
    return all(
        np.array_equal(a, b)
        for batch, other in zip(first, second, strict=True)
        for a, b in zip(batch, other, strict=True)
    )


def test_an_epoch_visits_every_example_once():
    labels = np.concatenate([y for _, y in make()])
    assert sorted(labels) == LABELS.tolist() and labels.tolist() != LABELS.tolist()


def test_last_batch_may_be_short():
    assert [len(x) for x, _ in make()] == [4, 4, 2]


def test_each_batch_has_noise_of_its_own():
    # Batches of equal size: the noise would be equal if its seed did not say which.
    dataset = DynamicBinarization(np.full((8, 100), 0.5), batch_size=4)
    (first,), (second,) = dataset
    assert 0.4 < np.mean(first == second) < 0.6


def test_values_are_float32_zeros_and_ones():
    x, _ = make()[0]
    assert x.dtype == "float32" and set(x.ravel()) <= {0, 1}


def test_mean_over_epochs_is_the_grey_image():
    dataset, total = make(), np.zeros_like(GREYS)
    for _ in range(1_000):
        for x, y in end_epoch(dataset):
            total[y] += x
    np.testing.assert_allclose(total / 1_000, GREYS, atol=0.08)


def test_without_labels_a_batch_is_the_images_alone():
    batch = DynamicBinarization(GREYS, batch_size=4)[0]
    assert isinstance(batch, tuple) and len(batch) == 1


@pytest.mark.parametrize("changes", [{"seed": 1}, {"epoch": 1}])
def test_seed_and_epoch_change_the_batches(changes):
    dataset = make(changes.get("seed", 0))
    dataset.epoch = changes.get("epoch", 0)
    assert not same(make(), dataset)


def test_epoch_can_be_set_to_resume():
    straight, resumed = make(), make()
    for _ in range(3):
        end_epoch(straight)
    resumed.epoch = 3
    assert same(straight, resumed)


def test_batches_do_not_depend_on_the_order_they_are_made_in():
    forwards, backwards = make(), make()
    reverse = [backwards[i] for i in (2, 1, 0)]
    assert same(forwards, reverse[::-1])


def test_an_epoch_that_was_cut_short_is_not_counted():
    dataset = make()
    dataset[2]
    dataset.on_epoch_end()
    assert dataset.epoch == 0


@pytest.mark.parametrize(
    "arguments,name",
    [
        ({"x": GREYS * 255}, "x"),
        ({"x": np.float32(0.5)}, "x"),
        ({"y": LABELS[:4]}, "y"),
        ({"batch_size": 0}, "batch_size"),
        ({"seed": None}, "seed"),
    ],
)
def test_bad_argument_is_named(arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: "):
        DynamicBinarization(**{"x": GREYS, "y": LABELS, **arguments})
