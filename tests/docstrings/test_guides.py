"""The Python of the guides in docs/, page by page, on the toys of the docstrings."""

import pathlib
import re

import pytest

from tests.docstrings.test_examples import Example, names_for

GUIDES = pathlib.Path(__file__).parents[2] / "docs" / "guides"
PAGES = {
    path.name: "".join(re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL))
    for path in sorted(GUIDES.glob("*.md"))
}


@pytest.mark.any_backend
@pytest.mark.parametrize("page", [name for name, code in PAGES.items() if code])
@pytest.mark.filterwarnings("ignore::UserWarning")  # of toys: few images
def test_guide(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = names_for(Example(f"guides/{page}", "", PAGES[page]))
    exec(compile(PAGES[page], page, "exec"), names)


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
