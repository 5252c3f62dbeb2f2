"""The scripts of the gallery, run as its builder runs them, within their time."""

import pathlib
import runpy
import time

import keras
import pytest

GALLERY = pathlib.Path(__file__).parents[2] / "docs" / "gallery"
SCRIPTS = sorted(GALLERY.glob("plot_*.py"))
LIMIT = 20.0  # CPU seconds


@pytest.mark.slow
@pytest.mark.any_backend
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script_of_the_gallery(script, tmp_path, monkeypatch, record_property):
    plots = pytest.importorskip("matplotlib.pyplot")
    plots.switch_backend("agg")
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    start = time.process_time()
    try:
        runpy.run_path(str(script), run_name="__main__")
        assert plots.get_fignums()
    finally:
        plots.close("all")
    seconds = time.process_time() - start
    record_property("cpu_seconds", round(seconds, 1))
    print(f"{script.stem}: {seconds:.1f} CPU seconds")
    assert seconds < LIMIT


@pytest.mark.any_backend
def test_the_gallery_is_there():
    assert len(SCRIPTS) >= 12
