"""What recipes look like, from their sources and at the command line."""

import ast
import importlib
import inspect

import pytest
from typer.testing import CliRunner

from recipes._run import command_line
from tests.recipes.small_recipes import BACKENDS, FOLDER, SMALL

pytestmark = pytest.mark.any_backend


def test_every_recipe_is_here():
    names = {path.stem for path in FOLDER.glob("[!_]*.py")}
    assert set(SMALL) == names == set(" ".join(BACKENDS.values()).split())


@pytest.mark.parametrize("name", SMALL)
def test_its_arguments_are_its_command_line(name, tmp_path):
    recipe = importlib.import_module(f"recipes.{name}")
    command = command_line(recipe.main)
    result = CliRunner().invoke(command, ["--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    words = " ".join(result.output.split()).replace("- ", "-")
    for argument in inspect.signature(recipe.main).parameters:
        text = recipe.main.__doc__.split(f"{argument}: ")[1].splitlines()[0]
        assert f"--{argument.replace('_', '-')}" in words and text in words
    wrong = ["--epochs", "0", "--log-dir", str(tmp_path)]
    result = CliRunner().invoke(command, wrong)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: `epochs` must be a positive int.")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", SMALL)
def test_it_trains_by_what_all_share_and_holds_no_classes(name):
    source = (FOLDER / f"{name}.py").read_text()
    nodes = list(ast.walk(ast.parse(source)))
    assert not [node for node in nodes if isinstance(node, ast.ClassDef)]
    imports = [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    assert [m for m in imports if m.startswith("recipes")] == ["recipes._run"]
    # Nothing is saved before it is known that training went well.
    assert ".fit(x" not in source.replace("classifier.fit(", "").replace(
        "judge = KNeighborsClassifier(1).fit(x", ""
    )
    assert source.index("    fit(\n") < source.index("model.save(")
    assert 'if __name__ == "__main__":\n    command_line(main)()' in source
