"""The rule by which backends share the tests."""

import pathlib
import types

import pytest

from tests import covering

pytestmark = pytest.mark.any_backend
TESTS = pathlib.Path(covering.__file__).parent
BACKENDS = ("tensorflow", "jax", "torch")


def item(file, name="test_it", case=None, cls=None, marks=()):
    """Returns what the rule looks at in a test."""
    found = types.SimpleNamespace(path=TESTS / file, name=name, cls=cls)
    found.iter_markers = lambda: [types.SimpleNamespace(name=mark) for mark in marks]
    if case is not None:
        found.callspec = types.SimpleNamespace(id=case)
    return found


def backends_of(*arguments, **options):
    found = item(*arguments, **options)
    return [backend for backend in BACKENDS if covering.runs_on(found, backend)]


@pytest.mark.parametrize(
    "file",
    [
        "engine/test_new.py",
        "models/test_new.py",
        "test_new.py",
    ],
)
def test_what_has_a_part_in_backends_runs_on_all(file):
    assert backends_of(file) == [*BACKENDS]


def test_a_familys_own_is_shared():
    for file in ("models/flows/test_new.py", "layers/test_new.py"):
        found = [backends_of(file, f"test_{i}") for i in range(200)]
        assert all(len(names) == 2 and names[1] == "torch" for names in found)
        assert 95 < sum("jax" in names for names in found) < 145


def test_cases_and_classes_stay_together():
    homes = {
        tuple(backends_of("models/flows/test_new.py", f"test_{i}", case="glow"))
        for i in range(20)
    }
    assert len(homes) == 1
    homes = {
        tuple(backends_of("models/flows/test_new.py", f"test_{i}", cls=dict))
        for i in range(20)
    }
    assert len(homes) == 1


def test_every_other_row_trains_anew_beside_torch():
    def row(i, marks):
        cls = type(f"TestModel{i}", (), {})
        return backends_of("models/flows/test_new.py", cls=cls, marks=marks)

    found = [row(i, ["trains_anew"]) for i in range(200)]
    assert all(names[-1] == "torch" for names in found)
    assert 80 < sum(len(names) == 2 for names in found) < 120
    assert row(0, ["trains_anew", "every_backend"]) == [*BACKENDS]


def test_the_nearest_marker_decides():
    marks = ["parametrize", "every_backend", "any_backend"]
    assert backends_of("models/flows/test_new.py", marks=marks) == [*BACKENDS]
    assert backends_of("engine/test_new.py", marks=marks[::-1]) == ["torch"]
    marks = ["two_backends"]
    assert len(backends_of("engine/test_new.py", marks=marks)) == 2


def test_what_says_itself_where_it_runs_is_asked_on_all():
    assert backends_of("networks/test_new.py", marks=["skipif"]) == [*BACKENDS]
    marks = ["skipif", "any_backend"]
    assert backends_of("networks/test_new.py", marks=marks) == ["torch"]


@pytest.mark.parametrize(
    "text,skipped",
    [
        ("import x\n\npytestmark = pytest.mark.any_backend  # files\n", True),
        (
            "pytestmark = [\n    pytest.mark.slow,\n    pytest.mark.any_backend,\n]",
            True,
        ),
        ("@pytest.mark.any_backend\ndef test_it():\n    pass", False),
        ("pytestmark = pytest.mark.any_backend\n@pytest.mark.every_backend", False),
        ("pytestmark = [\n    pytest.mark.slow\n]\n@pytest.mark.any_backend", False),
    ],
)
def test_files_that_torch_runs_alone_are_not_read(tmp_path, text, skipped):
    file = tmp_path / "test_new.py"
    file.write_text(text)
    assert covering.skips_file(file, "jax") == skipped
    assert covering.skips_file(file, "tensorflow") == skipped
    assert not covering.skips_file(file, "torch")
