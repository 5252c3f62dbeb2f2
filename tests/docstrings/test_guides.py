"""The Python of the guides in docs/, page by page, on the toys of the docstrings."""

import os
import pathlib
import re
import runpy
import sys

import keras
import pytest

from benchmarks import scaling_on_paper
from tests.docstrings.test_examples import Example, names_for
from tests.several_processes import free_port, run_together

GUIDES = pathlib.Path(__file__).parents[2] / "docs" / "guides"


def code_of(path):
    """Returns the Python of a page, its blocks one after another."""
    return "".join(re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL))


SCRIPT = GUIDES.parent / "launch" / "train.py"
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
    script = runpy.run_path(str(SCRIPT))
    script["train"](str(tmp_path / "run"), epochs=1)
    assert keras.saving.load_model(tmp_path / "run" / "model.keras").built


ALLOCATION = {"SLURM_JOB_ID": "1", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"}
SRUN = {**ALLOCATION, "SLURM_STEP_NUM_TASKS": "4"}
JAX = {"JAX_COORDINATOR_ADDRESS": "localhost:1"}
TORCHRUN = {"WORLD_SIZE": "2", "RANK": "0"}


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("backend", "environment", "joins"),
    [
        ("torch", {}, False),
        ("torch", TORCHRUN, True),
        ("torch", {**SRUN, **TORCHRUN}, True),
        ("torch", SRUN, False),
        ("jax", ALLOCATION, False),
        ("jax", {**ALLOCATION, "SLURM_STEP_NUM_TASKS": "1"}, False),
        ("jax", SRUN, True),
        ("jax", JAX, True),
        ("tensorflow", ALLOCATION, False),
        ("tensorflow", SRUN, True),
    ],
)
def test_the_script_joins_where_there_is_a_launcher(
    backend, environment, joins, monkeypatch
):
    for name in list(os.environ):
        if name.startswith(("SLURM_", "JAX_COORD")) or name in TORCHRUN:
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    names, called = runpy.run_path(str(SCRIPT)), []
    main = names["main"]
    main.__globals__.update(
        join=lambda: called.append("join"), train=lambda: called.append("train")
    )
    main()
    assert called == ["join"] * joins + ["train"]


@pytest.mark.any_backend
def test_the_script_says_that_tensorflow_has_one_process(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    with pytest.raises(RuntimeError, match="need KERAS_BACKEND=jax or torch"):
        runpy.run_path(str(SCRIPT))["join"]()


def launched_by_torchrun(port, rank):
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return {**address, "WORLD_SIZE": "2", "RANK": str(rank)}


def launched_for_jax(port, rank):
    address = {"JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}"}
    return {**address, "JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": str(rank)}


@pytest.mark.slow
@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("backend", "launched"),
    [("torch", launched_by_torchrun), ("jax", launched_for_jax)],
)
def test_two_processes_run_the_script(backend, launched, tmp_path):
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    port = free_port()
    environments = [{**environment, **launched(port, rank)} for rank in (0, 1)]
    command = [sys.executable, str(SCRIPT)]
    said = run_together(command, [[], []], environments, cwd=tmp_path)
    losses = [re.findall(r"loss: ([\d.]+)", text) for text in said]
    assert len(losses[0]) == 20 and losses[0] == losses[1]
    assert keras.saving.load_model(tmp_path / "runs" / "vae" / "model.keras").built
    assert len(list((tmp_path / "runs" / "vae" / "train").iterdir())) == 1


@pytest.mark.any_backend
def test_the_table_of_many_devices_is_that_of_its_script():
    assert scaling_on_paper.table() in (GUIDES / "devices.md").read_text()
