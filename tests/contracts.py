"""What every model must do on every backend.

A model's test is a subclass of `ModelContract`: how to make it, data, and what kind of
model it is. The contract trains it once for all properties. Each row trains and draws
on every backend; its other properties are tried on torch and, by its name, on
TensorFlow or JAX, the dearest three for every other row (`tests/covering.py`). A row of
each kind of step is tried in all on all backends: these carry the marker
`every_backend`.
"""

import contextlib
import copy
import dataclasses
import inspect
import shutil

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.models.adjustable import Adjustable

NUM_EPOCHS = 2
RESUMED_FROM = 1
BATCH_SIZE = 8
NUM_SAMPLES = 16  # in most tests: one number is compiled once
ON_TORCH = keras.backend.backend() == "torch"
_ON_JAX = keras.backend.backend() == "jax"
# Two whole batches and a short one. JAX compiles each size of batch: there the short
# one is a test of its own, slow for most models.
NUM_EXAMPLES = 16 if _ON_JAX else 22
NUM_BATCHES = -(-NUM_EXAMPLES // BATCH_SIZE)
# Difference of one epoch, compiled and not; JAX compiles without optimizations here.
LOOSE = 3e-4 if _ON_JAX else 1e-4
# Whether few steps take less time without compilation: JAX compiles each operation.
EAGER_IS_FASTER = not _ON_JAX
slow_on_jax = pytest.mark.slow if _ON_JAX else lambda test: test
# Numbers that say what a network or its data are: no scalars of a step.
FIXED = {
    "bin_size",
    "data_std",
    "deviation",
    "dropout",  # a layer's
    "guidance",  # which a consistency model learns
    "sigma_max",
    "sigma_min",
}


def on_gpu() -> bool:
    """Whether tests run on a GPU, as JAX and torch do by `make test-gpu`."""
    if ON_TORCH:
        import torch

        return torch.cuda.is_available()
    if _ON_JAX:
        import jax

        return jax.default_backend() == "gpu"
    return False


def slow_elsewhere(test):
    """Marks a test that torch runs alone by default.

    One of many draws or programs, whose law has nothing to do with the backend: torch
    compiles nothing, so that it costs least.
    """
    return test if ON_TORCH else pytest.mark.slow(test)


def torch_param(*values, **kwargs):
    """Returns a parameter that torch runs alone by default, as `slow_elsewhere`."""
    marks = [] if ON_TORCH else [pytest.mark.slow]
    return pytest.param(*values, marks=marks, **kwargs)


def varies_little(case):
    """Marks a model that differs little from another one that is tested everywhere."""
    case.varies_little = True
    return slow_elsewhere(case)


@contextlib.contextmanager
def uncompiled():
    """Lets TensorFlow take operations one by one: XLA takes seconds to compile them.

    JAX compiles each operation, so that the whole is no more; torch compiles nothing.
    """
    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@dataclasses.dataclass(frozen=True)
class Run:
    """A straight training run."""

    model: keras.Model
    start: dict
    states: list
    history: dict
    backup: str


class TrainingContract:
    """What training does, for variants of a model that differ in little else.

    A subclass sets `data`, what `fit` takes, `NUM_EXAMPLES` long, and defines `make`.
    It overrides the rest where its model differs.
    """

    varies_little = False
    data: tuple
    #: What training lowers; `None` for games, whose losses need not fall.
    falls: str | None = "loss"
    #: The mixed policy that is tried; the other one is slow.
    policy = "mixed_bfloat16"
    optimizer = keras.optimizers.Adam
    learning_rate = 0.02
    resumed_on_gpu_atol = 0.0  # more where gradients add up in any order
    #: Whether training draws random numbers, which TensorFlow's XLA draws differently.
    is_random = True

    @staticmethod
    def make() -> keras.Model:
        """Returns a new model."""
        raise NotImplementedError

    # What the properties are tried on.

    @classmethod
    def compiled(cls, **options):
        model = cls.make()
        model.compile(cls.optimizer(cls.learning_rate), **options)
        return model

    @classmethod
    def fit(cls, model, epochs=1, data=None, **options):
        data = cls.data if data is None else data
        options = {"batch_size": BATCH_SIZE, "shuffle": False, "verbose": 0, **options}
        return model.fit(*data, epochs=epochs, **options)

    @pytest.fixture(scope="class")
    @classmethod
    def run(cls, tmp_path_factory):
        """Trains a model, and keeps what a process killed on the way would leave."""
        start_process(seed=1)
        folder = tmp_path_factory.mktemp("run")
        model = cls.compiled()
        start, states = state_of(model), []

        def keep(epoch, logs):
            states.append(state_of(model))
            if epoch + 1 == RESUMED_FROM:
                shutil.copytree(folder / "backup", folder / "killed")

        history = cls.fit(
            model,
            NUM_EPOCHS,
            callbacks=[
                keras.callbacks.BackupAndRestore(folder / "backup"),
                keras.callbacks.LambdaCallback(on_epoch_end=keep),
            ],
        ).history
        return Run(model, start, states, history, folder / "killed")

    # Training.

    @pytest.mark.every_backend
    def test_losses_are_finite(self, run):
        assert all(np.all(np.isfinite(values)) for values in run.history.values())

    @pytest.mark.every_backend
    def test_fit_lowers_the_loss(self, run):
        if self.falls is not None:
            assert run.history[self.falls][-1] < run.history[self.falls][0]

    @pytest.mark.every_backend
    def test_fit_moves_every_weight(self, run):
        for name, before in run.start.items():
            if name.startswith("trainable"):
                assert np.any(run.states[-1][name] != before), name

    @pytest.mark.every_backend
    def test_every_optimizer_has_learnt(self, run):
        num_batches = NUM_EPOCHS * NUM_BATCHES
        optimizer = run.model.optimizer
        if not hasattr(run.model, "objectives"):
            assert int(optimizer.iterations) == num_batches
            members = [optimizer]
        else:
            for objective in run.model.objectives():
                member = optimizer[objective.name]
                found, most = int(member.iterations), num_batches * objective.steps
                assert found == most if objective.is_due is None else 0 < found < most
            members = optimizer.members.values()
        for member in members:
            for slot in member.variables[2:]:
                assert np.any(array_of(slot) != 0), slot.path

    def test_evaluate_reports_what_fit_reports(self, run):
        logs = evaluated(run.model, self.data)
        assert set(logs) == set(run.history)
        assert all(np.isfinite(value) for value in logs.values())

    @slow_on_jax
    @pytest.mark.trains_anew
    def test_compiled_training_equals_eager(self, run):
        start_process(seed=1)
        model = self.compiled(run_eagerly=True)
        self.fit(model)
        assert_same_state(state_of(model), run.states[0], atol=LOOSE)

    @pytest.mark.slow
    @pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="JAX always uses XLA"
    )
    def test_xla_training_equals_eager(self, run):
        if self.is_random:
            pytest.skip("TensorFlow draws other random numbers under XLA")
        check_xla(self, run)

    @pytest.mark.slow
    @pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="JAX always uses XLA"
    )
    def test_xla_training_stays_finite(self):
        history = self.fit(self.compiled(jit_compile=True), epochs=2).history
        assert np.all(np.isfinite(list(history.values())))

    @pytest.mark.slow
    @pytest.mark.skipif(
        keras.backend.backend() != "torch", reason="inductor is torch's"
    )
    @pytest.mark.filterwarnings("error:A program is run call by call")
    def test_fused_training_equals_eager(self, run):
        start_process(seed=1)
        model = self.compiled(jit_compile=True)
        self.fit(model, NUM_EPOCHS)  # two batches of a shape are taken as they are
        assert_same_state(state_of(model), run.states[-1], atol=LOOSE)


