"""Progressive networks at the paper's widths: their parameters, by hand."""

import numpy as np
import pytest

from keras_genmod import networks

pytestmark = pytest.mark.any_backend

# By the side: widths of levels from 4x4 on, and parameters of both networks.
SIZES = {
    64: ([512, 512, 512, 512, 256], 22_498_063, 22_498_049),
    256: ([512, 512, 512, 512, 256, 128, 64], 23_051_989, 23_052_353),
}


def count(network):
    return sum(int(np.prod(w.shape)) for w in network.weights)


def convolution(inputs, outputs, size=3):
    return size**2 * inputs * outputs + outputs


@pytest.mark.parametrize("side", SIZES)
def test_generator_has_the_parameters_of_its_layers(side):
    widths, pinned, _ = SIZES[side]
    expected = 512 * 16 * 512 + 16 * 512 + convolution(512, 512)  # dense, 4x4
    for before, now in zip(widths, widths[1:], strict=False):
        expected += convolution(before, now) + convolution(now, now)
    expected += sum(convolution(width, 3, 1) for width in widths)  # colours
    generator = networks.ProgressiveGenerator((side, side, 3))
    assert count(generator) == expected == pinned


@pytest.mark.parametrize("side", SIZES)
def test_critic_has_the_parameters_of_its_layers(side):
    widths, _, pinned = SIZES[side]
    expected = sum(convolution(3, width, 1) for width in widths)
    for after, now in zip(widths, widths[1:], strict=False):
        expected += convolution(now, now) + convolution(now, after)
    expected += convolution(512 + 1, 512)  # with the map of deviations
    expected += 16 * 512 * 512 + 512 + 512 + 1  # dense layers
    critic = networks.ProgressiveCritic((side, side, 3))
    assert count(critic) == expected == pinned
