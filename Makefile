# Set-up and checks. `make demo` and `make test` do all that a fresh machine needs.

PYTHON ?= python3
WORKERS ?= 2
# CPU seconds that a class of tests may take; all recipes on torch take some 160.
BUDGET ?= 300
# And a model's row of the contract, which should take 15 where nothing else runs.
MODEL_BUDGET ?= 40
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
BACKENDS := tensorflow jax torch
# On Linux the small build; elsewhere the only one.
TENSORFLOW := $(if $(filter Linux-x86_64,$(shell uname -sm | tr ' ' -)),tensorflow-cpu,tensorflow)

.PHONY: demo docs docs-api results test test-slow test-full test-gpu test-wheel mutants $(BACKENDS:%=test-%) lint format clean

demo: $(VENV)/.demo-installed
	KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m recipes.vae \
		--dataset digits --log-dir runs/demo

test: lint
	@$(MAKE) --no-print-directory $(BACKENDS:%=test-%)

# One backend's suite: test-tensorflow, test-jax, test-torch. torch runs every test; what
# touches no backend runs there alone; of what is a model's own, TensorFlow and JAX run
# each their share (tests/covering.py). Compiled tests are kept, which an environment may
# forbid: workers and backends share them.
$(BACKENDS:%=test-%): test-%: $(VENV)/.test-installed
	PYTHONDONTWRITEBYTECODE= KERAS_BACKEND=$* TF_CPP_MIN_LOG_LEVEL=3 \
		$(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --budget $(BUDGET) \
		--model-budget $(MODEL_BUDGET)

# A wheel in a fresh environment with torch alone, and the command from it.
test-wheel: $(VENV)/.test-installed
	KERAS_BACKEND=torch TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m pytest -m slow \
		tests/command/test_wheel.py

# The documentation, offline; scripts of the gallery run when they have changed.
docs: $(VENV)/.docs-installed
	$(BIN)/python -m sphinx -q -W --keep-going docs docs/_build/html

# The same without running the gallery.
docs-api: $(VENV)/.docs-installed
	$(BIN)/python -m sphinx -q -W --keep-going -D plot_gallery=0 docs docs/_build/api

# The page of qualities, from the files of runs.
results: $(VENV)/.test-installed
	KERAS_BACKEND=torch $(BIN)/python -m benchmarks.quality_page

# What no backend takes part in, such as the wheel, runs once, on torch.
test-slow: $(VENV)/.docs-installed $(VENV)/.export-installed
	for backend in $(BACKENDS); do \
		which="slow and not any_backend"; \
		[ $$backend = torch ] && which=slow; \
		KERAS_BACKEND=$$backend TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m pytest \
			-n $(WORKERS) --dist loadscope --every-backend -m "$$which" || exit 1; \
	done
	KERAS_BACKEND=torch $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope \
		-p tests.engine.graphs_on_cpu tests/models/test_contracts.py

# Every property of every model on every backend.
test-full: $(VENV)/.test-installed
	for backend in $(BACKENDS); do \
		KERAS_BACKEND=$$backend TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m pytest \
			-n $(WORKERS) --dist loadscope --full || exit 1; \
	done

# On a machine with a GPU, whose builds of JAX and torch are in the environment.
test-gpu:
	for backend in jax torch; do \
		KERAS_BACKEND=$$backend XLA_PYTHON_CLIENT_PREALLOCATE=false $(BIN)/python \
			-m pytest -n 4 --dist loadscope --every-backend tests/engine \
			tests/models/test_contracts.py || exit 1; \
	done

# Deliberate faults: which of them do the tests miss?
mutants: $(VENV)/.test-installed
	PYTHONDONTWRITEBYTECODE= KERAS_BACKEND=torch $(BIN)/python -m tests.mutants

lint: $(VENV)/.test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.test-installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) runs

$(VENV)/bin/python:
	$(PYTHON) -m venv --upgrade-deps $(VENV)

$(VENV)/.demo-installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --constraint constraints.txt --editable ".[$(TENSORFLOW),recipes]"
	touch $@

$(VENV)/.test-installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --constraint constraints.txt --editable ".[$(TENSORFLOW),jax,torch,dev]"
	touch $@ $(VENV)/.demo-installed

# For the tests of all formats of export and of Orbax' checkpoints; others pass over them.
$(VENV)/.export-installed: $(VENV)/.test-installed
	$(PIP) --constraint constraints.txt --editable ".[export-all]"
	touch $@

$(VENV)/.docs-installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --constraint constraints.txt --editable ".[torch,docs]"
	touch $@
