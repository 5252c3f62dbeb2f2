"""A first batch of every kind of data, with nothing of it consumed."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.models.first_batch import first_batch, spread

X = np.arange(20, dtype="float32").reshape(20, 1)
Y = np.arange(20)


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return X[4 * index : 4 * index + 4], Y[4 * index : 4 * index + 4]


class Loader:
    def __iter__(self):
        return ([X[i : i + 4], Y[i : i + 4]] for i in range(0, 20, 4))


def test_arrays_are_looked_at_all_over():
    images, labels = spread(X, Y, 4)
    np.testing.assert_array_equal(images[:, 0], [0, 5, 10, 15])
    np.testing.assert_array_equal(labels, [0, 5, 10, 15])


@pytest.mark.parametrize("x", [ops.convert_to_tensor(X), X.astype("float64")])
def test_one_array_without_labels(x):
    (images,) = spread(x, None, 32)
    assert isinstance(images, np.ndarray)
    np.testing.assert_array_equal(images, X)


def test_a_pair_of_arrays_stays_one():
    ((images, labels),) = spread((X, Y), None, 4)
    assert len(images) == len(labels) == 4


@pytest.mark.parametrize("kind", [Batches, Loader])
def test_batches_that_can_be_read_again(kind):
    given = kind()
    x, (images, labels) = first_batch(given)
    assert x is given
    np.testing.assert_array_equal(images, X[:4])
    np.testing.assert_array_equal(labels, Y[:4])


def test_a_generator_gives_its_first_batch_again():
    x, (images, _) = first_batch(iter(Loader()))
    np.testing.assert_array_equal(images, X[:4])
    np.testing.assert_array_equal(np.concatenate([b[0] for b in x]), X)


def test_an_empty_generator_is_left_to_keras():
    _, batch = first_batch(b for b in ())
    assert batch is None


def test_a_generator_of_bare_images_gives_tuples():
    x, batch = first_batch(X[i : i + 4] for i in range(0, 20, 4))
    np.testing.assert_array_equal(batch, X[:4])
    np.testing.assert_array_equal(np.concatenate([b for (b,) in x]), X)


@pytest.mark.parametrize("has_own_generator", [False, True])
def test_a_look_at_a_loader_leaves_its_order(has_own_generator):
    import torch

    own = torch.Generator().manual_seed(3) if has_own_generator else None
    loader = torch.utils.data.DataLoader(X, 4, shuffle=True, generator=own)
    orders = []
    for look in (lambda x: (x, None), first_batch):
        # Without a generator of its own it takes the backend's.
        torch.manual_seed(3)
        if own is not None:
            own.manual_seed(3)
        stream, _ = look(loader)
        orders.append(np.concatenate([np.ravel(batch) for batch in stream]))
    if has_own_generator or keras.backend.backend() == "torch":
        np.testing.assert_array_equal(*orders)
    assert sorted(orders[1]) == list(range(20))
