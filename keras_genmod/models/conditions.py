"""Data with their conditions: labels, dicts of arrays, or what a subclass takes."""

from typing import Any, cast

import keras
import numpy as np
from keras import ops, tree

from keras_genmod import checks
from keras_genmod.models import condition_checks


class Conditions:
    """The part of `GenerativeModel` that takes data and conditions together.

    On the host it checks them; in a step it makes tensors for the networks of them.
    A subclass whose `condition_shape` is a dict takes dicts of arrays with its keys.
    """

    data_shape: tuple[int, ...]
    num_classes: int | None

    #: Whether an unconditional model learns to turn `x` into a `y` of the data's shape.
    takes_targets = False

    #: Whether a conditional model's `x` may be a pair `(noise, data)`.
    takes_pairs = False

    @property
    def condition_shape(self) -> Any:
        """Shape of one condition, without the batch: `()` for class labels.

        Where conditions are dicts of arrays, padded to one length each, it is a dict
        from their keys to such shapes.
        """
        return ()

    @property
    def takes_arrays(self) -> bool:
        """Whether conditions are dicts of arrays."""
        return isinstance(self.condition_shape, dict)

    @property
    def is_conditional(self) -> bool:
        """Whether sampling and training need a condition."""
        return self.num_classes is not None or self.takes_arrays

    def fold_condition(self, data: Any) -> Any:
        """Makes `(inputs, None, sample_weight)` of a batch as Keras hands it over.

        Returns:
            `inputs` is what `call` takes: the data, or `(data, condition)`. In place
            of `None` stands a target, where the model takes one and `y` is one.
        """
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if isinstance(x, (tuple, list)) and len(x) == 1:
            x = x[0]
        target = None
        if not self.is_conditional:
            target = self.target_of(y)
        elif y is not None:
            x = (x, y)
        return self._check_inputs(x), target, sample_weight

    def _check_inputs(self, inputs):
        """Returns what `call` takes; raises a `ValueError` where shapes do not fit."""
        if self.is_conditional:
            if not isinstance(inputs, (tuple, list)) or len(inputs) != 2:
                raise ValueError(
                    f"{type(self).__name__} is conditional: give the condition as `y`, "
                    "or the pair `(x, condition)`. "
                    f"Received {type(inputs).__name__} alone."
                )
            self._check_static(*inputs)
            return tuple(inputs)
        self._check_static(inputs)
        return inputs

    def _check_static(self, x, condition=None):
        """Raises a `ValueError` where shapes known before a step do not fit."""
        if isinstance(x, (tuple, list, dict)):
            raise ValueError(
                f"{type(self).__name__} takes one tensor of data a batch. Received a "
                f"{type(x).__name__} of {len(x)}"
            )
        checks.static_shape("x", x, self.data_shape)
        if self.takes_arrays:
            condition_checks.keys(condition, self.condition_shape, type(self).__name__)
            for name, shape in self.condition_shape.items():
                checks.static_shape(name, condition[name], shape)
        if self.num_classes is not None and not self._is_one_hot(condition):
            size = () if len(condition.shape) == 1 else (1,)
            checks.static_shape("y", condition, size)

    def _is_one_hot(self, labels):
        # One column holds labels also where there is a single class.
        return tuple(labels.shape[1:]) == (self.num_classes,) != (1,)

    def target_of(self, y: Any) -> Any:
        """Returns `y` where it is a target, `None` where it is none or holds labels.

        Raises:
            ValueError: If `y` has neither the data's shape nor one label an example.
        """
        if y is None or not self.takes_targets:
            return None
        shape = tuple(np.shape(y))[1:]
        fits = len(shape) == len(self.data_shape) and all(
            size in (None, expected)
            for size, expected in zip(shape, self.data_shape, strict=True)
        )
        if fits:
            return y
        if shape in ((), (1,)):
            return None
        expected = ", ".join(["batch", *map(str, self.data_shape)])
        raise ValueError(
            f"`y` must be what `x` shall become, of shape ({expected}), or one label "
            f"an example, which {type(self).__name__} ignores without `num_classes`. "
            f"Received: y.shape={tuple(np.shape(y))}"
        )

    def data_and_condition(self, inputs: Any) -> Any:
        """Returns `(data, condition)` of what `call` received, data as float32."""
        inputs = self._check_inputs(inputs)
        data, condition = inputs if self.is_conditional else (inputs, None)
        data = ops.cast(data, "float32")
        if self.num_classes is not None:
            condition = self.one_hot(condition)
            # TensorFlow's fused ReLU swallows NaN: the loss gets it with the data too.
            data = self._nan_where(ops.isnan(condition[:, 0]), data)
        elif self.takes_arrays:
            condition = tree.map_structure(_tensor, condition)
            for values in tree.flatten(condition):
                if keras.backend.is_float_dtype(values.dtype):
                    values = ops.reshape(values, (ops.shape(values)[0], -1))
                    known = ops.all(ops.isfinite(values), axis=1)
                    data = self._nan_where(ops.logical_not(known), data)
        return data, condition

    def _nan_where(self, unknown, data):
        """Returns data `(batch, ...)`, NaN for the examples that are `unknown`."""
        unknown = ops.reshape(unknown, (-1, *(1,) * len(self.data_shape)))
        return ops.where(unknown, float("nan"), data)

    def one_hot(self, labels: Any) -> Any:
        """Returns float32 one-hot labels `(batch, num_classes)`.

        A label that is no class gives NaN, and so a loss that is NaN, rather than a
        row of zeros that trains on nothing; so does a row that is not one-hot.

        Args:
            labels: Class labels `(batch,)` or `(batch, 1)`, or one-hot rows.
        """
        if self._is_one_hot(labels):
            rows = ops.cast(labels, "float32")
            known = ops.all((rows == 0) | (rows == 1), axis=1) & (ops.sum(rows, 1) == 1)
            return ops.where(known[:, None], rows, float("nan"))
        labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
        known = (labels >= 0) & (labels < self.num_classes)
        # Torch refuses unknown labels; on a GPU that ends the process.
        labels = ops.where(known, labels, 0)
        rows = ops.one_hot(labels, self.num_classes, dtype="float32")
        return ops.where(known[:, None], rows, float("nan"))

    # Input on the host.

    def check_data(self, x: Any, y: Any = None) -> None:
        """Checks the arrays of `fit`, `evaluate` and `predict`.

        Of a stream it gets the first batch.

        Args:
            x: Array of data.
            y: Array of conditions, or `None`.

        Raises:
            ValueError: If a shape or a value is not what the model takes.
        """
        target = None if self.is_conditional else self.target_of(y)
        self.check_training_examples(x, target)
        if self.is_conditional:
            self.check_condition(y, len(x))

    def check_training_examples(self, x: Any, target: Any) -> None:
        """Checks what training reads: of `x` the shape alone, where there is a target.

        Raises:
            ValueError: If a shape or a value is not what the loss takes.
        """
        if target is None:
            self.check_examples(x)
        else:
            self._check_shape(x)
            self.check_target(target)

    def check_target(self, y: Any) -> None:
        """Raises a `ValueError` unless `y` has shape `(batch, *data_shape)`."""
        checks.shape("y", y, self.data_shape)

    def check_examples(self, x: Any) -> None:
        """Raises a `ValueError` unless `x` has shape `(batch, *data_shape)`."""
        self._check_shape(x)

    def _check_shape(self, x, name="x"):
        checks.shape(name, x, self.data_shape)
        if len(x) == 0:
            raise ValueError(
                f"`{name}` must hold at least one example. "
                f"Received: {name}.shape={tuple(x.shape)}"
            )

    def check_condition(self, condition: Any, num_examples: int) -> Any:
        """Returns labels `(num_examples,)`, or a dict of arrays with as many rows.

        Raises:
            ValueError: If the condition is not one for each example.
        """
        if self.takes_arrays:
            shapes = self.condition_shape
            return self._checked_arrays(condition, num_examples, shapes)
        return condition_checks.labels(
            condition,
            num_examples,
            cast(int, self.num_classes),  # of a conditional model
            type(self).__name__,
        )

    def _checked_arrays(self, condition, num_examples, shapes):
        name = type(self).__name__
        found = condition_checks.arrays(condition, num_examples, shapes, name)
        self.check_arrays(found)
        return found

    def check_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Checks the values of a dict of arrays whose shapes are right.

        Raises:
            ValueError: If a subclass does not take them.
        """

    def sampled_shapes(self, condition: Any) -> dict:
        """Returns the shapes of the arrays that samples are conditioned on.

        A subclass may take fewer arrays here than training does.
        """
        return self.condition_shape

    def standardize_condition(self, condition: Any, num_examples: int) -> Any:
        """Returns checked conditions, one an example, or `None` if not conditional.

        Args:
            condition: Labels, one-hot rows, one label for all; a dict of arrays, each
                for every example or without a batch for all; or `None`.
            num_examples: Int.
        """
        if not self.is_conditional:
            if condition is not None:
                raise ValueError(
                    f"{type(self).__name__} is not conditional; `condition` must be "
                    "None. Give `num_classes` when the model is made."
                )
            return None
        if self.takes_arrays:
            shapes = self.sampled_shapes(condition)
            if isinstance(condition, dict):
                condition = _for_each(condition, num_examples, shapes)
            checked = self._checked_arrays(condition, num_examples, shapes)
            return tree.map_structure(_tensor, checked)
        if condition is not None and np.ndim(condition) == 0:
            condition = np.full((num_examples,), condition)
        return ops.cast(self.check_condition(condition, num_examples), "int32")

    def _checked(self, x, condition):
        """Returns checked data and standardized conditions, of one call's arguments."""
        self.check_examples(x)
        return x, self.standardize_condition(condition, len(x))

    def _join(self, x, condition):
        """Returns what `call` takes: the data, or `(data, condition)`."""
        return (x, condition) if self.is_conditional else x


def _for_each(condition, num_examples, shapes):
    """Returns a dict of arrays, those without a batch repeated for each example."""

    def repeated(name, x):
        x = checks.as_numpy(x, name)
        is_one = name in shapes and x.shape == tuple(shapes[name])
        return np.repeat(x[None], num_examples, axis=0) if is_one else x

    return {name: repeated(name, x) for name, x in condition.items()}


def _tensor(x):
    """Returns booleans as they are, integers as int32, the rest as float32."""
    x = ops.convert_to_tensor(x)
    dtype = keras.backend.standardize_dtype(x.dtype)
    if dtype == "bool":
        return x
    return ops.cast(x, "int32" if "int" in dtype else "float32")
