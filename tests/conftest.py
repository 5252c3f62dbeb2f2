"""What every test starts from: fixed seeds, full precision."""

import os

import keras
import pytest

pytest.register_assert_rewrite("tests.contracts")

if keras.backend.backend() == "torch" and "PYTEST_XDIST_WORKER" in os.environ:
    import torch

    # Each of several workers would take all cores, and they would wait for another.
    torch.set_num_threads(1)


def pytest_configure(config):
    """Lets JAX compile fast, and keep it: for other tests, workers and runs."""
    if keras.backend.backend() == "jax":
        import jax

        for name, value in _jax_options(config).items():
            jax.config.update(name, value)


def _jax_options(config):
    # Tests compile more than they compute.
    options = {"jax_disable_most_optimizations": True}
    if not config.pluginmanager.hasplugin("cacheprovider"):
        return options
    return options | {
        "jax_compilation_cache_dir": str(config.cache.mkdir("jax")),
        "jax_persistent_cache_min_compile_time_secs": 0.05,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }


@pytest.fixture(scope="session")
def jax_options(request):
    """The same for other processes, as environment variables."""
    options = _jax_options(request.config)
    return {name.upper(): str(value) for name, value in options.items()}


@pytest.fixture(autouse=True)
def seeded():
    """Starts every test from the same random numbers."""
    keras.utils.set_random_seed(1)


@pytest.fixture
def dtype_policy():
    """Sets the global dtype policy for one test."""
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


@pytest.fixture
def float64(dtype_policy):
    """Computes one test in float64, which JAX has to be asked for."""
    dtype_policy("float64")
    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)
