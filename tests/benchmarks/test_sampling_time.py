"""The benchmark of sampling leaves out what does not fit into memory."""

import functools
import json

import pytest

from benchmarks import sampling_models, sampling_time
from keras_genmod import PixelCNN

CASES = {(case.name, case.num_levels): case for case in sampling_models.CASES}


def gigabytes(name, num_levels, num_images):
    model = CASES[name, num_levels].make()
    return sampling_time.gigabytes_of_pass(model, num_images)


def test_memory_of_a_pass_is_that_of_logits_or_of_attention():
    logits = 256 * 32 * 32 * 3 * 256 * 4 / 1e9
    assert gigabytes("PixelCNN", 256, 256) == pytest.approx(3 * logits)
    attention = 256 * 4 * (32 * 32 * 3) ** 2 * 4 / 1e9
    assert gigabytes("CausalTransformer", 256, 256) == pytest.approx(3 * attention)


def test_a_pass_that_does_not_fit_is_not_tried():
    small = functools.partial(PixelCNN, filters=2, num_blocks=1)
    case = sampling_models.Case("PixelCNN", (2, 2, 1), 2, small)
    for limit, plain in ((1.0, 3), (0.0, 0)):
        measurement = sampling_time.measure(case, 2, rounds=1, gigabytes=limit)
        row = measurement.row()
        assert len(row) == len(sampling_time.COLUMNS)
        assert float(row[5]) > 0 and len(measurement.seconds) == 1 + plain
        assert (row[6:] == [sampling_time.NO_FIT] * 4) == (plain == 0)
        found = json.loads(json.dumps(measurement.as_dict()))
        assert len(found["times_faster"]) == plain
        for way, times in found["times_faster"].items():
            assert times == found["seconds"][way] / found["seconds"]["cached"]


def test_a_cached_loop_that_would_take_minutes_is_not_timed():
    case = CASES["PixelCNN", 2]
    measured = sampling_time.Measurement(case, 16, 100, {"cached": 20.0})
    assert not measured.takes_too_long(160) and measured.takes_too_long(161)
    row = sampling_time.Measurement(case, 256, 100, {}).row()
    assert row[5:] == [sampling_time.NOT_TIMED] * 5
