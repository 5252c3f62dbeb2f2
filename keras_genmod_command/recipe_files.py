"""The recipes: where they lie, what they are, how one is run or copied.

A wheel has them in `keras_genmod/recipes`, a checkout in `recipes` beside the package.
They import one another as `recipes`, which is what they are loaded as.
"""

import ast
import importlib
import importlib.util
import pathlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal

_SHARED = "_run.py"
_IMPORT = "from recipes._run import "


def folder() -> pathlib.Path:
    """Returns the folder of the recipes.

    Raises:
        FileNotFoundError: If this installation has none.
    """
    spec = importlib.util.find_spec("keras_genmod")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("keras_genmod is not installed")
    package = pathlib.Path(spec.origin).parent
    for place in (package / "recipes", package.parent / "recipes"):
        if (place / _SHARED).is_file():
            return place
    raise FileNotFoundError(f"The recipes are not there: {package} has no recipes")


def names() -> list[str]:
    """Returns the recipes' names, in order."""
    return sorted(path.stem for path in folder().glob("[!_]*.py"))


def summary(name: str) -> str:
    """Returns the first line of a recipe's docstring, without running it."""
    return (ast.get_docstring(_tree(name)) or "").partition("\n")[0]


def outline(name: str) -> Callable[..., None]:
    """Returns a recipe's `main` without its body: arguments and docstring."""
    (main,) = (
        node
        for node in _tree(name).body
        if isinstance(node, ast.FunctionDef) and node.name == "main"
    )
    main.body = main.body[:1]  # the docstring
    names: dict[str, Any] = {"Literal": Literal}
    exec(compile(ast.Module([main], []), f"{name}.py", "exec"), names)
    return names["main"]


def _tree(name: str) -> ast.Module:
    return ast.parse((folder() / f"{name}.py").read_text("utf-8"))


def check_name(name: str) -> str:
    """Returns a recipe's name; raises a `ValueError` if there is no such recipe."""
    if name not in names():
        raise ValueError(
            "`recipe` must be one of those that `keras-genmod list` names. "
            f"Received: recipe={name!r}"
        )
    return name


def load(name: str) -> ModuleType:
    """Returns a recipe as a module."""
    check_name(name)
    if "recipes" not in sys.modules:
        place = folder()
        spec = importlib.util.spec_from_file_location(
            "recipes", place / "__init__.py", submodule_search_locations=[str(place)]
        )
        if spec is None or spec.loader is None:
            raise ImportError(f"The recipes in {place} cannot be loaded")
        module = importlib.util.module_from_spec(spec)
        sys.modules["recipes"] = module
        spec.loader.exec_module(module)
    return importlib.import_module(f"recipes.{name}")


def copy(name: str, target: pathlib.Path) -> list[pathlib.Path]:
    """Writes a recipe and what it shares into a folder, to be run from there.

    Returns:
        The two paths written, the recipe's first.

    Raises:
        FileExistsError: If one is there already. Nothing is written then.
        ValueError: If there is no such recipe.
    """
    check_name(name)
    files = [f"{name}.py", _SHARED]
    texts = [(folder() / file).read_text("utf-8") for file in files]
    texts[0] = texts[0].replace(_IMPORT, _IMPORT.replace("recipes.", ""))
    paths = [target / file for file in files]
    for path, text in zip(paths, texts, strict=True):
        is_same = path.name == _SHARED and path.is_file() and path.read_text() == text
        if path.exists() and not is_same:
            raise FileExistsError(
                f"{path} is there already: choose another folder, or move it away"
            )
    target.mkdir(parents=True, exist_ok=True)
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, "utf-8")
    return paths
