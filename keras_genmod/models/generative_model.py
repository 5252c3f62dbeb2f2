"""What every generative model of the package is."""

import os

import keras
import numpy as np
from keras import ops

from keras_genmod.engine import OptimizerGroup, SeedGenerator, seed_state
from keras_genmod.engine.backend import (
    load_random_state,
    loss_to_differentiate,
    random_state,
)
from keras_genmod.models import checks

_COMPILE_ARGUMENTS = {"run_eagerly", "steps_per_execution", "jit_compile"}


class GenerativeModel(keras.Model):
    """Base of all models: conditions, seeds, saving, and `sample`.

    A subclass builds its networks in `__init__` and ends it with
    `self.finish_construction()`; it overrides `call`, `compute_loss` and `_sample`.
    `call` gets the inputs as `split` takes them apart: data alone, or data and
    condition. In `fit(x, y)` the labels `y` are the condition; a model that is not
    conditional ignores them.

    Args:
        data_shape: Shape of one example, without the batch.
        num_classes: Int, the number of class labels of a conditional model, or
            `None`.
        seed: Int for a repeatable stream of random numbers, or `None`.
        **kwargs: `name`, `dtype`, `trainable` as in `keras.Model`.
    """

    #: What `log_prob` returns: "exact", "lower_bound" or "estimate"; `None` without.
    likelihood_kind: str | None = None

    #: `log_prob` is of data on so many levels k / (num_levels - 1); `None`: a density.
    num_levels: int | None = None

    def __init__(self, data_shape, num_classes=None, seed=None, **kwargs):
        # Inputs stay float32 under every policy; each network casts for itself.
        super().__init__(autocast=False, **kwargs)
        if num_classes is not None:
            checks.positive_int("num_classes", num_classes)
        self.data_shape = tuple(data_shape)
        self.num_classes = num_classes
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)

    def finish_construction(self):
        """Marks the model as built: every variable exists from now on."""
        self.built = True

    @property
    def is_conditional(self) -> bool:
        """Whether sampling and training need a condition."""
        return self.num_classes is not None

    # Training: plain Keras, with the condition folded into the inputs.

    def compile(self, optimizer="adam", **kwargs):
        """Configures the model for training; loss and metrics are its own.

        Args:
            optimizer: String or `keras.optimizers.Optimizer`.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile` as in Keras:
                `jit_compile=True` means XLA on TensorFlow and JAX, `torch.compile` on
                torch.

        Raises:
            ValueError: If another argument is given, such as `loss` or `metrics`.
        """
        given = {name for name, value in kwargs.items() if value is not None}
        if given - _COMPILE_ARGUMENTS:
            raise ValueError(
                f"{type(self).__name__} brings its own loss and metrics; `compile` "
                f"takes `optimizer` and {sorted(_COMPILE_ARGUMENTS)}. "
                f"Received: {sorted(given - _COMPILE_ARGUMENTS)}"
            )
        # A group of optimizers scales its members' losses; Keras would break it.
        scales = isinstance(optimizer, OptimizerGroup)
        super().compile(optimizer, auto_scale_loss=not scales, **kwargs)
        self._given_jit_compile = kwargs.get("jit_compile", "auto")

    def get_compile_config(self):
        config = super().get_compile_config()
        # Not what "auto" means here: the file may be loaded on another backend.
        return config and {**config, "jit_compile": self._given_jit_compile}

    def compile_from_config(self, config):
        """Compiles a loaded model and makes its optimizer's variables."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def fit(self, x=None, y=None, *args, validation_data=None, **kwargs):
        """Trains the model, as `keras.Model.fit`; `y` is the condition.

        Arrays are checked before training: shapes, labels, ranges.
        """
        x, y = self._with_labels(x, y, kwargs.get("sample_weight"))
        self.check_data(x, y)
        if isinstance(validation_data, (tuple, list)):
            self.check_data(*validation_data[:2])
        return super().fit(x, y, *args, validation_data=validation_data, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """Evaluates the losses, as `keras.Model.evaluate`; `y` is the condition."""
        x, y = self._with_labels(x, y, kwargs.get("sample_weight"))
        if not kwargs.get("_use_cached_eval_dataset"):  # checked by `fit`
            self.check_data(x, y)
        return super().evaluate(x, y, *args, **kwargs)

    def _with_labels(self, x, y, sample_weight):
        """Returns `(x, y)` with some `y`, since Keras drops weights without it."""
        if sample_weight is None or y is not None:
            return x, y
        return x if self.is_conditional else (x, np.zeros(len(x)))

    def train_step(self, *args):
        *state, data = args
        return super().train_step(*state, self.fold_condition(data))

    def test_step(self, *args):
        *state, data = args
        return super().test_step(*state, self.fold_condition(data))

    def predict_step(self, *args):
        *state, data = args
        return super().predict_step(*state, self.fold_condition(data))

    def fold_condition(self, data):
        """Makes `(inputs, None, sample_weight)` of a batch as Keras hands it over.

        Returns:
            `inputs` is what `call` takes: the data, or `(data, condition)`.
        """
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        if isinstance(x, (tuple, list)) and len(x) == 1:
            x = x[0]
        if not self.is_conditional:
            return x, None, sample_weight
        if y is not None:
            x = (x, y)
        if not isinstance(x, (tuple, list)):
            raise ValueError(
                f"{type(self).__name__} is conditional: give the condition as `y`, "
                f"or the pair `(x, condition)`. Received {type(x).__name__} alone."
            )
        return tuple(x), None, sample_weight

    def split(self, inputs):
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

    def mean_loss(self, losses, sample_weight=None):
        """Averages a loss of each example, as the return value of `compute_loss`.

        Args:
            losses: Tensor of shape `(batch,)`.
            sample_weight: Tensor of shape `(batch,)` or `None`.

        Returns:
            Float32 tensor of shape `()`: the mean, plus the losses that networks add
            (regularizers), ready for Keras' train step on each backend.
        """
        losses = ops.cast(losses, "float32")
        if sample_weight is not None:
            losses = losses * ops.cast(ops.reshape(sample_weight, (-1,)), "float32")
        loss = ops.mean(losses)
        for extra in self.losses:
            loss = loss + ops.sum(ops.cast(extra, "float32"))
        return loss_to_differentiate(loss)

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
            self.check_examples(x)
            if self.is_conditional:
                self.check_condition(y, len(x))

    def check_examples(self, x):
        """Raises a `ValueError` unless `x` has shape `(batch, *data_shape)`."""
        checks.shape("x", x, self.data_shape)

    def check_condition(self, condition, num_examples):
        """Raises a `ValueError` unless `condition` holds one valid label an example."""
        checks.labels(condition, num_examples, self.num_classes, type(self).__name__)

    # Sampling.

    def sample(self, num_samples, condition=None, seed=None):
        """Draws samples from the model, in one call that is compiled once.

        Args:
            num_samples: Positive int.
            condition: For a conditional model, int class labels of shape
                `(num_samples,)`, or one label for all.
            seed: Int for repeatable samples; `None` draws new ones each call.

        Returns:
            Float32 tensor of shape `(num_samples, *data_shape)` in the range of the
            data.

        Raises:
            ValueError: If an argument is out of range, or the condition is missing.
        """
        checks.positive_int("num_samples", num_samples)
        return self._sample(
            seed_state(seed, self.seed_generator),
            self.standardize_condition(condition, num_samples),
            num_samples=int(num_samples),
        )

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

    # Saving: Keras leaves the random states out, and may leave half a file.

    def save(self, filepath, overwrite=True, **kwargs):
        """Saves the model, as `keras.Model.save`; the file is whole or not there.

        Args:
            filepath: String or path that ends in ".keras".
            overwrite: Whether a file that is there is replaced; else Keras asks.
            **kwargs: As in Keras.
        """
        filepath = os.fspath(filepath)
        if not filepath.endswith(".keras") or (
            os.path.exists(filepath) and not overwrite
        ):
            return super().save(filepath, overwrite=overwrite, **kwargs)
        scratch = f"{filepath}.part.keras"
        super().save(scratch, **kwargs)
        os.replace(scratch, filepath)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        for i, variable in enumerate(self._seed_states()):
            store[f"seed_state_{i}"] = ops.convert_to_numpy(variable)
        for name, state in random_state().items():
            store[name] = state

    def load_own_variables(self, store):
        super().load_own_variables({k: store[k] for k in store.keys() if k.isdigit()})
        for i, variable in enumerate(self._seed_states()):
            if f"seed_state_{i}" in store.keys():
                state = np.asarray(store[f"seed_state_{i}"]).astype("int64")
                variable.assign(state.astype(variable.dtype))
        load_random_state({k: store[k] for k in store.keys() if not k.isdigit()})

    def _seed_states(self):
        return [
            v for v in self.non_trainable_variables if v.name == "seed_generator_state"
        ]

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
