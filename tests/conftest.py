"""Options of the suite; and, where tests run, what they start from."""

import os

from tests.budget import Budget


def pytest_addoption(parser):
    parser.addoption(
        "--full",
        action="store_true",
        help="every property of every model on every backend, the slow ones too",
    )
    parser.addoption(
        "--every-backend",
        action="store_true",
        help="what runs by default on other backends, too",
    )
    parser.addoption(
        "--budget",
        type=float,
        metavar="SECONDS",
        help="fail if a class of tests takes more CPU seconds than this",
    )
    parser.addoption(
        "--model-budget",
        type=float,
        metavar="SECONDS",
        default=float("inf"),
        help="with a budget: the same for a model's row of the contract",
    )


def pytest_configure(config):
    if config.getoption("--full"):
        config.option.markexpr = ""
    is_worker = "PYTEST_XDIST_WORKER" in os.environ
    if config.getoption("--budget") and not is_worker:
        limits = [config.getoption(name) for name in ("--budget", "--model-budget")]
        config.pluginmanager.register(Budget(*limits))
    # A process that hands tests to others needs neither Keras nor a backend, which take
    # seconds to import.
    if is_worker or config.getoption("dist", "no") == "no":
        config.pluginmanager.import_plugin("tests.in_process")
