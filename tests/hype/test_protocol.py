"""What a protocol keeps, fills in and refuses."""

import inspect

import pytest

from keras_genmod.hype import StudyProtocol
from recipes import hype_study

pytestmark = pytest.mark.any_backend


def test_the_papers_numbers_are_the_defaults():
    time, infinity = StudyProtocol.of("time"), StudyProtocol.of("infinity")
    assert (time.num_blocks, time.num_trials) == (3, 150)
    assert (time.start_ms, time.min_ms, time.max_ms) == (500, 100, 1000)
    assert (time.countdown_ms, time.num_masks, time.mask_ms) == (500, 4, 30)
    assert time.rule == "weighted" and infinity.rule is None
    assert (infinity.num_blocks, infinity.num_trials) == (1, 100)
    assert (infinity.qualification_trials, infinity.qualification_share) == (100, 0.65)


@pytest.mark.parametrize(
    "variant, num_trials", [("infinity", 100), ("pairwise", 100), ("time", 150)]
)
def test_the_recipe_has_the_papers_numbers_unless_others_are_given(variant, num_trials):
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(hype_study.main).parameters.items()
        if name in ("num_trials", "qualification_trials")
    }
    protocol = hype_study.make_protocol(variant, **defaults)
    assert protocol == StudyProtocol.of(variant)
    assert protocol.num_trials == num_trials
    changed = hype_study.make_protocol(variant, **{**defaults, "num_trials": 4})
    assert changed.num_trials == 4


@pytest.mark.parametrize("variant", ["infinity", "pairwise", "time"])
def test_text_keeps_all_of_it(variant):
    protocol = StudyProtocol.of(variant, image_shape=(8, 8, 1), num_real=9)
    assert StudyProtocol.from_json(protocol.to_json()) == protocol
    assert f"variant={variant}" in str(protocol) and "None" not in str(protocol)


@pytest.mark.parametrize(
    "variant, name, value",
    [
        ("infinity", "num_trials", 3),
        ("infinity", "num_trials", 0),
        ("infinity", "num_blocks", 0),
        ("infinity", "qualification_trials", 7),
        ("infinity", "qualification_share", 1.5),
        ("infinity", "display_px", 2),
        ("infinity", "feedback", "yes"),
        ("infinity", "rule", "weighted"),
        ("pairwise", "start_ms", 500.0),
        ("time", "rule", "3-up"),
        ("time", "rule", None),
        ("time", "step_unit", "s"),
        ("time", "masks", "noise"),
        ("time", "num_masks", -1),
        ("time", "mask_ms", 0.0),
        ("time", "max_ms", 1e6),
        ("time", "start_ms", 50.0),
    ],
)
def test_bad_arguments_are_named(variant, name, value):
    with pytest.raises(ValueError, match=f"`{name}` must .*{name}={value!r}"):
        StudyProtocol.of(variant, **{name: value})


def test_unknown_variants_and_names_are_refused():
    with pytest.raises(ValueError, match="`variant` must be one of"):
        StudyProtocol.of("hype")
    with pytest.raises(ValueError, match="`changes` must be one of"):
        StudyProtocol.of("time", speed=2)
    with pytest.raises(ValueError, match="`variant` must be 'time' for a staircase"):
        _ = StudyProtocol.of("infinity").staircase
