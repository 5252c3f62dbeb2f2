"""The benchmark of train steps runs, and compares like with like."""

import importlib
import math

import keras
import pytest

from benchmarks import architectures, loops, results, step_time


@pytest.fixture(scope="module")
def measurement():
    return step_time.measure(
        "autoencoder", "reference", rounds=1, steps=2, memory=False
    )


def test_table_has_a_cell_for_every_column(measurement):
    header, _, row = step_time.table([measurement]).splitlines()
    cells = dict(
        zip(
            (cell.strip() for cell in header.split("|")[1:-1]),
            (cell.strip() for cell in row.split("|")[1:-1]),
            strict=True,
        )
    )
    assert tuple(cells) == step_time.COLUMNS
    assert cells["model"] == "autoencoder" and cells["parameters"] == "209,968"
    assert float(cells["ratio"]) > 0


@pytest.mark.parametrize("name", ["vae", "flow", "rbm_pcd"])
def test_both_sides_have_as_many_parameters(name):
    model = architectures.make_model(name)
    count = sum(math.prod(v.shape) for v in model.trainable_variables)
    assert loops.reference_loop(name, xla=False).num_parameters == count


@pytest.mark.parametrize("name", ["autoencoder", "rbm_cd"])
def test_reference_learns(name):
    loop = loops.reference_loop(name, xla=loops.uses_xla(None))
    batch = loop.to_device(architectures.make_batch(name))
    losses = [loops.wait(loop(batch)) for _ in range(20)]
    assert math.isfinite(losses[-1]) and losses[-1] < 0.95 * losses[0]


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
