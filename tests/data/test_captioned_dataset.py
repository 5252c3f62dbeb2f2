"""Each image comes with one of its own captions, another one in other epochs."""

import numpy as np
import pytest

from keras_genmod.data import CaptionedDataset

pytestmark = pytest.mark.any_backend

IMAGES = np.arange(10.0)[:, None]
CAPTIONS = 100 * np.arange(10)[:, None, None] + np.arange(3)[:, None] + [0, 10]


def dataset(**kwargs):
    return CaptionedDataset(IMAGES, CAPTIONS, **{"batch_size": 4, "seed": 3, **kwargs})


def epoch_of(batches):
    return [np.concatenate(side) for side in zip(*batches, strict=True)]


def test_captions_are_those_of_their_images_and_drawn_evenly():
    batches, drawn = dataset(), []
    for _ in range(60):
        images, captions = epoch_of(batches)
        assert sorted(images[:, 0]) == list(range(10))
        np.testing.assert_array_equal(captions[:, 0] // 100, images[:, 0])
        np.testing.assert_array_equal(captions[:, 1] - captions[:, 0], 10)
        drawn.append(captions[np.argsort(images[:, 0]), 0] % 10)
        batches.on_epoch_end()
    assert [len(x) for x, _ in batches] == [4, 4, 2]
    counts = np.bincount(np.ravel(drawn))
    assert np.abs(counts - 200).max() < 4.5 * 200**0.5
    assert np.all(np.ptp(drawn, axis=0) > 0) and np.all(np.ptp(drawn, axis=1) > 0)


def test_draws_are_functions_of_seed_and_epoch():
    batches = dataset()
    first = epoch_of(batches)
    batches.on_epoch_end()
    assert np.any(epoch_of(batches)[1] != first[1])
    batches.epoch = 0
    np.testing.assert_array_equal(batches[1][1], first[1][4:8])
    assert np.any(epoch_of(dataset(seed=4))[1] != first[1])


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"captions": CAPTIONS[:9]}, r"`captions` must have shape \(10, captions"),
        ({"captions": CAPTIONS[:, 0]}, r"`captions` must have shape \(10, captions"),
        ({"captions": CAPTIONS[:, :0]}, r"`captions` must have shape \(10, captions"),
        ({"images": IMAGES[:0]}, "`images` must hold at least one"),
        ({"batch_size": 0}, "`batch_size` must"),
    ],
)
def test_bad_argument_is_named(arguments, message):
    good = {"images": IMAGES, "captions": CAPTIONS, "batch_size": 4}
    with pytest.raises(ValueError, match=message) as caught:
        CaptionedDataset(**{**good, **arguments})
    assert "Received: " in str(caught.value)
