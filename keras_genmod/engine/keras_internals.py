"""All that the package uses of Keras beyond its public names.

A new version of Keras may rename any of it; `tests/engine/test_keras_internals.py`
then says which.
"""

import contextlib
import functools
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state
from keras.src.optimizers import base_optimizer
from keras.src.saving import saving_lib

#: The version of Keras that these names were checked with.
CHECKED_WITH = "3.15.1"

_NOTES = "keras_genmod"  # in an HDF5 file of weights, beside what Keras keeps there

_KINDS = (
    "trainable_variables",
    "non_trainable_variables",
    "optimizer_variables",
    "metrics_variables",
)


def sublayers(network: keras.Layer) -> list[keras.Layer]:
    """Returns a layer and all layers in it, at any depth."""
    return list(network._flatten_layers())


def num_calls(layer: keras.Layer) -> int:
    """Returns in how many places of a network a layer is called."""
    return len(layer._inbound_nodes)


def own_weights(layer: keras.Layer) -> list:
    """Returns the weights that a layer holds itself, without those of layers in it."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def assign_in_any_scope(variable, value) -> None:
    """Assigns a value to a variable, also where a stateless scope would take it."""
    variable._direct_assign(value)


@contextlib.contextmanager
def variables_last() -> Iterator[None]:
    """Lets variables have shapes alone, and values at the end unless there is an error.

    Without, Keras would keep those of the failure, and make them at the next occasion.
    """
    with keras.StatelessScope():
        try:
            yield
        except BaseException:
            global_state.set_global_attribute("uninitialized_variables", [])
            raise


# Optimizers.


def averaged_variables(optimizer) -> list[tuple]:
    """Returns pairs of a variable and its average, `None` where there is none."""
    return list(
        zip(
            optimizer._trainable_variables,
            optimizer._model_variables_moving_average,
            strict=True,
        )
    )


def num_updates(optimizer) -> int:
    """Returns how often an optimizer was applied, without any that wraps it."""
    return int(keras.ops.convert_to_numpy(optimizer._iterations))


def kind_of_update(optimizer) -> str | None:
    """Returns "Adam" or "SGD" if an optimizer on torch takes that of Keras' steps."""
    from keras.src.backend.torch.optimizers.torch_adam import Adam
    from keras.src.backend.torch.optimizers.torch_sgd import SGD

    update = getattr(type(optimizer), "_parallel_update_step", None)
    kinds = {Adam._parallel_update_step: "Adam", SGD._parallel_update_step: "SGD"}
    return kinds.get(update)


def is_adam(optimizer) -> bool:
    """Whether an optimizer on TensorFlow takes the steps of Keras' Adam."""
    update = getattr(type(optimizer), "update_step", None)
    return update is keras.optimizers.Adam.update_step


def replace_update(optimizer, update: Callable) -> None:
    """Lets an optimizer on torch call `update(gradients, variables, rate)`."""
    optimizer._parallel_update_step = update


def adam_slots(optimizer, variables: list) -> tuple[list, list]:
    """Returns the first and second moments of variables, as tensors."""
    places = [optimizer._get_variable_index(variable) for variable in variables]
    slots = optimizer._momentums, optimizer._velocities
    moments, velocities = ([slot[i].value for i in places] for slot in slots)
    return moments, velocities


def sgd_slots(optimizer, variables: list) -> list:
    """Returns the moments of variables, as tensors."""
    places = (optimizer._get_variable_index(variable) for variable in variables)
    return [optimizer.momentums[place].value for place in places]


def replace_cond(choose: Callable) -> None:
    """Lets `keras.ops.cond` on torch call `choose(cond, pred, true_fn, false_fn)`.

    Args:
        choose: Function; what it gets as `cond` is what Keras does without it.
    """
    from keras.src.backend.torch import core

    core.cond = functools.partial(choose, core.cond)


def is_of_optimizer(function: Callable) -> bool:
    """Whether a side of a `cond` is an optimizer's, which goes by its updates alone."""
    return function.__module__ == base_optimizer.__name__


def place_of_draw(seed: Any) -> dict[str, Any]:
    """Returns the device and the generator that Keras draws with on torch.

    Args:
        seed: What `keras.random` takes as such.
    """
    from keras.src.backend.torch import core, random

    generator = random.torch_seed_generator(seed)
    return {"device": core.get_device(), "generator": generator}