class CompiledByXLA:
    """One row of each kind of step is tried under XLA in every run."""

    @pytest.mark.skipif(
        keras.backend.backend() != "tensorflow", reason="JAX always uses XLA"
    )
    def test_xla_training_equals_eager(self, run):
        check_xla(self, run)


def check_xla(case, run):
    start_process(seed=1)
    model = case.compiled(jit_compile=True)
    case.fit(model)
    assert_same_state(state_of(model), run.states[0], atol=LOOSE)


class ShortBatch:
    """One row of each kind of step trains on a short batch on JAX, too."""

    @pytest.mark.skipif(not _ON_JAX, reason="the others train on one in every run")
    def test_a_short_batch_trains(self):
        check_short_batch(self)


def check_short_batch(case):
    data = keras.tree.map_structure(lambda x: x[: BATCH_SIZE - 2], case.data)
    history = case.fit(case.compiled(), data=data).history
    assert np.all(np.isfinite(list(history.values())))


class ModelContract(TrainingContract):
    """All that a model must do."""

    #: Arguments of `sample`; `None` if the model cannot draw samples.
    sample_arguments: dict | None = {}
    sample_range: tuple = (-np.inf, np.inf)
    sample_levels: int | None = None
    #: Whether data must lie in [0, 1].
    data_in_unit_range = True

    @staticmethod
    def outputs(model):
        """Returns arrays that follow from the weights alone."""
        raise NotImplementedError

    def test_is_built_when_made(self):
        model = self.make()
        assert model.built and model.trainable_variables
        assert all(v.shape is not None for v in model.variables)
        assert all(network.built for network in model._flatten_layers())

    def test_evaluate_moves_nothing_but_random_states(self, run):
        before = state_of(run.model)
        evaluated(run.model, self.data)
        assert_same_state(state_of(run.model), before, but="seed_generator_state")

    def test_predict_has_one_row_an_example(self, run):
        inputs = self.data if len(self.data) > 1 else self.data[0]
        outputs = run.model.predict(inputs, batch_size=BATCH_SIZE, verbose=0)
        for output in keras.tree.flatten(outputs):
            assert len(output) == NUM_EXAMPLES and np.all(np.isfinite(output))

    @pytest.mark.slow
    @pytest.mark.skipif(not _ON_JAX, reason="the others train on one in every run")
    def test_a_short_batch_trains(self):
        check_short_batch(self)

    @pytest.mark.trains_anew
    def test_mixed_precision_stays_finite(self, dtype_policy):
        self.check_mixed_precision(self.policy, dtype_policy)

    @pytest.mark.slow
    def test_the_other_mixed_precision_stays_finite(self, dtype_policy):
        (other,) = {"mixed_float16", "mixed_bfloat16"} - {self.policy}
        self.check_mixed_precision(other, dtype_policy)

    def check_mixed_precision(self, policy, dtype_policy):
        dtype_policy(policy)
        # The scaling of float16 losses has branches, which a graph must hold.
        run_eagerly = EAGER_IS_FASTER and policy == "mixed_bfloat16"
        model = self.compiled(run_eagerly=run_eagerly)
        whole = keras.tree.map_structure(lambda x: x[: 2 * BATCH_SIZE], self.data)
        history = self.fit(model, data=whole).history
        assert np.all(np.isfinite(list(history.values())))
        for value in state_of(model).values():
            assert np.all(np.isfinite(value))
        for output in keras.tree.flatten(self.outputs(model)):
            assert keras.backend.standardize_dtype(output.dtype) == "float32"
            assert np.all(np.isfinite(array_of(output)))

    def test_scalars_of_steps_are_weights_that_may_be_set(self, run):
        # A Python number would be compiled into the step, and callbacks would change
        # nothing; that files hold the weights of these kinds is tested below.
        model, numbers = run.model, run.model.get_config()
        names = {name for name, value in numbers.items() if isinstance(value, float)}
        for name in (names - FIXED) | adjustable(type(model)):
            weight = getattr(model, name)
            if weight is None:  # left out of this model's steps
                continue
            assert any(weight is v for v in model.non_trainable_variables), name
            before = float(weight)
            value = 7 if isinstance(numbers.get(name), int) else 0.25
            try:
                setattr(model, name, value)
                assert float(weight) == float(getattr(model, name)) == value != before
                assert model.get_config().get(name, value) == value, name
            finally:
                weight.assign(before)

    # Files.

    def test_file_leaves_compilation_to_the_backend_that_loads_it(self, run):
        assert run.model.get_compile_config()["jit_compile"] == "auto"

    @pytest.mark.trains_anew
    def test_resumed_run_equals_a_straight_one(self, run, tmp_path):
        shutil.copytree(run.backup, tmp_path / "backup")
        start_process(seed=2)  # nothing may come from the new process
        model = self.compiled()
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        history = self.fit(model, NUM_EPOCHS, callbacks=[backup]).history
        assert len(history["loss"]) == NUM_EPOCHS - RESUMED_FROM
        atol = self.resumed_on_gpu_atol if on_gpu() else 0.0
        assert_same_state(state_of(model), run.states[-1], atol)

    @pytest.fixture(scope="class")
    @classmethod
    def loaded(cls, run, tmp_path_factory):
        """The model of a file, its state, and that of the one that was saved."""
        path = tmp_path_factory.mktemp("file") / "model.keras"
        run.model.save(path)
        saved = state_of(run.model)
        keras.utils.set_random_seed(2)
        model = keras.saving.load_model(path)
        return model, state_of(model), saved

    def test_file_keeps_weights_slots_and_random_states(self, loaded):
        model, state, saved = loaded
        assert model.compiled
        assert_same_state(state, saved)

    def test_file_keeps_outputs(self, run, loaded):
        assert_close(self.outputs(loaded[0]), self.outputs(run.model), 1e-6)

    def test_config_round_trip(self):
        model = self.make()
        config = model.get_config()
        again = type(model).from_config(copy.deepcopy(config))  # Keras empties it
        assert again.get_config() == config
        shapes = [v.shape for v in model.variables]
        assert [v.shape for v in again.variables] == shapes

    def test_config_holds_every_argument(self):
        model = self.make()
        arguments = set(inspect.signature(type(model)).parameters) - {"kwargs"}
        assert arguments | {"name", "trainable", "dtype"} <= set(model.get_config())

    # Samples.

    @pytest.mark.every_backend
    def test_sample_has_shape_type_and_range(self, run):
        if self.sample_arguments is None:
            with pytest.raises(NotImplementedError, match="cannot|nothing"):
                run.model.sample(3)
            return
        samples = run.model.sample(NUM_SAMPLES, **self.sample_arguments)
        assert keras.backend.standardize_dtype(samples.dtype) == "float32"
        samples = array_of(samples)
        assert samples.shape == (NUM_SAMPLES, *run.model.data_shape)
        low, high = self.sample_range
        assert samples.min() >= low and samples.max() <= high
        if self.sample_levels is not None:
            levels = np.linspace(0, 1, self.sample_levels)
            assert np.abs(samples[..., None] - levels).min(-1).max() < 1e-6

    def test_sample_repeats_for_a_seed(self, run):
        if self.sample_arguments is not None:
            first, other, *further = (self.sample(run, s) for s in (5, 6, 5, 5, 5, 5))
            for samples in further:  # on torch the recorded calls, from some call on
                np.testing.assert_array_equal(samples, first)
            assert np.any(first != other)

    def test_weights_of_nan_draw_nan(self, run):
        if self.sample_arguments is not None:
            kept = [(v, array_of(v)) for v in run.model.variables if is_float(v)]
            try:
                for variable, value in kept:
                    variable.assign(np.full_like(value, np.nan))
                samples = self.sample(run, None)
            finally:
                for variable, value in kept:
                    variable.assign(value)
            assert np.all(np.isnan(samples))

    def test_unseeded_samples_differ(self, run):
        if self.sample_arguments is not None:
            assert np.any(self.sample(run, None) != self.sample(run, None))

    def test_samples_in_one_call_differ(self, run):
        if self.sample_arguments is not None:
            samples = self.sample(run, 5)
            assert np.any(samples[:1] != samples[1:])

    def sample(self, run, seed):
        arguments = {"seed": seed, **self.sample_arguments}
        return array_of(run.model.sample(NUM_SAMPLES, **arguments))

    @pytest.mark.parametrize("num_samples", [0, -1, 1.5, True, None])
    def test_number_of_samples_is_checked(self, run, num_samples):
        if self.sample_arguments is not None:
            with pytest.raises(ValueError, match="`num_samples` must be a positive"):
                run.model.sample(num_samples, **self.sample_arguments)

    @pytest.mark.parametrize("seed", [-1, 0.5, True, "1"])
    def test_seed_is_checked(self, run, seed):
        if self.sample_arguments is not None:
            with pytest.raises(ValueError, match="`seed` must be a non-negative"):
                run.model.sample(2, seed=seed, **self.sample_arguments)

    # Data that are not what the model takes.

    @pytest.mark.parametrize("method", ["fit", "evaluate"])
    def test_wrong_shape_is_refused(self, run, method):
        data = keras.tree.map_structure(
            lambda x: x[:, :1] if x.ndim > 1 else x, self.data
        )
        with pytest.raises(ValueError, match="must have shape .*batch.* Received"):
            getattr(run.model, method)(*data, verbose=0)

    @pytest.mark.parametrize("shift", [-1.0, 254.0, np.nan])
    def test_values_out_of_range_are_refused(self, run, shift):
        if self.data_in_unit_range:
            data = keras.tree.map_structure(
                lambda x: x + np.float32(shift) if x.ndim > 1 else x, self.data
            )
            with pytest.raises(ValueError, match=r"must lie in \[0, 1\].* Received"):
                run.model.fit(*data, verbose=0)

    def test_validation_data_are_checked(self, run):
        data = keras.tree.map_structure(
            lambda x: x[:, :1] if x.ndim > 1 else x, self.data
        )
        data = data if len(data) > 1 else (*data, None)
        with pytest.raises(ValueError, match="must have shape"):
            run.model.fit(*self.data, validation_data=data, verbose=0)


