"""Train steps to be timed, all under one interface: called with a batch on the device.

The package's side runs what `fit` runs a batch: the model's compiled
`train_function`. `train_on_batch` would be no measure of it, since on JAX that copies
the state into the model's variables and back in every step; `fit` hands the state on
from step to step, and so does `PackageLoop`.
"""

import importlib
import math

import keras

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
            default: XLA if there is a GPU. JAX always uses XLA, torch never.
    """
    if BACKEND != "tensorflow":
        return BACKEND == "jax"
    if choice is not None:
        return choice
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def package_loop(models, name, policy="float32", xla=None, way="traced"):
    """Returns the package's loop of the name, one of `models.NAMES`.

    Args:
        models: Module `architectures` or `large_models`.
        name: String.
        policy: Name of the dtype policy of all layers.
        xla: As in `uses_xla`.
        way: "traced", "eager", where nothing is compiled or traced, or on torch
            "fused", by inductor.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = models.MAKERS[name]()
    finally:
        keras.config.set_dtype_policy(before)
    # Elsewhere than on TensorFlow, what the package does by default.
    jit_compile = uses_xla(xla) if BACKEND == "tensorflow" else "auto"
    jit_compile = True if way == "fused" else jit_compile
    if way == "eager":
        model.compile(models.make_optimizer(name), run_eagerly=True)
    else:
        model.compile(models.make_optimizer(name), jit_compile=jit_compile)
    return PackageLoop(model)


def reference_loop(name, xla=None, eager=False):
    """Returns the loop of the name, written by hand in the running framework.

    Args:
        name: One of `architectures.NAMES`.
        xla: As in `uses_xla`.
        eager: On torch, whether `torch.compile` is left out; others always compile.
    """
    module = importlib.import_module(f"benchmarks.references.{BACKEND}_loops")
    loop = module.make_loop(name, uses_xla(xla))
    if BACKEND == "torch" and not eager:
        loop.compile()
    return loop


def keras_example_loop(name, xla=None):
    """Returns the loop of a TensorFlow-only Keras example."""
    from benchmarks.references import keras_examples

    return PackageLoop(keras_examples.make_model(name, jit_compile=uses_xla(xla)))


def has_keras_example(name) -> bool:
    """Whether there is a Keras example of this model on the running backend."""
    return BACKEND == "tensorflow" and name in ("vae", "wgan_gp", "pixel_cnn")


def diffusers_loop():
    """Returns the loop of diffusion with the U-Net of diffusers, on torch."""
    from benchmarks.references import torch_diffusion

    return torch_diffusion.diffusion_of_diffusers()


def has_diffusers(name) -> bool:
    """Whether there is a U-Net of diffusers for this model on the running backend."""
    return BACKEND == "torch" and name == "diffusion"


def wait(loss):
    """Waits until the device has computed the loss; returns it as a float."""
    if BACKEND == "torch" and loss.device.type == "cuda":
        import torch

        torch.cuda.synchronize()
    return float(keras.ops.convert_to_numpy(loss))
