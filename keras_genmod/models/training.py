"""How models fit into Keras' training: one loss, conditions as targets."""

import keras
import numpy as np
from keras import ops

from keras_genmod.engine import OptimizerGroup
from keras_genmod.engine.backend import loss_to_differentiate

_COMPILE_ARGUMENTS = {"run_eagerly", "steps_per_execution", "jit_compile"}


class Training:
    """The part of `GenerativeModel` that Keras' `compile`, `fit`, `evaluate` call.

    Keras calls `train_step`, which folds `y` into the inputs, then `call` and
    `compute_loss` of the model.
    """

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
