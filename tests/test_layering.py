"""The layering of the package, read from its sources."""

import ast
import pathlib

import pytest

import keras_genmod

# Sources are the same on every backend.
pytestmark = pytest.mark.any_backend

ROOT = pathlib.Path(keras_genmod.__file__).parent
COMMAND = ROOT.parent / "keras_genmod_command"
FILES = sorted([*ROOT.rglob("*.py"), *COMMAND.rglob("*.py")])
BACKENDS = {"tensorflow", "jax", "torch"}
PARTS = {
    "checks": set(),
    "npz_files": set(),
    "colors": set(),
    "image_files": set(),
    "progress": set(),
    "whole_files": set(),
    "backend_choice": set(),
    "engine": {"backend_choice"},
    "distributions": {"engine"},
    "layers": {"engine"},
    "losses": {"engine"},
    "bijectors": {"engine"},
    "metrics": {"npz_files", "progress", "whole_files"},
    "networks": {"engine", "layers"},
    "data": {"npz_files", "image_files", "progress"},
    "models": {
        "engine",
        "npz_files",
        "data",
        "distributions",
        "layers",
        "losses",
        "bijectors",
        "presets",
        "progress",
        "colors",
        "whole_files",
    },
    "evaluation": {"engine", "distributions", "metrics", "progress", "whole_files"},
    "latents": {"engine", "metrics"},
    "hype": {"image_files", "whole_files"},
    "exporting": {"engine"},
    "presets": {"callbacks", "engine", "version"},
    "callbacks": {"engine", "metrics", "evaluation", "latents", "whole_files"},
    "command": {"callbacks", "data", "evaluation", "metrics", "whole_files"},
}  # part of the package: the other parts that it may import


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {module_name(path): ast.parse(path.read_text("utf-8")) for path in FILES}


def imported(nodes):
    """Returns the modules that these nodes import, the package's own as files."""
    names = []
    for node in nodes:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                member = f"{node.module}.{alias.name}"
                names.append(member if member in TREES else node.module)
    return names


def part_of(name):
    """Returns the part of the package a module lies in, or `None` outside."""
    parts = name.split(".")
    return parts[1] if parts[0] == "keras_genmod" and len(parts) > 1 else None


def modules(part):
    return [name for name in TREES if part_of(name) == part]


def test_every_folder_is_a_known_part():
    folders = {path.relative_to(ROOT).parts[0] for path in ROOT.rglob("*/*.py")}
    assert folders <= set(PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_arrows_run_one_way(part):
    allowed = PARTS[part] | {part, "checks", None}
    for name in modules(part):
        for target in imported(ast.walk(TREES[name])):
            assert part_of(target) in allowed, f"{name} imports {target}"


def test_backends_are_imported_in_the_engine_only():
    for name, tree in TREES.items():
        roots = {target.split(".")[0] for target in imported(ast.walk(tree))}
        if roots & BACKENDS:
            assert part_of(name) == "engine", f"{name} imports {roots & BACKENDS}"


def test_an_engine_file_imports_one_backend():
    for name in modules("engine"):
        roots = {target.split(".")[0] for target in imported(ast.walk(TREES[name]))}
        assert len(roots & BACKENDS) <= 1
        if roots & BACKENDS:
            (backend,) = roots & BACKENDS
            assert name.split(".")[-1].startswith(f"{backend}_")


def test_imports_have_no_loops():
    graph = {
        name: {target for target in imported(tree.body) if target in TREES} - {name}
        for name, tree in TREES.items()
    }
    done, path = set(), []

    def visit(name):
        assert name not in path, " -> ".join([*path, name])
        if name in done:
            return
        path.append(name)
        for target in sorted(graph[name]):
            visit(target)
        done.add(path.pop())

    for name in graph:
        visit(name)


def test_there_is_no_utils_file():
    assert not [name for name in TREES if "util" in name.split(".")[-1]]


@pytest.mark.parametrize("name", TREES)
def test_user_errors_are_no_asserts_and_excepts_are_not_bare(name):
    for node in ast.walk(TREES[name]):
        assert not isinstance(node, ast.Assert), f"line {node.lineno}"
        bare = isinstance(node, ast.ExceptHandler) and node.type is None
        assert not bare, f"line {node.lineno}"


@pytest.mark.parametrize(
    "path", FILES, ids=lambda path: str(path.relative_to(ROOT.parent))
)
def test_files_can_be_read_in_one_sitting(path):
    assert len(path.read_text("utf-8").splitlines()) <= 320


@pytest.mark.parametrize("part", PARTS)
def test_public_classes_and_functions_have_docstrings(part):
    for name in modules(part):
        assert ast.get_docstring(TREES[name]) or not TREES[name].body, name
        for node in TREES[name].body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                named = f"{name}.{node.name}"
                private = node.name.startswith("_")
                assert private or ast.get_docstring(node), named


# What stands for no paper: bases, old acquaintances, containers, padding.
WITHOUT_REFERENCES = {
    "AdversarialModel",
    "Affine",
    "Autoencoder",
    "Bijector",
    "Chain",
    "GenerativeModel",
    "Invert",
    "ReflectionPadding2D",
}


@pytest.mark.parametrize(
    "public",
    [
        getattr(module, name)
        for module in (keras_genmod.models, keras_genmod.bijectors, keras_genmod.layers)
        for name in module.__all__
    ],
    ids=lambda public: public.__name__,
)
def test_public_classes_show_references_and_an_example(public):
    if public.__name__ not in WITHOUT_REFERENCES:
        assert "References:" in public.__doc__
    if public.__name__ != "Bijector":  # abstract
        assert "Example:" in public.__doc__


@pytest.mark.parametrize("part", ["models", "bijectors", "layers", "distributions"])
def test_a_file_holds_one_public_class(part):
    for name in modules(part):
        classes = [node for node in TREES[name].body if isinstance(node, ast.ClassDef)]
        # What stands beside it are its parts, or forms of it on one pixel at a time.
        public = [c for c in classes if not c.name.startswith(("_", "Incremental"))]
        assert len(public) <= 1 or name.endswith(".raster_sampling"), name