# Training.


def trainable_values_on_jax(model: keras.Model) -> list:
    """Returns the values of trainable variables, also in the middle of `fit`.

    There Keras holds the values apart; attaching them to the model takes long.
    """
    if model._jax_state_synced:
        return [v.value for v in model.trainable_variables]
    return list(model._jax_state["trainable_variables"])


def put_value(variable: keras.Variable, value: Any) -> None:
    """Lets a variable hold a tensor as it is, not laid out over devices."""
    variable._value = value


def model_in_fit(callback: keras.callbacks.Callback) -> keras.Model:
    """Returns a callback's model in the middle of `fit`.

    On JAX `callback.model` would attach the state to the model, for each batch.
    """
    return callback._model


def is_called_by_fit(arguments: dict) -> bool:
    """Whether an `evaluate` with these arguments is that of the epochs of a `fit`."""
    return bool(arguments.get("_use_cached_eval_dataset"))


def start_from_epoch(model: keras.Model, epoch: int | None) -> None:
    """Lets the `fit` that is beginning start from an epoch; `None` from its own."""
    model._initial_epoch = epoch


def track_loss(model: keras.Model, loss: Any, num_examples: int | None) -> None:
    """Adds a batch's loss to the mean that a model reports as `loss`."""
    model._loss_tracker.update_state(loss, sample_weight=num_examples)


class KeptState:
    """A part of a model that gets its variables back where a step fails.

    On JAX Keras takes their values out before an epoch and hands them from step to
    step. Where the first fails, they would be gone, and the model with them.
    """

    _jax_state: dict[str, list] | None
    jax_state_sync: Callable[[], None]

    def _get_jax_state(self, purge_model_variables: bool = False, **kinds: bool) -> Any:
        state = super()._get_jax_state(  # type: ignore[misc]
            purge_model_variables=purge_model_variables, **kinds
        )
        # What `jax_state_sync` puts back, until the step returns a newer state.
        taken = [kind for kind in _KINDS if kinds.get(kind)]
        self._jax_state = dict(zip(taken, state, strict=True))
        return state

    @contextlib.contextmanager
    def _keeping_state(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if getattr(self, "_jax_state", None):
                self.jax_state_sync()
                self._jax_state = None
            raise


# Files.


def set_input_shapes(model: keras.Model, shapes) -> None:
    """Lets `export` know what a model takes that was never called.

    Args:
        model: Built model.
        shapes: Nest of shapes of what `call` takes, each with `None` for the batch.
    """
    model._build_shapes_dict = {"inputs": shapes}
    model._called = True


def h5_file_of(store) -> Any:
    """Returns the open HDF5 file of what `load_own_variables` gets, or `None`."""
    return getattr(store, "h5_file", None)


def state_to_bytes(model: keras.Model, notes: dict) -> bytes:
    """Returns a `.weights.h5` file: what `save_weights` writes, and notes.

    Args:
        model: Built model.
        notes: What JSON can hold, and arrays and NumPy numbers in it.
    """
    file, arrays = io.BytesIO(), []

    def plain(value):
        arrays.append(np.asarray(value))
        return {"array": len(arrays) - 1}

    store = saving_lib.H5IOStore(file, mode="w")
    try:
        saving_lib._save_state(model, store, None, "", set())
        store.h5_file.attrs[_NOTES] = json.dumps(notes, default=plain)
        for i, array in enumerate(arrays):
            store.h5_file[f"{_NOTES}/{i}"] = array
    finally:
        store.close()
    return file.getvalue()


def notes_of(path: str) -> dict:
    """Returns the notes in a file that `state_to_bytes` made.

    Raises:
        OSError: If it is no HDF5 file, or damaged.
        ValueError: If it holds no notes, or other ones.
        KeyError: If it holds no notes, or an array of them is missing.
    """
    store = saving_lib.H5IOStore(path, mode="r")

    def array(value):
        if set(value) != {"array"}:
            return value
        name = f"{_NOTES}/{value['array']}"
        return np.array(saving_lib.safe_get_h5_dataset(store.h5_file, name))

    try:
        return json.loads(store.h5_file.attrs[_NOTES], object_hook=array)
    finally:
        store.close()
