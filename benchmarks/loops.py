"""Train steps to be timed, all under one interface: called with a batch on the device.

The package's side runs what `fit` runs a batch: the model's compiled
`train_function`. `train_on_batch` would be no measure of it, since on JAX that copies
the state into the model's variables and back in every step; `fit` hands the state on
from step to step, and so does `PackageLoop`.
"""

import importlib
import math

import keras

from benchmarks import architectures

BACKEND = keras.backend.backend()


class PackageLoop:
    """What `fit` does for every batch, without its input pipeline and callbacks.

    Args:
        model: Compiled model.
    """

    def __init__(self, model):
        self.num_parameters = sum(math.prod(v.shape) for v in model.trainable_variables)
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        model.make_train_function()
        self._model = model
        self._state = None
        if BACKEND == "torch":
            model.train()
        if BACKEND == "jax":
            self._state = model._get_jax_state(
                trainable_variables=True,
                non_trainable_variables=True,
                optimizer_variables=True,
                metrics_variables=True,
                purge_model_variables=True,
            )

    def __call__(self, batch):
        """Takes one step; returns the running mean of the loss, on the device."""
        if BACKEND == "jax":
            logs, self._state = self._model.train_function(
                self._state, iter([(batch,)])
            )
        else:
            logs = self._model.train_function([(batch,)])
        return logs["loss"]

    def planned_bytes(self, batch):
        """Returns the memory that XLA plans for a step; on JAX only."""
        import jax

        from benchmarks.references.jax_parts import planned_bytes

        step = jax.jit(self._model.train_step, donate_argnums=0)
        return planned_bytes(step.lower(self._state, (batch,)))

    @staticmethod
    def to_device(batch):
        """Returns the batch as it is on the device."""
        return keras.tree.map_structure(keras.ops.convert_to_tensor, batch)


def uses_xla(choice: bool | None) -> bool:
    """Returns whether XLA compiles both sides.

    Args:
        choice: On TensorFlow true or false, or `None` for what Keras does there by
            default: XLA if there is a GPU. JAX always uses XLA, eager torch never.
    """
    if BACKEND != "tensorflow":
        return BACKEND == "jax"
    if choice is not None:
        return choice
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def package_loop(name, xla):
    """Returns the package's loop of the name, one of `architectures.NAMES`."""
    return PackageLoop(architectures.make_model(name, jit_compile=xla))


def reference_loop(name, xla):
    """Returns the loop of the name, written by hand in the running framework."""
    module = importlib.import_module(f"benchmarks.references.{BACKEND}_loops")
    return module.make_loop(name, xla)


def keras_example_loop(name, xla):
    """Returns the loop of a TensorFlow-only Keras example."""
    from benchmarks.references import keras_examples

    return PackageLoop(keras_examples.make_model(name, jit_compile=xla))


MAKERS = {
    "package": package_loop,
    "reference": reference_loop,
    "keras_example": keras_example_loop,
}


def has_keras_example(name) -> bool:
    """Whether there is a Keras example of this model on the running backend."""
    return BACKEND == "tensorflow" and name in ("vae", "wgan_gp", "pixel_cnn")


def wait(loss):
    """Waits until the device has computed the loss; returns it as a float."""
    if BACKEND == "torch" and loss.device.type == "cuda":
        import torch

        torch.cuda.synchronize()
    return float(keras.ops.convert_to_numpy(loss))
