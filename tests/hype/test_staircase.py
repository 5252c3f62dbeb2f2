"""Where staircases come to rest, by their balance and by simulated observers."""

import numpy as np
import pytest

from keras_genmod.hype import Staircase

pytestmark = pytest.mark.any_backend

# Share of right answers at which steps down and up balance.
BALANCE = {"weighted": 0.75, "three_up": 0.25 ** (1 / 3), "literal": 0.25}


def staircase(rule="weighted", unit="ms", start=500.0, low=100.0, high=1000.0):
    return Staircase(rule, unit, start, low, high)


@pytest.mark.parametrize("rule", BALANCE)
@pytest.mark.parametrize("unit", ["ms", "frames"])
def test_a_rule_stands_still_at_its_share_of_right_answers(rule, unit):
    rng, drifts = np.random.default_rng(0), []
    for share in (BALANCE[rule] - 0.1, BALANCE[rule], BALANCE[rule] + 0.1):
        right = rng.random(20_000) < share
        walk = staircase(rule, unit, 1e9, 1.0, 2e9).exposures(right, [10.0] * 20_000)
        drifts.append((walk[-1] - walk[0]) / 20_000)
    assert drifts[0] > 0.7 > abs(drifts[1]) < 0.4 and drifts[2] < -0.7


def test_steps_by_hand():
    answers, frames = [True, True, False, True], [20.0] * 4
    assert staircase().exposures(answers, frames) == [500, 490, 480, 510, 500]
    assert staircase("literal").exposures(answers, frames) == [500, 470, 440, 450, 420]
    in_frames = staircase(unit="frames").exposures(answers, frames)
    assert in_frames == [500, 480, 460, 520, 500]
    three = staircase("three_up").exposures([True] * 7 + [False, True], [1.0] * 9)
    assert three == [500, 500, 500, 470, 470, 470, 440, 440, 450, 450]


def test_exposures_stay_within_their_limits():
    down = staircase().exposures([True] * 60, [10.0] * 60)
    up = staircase().exposures([False] * 60, [10.0] * 60)
    assert min(down) == down[-1] == 100 and max(up) == up[-1] == 1000
    assert staircase().exposures([True] * 60 + [False], [10.0] * 61)[-1] == 130
