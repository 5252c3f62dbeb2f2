"""The benchmark of denoising: its loops by hand draw what the compiled call draws."""

import numpy as np
from keras import ops

from benchmarks import denoising_time, loops
from tests.contracts import array_of

SHAPE = (4, 4, 1)


def test_the_loop_by_hand_is_ddim():
    model = denoising_time.make_model(SHAPE, 4, (1, 2), 1)
    start = np.random.default_rng(0).standard_normal((2, *SHAPE)).astype("float32")

    def call(inputs):
        return array_of(model.network([ops.convert_to_tensor(x) for x in inputs]))

    found = denoising_time.by_hand(model, call, start, 3)
    way, _ = model._way("ddim", 3, None, "uniform", True, 1.0)
    end = model._solve(ops.convert_to_tensor(start), None, None, None, way)
    np.testing.assert_allclose(found, array_of(model._finished(end)), atol=1e-5)
    assert found.std() > 0.05


def test_rows_are_ratios_to_the_compiled_call():
    ways = {"one": (lambda: None, 1000), "two": (lambda: None, 1000), "three": None}
    clock = iter(range(100))
    seconds = denoising_time.measure(ways, 2, lambda: next(clock))
    assert seconds == {"one": [1, 1], "two": [1, 1]}
    rows = denoising_time.rows(ways, {"one": [1.0, 2.0], "two": [3.0, 4.0]})
    assert rows[1] == ["two", "1,000", "3.5", "2.50", "2.00 to 3.00"]
    assert rows[2][1] == denoising_time.NOT_INSTALLED
    assert all(len(row) == len(denoising_time.COLUMNS) for row in rows)


def test_ways_are_those_of_the_backend(monkeypatch):
    monkeypatch.setattr(denoising_time.importlib.util, "find_spec", lambda name: None)
    ways = denoising_time.make_ways((4, (1, 2), 1), SHAPE, 2, 2)
    assert len(ways) == 3 + (loops.BACKEND == "torch")
    assert ways.get("diffusers") is None
    counts = {way[1] for way in ways.values() if way is not None}
    assert len(counts) == 1
