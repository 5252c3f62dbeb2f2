"""The commands and examples in README.md and CONTRIBUTING.md, run."""

import pathlib
import re
import runpy
import shlex
import subprocess
import sys
import time

import pytest
import typer

from keras_genmod.version import VERSION
from keras_genmod_command.app import app
from tests.several_processes import environment

ROOT = pathlib.Path(__file__).parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md")
PAGES = [
    str(path.relative_to(ROOT))
    for path in [ROOT / "docs/index.md", *sorted((ROOT / "docs/guides").glob("*.md"))]
]
# Pages that the build of the documentation makes, and what it makes them of.
MADE = {
    r"docs/(quality|results)\.md": lambda m: f"benchmarks/{m[1].upper()}.md",
    r"docs/examples/(plot_\w+)\.rst": r"docs/gallery/\1.py",
}


def blocks(document, language):
    text = (ROOT / document).read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands():
    return [
        line
        for document in DOCUMENTS
        for block in blocks(document, "bash")
        for line in block.strip().splitlines()
    ]


def targets_run_by_ci():
    """Returns the make targets that `.ci/run` reaches."""
    lines = re.findall(r"^make ([^&\n]+)", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    run = [word for line in lines for word in re.sub(r"-j \d+", "", line).split()]
    database = subprocess.run(
        ["make", "--dry-run", "--always-make", *run],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.replace("\\\n", "")
    backends = re.findall(r"KERAS_BACKEND=(\w+) .*-m pytest", database)
    lint = ["lint"] if "ruff check" in database and "mypy" in database else []
    return {*run, *lint, *(f"test-{backend}" for backend in backends)}


def source(path):
    """Returns the file that a link is to, of a page that is made what it is made of."""
    resolved = path.resolve()
    if not resolved.is_relative_to(ROOT):
        return resolved
    name = resolved.relative_to(ROOT).as_posix()
    for made, of in MADE.items():
        name = re.sub(f"^{made}$", of, name)
    return ROOT / name


def run(words, cwd, **kwargs):
    return subprocess.run(
        words, cwd=cwd, capture_output=True, text=True, timeout=300, **kwargs
    )


@pytest.mark.any_backend
def test_every_make_command_is_run_by_ci():
    named = {c.split()[1] for c in commands() if c.startswith("make ")}
    assert named <= targets_run_by_ci()


@pytest.mark.any_backend
def test_every_other_command_has_a_test_here():
    others = [c for c in commands() if not c.startswith("make ")]
    kinds = ("-m recipes.", "-m pip install", "tensorboard --logdir")
    assert [c for c in others if not any(kind in c for kind in kinds)] == []


@pytest.mark.any_backend
@pytest.mark.parametrize("command", [c for c in commands() if "-m recipes." in c])
def test_recipe_command(command, tmp_path, monkeypatch):
    words = [w for w in shlex.split(command) if "KERAS_BACKEND=" not in w]
    words[words.index("--log-dir") + 1] = str(tmp_path / "run")
    # As `python -m` does it, but for the seconds that importing Keras takes.
    name = words[words.index("-m") + 1]
    monkeypatch.setattr(sys, "argv", [name, *words[words.index("-m") + 2 :]])
    monkeypatch.delitem(sys.modules, name, raising=False)  # another test's
    with pytest.raises(SystemExit) as end:
        runpy.run_module(name, run_name="__main__")
    assert end.value.code == 0
    assert (tmp_path / "run").is_dir()


@pytest.mark.any_backend
@pytest.mark.parametrize("command", [c for c in commands() if "-m pip" in c])
def test_install_command_names_a_real_extra(command):
    words = [sys.executable, *shlex.split(command)[1:]]
    flags = ["--dry-run", "--no-deps", "--no-build-isolation"]
    result = run([*words, *flags], ROOT)
    assert result.returncode == 0, result.stderr
    assert "does not provide the extra" not in result.stderr


@pytest.mark.any_backend
@pytest.mark.parametrize("command", [c for c in commands() if "tensorboard" in c])
def test_tensorboard_command(command, tmp_path):
    _, *arguments = shlex.split(command)
    program = pathlib.Path(sys.executable).parent / "tensorboard"
    log = tmp_path / "log"
    with log.open("w") as stream:
        server = subprocess.Popen(
            [program, *arguments, "--host", "127.0.0.1", "--port", "0"],
            cwd=tmp_path,
            env=environment(),
            stdout=stream,
            stderr=stream,
        )
        try:
            end = time.monotonic() + 60
            while "http://" not in log.read_text() and time.monotonic() < end:
                assert server.poll() is None, log.read_text()
                time.sleep(0.2)
        finally:
            server.terminate()
            server.wait()
    assert "http://" in log.read_text()


def shell_lines():
    """Returns how documents call `keras-genmod`, in lines and within a text."""
    return sorted(
        {
            re.split(r"\s{2,}", line)[0]  # behind which stands what it does
            for document in ("README.md", *PAGES)
            for line in re.findall(
                r"(?:^|(?<=`))keras-genmod [^`\n]+",
                (ROOT / document).read_text(),
                re.MULTILINE,
            )
        }
    )


@pytest.mark.any_backend
@pytest.mark.parametrize("line", shell_lines())
def test_the_command_has_what_documents_say(line):
    command, words = typer.main.get_command(app), shlex.split(line)[1:]
    while hasattr(command, "get_command") and not words[0].startswith("-"):
        name = words.pop(0)
        command = command.get_command(None, name)
        assert command is not None, name
    known = {"--help"}.union(*(parameter.opts for parameter in command.params))
    given = {word for word in words if word.startswith("-")}
    assert given <= known


@pytest.mark.parametrize("example", blocks("README.md", "python"))
def test_readme_example(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    assert names["images"].shape == (16, 8, 8, 1)
    assert names["bound"].shape == (360,)
    assert names["model"].compiled


@pytest.mark.any_backend
def test_the_citation_is_of_this_version():
    assert f"\nversion: {VERSION}\n" in (ROOT / "CITATION.cff").read_text()


@pytest.mark.any_backend
def test_example_has_fifteen_lines():
    (example,) = blocks("README.md", "python")
    statements = example[example.index("x, x_test") :].strip().splitlines()
    assert len(statements) <= 15


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "document",
    [
        *DOCUMENTS,
        "recipes/README.md",
        "benchmarks/RESULTS.md",
        "benchmarks/QUALITY.md",
        *PAGES,
    ],
)
def test_links_and_pictures_are_there(document):
    path = ROOT / document
    text = path.read_text()
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", text)
    targets += re.findall(r'src="([^"]+)"', text)
    missing = [
        target
        for target in targets
        if "://" not in target and not source(path.parent / target).exists()
    ]
    assert missing == []
