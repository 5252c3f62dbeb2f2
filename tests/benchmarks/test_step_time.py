"""The benchmark of train steps runs, and compares like with like."""

import importlib
import json
import math

import keras
import pytest

from benchmarks import (
    architectures,
    large_models,
    loops,
    results,
    step_measurement,
    step_time,
)

COMPILED = "by_hand" if loops.BACKEND == "torch" else "by_hand_compiled"
POLICIES = ("float32", "mixed_bfloat16")


@pytest.fixture(scope="module")
def measurements():
    return step_measurement.measure(
        "standard", "autoencoder", ("traced", COMPILED), 2, POLICIES, steps=2
    )


def cells_of(table):
    header, _, *rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()
    ]
    return [dict(zip(header, row, strict=True)) for row in rows]


def test_table_has_the_ways_that_were_measured(measurements):
    float32, bfloat16 = cells_of(step_time.table(measurements))
    assert float32["model"] == "autoencoder" and float32["parameters"] == "209,968"
    by_hand = step_measurement.WAYS[COMPILED]
    assert float(float32["ms, package traced"]) > 0 < float(float32[f"ms, {by_hand}"])
    assert "to" in float32[f"of {by_hand}"]
    # The loop by hand knows float32 alone.
    assert bfloat16["policy"] == "mixed_bfloat16" and not bfloat16[f"of {by_hand}"]
    assert float(bfloat16["times faster than float32"]) > 0


def test_ratios_are_of_rounds_and_gains_of_policies():
    measured = step_measurement.Measurement(
        *("standard", "vae", "mixed_bfloat16"),
        seconds={"traced": [1.0, 2.0, 6.0], "by_hand": [2.0, 2.0, 2.0]},
        float32=[4.0, 4.0, 6.0],
    )
    found = measured.as_dict()
    assert found["traced_of_way"] == {"by_hand": 1.0}
    assert found["milliseconds"] == {"traced": 2000.0, "by_hand": 2000.0}
    assert found["gain_on_float32"] == 2.0


def test_measurements_are_json(measurements, tmp_path):
    path = tmp_path / "steps.json"
    results.write_json(path, loops.BACKEND, *step_time.hardware(), measurements)
    found = json.loads(path.read_text())
    assert found["backend"] == loops.BACKEND
    assert [m["policy"] for m in found["measurements"]] == list(POLICIES)
    assert len(found["measurements"][0]["seconds"]["traced"]) == 2


def test_what_fails_and_what_has_no_time_is_said(monkeypatch):
    class Broken:
        num_parameters = 1

        def __init__(self, loss):
            self.loss = loss

        def to_device(self, batch):
            return batch

        def __call__(self, batch):
            return keras.ops.convert_to_tensor(self.loss)

    def make_loop(way, *arguments):
        if way == "eager":
            raise RuntimeError("no compiler")
        return Broken({"traced": 1.0, COMPILED: math.nan}[way])

    monkeypatch.setattr(step_measurement, "make_loop", make_loop)
    ways = ("traced", "eager", COMPILED)
    (found,) = step_measurement.measure("standard", "rbm_cd", ways, 1, steps=1)
    assert found.failures["eager"] == "RuntimeError: no compiler"
    assert "the loss is nan" in found.failures[COMPILED] and found.seconds["traced"]
    (found,) = step_measurement.measure("standard", "rbm_cd", ways, 1, deadline=0.0)
    assert set(found.failures.values()) == {step_measurement.NO_TIME}
    section = step_time._section([found], ["vae"], "standard", 1, None, False)
    assert "- vae: no time left" in section


def test_sides_of_different_sizes_are_an_error(monkeypatch):
    def make_loop(way, *arguments):
        return loops.reference_loop("rbm_cd" if way == "traced" else "vae", eager=True)

    monkeypatch.setattr(step_measurement, "make_loop", make_loop)
    monkeypatch.setattr(step_measurement, "_time", lambda *arguments: 1.0)
    with pytest.raises(ValueError, match="rbm_cd: by hand"):
        step_measurement.measure("standard", "rbm_cd", ("traced", COMPILED), 1)


@pytest.mark.any_backend
def test_large_models_take_their_batches():
    for name in ("vae", "rbm_pcd", "causal_transformer"):
        model = large_models.MAKERS[name]()
        batch = large_models.make_batch(name)
        assert batch.shape == (large_models.BATCH[name], *model.data_shape)
        assert 0.0 <= batch.min() and batch.max() <= 1.0
        assert step_measurement.is_possible("traced", "large", name, "mixed_bfloat16")
        assert not step_measurement.is_possible("by_hand", "large", name, "float32")
    assert set(large_models.BATCH) == set(large_models.NAMES)


@pytest.mark.parametrize("name", ["vae", "flow", "rbm_pcd", "diffusion"])
def test_both_sides_have_as_many_parameters(name):
    model = architectures.make_model(name)
    count = sum(math.prod(v.shape) for v in model.trainable_variables)
    assert loops.reference_loop(name, eager=True).num_parameters == count


@pytest.mark.parametrize("name", ["autoencoder", "flow", "rbm_cd"])
def test_reference_learns(name):
    loop = loops.reference_loop(name, eager=True)
    batch = loop.to_device(architectures.make_batch(name))
    losses = [loops.wait(loop(batch)) for _ in range(20)]
    # The free energies of CD-1 jump in its first step, before the chains follow.
    assert math.isfinite(losses[-1]) and losses[-1] < 0.95 * max(losses[:3])


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the examples are TensorFlow's"
)
@pytest.mark.parametrize("name", ["vae", "wgan_gp", "pixel_cnn"])
def test_keras_examples_have_as_many_parameters(name):
    examples = importlib.import_module("benchmarks.references.keras_examples")
    theirs, ours = (
        sum(math.prod(v.shape) for v in model.trainable_variables)
        for model in (
            examples.make_model(name, jit_compile=False),
            architectures.make_model(name),
        )
    )
    assert theirs == ours


def test_sections_of_results_stand_side_by_side(tmp_path):
    path = tmp_path / "RESULTS.md"
    results.write_section("a", "first", path)
    results.write_section("b", "second", path)
    results.write_section("a", "third", path)
    text = path.read_text()
    assert "first" not in text
    assert text.index("third") < text.index("second")
    assert [item.name for item in tmp_path.iterdir()] == ["RESULTS.md"]
