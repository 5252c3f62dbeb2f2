"""The table of made answers says what observers are, and what a study found."""

import pytest

from benchmarks import human_judgement
from keras_genmod import hype

pytestmark = pytest.mark.any_backend


@pytest.mark.parametrize(
    ("variant", "observer", "made", "expected"),
    [
        ("infinity", hype.Observer(share_right=1.0), "100% right", "0.0%"),
        ("infinity", hype.Observer(share_right=0.0), "0% right", "100.0%"),
        ("time", hype.Observer(threshold_ms=350), "75% at 350 ms", "350.0 ms"),
    ],
)
def test_a_row_is_of_observers_of_one_kind(variant, observer, made, expected, tmp_path):
    protocol = hype.StudyProtocol.of(
        variant, num_trials=6, num_blocks=1, qualification_trials=4
    )
    (name, *cells), trials = human_judgement.row(protocol, observer, 3, tmp_path)
    assert name == f"HYPE-{variant}" and cells[:2] == [made, expected]
    if variant == "infinity":  # who is always right or wrong leaves nothing to chance
        assert cells[2:4] == [expected, f"{expected} to {expected}"]
    assert cells[-1] == "3" and trials == 3 * (6 + 4)
