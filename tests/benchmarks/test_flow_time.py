"""The benchmark of flows times ways that draw the same samples."""

import pytest

from benchmarks import flow_time

CASES = {
    "maf": (flow_time.maf, (4, 2, 6)),
    "glow": (flow_time.glow, ((4, 4, 1), 1, 1, 2)),
}


@pytest.mark.parametrize("name", CASES)
def test_every_way_is_timed(name):
    make, arguments = CASES[name]
    model, ways = make(*arguments)
    rows = flow_time.measure(name, model, ways, num_samples=3, rounds=1)
    cells = [dict(zip(flow_time.COLUMNS, row, strict=True)) for row in rows]
    assert [row["way in Python"] for row in cells] == list(ways)
    assert all(float(row["s"]) > 0 for row in cells)


def test_a_way_that_draws_other_samples_is_an_error():
    model, ways = flow_time.maf(4, 2, 6)
    ways = {"shifted": lambda z: model.decode(z) + 1.0}
    with pytest.raises(ValueError, match="shifted: other samples, by up to 1"):
        flow_time.measure("maf", model, ways, num_samples=3, rounds=1)
