"""What every generative model of the package is."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from keras_genmod import checks
from keras_genmod.engine import (
    SeedGenerator,
    derived_state,
    keras_internals,
    seed_state,
)
from keras_genmod.models.saving import Saving
from keras_genmod.models.training import Training


class GenerativeModel(Training, Saving):
    """Base of all models: conditions, seeds, saving, and `sample`.

    A subclass builds its networks in `__init__` and ends it with
    `self.finish_construction()`; it overrides `call`, `compute_loss` and `_sample`.
    In `fit(x, y)` the labels `y` are the condition; a model that is not conditional
    ignores them.

    For each batch Keras calls `train_step` (or `test_step`, `predict_step`) and this

    1. `fold_condition`, which makes `inputs` of the batch: the data, or
       `(data, condition)`, with their shapes checked;
    2. `call(inputs)`, which takes them apart by `data_and_condition` and returns
       `y_pred`, whatever the loss needs;
    3. `compute_loss(x=inputs, y_pred=y_pred, sample_weight=...)`, which ends in
       `mean_loss` of a loss of each example. Prediction ends before it.

    Args:
        data_shape: Shape of one example, without the batch.
        num_classes: Int, the number of class labels of a conditional model, or
            `None`.
        seed: Int for a repeatable stream of random numbers, or `None`.
        **kwargs: `name`, `dtype`, `trainable` as in `keras.Model`.

    Example:
    ```python
    from keras_genmod.engine import Seeds


    class NormalMean(GenerativeModel):
        # N(mean, 1) of each value, with a mean that is learned
        def __init__(self, data_shape, **kwargs):
            super().__init__(data_shape, **kwargs)
            self.mean = self.add_weight(shape=data_shape, name="mean")
            self.finish_construction()

        def call(self, inputs):
            x, _ = self.data_and_condition(inputs)
            return keras.ops.sum((x - self.mean) ** 2 / 2, axis=1)

        def compute_loss(
            self, x=None, y=None, y_pred=None, sample_weight=None, training=True
        ):
            return self.mean_loss(y_pred, sample_weight)

        def _sample(self, state, condition, *, num_samples):
            shape = (num_samples, *self.data_shape)
            return self.mean + keras.random.normal(shape, seed=Seeds(state))


    model = NormalMean((2,))
    model.compile("adam")
    model.fit(x)
    samples = model.sample(16)
    ```
    """

    #: Why the model cannot `sample`, after its name; `None` where it can.
    no_samples: str | None = None

    #: What `log_prob` returns: "exact", "lower_bound" or "estimate"; `None` without.
    likelihood_kind: str | None = None

    #: `log_prob` is of data on so many levels k / (num_levels - 1); `None`: a density.
    num_levels: int | None = None

    def __init__(
        self,
        data_shape: Sequence[int],
        num_classes: int | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        # Inputs stay float32 under every policy; each network casts for itself.
        super().__init__(autocast=False, **kwargs)
        if num_classes is not None:
            num_classes = checks.positive_int("num_classes", num_classes)
        self.data_shape = checks.sizes("data_shape", data_shape)
        self.num_classes = num_classes
        self.seed = checks.seed("seed", seed)
        self.seed_generator = SeedGenerator(seed)

    def finish_construction(self) -> None:
        """Marks the model as built: every variable exists from now on."""
        self.built = True
        data, condition = self.data_shape, self.condition_shape
        condition = (
            {name: (None, *shape) for name, shape in condition.items()}
            if self.takes_arrays
            else (None, *condition)
        )
        shapes = self._join((None, *data), condition)
        keras_internals.set_input_shapes(self, shapes)

    def get_build_config(self) -> None:
        """Returns nothing: a model is built as soon as it is made."""

    def sample(
        self, num_samples: int, condition: Any = None, seed: int | None = None
    ) -> Any:
        """Draws samples from the model, in one call that is compiled once.

        Args:
            num_samples: Positive int.
            condition: For a conditional model, int class labels of shape
                `(num_samples,)`, or one label for all. Where conditions are dicts,
                arrays `(num_samples, ...)`, or without this axis one for all.
            seed: Int for repeatable samples; `None` draws new ones each call.

        Returns:
            Float32 tensor of shape `(num_samples, *data_shape)` in the range of the
            data.

        Raises:
            ValueError: If an argument is out of range, or the condition is missing.
            NotImplementedError: If the model draws nothing from noise alone.
        """
        if self.no_samples is not None:
            raise NotImplementedError(f"{type(self).__name__} {self.no_samples}")
        num_samples = checks.positive_int("num_samples", num_samples)
        return self._sample(
            seed_state(seed, self.seed_generator),
            self.standardize_condition(condition, num_samples),
            num_samples=num_samples,
        )

    def _in_batches(
        self,
        function: Callable,
        x,
        condition,
        batch_size: int,
        state=None,
        **static,
    ):
        """Returns a compiled function's number of each example, `(n,)`, in batches.

        All batches have one size, so that the function is traced once; fewer examples
        than that make a batch of the next power of two. Numbers are joined on the host.

        Args:
            function: Compiled method `(state, x, condition, **static)`.
            x: Data of shape `(n, *data_shape)`.
            condition: Condition as `standardize_condition` takes it.
            batch_size: Positive int, examples at a time.
            state: What `seed_state` returned: each batch starts from a state of its
                own that follows from it; `None` where nothing is drawn.
            **static: Passed to the function.

        Raises:
            ValueError: If the examples or the condition are not what the model takes.
        """
        batch_size = checks.positive_int("batch_size", batch_size)
        x, condition = self._checked(x, condition)
        x = checks.as_numpy(x)
        condition = tree.map_structure(_as_numpy, condition)
        size = min(batch_size, 2 ** (len(x) - 1).bit_length())
        numbers = []
        for batch, start in enumerate(range(0, len(x), size)):
            # The last batch is filled up with the last example.
            rows = np.minimum(np.arange(start, start + size), len(x) - 1)
            found = function(
                None if state is None else derived_state(state, batch),
                x[rows],
                tree.map_structure(functools.partial(_rows, rows), condition),
                **static,
            )
            numbers.append(checks.as_numpy(found)[: len(x) - start])
        return ops.convert_to_tensor(np.concatenate(numbers))

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(
            **keras.saving.deserialize_keras_object(
                config, custom_objects=custom_objects
            )
        )


def _as_numpy(x):
    return None if x is None else checks.as_numpy(x)


def _rows(rows, x):
    return None if x is None else x[rows]
