"""Scores, their intervals and what they refuse, by hand and against the paper."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from keras_genmod.hype import (
    HumanRealism,
    StudyProtocol,
    Trial,
    bootstrap,
    modal_exposure,
    rank,
    score,
    separation,
)

pytestmark = pytest.mark.any_backend
INFINITY = StudyProtocol.of("infinity", num_trials=4, qualification_trials=0)
TIME = StudyProtocol.of("time", num_trials=4, num_blocks=2, qualification_trials=0)


def trial(evaluator=1, block=0, position=0, kind="real", correct=True, **changes):
    defaults = {"model": "a", "stage": "judgement", "attempt": 0, "image": ""}
    return Trial(
        evaluator=evaluator,
        block=block,
        position=position,
        kind=kind,
        correct=correct,
        **{**defaults, **changes},
    )


def evaluators_of(mean, deviation_of_mean, num=30):
    """Returns made values whose mean varies so much over evaluators drawn anew."""
    z = stats.norm.ppf((np.arange(num) + 0.5) / num)
    return mean + z / z.std() * deviation_of_mean * np.sqrt(num)


def realism(model="a", values=(0.2, 0.4), protocol=INFINITY):
    return HumanRealism(
        model=model,
        protocol=protocol,
        value=float(np.mean(values)),
        standard_deviation=0.1,
        interval=(0.1, 0.5),
        evaluator_values=tuple(values),
    )


@pytest.mark.parametrize(
    "mean, deviation, low, high",
    # StyleGAN with truncation on FFHQ, in the paper's tables 1 and 2.
    [(363.2, 32.1, 300.0, 424.3), (0.276, 0.0242, 0.229, 0.324)],
)
def test_thirty_evaluators_give_the_intervals_of_the_paper(mean, deviation, low, high):
    values = evaluators_of(mean, deviation)
    assert values.mean() == pytest.approx(mean)
    found, interval = bootstrap(values, seed=1)
    assert found == pytest.approx(deviation, rel=0.02)
    assert interval == pytest.approx((low, high), abs=0.1 * deviation)


def test_a_bootstrap_draws_as_many_evaluators_as_there_are():
    # With two values the means are 0, 1/2, 1 with shares 1/4, 1/2, 1/4.
    deviation, interval = bootstrap([0.0, 1.0], num_resamples=20_000)
    assert deviation == pytest.approx(np.sqrt(1 / 8), rel=0.02)
    assert interval == (0.0, 1.0)
    assert bootstrap([0.0, 1.0], 500, seed=5) == bootstrap([0.0, 1.0], 500, seed=5)
    with pytest.raises(ValueError, match="`values` must be of two evaluators"):
        bootstrap([0.3])


def test_the_error_is_over_all_images_and_over_each_kind():
    trials = [
        trial(1, position=0, kind="real", correct=False),
        trial(1, position=1, kind="real"),
        trial(1, position=2, kind="fake", correct=False),
        trial(1, position=3, kind="fake", correct=False),
        *(trial(2, position=p, kind=k) for p, k in enumerate(["real", "fake"] * 2)),
        trial(3, position=0),  # has not finished
        trial(1, stage="qualification", model=None, correct=False),
    ]
    (result,) = score(INFINITY, trials).values()
    assert result.evaluator_values == (0.75, 0.0)
    assert result.value == 0.375 and float(result) == 0.375
    assert (result.error_on_real, result.error_on_fake) == (0.25, 0.5)
    assert result.num_incomplete == 1 and result.last_half_ms is None
    assert "a: 37.5% (standard deviation" in str(result)


def test_an_interval_takes_two_evaluators():
    trials = [trial(1, position=p, kind=("real", "fake")[p % 2]) for p in range(4)]
    (result,) = score(INFINITY, trials).values()
    assert result.standard_deviation is result.interval is None
    assert score(INFINITY, trials[:3]) == {}


def test_a_threshold_is_the_mean_of_the_blocks_modes_as_shown():
    def block(number, shown):
        times = {"frame_ms": 100 / 6, "asked_ms": 500.0}
        return [
            trial(
                block=number,
                position=p,
                kind=("real", "fake")[p % 2],
                shown_ms=ms,
                **times,
            )
            for p, ms in enumerate(shown)
        ]

    trials = [*block(0, [200, 300.2, 299.8, 400]), *block(1, [500, 500, 600, 600])]
    bad = trial(shown_ms=900.0, frame_ms=100 / 6, correct=None, discarded="dropped")
    (result,) = score(TIME, [*trials, bad]).values()
    assert result.value == pytest.approx((300 + 500) / 2)  # of two modes the smaller
    assert result.last_half_ms == pytest.approx((349.9 + 600) / 2)
    assert result.num_discarded == 1 and "400.0 ms" in str(result)


def test_exposures_of_the_same_frames_count_as_the_same():
    assert modal_exposure([483.2, 483.4, 500.0, 516.7], [16.67] * 4) == (
        pytest.approx(483.3)
    )


def test_scores_compare_and_rank_under_one_protocol():
    low, high = realism("low", (0.1, 0.2)), realism("high", (0.3, 0.4))
    assert low < high and high > low and high - low == pytest.approx(0.2)
    assert [s.model for s in rank([low, high])] == ["high", "low"]


@pytest.mark.parametrize(
    "change",
    [
        {"rule": "literal"},
        {"rule": "three_up"},
        {"step_unit": "frames"},
        {"feedback": False},
        {"mask_ms": 50.0},
        {"real_sha256": "other"},
    ],
)
def test_scores_of_other_rules_refuse_to_be_ranked(change):
    (name,) = change
    one = realism(protocol=TIME)
    other = realism("b", protocol=dataclasses.replace(TIME, **change))
    for compare in (
        lambda: rank([one, other]),
        lambda: separation([one, other]),
        lambda: one < other,
        lambda: one - other,
    ):
        with pytest.raises(ValueError, match=f"same protocol.* {name}: "):
            compare()


def test_separation_is_a_t_test_of_two_and_tukeys_of_more(rng):
    groups = [rng.normal(mean, 1, 12) for mean in (0, 0.2, 2)]
    scores = [
        realism(n, tuple(values)) for n, values in zip("abc", groups, strict=True)
    ]
    two = separation(scores[:2])
    assert two.test == "unpaired t"
    assert two.p_value == pytest.approx(stats.ttest_ind(*groups[:2]).pvalue)
    assert two.pairs == {("a", "b"): two.p_value}
    three = separation(scores)
    assert three.test == "one-way ANOVA"
    assert three.p_value == pytest.approx(stats.f_oneway(*groups).pvalue)
    assert three.pairs[("a", "c")] < 0.01 < three.pairs[("a", "b")]
    with pytest.raises(ValueError, match="two evaluators or more"):
        separation([scores[0], realism("d", (0.5,))])


@pytest.mark.parametrize(
    "groups, p_values",
    [
        ([(0.2, 0.2), (0.2, 0.2, 0.2)], [1.0]),
        ([(0.0, 0.0), (0.5, 0.5)], [None]),
        ([(0.1 + 0.2,) * 2, (0.3, 0.1 + 0.2)], [1.0]),
        ([(0.0, 0.0)] * 3, [1.0, 1.0, 1.0]),
        ([(0.2, 0.2), (0.2, 0.2), (0.5, 0.5)], [1.0, None, None]),
    ],
)
def test_evaluators_who_agree_leave_no_spread_to_test_against(groups, p_values):
    found = separation(
        [realism(n, group) for n, group in zip("abc", groups, strict=False)]
    )
    assert list(found.pairs.values()) == p_values
    whole = (None, None) if None in p_values else (0.0, 1.0)
    assert (found.statistic, found.p_value) == whole


@pytest.mark.parametrize("num", [2, 3])
def test_one_model_may_have_evaluators_who_agree(num):
    groups = [(0.2, 0.2, 0.2), (0.4, 0.5, 0.7), (0.1, 0.9)][:num]
    found = separation(
        [realism(n, group) for n, group in zip("abc", groups, strict=False)]
    )
    assert 0 < found.p_value < 1 and all(0 < p < 1 for p in found.pairs.values())


def test_other_things_are_no_scores():
    with pytest.raises(ValueError, match="`scores` must be HumanRealisms"):
        rank([0.5])
    with pytest.raises(TypeError):
        realism() - 0.5
    with pytest.raises(TypeError):
        assert realism() < 1
    with pytest.raises(TypeError):
        assert realism() > 1
