"""What a process that runs tests starts from: fixed seeds, full precision, haste."""

import contextlib
import functools
import gc
import importlib.util
import os
import pathlib
import random

import keras
import numpy as np
import pytest

from tests.budget import cpu_seconds
from tests.covering import runs_on, skips_file

pytest.register_assert_rewrite("tests.contracts")

if keras.backend.backend() == "torch":
    import torch

    # Each of several processes would take all cores, and they would wait for another.
    torch.set_num_threads(1)


def pytest_configure(config):
    if keras.backend.backend() == "jax":
        import jax

        for name, value in _jax_options().items():
            jax.config.update(name, value)
        _share_one_context()
    if keras.backend.backend() == "tensorflow" and not config.getoption("--full"):
        import tensorflow as tf

        tf.config.optimizer.set_experimental_options(_TENSORFLOW_OPTIONS)
        _share_one_stack_trace()
    _look_up_names_once()
    compiled = keras.backend.backend() != "torch"
    if compiled and not config.getoption("--full"):
        os.environ["XLA_FLAGS"] = _xla_flags()  # read when XLA first compiles


# Tests compile more than they compute. What orders reads and writes of variables stays
# on, as users have it (`dependency_optimization`).
_TENSORFLOW_OPTIONS = {
    "arithmetic_optimization": False,
    "common_subgraph_elimination": False,
    "constant_folding": False,
    "function_optimization": False,
    "implementation_selector": False,
    "layout_optimizer": False,
    "loop_optimization": False,
    "remapping": False,
    "shape_optimization": False,
}
_XLA_FLAGS = (
    "--xla_backend_optimization_level=0",
    "--xla_llvm_disable_expensive_passes=true",
)
# The older emitters compile a sum of two vectors in 10 ms where the newer take 34.
_XLA_EMITTERS = (
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_cpu_parallel_codegen_split_count=1",
)


def _xla_flags():
    """Returns the environment's flags of XLA, and those by which it compiles fast."""
    flags = [os.environ.get("XLA_FLAGS", ""), *_XLA_FLAGS]
    if keras.backend.backend() == "tensorflow":
        return " ".join([*flags, *_XLA_EMITTERS])
    import jaxlib

    # XLA stops at a flag that it does not know.
    known = jaxlib.__version__.startswith("0.10.")
    return " ".join([*flags, *(_XLA_EMITTERS if known else ())])


def _share_one_context():
    """Lets JAX write all programs in one MLIR context.

    One of its own for each takes 6 ms and 2 MB, also for the sum of two vectors.
    """
    from jax._src.interpreters import mlir

    mlir.make_ir_context = functools.cache(mlir.make_ir_context)


def _look_up_names_once():
    """Lets Keras keep the attributes of a kind of layer that no file holds.

    It would (get_attr_skipset), but asks for them by another name than it keeps them.
    """
    from keras.src.saving import saving_lib

    saving_lib.get_attr_skipset = functools.cache(saving_lib.get_attr_skipset)


def _share_one_stack_trace():
    """Lets TensorFlow note one stack trace for all operations of its graphs.

    Taking them is 5% of what the suite takes; only TensorFlow's own errors name them.
    """
    from tensorflow.python.util import tf_stack

    trace = tf_stack.extract_stack()
    tf_stack.extract_stack = lambda stacklevel=1: trace


def pytest_collection_finish():
    """Looks for garbage less often: most objects are modules', and stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _jax_options():
    """Lets JAX keep what it compiles: for other tests, workers and runs."""
    import jaxlib

    cache = pathlib.Path(
        os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")
    )
    return {
        "jax_compilation_cache_dir": str(
            cache / "keras_genmod" / f"jax-{jaxlib.__version__}"
        ),
        "jax_persistent_cache_min_compile_time_secs": 0.05,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }


@pytest.fixture
def rng():
    """A generator of the test's own: no test depends on which ran before it."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def jax_options():
    """The same for other processes, as environment variables."""
    options = {name.upper(): str(value) for name, value in _jax_options().items()}
    return {**options, "XLA_FLAGS": _xla_flags()}


def runs_all(config):
    return config.getoption("--full") or config.getoption("--every-backend")


def pytest_ignore_collect(collection_path, config):
    """Leaves to torch the files of which it runs all."""
    if runs_all(config) or not skips_file(collection_path, keras.backend.backend()):
        return None  # as ever
    return True


def pytest_collection_modifyitems(config, items):
    """Leaves to other backends what they run by default."""
    if runs_all(config):
        return
    here = [runs_on(item, keras.backend.backend()) for item in items]
    elsewhere = [item for item, runs in zip(items, here, strict=True) if not runs]
    config.hook.pytest_deselected(items=elsewhere)
    items[:] = [item for item, runs in zip(items, here, strict=True) if runs]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    item.config.stash[_START] = cpu_seconds()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if item.config.getoption("--budget"):
        now = cpu_seconds()
        spent, item.config.stash[_START] = now - item.config.stash[_START], now
        report.user_properties.append((report.when, spent))
    return report


_START = pytest.StashKey[float]()  # the CPU seconds when the running test began


@pytest.fixture(autouse=True)
def seeded():
    """Starts every test from the same random numbers."""
    with _light_seeds():
        keras.utils.set_random_seed(1)


def _seed_tensorflow(seed):
    from tensorflow.python.eager import context

    context.context()._seed = seed
    context.context()._rng = random.Random(seed)


@contextlib.contextmanager
def _light_seeds():
    """Lets seeds of frameworks leave what they have compiled and queued.

    TensorFlow would forget all its kernels, and torch note a stack trace for each kind
    of device: most of what many tests cost.
    """
    with pytest.MonkeyPatch.context() as patch:
        if importlib.util.find_spec("tensorflow") is not None:
            patch.setattr("tensorflow.random.set_seed", _seed_tensorflow)
        if keras.backend.backend() == "torch":
            patch.setattr(torch, "manual_seed", torch.default_generator.manual_seed)
        yield


@pytest.fixture
def untraced(monkeypatch):
    """On torch, takes operations one by one: some steps cost less than a recording."""
    if keras.backend.backend() == "torch":
        from keras_genmod.engine.torch_tracing import Traced

        monkeypatch.setattr(
            Traced, "__call__", lambda self, *args: self._function(*args)
        )


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


@pytest.fixture
def floatx64(float64):
    """Lets Keras make tensors of float64 where none names a dtype, for one test."""
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx("float32")
