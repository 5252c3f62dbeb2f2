"""PSNR and SSIM against closed forms and against windows taken one by one."""

import math

import numpy as np
import pytest

from keras_genmod.metrics import (
    Protocol,
    peak_signal_to_noise_ratio,
    structural_similarity,
)

pytestmark = pytest.mark.any_backend

RNG = np.random.default_rng(0)
COLOURS = RNG.random((2, 16, 18, 3))
OTHERS = np.clip(COLOURS + 0.1 * RNG.normal(size=COLOURS.shape), 0, 1)
C1, C2 = 1e-4, 9e-4


def full(value, channels=3, side=12):
    return np.full((1, side, side, channels), value)


@pytest.mark.parametrize("channels,share", [(1, 1.0), (3, 219 / 255), (2, 1.0)])
def test_psnr_of_constant_images(channels, share):
    # Grey g has luma 16 + 219 g of 255.
    score = peak_signal_to_noise_ratio(full(0.5, channels), full(0.4, channels))
    assert score.value == pytest.approx(-20 * math.log10(0.1 * share))


@pytest.mark.parametrize(
    "channel,weight", [(0, 65.481), (1, 128.553), (2, 24.966)], ids="RGB"
)
def test_psnr_weighs_colours_as_bt_601(channel, weight):
    made = full(0.5)
    made[..., channel] += 0.2
    score = peak_signal_to_noise_ratio(full(0.5), made)
    assert score.value == pytest.approx(-20 * math.log10(0.2 * weight / 255))
    plain = peak_signal_to_noise_ratio(full(0.5), made, luma=False)
    assert plain.value == pytest.approx(-10 * math.log10(0.04 / 3))


def test_psnr_is_the_mean_over_images_of_decibels():
    real, made = (np.concatenate([full(a), full(b)]) for a, b in ((0, 0), (0.1, 0.01)))
    score = peak_signal_to_noise_ratio(real, made, luma=False)
    assert score.value == pytest.approx(30.0)  # of 20 and 40
    assert score.standard_error == pytest.approx(10.0)


def test_the_border_does_not_count():
    made = COLOURS.copy()
    for side in (made[:, :2], made[:, -2:], made[:, :, :2], made[:, :, -2:]):
        side[...] = 1 - side
    assert peak_signal_to_noise_ratio(COLOURS, made, border=2).value == math.inf
    assert structural_similarity(COLOURS, made, border=2).value == pytest.approx(1.0)
    assert peak_signal_to_noise_ratio(COLOURS, made, border=1).value < 30


def test_ssim_of_constant_images_is_of_their_means():
    score = structural_similarity(full(0.2, 1), full(0.6, 1))
    expected = (2 * 0.2 * 0.6 + C1) / (0.2**2 + 0.6**2 + C1)
    assert score.value == pytest.approx(expected)


def one_by_one(real, made):
    """Returns SSIM of planes in the words of the paper: a window at each place."""
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / 4.5)
    window /= window.sum()
    values = []
    for i in range(real.shape[0] - 10):
        for j in range(real.shape[1] - 10):
            a, b = (x[i : i + 11, j : j + 11] for x in (real, made))
            m1, m2 = (window * a).sum(), (window * b).sum()
            v1, v2 = (window * (a - m1) ** 2).sum(), (window * (b - m2) ** 2).sum()
            c = (window * (a - m1) * (b - m2)).sum()
            values.append(
                (2 * m1 * m2 + C1)
                * (2 * c + C2)
                / ((m1**2 + m2**2 + C1) * (v1 + v2 + C2))
            )
    return np.mean(values)


def test_ssim_is_that_of_windows_one_by_one():
    plain = [
        one_by_one(COLOURS[i, ..., c], OTHERS[i, ..., c])
        for i in range(2)
        for c in range(3)
    ]
    score = structural_similarity(COLOURS, OTHERS, luma=False)
    assert score.value == pytest.approx(np.mean(plain), rel=1e-9)
    lumas = [(16 + x @ [65.481, 128.553, 24.966]) / 255 for x in (COLOURS, OTHERS)]
    expected = np.mean([one_by_one(*pair) for pair in zip(*lumas, strict=True)])
    assert structural_similarity(COLOURS, OTHERS).value == pytest.approx(expected)


def test_numbers_of_other_channels_or_borders_do_not_compare():
    source = Protocol(split="test")
    score = peak_signal_to_noise_ratio(COLOURS, OTHERS, 2, protocol=source)
    assert score.protocol.split == "test" and "luma BT.601" in str(score)
    for others in ({"border": 0}, {"border": 2, "luma": False}):
        with pytest.raises(ValueError, match="border:|channel:"):
            score - peak_signal_to_noise_ratio(
                COLOURS, OTHERS, protocol=source, **others
            )


@pytest.mark.parametrize("metric", [peak_signal_to_noise_ratio, structural_similarity])
@pytest.mark.parametrize(
    "arguments,message",
    [
        ((COLOURS, OTHERS[:1]), "`made` must have the shape of `real`"),
        ((COLOURS[0], OTHERS[0]), "`real` must have the shape"),
        ((255 * COLOURS, OTHERS), r"`real` must lie in \[0, 1\]"),
        ((COLOURS, OTHERS, 8), "`border` must leave pixels"),
        ((COLOURS, OTHERS, -1), "`border` must be a non-negative int"),
        ((COLOURS, OTHERS, 0, "y"), "`luma` must be"),
    ],
)
def test_bad_images_are_named(metric, arguments, message):
    with pytest.raises(ValueError, match=message):
        metric(*arguments)


def test_ssim_needs_its_window():
    with pytest.raises(ValueError, match="`real` must have sides of at least 11"):
        structural_similarity(COLOURS, OTHERS, border=3)
