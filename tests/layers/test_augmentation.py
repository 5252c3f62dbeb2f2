"""Augmentations: identity where nothing happens, grey, gradients, probabilities."""

import colorsys

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.layers import AdaptiveAugment, DiffAugment, augmentation_ops
from tests.autodiff import gradient

RNG = np.random.default_rng(0)
IMAGES = RNG.random((6, 8, 8, 3), dtype="float32")


def run(layer, x, training=True):
    return ops.convert_to_numpy(layer(ops.convert_to_tensor(x), training=training))


@pytest.mark.every_backend
def test_nothing_happens_with_probability_zero_or_outside_of_training():
    for x in (IMAGES, IMAGES[:, :6, :, :1]):
        np.testing.assert_array_equal(run(AdaptiveAugment(seed=0), x), x)
        for layer in (AdaptiveAugment(probability=1.0), DiffAugment()):
            np.testing.assert_array_equal(run(layer, x, training=False), x)


@pytest.mark.parametrize("name", ["color", "translation", "cutout"])
def test_each_image_is_changed_in_its_own_way_and_anew(name):
    layer = DiffAugment([name], seed=0)
    same = np.repeat(IMAGES[:1], 16, axis=0)
    first, second = run(layer, same), run(layer, same)
    assert len(np.unique(first, axis=0)) > 4
    assert np.any(first != second)


def test_grey_images_stay_grey_and_moves_bring_grey_in():
    # On [0, 1] the paper's zeros are 0.5: zero padding would be black.
    grey = np.full_like(IMAGES, 0.5)
    np.testing.assert_array_equal(
        run(DiffAugment(("translation", "cutout")), grey), 0.5
    )


def test_colours_have_the_ranges_of_the_paper():
    x = np.repeat(IMAGES[:1], 2_000, axis=0)
    changed = run(DiffAugment(("color",), seed=0), x)
    brightness = (changed - x).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(brightness.std(), 0.5 / 12**0.5, rtol=0.05)
    assert np.abs(brightness).max() <= 0.2501
    # Contrast alone scales the channels' means; saturation their differences, too.
    means = changed.mean(axis=-1, keepdims=True) - brightness[:, None, None, None]
    centred = x.mean(axis=-1, keepdims=True) - x.mean()
    contrast = (means - x.mean()).std(axis=(1, 2, 3)) / centred.std(axis=(1, 2, 3))
    np.testing.assert_allclose(contrast.min(), 0.5, atol=0.01)
    np.testing.assert_allclose(contrast.max(), 1.5, atol=0.01)
    chroma = changed - changed.mean(axis=-1, keepdims=True)
    factor = chroma.std(axis=(1, 2, 3)) / (x - x.mean(-1, keepdims=True))[0].std()
    saturation = factor / contrast
    np.testing.assert_allclose(saturation.mean(), 1.0, atol=0.05)
    np.testing.assert_allclose(saturation.max(), 2.0, atol=0.02)


def test_images_move_up_to_an_eighth_and_half_of_the_sides_is_cut_out():
    marked = np.full((400, 16, 8, 1), 0.5, "float32")
    marked[:, 8, 4] = 1.0
    moved = run(DiffAugment(("translation",), seed=0), marked)
    places = np.argwhere(moved[..., 0] == 1.0)
    assert set(places[:, 1] - 8) == set(range(-2, 3))
    assert set(places[:, 2] - 4) == {-1, 0, 1}
    cut = run(DiffAugment(("cutout",), seed=0), np.ones((400, 8, 8, 1), "float32"))
    areas = (cut == 0.5).sum(axis=(1, 2, 3))
    assert areas.max() == 16 and areas.min() == 4 and set(np.unique(cut)) == {0.5, 1.0}


def test_shift_moves_down_and_right():
    down, right = np.array([1, -2], "int32"), np.array([0, 1], "int32")
    found = augmentation_ops.shifted(*map(ops.array, (IMAGES[:2], down, right)), (2, 1))
    found = ops.convert_to_numpy(found)
    np.testing.assert_array_equal(found[0, 1:], IMAGES[0, :-1])
    np.testing.assert_array_equal(found[1, :-2, 1:], IMAGES[1, 2:, :-1])
    assert np.all(found[0, 0] == 0.5) and np.all(found[1, :, 0] == 0.5)


def test_warp_by_whole_turns_equals_numpy_and_mirrors_borders():
    angles = np.pi / 2 * np.arange(6)
    matrix = np.array(
        [[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]]
    )
    matrix = matrix.transpose(2, 0, 1).astype("float32")
    offset = np.zeros((6, 2), "float32")
    found = ops.convert_to_numpy(
        augmentation_ops.affinely_warped(*map(ops.array, (IMAGES, matrix, offset)))
    )
    for i in range(6):
        expected = np.rot90(IMAGES[i], i, axes=(0, 1))
        back = np.rot90(IMAGES[i], -i, axes=(0, 1))
        either = [np.abs(found[i] - e).max() for e in (expected, back)]
        assert min(either) < 1e-4
    still = np.tile(np.eye(2, dtype="float32"), (6, 1, 1))
    offset[:] = [1.0, -2.0]
    found = ops.convert_to_numpy(
        augmentation_ops.affinely_warped(*map(ops.array, (IMAGES, still, offset)))
    )
    padded = np.pad(IMAGES, ((0, 0), (0, 1), (2, 0), (0, 0)), mode="reflect")
    np.testing.assert_allclose(found, padded[:, 1:, :8], atol=1e-5)