class ConditionalContract(ModelContract):
    """Further properties of a model of `num_classes=3` that takes labels as `y`."""

    sample_arguments = {"condition": 1}

    def test_missing_labels_are_refused(self, run):
        for method in (run.model.fit, run.model.evaluate):
            with pytest.raises(ValueError, match="needs class labels, as `y` in `fit`"):
                method(self.data[0], verbose=0)
        with pytest.raises(ValueError, match="labels.*in the pair .* in `predict`"):
            run.model.predict(self.data[0], verbose=0)

    def test_missing_condition_of_samples_is_refused(self, run):
        with pytest.raises(ValueError, match="needs class labels"):
            run.model.sample(3)

    @pytest.mark.parametrize("label", [-1, 3])
    def test_label_out_of_range_is_refused(self, run, label):
        x, y = self.data
        y = np.where(np.arange(len(y)) == 5, label, y)
        with pytest.raises(ValueError, match="Labels must lie in 0 to 2.* Received"):
            run.model.fit(x, y, verbose=0)
        with pytest.raises(ValueError, match="Labels must lie in 0 to 2.* Received"):
            run.model.sample(2, condition=label)

    def test_labels_must_be_whole_numbers(self, run):
        x, y = self.data
        with pytest.raises(ValueError, match="Labels must be whole numbers"):
            run.model.fit(x, y + 0.5, verbose=0)

    def test_number_of_labels_is_checked(self, run):
        with pytest.raises(ValueError, match="Labels must have shape"):
            run.model.sample(3, condition=[0, 1])

    def test_a_label_a_sample_or_one_for_all(self, run):
        one = run.model.sample(NUM_SAMPLES, condition=2, seed=5)
        each = run.model.sample(NUM_SAMPLES, np.full(NUM_SAMPLES, 2), seed=5)
        np.testing.assert_array_equal(array_of(one), array_of(each))

    def test_label_changes_the_samples(self, run):
        samples = [array_of(run.model.sample(NUM_SAMPLES, i, seed=5)) for i in range(3)]
        assert np.any(samples[0] != samples[1]) and np.any(samples[1] != samples[2])

    def test_label_out_of_range_in_a_stream_gives_nan(self, run):
        x, labels = (array[:BATCH_SIZE] for array in self.data)
        # The first batch is looked at before training.
        stream = iter([(x, labels), (x, np.full_like(labels, 3))])
        logs = run.model.evaluate(stream, steps=2, verbose=0, return_dict=True)
        assert np.isnan(logs["loss"])


