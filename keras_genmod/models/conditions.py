"""Data with their conditions: class labels, or what a subclass takes for them."""

import keras
import numpy as np
from keras import ops

from keras_genmod import checks


class Conditions:
    """The part of `GenerativeModel` that takes data and conditions together.

    On the host it checks them; in a step it makes tensors for the networks of them.
    """

    data_shape: tuple[int, ...]
    num_classes: int | None

    #: Whether an unconditional model learns to turn `x` into a `y` of the data's shape.
    takes_targets = False

    @property
    def is_conditional(self) -> bool:
        """Whether sampling and training need a condition."""
        return self.num_classes is not None

    def fold_condition(self, data):
        """Makes `(inputs, None, sample_weight)` of a batch as Keras hands it over.

        Returns:
            `inputs` is what `call` takes: the data, or `(data, condition)`. In place
            of `None` stands a target, where the model takes one and `y` is one.
        """
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if isinstance(x, (tuple, list)) and len(x) == 1:
            x = x[0]
        if not self.is_conditional:
            return x, self.target_of(y), sample_weight
        if y is not None:
            x = (x, y)
        if not isinstance(x, (tuple, list)):
            raise ValueError(
                f"{type(self).__name__} is conditional: give the condition as `y`, "
                f"or the pair `(x, condition)`. Received {type(x).__name__} alone."
            )
        return tuple(x), None, sample_weight

    def target_of(self, y):
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

    def data_and_condition(self, inputs):
        """Returns `(data, condition)` of what `call` received, data as float32."""
        data, condition = inputs if self.is_conditional else (inputs, None)
        data = ops.cast(data, "float32")
        if self.num_classes is not None:
            condition = self.one_hot(condition)
            # TensorFlow's fused ReLU swallows NaN: the loss gets it with the data too.
            unknown = ops.isnan(condition[:, 0])
            unknown = ops.reshape(unknown, (-1, *(1,) * len(self.data_shape)))
            data = ops.where(unknown, float("nan"), data)
        return data, condition

    def one_hot(self, labels):
        """Returns float32 one-hot labels `(batch, num_classes)`.

        A label that is no class gives NaN, and so a loss that is NaN, rather than a
        row of zeros that trains on nothing.
        """
        labels = ops.cast(ops.reshape(labels, (-1,)), "int32")
        known = (labels >= 0) & (labels < self.num_classes)
        # Torch refuses unknown labels; on a GPU that ends the process.
        labels = ops.where(known, labels, 0)
        rows = ops.one_hot(labels, self.num_classes, dtype="float32")
        return ops.where(known[:, None], rows, float("nan"))

    # Input on the host.

    def check_data(self, x, y=None):
        """Checks data of `fit`, `evaluate` and `log_prob` as far as it is at hand.

        Arrays are checked whole, a `PyDataset` by its first batch; streams cannot be
        looked at without consuming them.

        Raises:
            ValueError: If a shape or a value is not what the model takes.
        """
        if isinstance(x, keras.utils.PyDataset):
            x, y, _ = keras.utils.unpack_x_y_sample_weight(x[0])
        if self.is_conditional and y is None and isinstance(x, (tuple, list)):
            x, y = x
        if checks.is_array(x):
            target = None if self.is_conditional else self.target_of(y)
            self.check_training_examples(x, target)
            if self.is_conditional:
                self.check_condition(y, len(x))

    def check_training_examples(self, x, target):
        """Checks what training reads: of `x` the shape alone, where there is a target.

        Raises:
            ValueError: If a shape or a value is not what the loss takes.
        """
        if target is None:
            self.check_examples(x)
        else:
            checks.shape("x", x, self.data_shape)
            self.check_target(target)

    def check_target(self, y):
        """Raises a `ValueError` unless `y` has shape `(batch, *data_shape)`."""
        checks.shape("y", y, self.data_shape)

    def check_examples(self, x):
        """Raises a `ValueError` unless `x` has shape `(batch, *data_shape)`."""
        checks.shape("x", x, self.data_shape)

    def check_condition(self, condition, num_examples):
        """Raises a `ValueError` unless `condition` holds one valid label an example."""
        checks.labels(condition, num_examples, self.num_classes, type(self).__name__)

    def standardize_condition(self, condition, num_examples):
        """Returns checked labels `(num_examples,)`, or `None` if not conditional."""
        if not self.is_conditional:
            if condition is not None:
                raise ValueError(
                    f"{type(self).__name__} is not conditional; `condition` must be "
                    "None. Give `num_classes` when the model is made."
                )
            return None
        if condition is not None and np.ndim(condition) == 0:
            condition = np.full((num_examples,), condition)
        self.check_condition(condition, num_examples)
        return ops.cast(condition, "int32")

    def _checked(self, x, condition):
        """Returns checked data and standardized conditions, of one call's arguments."""
        self.check_examples(x)
        return x, self.standardize_condition(condition, len(x))

    def _join(self, x, condition):
        """Returns what `call` takes: the data, or `(data, condition)`."""
        return (x, condition) if self.is_conditional else x
