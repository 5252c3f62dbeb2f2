"""How models fit into Keras' training: one loss, conditions as targets."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_genmod.engine import (
    LossScaleOptimizer,
    OptimizerGroup,
    backend,
    of_first_process,
)
from keras_genmod.engine.averages import part_averages
from keras_genmod.engine.backend import (
    loss_to_differentiate,
    refuse_other_processes,
)
from keras_genmod.engine.keras_internals import KeptState, is_called_by_fit
from keras_genmod.engine.loss_scale import as_arithmetic
from keras_genmod.models import incoming
from keras_genmod.models.conditions import Conditions
from keras_genmod.models.first_batch import is_stream, spread
from keras_genmod.models.processes import check_parts

_COMPILE_ARGUMENTS = {"run_eagerly", "steps_per_execution", "jit_compile"}


class Training(KeptState, Conditions, keras.Model):
    """The part of `GenerativeModel` between users and Keras' `compile`, `fit` etc.

    On the host it checks what is given; in a step it folds `y` into the inputs, and
    Keras calls `call` and `compute_loss` of the model.
    """

    _given_jit_compile = "auto"  # by `compile`, or where it was never called

    def compile(
        self, optimizer: str | keras.optimizers.Optimizer = "adam", **kwargs: Any
    ) -> None:
        """Configures the model for training; loss and metrics are its own.

        Args:
            optimizer: String or `keras.optimizers.Optimizer`.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile` as in Keras:
                `jit_compile=True` means XLA on TensorFlow and JAX. On torch "auto"
                records a step's operations and repeats them from the third batch on, to
                the same bits; `True` lets inductor make few kernels of them, for which
                the third batch takes a minute and a C++ compiler, and a resumed run is
                equal to rounding; `False` takes each step anew.
                As on JAX, what a step reads of Python (the rate of a `Dropout`) is
                taken once: compile again after a change. Steps with gradient
                accumulation are taken anew.

        Raises:
            ValueError: If another argument is given, such as `loss` or `metrics`, or
                no optimizer.
        """
        if optimizer is None:
            raise ValueError(
                "`optimizer` must be a name or a `keras.optimizers.Optimizer`, such as "
                '"adam". Received: optimizer=None'
            )
        given = {name for name, value in kwargs.items() if value is not None}
        if given - _COMPILE_ARGUMENTS:
            raise ValueError(
                f"{type(self).__name__} brings its own loss and metrics; `compile` "
                f"takes `optimizer` and {sorted(_COMPILE_ARGUMENTS)}. "
                f"Received: {sorted(given - _COMPILE_ARGUMENTS)}"
            )
        optimizer = as_arithmetic(keras.optimizers.get(optimizer))
        if self.dtype_policy.name == "mixed_float16" and not isinstance(
            optimizer, OptimizerGroup | keras.optimizers.LossScaleOptimizer
        ):
            optimizer = LossScaleOptimizer(optimizer)  # a group scales by itself
        self._given_jit_compile = kwargs.get("jit_compile", "auto")
        if "jit_compile" in kwargs:
            kwargs["jit_compile"] = backend.jit_compile_of_keras(kwargs["jit_compile"])
        backend.shorten_updates(optimizer)
        super().compile(optimizer, auto_scale_loss=False, **kwargs)

    def get_compile_config(self):
        config = super().get_compile_config()
        # Not what "auto" means here: the file may be loaded on another backend.
        return config and {**config, "jit_compile": self._given_jit_compile}

    def compile_from_config(self, config: Any) -> None:
        """Compiles a loaded model and makes its optimizer's variables."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    #: Whether each example may have a weight; where not, they are refused.
    takes_sample_weight = True

    @property
    def is_initialized(self) -> bool:
        """Whether no weight waits for data to start from."""
        return True

    def _start(self, inputs):
        """Starts the weights that wait for data, from what `call` takes."""
        raise NotImplementedError

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Trains the model, as `keras.Model.fit`; `y` is the condition.

        Data are checked before training: shapes, labels, ranges. Arrays are checked
        whole, streams by their first batch, of which nothing is lost; later batches
        of another shape are errors, and values that the model cannot take make its
        loss NaN. Weights that start from data do so from the first batch.

        Args:
            x: Array `(num_examples, *data_shape)`, NumPy's, a tensor of the running
                backend, or what NumPy makes an array of, such as a data frame. Or a
                stream of batches `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`: a
                `keras.utils.PyDataset`, a `tf.data.Dataset`, a torch `DataLoader`, or a
                generator. A conditional model also takes the pair `(x, condition)`.
            y: Array with the condition of each example: class labels
                `(num_examples,)` or one-hot rows `(num_examples, num_classes)`, or
                what the model takes as conditions. Other models ignore it. `None`
                where `x` holds it.
            *args: As in Keras, by position.
            **kwargs: As in Keras. `validation_data` may be all that `x` may be, or a
                tuple `(x, y)` or `(x, y, sample_weight)`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If the model does not take such data.
            RuntimeError: In one of several processes that would not train together.
        """
        refuse_other_processes(self)
        given = incoming.named(keras.Model.fit, x, y, *args, **kwargs)
        batch = self._standardize(given)
        if given.get("validation_data") is not None:
            given["validation_data"] = self._standardize_validation(
                given["validation_data"]
            )
        check_parts(given)
        self._start_weights(given, batch)
        with self._keeping_state():
            history = super().fit(**given)
        part_averages(self.optimizer)
        return history

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Evaluates the losses, as `keras.Model.evaluate`; `y` is the condition.

        Args:
            x: Data, as `fit` takes them.
            y: Conditions, as `fit` takes them.
            *args: As in Keras, by position.
            **kwargs: As in Keras.

        Returns:
            As in Keras: a list of losses, or a dict with `return_dict=True`.

        Raises:
            ValueError: If the model does not take such data.
        """
        given = incoming.named(keras.Model.evaluate, x, y, *args, **kwargs)
        if not is_called_by_fit(given):  # which has standardized them
            self._standardize(given)
            check_parts(given)
        with self._keeping_state():
            return super().evaluate(**given)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Returns what `call` does, in NumPy, as `keras.Model.predict`.

        Args:
            x: Data, as `fit` takes them; the pair `(x, condition)` of a conditional
                model.
            *args: As in Keras, by position.
            **kwargs: As in Keras.

        Returns:
            Array, or a nest of them.

        Raises:
            ValueError: If the model does not take such data.
        """
        given = incoming.named(keras.Model.predict, x, *args, **kwargs)
        self._standardize(given)
        with self._keeping_state():
            return super().predict(**given)

    def train_on_batch(self, x: Any, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Takes one step, as `keras.Model.train_on_batch`, of a batch of arrays."""
        refuse_other_processes(self)
        given = incoming.named(keras.Model.train_on_batch, x, y, *args, **kwargs)
        self._start_weights(given, self._standardize(given))
        if not self.__dict__.get("_joined"):  # past Keras' tracking
            self.__dict__["_joined"] = True
            self._build_optimizer()
            backend.join(self)
        with self._keeping_state():
            return super().train_on_batch(**given)

    def test_on_batch(self, x: Any, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Evaluates one batch of arrays, as `keras.Model.test_on_batch`."""
        given = incoming.named(keras.Model.test_on_batch, x, y, *args, **kwargs)
        self._standardize(given)
        with self._keeping_state():
            return super().test_on_batch(**given)

    def predict_on_batch(self, x: Any) -> Any:
        """Returns what `call` does of one batch, as `keras.Model.predict_on_batch`."""
        given = {"x": x}
        self._standardize(given)
        with self._keeping_state():
            return super().predict_on_batch(**given)

    def _standardize(self, given):
        """Puts checked data in place of those given; returns a stream's first batch."""
        predicts = "y" not in given
        x, y, sample_weight, batch = incoming.standardize(
            self,
            given["x"],
            given.get("y"),
            given.get("sample_weight"),
            given.get("class_weight"),
        )
        if predicts:
            given["x"] = x if y is None else (x, y)
        else:
            given.update(x=x, y=y)
        if sample_weight is not None:
            given["sample_weight"] = sample_weight
        return batch

    def _standardize_validation(self, data):
        """Returns checked `validation_data` as Keras takes it."""
        return incoming.validation(self, data)

    def _start_weights(self, given, batch):
        """Starts the weights that wait for data, from a stream's first batch if any."""
        if self.is_initialized:
            return
        if batch is None and not is_stream(given["x"]):
            batch = spread(given["x"], given["y"], given.get("batch_size") or 32)
        if batch is not None:
            self._start(self.fold_condition(of_first_process(batch))[0])

    def make_train_function(self, force=False):
        self._make_step("train", force)

    def make_test_function(self, force=False):
        self._make_step("test", force)

    def make_predict_function(self, force=False):
        self._make_step("predict", force)

    def _make_step(self, kind, force):
        """Lets Keras make what takes a batch, and the engine trace it where it can."""
        if kind == "train":
            self._build_optimizer()
        attribute = f"{kind}_function"
        known = getattr(self, attribute)
        force = force or not backend.is_current(known)
        getattr(super(), f"make_{attribute}")(force)
        made = getattr(self, attribute)
        given = self._given_jit_compile
        if made is not known and given in ("auto", True) and not self.run_eagerly:
            name = f"{type(self).__name__}'s {kind} step"
            branches = self.step_branches if kind == "train" else None
            made = backend.traced(made, self, name, branches, fuse=given is True)
            setattr(self, attribute, made)

    #: Function from the number of steps to come to what each `engine.cond` will find in
    #: them, a tuple of bools a step, of a model that has some; torch and JAX call it,
    #: JAX for many steps at once, and anew where others assigned a weight that it read.
    step_branches: Callable[[int], tuple[tuple[bool, ...], ...]] | None = None

    def _build_optimizer(self):
        # TensorFlow traces a step anew that makes variables.
        if not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def get_metrics_result(self):
        with backend.summed_metrics(self):
            return super().get_metrics_result()

    def train_step(self, *args):
        *state, data = args
        with backend.branching(data) as data:
            data = self.fold_condition(data)
            return backend.train_on_one_loss(self, super().train_step, *state, data)

    def test_step(self, *args):
        *state, data = args
        return super().test_step(*state, self.fold_condition(data))

    def predict_step(self, *args):
        *state, data = args
        return super().predict_step(*state, self.fold_condition(data))

    def mean_loss(self, losses: Any, sample_weight: Any = None) -> Any:
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