def test_hue_turns_about_grey():
    third = ops.full((6, 1, 1, 1), 2 * np.pi / 3)
    found = ops.convert_to_numpy(augmentation_ops.hue_rotated(ops.array(IMAGES), third))
    red = np.broadcast_to(np.float32([1, 0, 0]), (6, 1, 1, 3))
    turned = ops.convert_to_numpy(augmentation_ops.hue_rotated(ops.array(red), third))[
        0, 0, 0
    ]
    hue = colorsys.rgb_to_hsv(*turned)[0]
    assert min(abs(hue - 1 / 3), abs(hue - 2 / 3)) < 1e-3
    np.testing.assert_allclose(found.mean(-1), IMAGES.mean(-1), atol=1e-5)
    distance = (found - found.mean(-1, keepdims=True)) ** 2
    expected = (IMAGES - IMAGES.mean(-1, keepdims=True)) ** 2
    np.testing.assert_allclose(distance.sum(-1), expected.sum(-1), atol=1e-4)


def test_luma_flips_at_grey_and_keeps_differences_of_channels():
    found = ops.convert_to_numpy(augmentation_ops.luma_flipped(ops.array(IMAGES)))
    np.testing.assert_allclose(found.mean(-1), 1.0 - IMAGES.mean(-1), atol=1e-5)
    np.testing.assert_allclose(np.diff(found), np.diff(IMAGES), atol=1e-5)


@pytest.mark.every_backend
@pytest.mark.parametrize("kind", [DiffAugment, AdaptiveAugment])
def test_gradient_is_that_of_finite_differences(kind, rng):
    # The same draws each time: a layer of a seed for each call
    arguments = {} if kind is DiffAugment else {"probability": 0.7}
    weights = rng.standard_normal((2, 8, 8, 3)).astype("float32")

    def total(x):
        changed = kind(seed=3, **arguments)(x, training=True)
        return ops.sum(ops.multiply(changed, weights))

    x = IMAGES[:2]
    found = gradient(total, x)
    assert np.abs(found).max() > 0
    for _ in range(3):
        way = rng.standard_normal(x.shape).astype("float32")
        up, down = (
            float(ops.convert_to_numpy(total(ops.convert_to_tensor(x + h * way))))
            for h in (0.01, -0.01)
        )
        np.testing.assert_allclose((up - down) / 0.02, (found * way).sum(), rtol=0.02)


def test_changes_happen_with_their_probability():
    layer = AdaptiveAugment(probability=0.3, seed=0)
    x = np.full((4_000, 2, 2, 1), 0.7, "float32")
    # Moves show nothing: brightness, contrast and luma do.
    changed = np.mean(np.any(np.abs(run(layer, x) - x) > 1e-5, axis=(1, 2, 3)))
    np.testing.assert_allclose(changed, 1 - 0.7**3, atol=0.03)


def test_probability_after_many_signs_is_that_of_the_formula():
    layer = AdaptiveAugment(num_images=1_000, interval=4)
    sure, unsure = np.full((10, 1), 2.0), np.full((10, 1), -1.0)
    trajectory = []
    for scores in [sure] * 12 + [unsure] * 4:
        layer.adapt_to(ops.convert_to_tensor(scores.astype("float32")))
        trajectory.append(float(ops.convert_to_numpy(layer.probability.value)))
    expected = [0.0] * 3 + [0.04] * 4 + [0.08] * 4 + [0.12] * 4 + [0.08]
    np.testing.assert_allclose(trajectory, expected, atol=1e-6)


def test_probability_stays_in_its_range_and_waits_at_the_target():
    layer = AdaptiveAugment(num_images=10, interval=1, target=0.5)
    scores = np.array([1.0, 1.0, 1.0, -1.0], "float32")  # the mean sign is 0.5
    layer.adapt_to(ops.convert_to_tensor(scores))
    assert float(ops.convert_to_numpy(layer.probability.value)) == 0.0
    for _ in range(9):
        layer.adapt_to(ops.ones((4, 2, 2, 1)))
    assert float(ops.convert_to_numpy(layer.probability.value)) == 1.0


def test_a_policy_is_spelled_with_commas_too():
    x = np.random.default_rng(0).random((6, 8, 8, 3)).astype("float32")
    layers = [
        DiffAugment(policy, seed=0)
        for policy in (("cutout", "color"), "cutout,color", "cutout, color")
    ]
    expected, *found = (run(layer, x) for layer in layers)
    for images in found:
        np.testing.assert_array_equal(images, expected)
    assert run(DiffAugment("color", seed=0), x).shape == x.shape
    assert layers[1].get_config() == {**layers[0].get_config(), "name": layers[1].name}
    for policy in ("", "color,", "color;cutout", "colour", ("color,cutout",)):
        with pytest.raises(ValueError, match="`policy` must .*commas.*Received"):
            DiffAugment(policy)


@pytest.mark.parametrize(
    "layer",
    [DiffAugment(("cutout",), 1, name="a"), AdaptiveAugment(0.5, 10, 2, 0.1, 3)],
)
def test_config_round_trip(layer):
    config = keras.saving.serialize_keras_object(layer)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