def adjustable(cls) -> set:
    """Returns the names of a model's scalars that may be set while it trains."""
    members = inspect.getmembers_static(cls, lambda x: isinstance(x, Adjustable))
    return {name for name, _ in members}


def start_process(seed):
    """Does what a new process does: layers get the same names, seeds are drawn anew.

    TensorFlow orders sums of gradients by the names of layers.
    """
    keras.backend.clear_session(free_memory=False)
    keras.utils.set_random_seed(seed)


def is_float(variable):
    return keras.backend.is_float_dtype(variable.dtype)


def array_of(tensor):
    """Returns a tensor or variable as NumPy."""
    return np.array(ops.convert_to_numpy(tensor))


def state_of(model) -> dict:
    """Returns all that training changes in a model, but its metrics."""
    groups = {
        "trainable": model.trainable_variables,
        "non_trainable": model.non_trainable_variables,
        "slot": model.optimizer.variables,
    }
    return {
        f"{group}/{i}/{variable.name}": array_of(variable)
        for group, variables in groups.items()
        for i, variable in enumerate(variables)
    }


def assert_same_state(state, expected, atol=0.0, but="nothing"):
    """Compares what `state_of` returned; no tolerance means bit for bit.

    Names of optimizer slots hold running numbers of layers, so values are compared by
    their place.
    """
    assert len(state) == len(expected)
    for (name, value), (_, other) in zip(state.items(), expected.items(), strict=True):
        if not name.endswith(but):
            np.testing.assert_allclose(value, other, rtol=0, atol=atol, err_msg=name)


def assert_close(outputs, expected, atol):
    """Compares two nests of tensors."""
    for output, value in zip(
        keras.tree.flatten(outputs), keras.tree.flatten(expected), strict=True
    ):
        np.testing.assert_allclose(array_of(output), array_of(value), atol=atol)


def evaluated(model, data) -> dict:
    """Returns what `evaluate` reports, by name."""
    return model.evaluate(*data, batch_size=BATCH_SIZE, verbose=0, return_dict=True)
