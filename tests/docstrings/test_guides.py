"""The Python of the guides in docs/, page by page, on the toys of the docstrings."""

import pathlib
import re
import runpy

import keras
import pytest

from benchmarks import scaling_on_paper
from tests.docstrings.test_examples import Example, names_for

GUIDES = pathlib.Path(__file__).parents[2] / "docs" / "guides"


def code_of(path):
    """Returns the Python of a page, its blocks one after another."""
    return "".join(re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL))


PAGES = {path.name: code_of(path) for path in sorted(GUIDES.glob("*.md"))}
WITH_CODE = {
    "index.md": code_of(GUIDES.parent / "index.md"),
    **{name: code for name, code in PAGES.items() if code},
}


@pytest.mark.any_backend
@pytest.mark.parametrize("page", WITH_CODE)
@pytest.mark.filterwarnings("ignore::UserWarning")  # of toys: few images
def test_guide(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = WITH_CODE[page]
    names = names_for(Example(f"guides/{page}", "", code))
    exec(compile(code, page, "exec"), names)


@pytest.mark.any_backend
def test_a_model_of_ones_own_has_forty_lines():
    code = PAGES["own_model.md"]
    model = code[code.index("@keras.saving") : code.index("\n\nmodel = ")]
    assert sum(bool(line.strip()) for line in model.splitlines()) <= 40


@pytest.mark.any_backend
def test_every_guide_is_in_the_table_of_contents():
    index = (GUIDES.parent / "index.md").read_text()
    listed = set(re.findall(r"^guides/(\w+)$", index, re.MULTILINE))
    assert listed == {name.removesuffix(".md") for name in PAGES}


@pytest.mark.any_backend
def test_the_script_of_several_processes_runs_alone(tmp_path):
    script = runpy.run_path(str(GUIDES.parent / "launch" / "train.py"))
    script["train"](str(tmp_path / "run"), epochs=1)
    assert keras.saving.load_model(tmp_path / "run" / "model.keras").built


@pytest.mark.any_backend
def test_the_table_of_many_devices_is_that_of_its_script():
    assert scaling_on_paper.table() in (GUIDES / "devices.md").read_text()
