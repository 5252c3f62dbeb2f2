"""No draw of a test depends on the tests before it, read from their sources."""

import ast
import pathlib

import pytest

# Sources are the same on every backend.
pytestmark = pytest.mark.any_backend

ROOT = pathlib.Path(__file__).parent
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def is_generator(value):
    return isinstance(value, ast.Call) and ast.unparse(value.func).endswith(
        "default_rng"
    )


def generators(tree):
    """Returns the names of a module that are bound to `default_rng(...)`."""
    found = set()
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and is_generator(node.value):
            targets = getattr(node, "targets", None) or [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def own_names(function):
    """Returns a function's arguments and what it, or a function in it, assigns."""
    nodes = list(ast.walk(function))
    stored = {
        node.id
        for node in nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return stored | {node.arg for node in nodes if isinstance(node, ast.arg)}


def shared_draws(node, names, inside=False):
    """Yields the lines where a function reads one of these names of its module."""
    if isinstance(node, ast.Name) and inside and node.id in names:
        yield node.lineno
    # Decorators and defaults are evaluated where the function is defined.
    body = node.body if isinstance(node, FUNCTIONS) else []
    body = body if isinstance(body, list) else [body]
    own = own_names(node) if body else set()
    for child in ast.iter_child_nodes(node):
        if child in body:
            yield from shared_draws(child, names - own, True)
        else:
            yield from shared_draws(child, names, inside)


def lines_of(source):
    tree = ast.parse(source)
    return sorted(set(shared_draws(tree, generators(tree))))


def test_no_function_draws_from_a_generator_of_its_module():
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(ROOT.rglob("*.py"))
        for line in lines_of(path.read_text("utf-8"))
    ]
    assert not found, f"take the fixture `rng` instead: {found}"


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("X = RNG.random(3)", []),
        ("@cases(RNG.random(3))\ndef test(x=RNG.random()):\n    pass", []),
        ("def test(rng):\n    return rng.random(3)", []),
        ("def test(RNG):\n    return RNG.random(3)", []),
        ("def test():\n    RNG = made()\n    return lambda: RNG.random(3)", []),
        ("def test():\n    return RNG.random(3)", [3]),
        ("class Layer:\n    def call(self):\n        return RNG.random(3)", [4]),
        ("draw = lambda: RNG.random(3)", [2]),
    ],
)
def test_what_is_found(body, lines):
    assert lines_of(f"RNG = np.random.default_rng(0)\n{body}") == lines
