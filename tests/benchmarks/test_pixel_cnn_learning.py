"""What the table of PixelCNN beside its reference says in words."""

import pytest

from benchmarks import quality_runs

pytest.importorskip("torch")
pytestmark = pytest.mark.any_backend


def test_its_words_are_those_of_its_figures():
    from benchmarks.pixel_cnn_learning import leaders

    _, tables = quality_runs.read()
    (one,) = [t for t in tables if t["title"] == "PixelCNN beside its reference"]
    (table,) = one["tables"]
    words = leaders(table["columns"], table["rows"])
    assert one["text"].endswith(words)
    assert "after 200 steps `package` (-24.64)" in words
    assert "after 400 steps `reference, both` (-23.88, package -23.94)" in words
    assert "after 600 steps `reference, both` (-23.52, package -23.69)" in words
