"""Derivatives by the running backend, as NumPy arrays."""

import keras
import numpy as np
from keras import ops


def gradients(function, variables):
    """Returns d function() / d variable for each of the Keras variables."""
    values = [variable.value for variable in variables]
    if keras.backend.backend() == "jax":
        import jax

        def with_values(values):
            mapping = list(zip(variables, values, strict=True))
            with keras.StatelessScope(state_mapping=mapping):
                return function()

        results = jax.jit(jax.grad(with_values))(values)
    elif keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            result = function()
        results = tape.gradient(result, values)
    else:
        import torch

        results = torch.autograd.grad(function(), values, allow_unused=True)
    return [
        np.zeros(variable.shape) if result is None else ops.convert_to_numpy(result)
        for variable, result in zip(variables, results, strict=True)
    ]


def gradient(function, x):
    """Returns d function(x) / dx of a scalar function, of the shape of `x`."""
    x = ops.convert_to_tensor(np.asarray(x, "float32"))
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.jit(jax.grad(function))(x))
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            result = function(x)
        return tape.gradient(result, x).numpy()
    import torch

    (result,) = torch.autograd.grad(function(x.requires_grad_()), x)
    return result.cpu().numpy()


def jacobians(function, x, outputs):
    """Returns the Jacobian of every example, `(batch, outputs, inputs)`.

    Examples must not depend on each other: each stands once for every one of the
    `outputs` values of an example, so that one backward pass gives all rows.
    """
    batch = len(x)
    chosen = np.tile(np.eye(outputs, dtype="float32"), (batch, 1))

    def summed(repeated):
        rows = ops.reshape(function(repeated), (batch * outputs, outputs))
        return ops.sum(ops.multiply(rows, chosen))

    rows = gradient(summed, np.repeat(x, outputs, axis=0))
    return rows.reshape(batch, outputs, -1)


def compiled_with_gradients(function, variables):
    """Compiles a function of tensors once, with its vector-Jacobian products.

    Args:
        function: Takes tensors and returns a tuple of tensors.
        variables: The Keras variables that it reads.

    Returns:
        A function of `(inputs, cotangents)`, tuples of arrays, that returns the
        outputs, the gradients of the inputs, and those of the trainable variables:
        three lists of NumPy arrays. The batch may have any length.
    """
    trainable = [variable for variable in variables if variable.trainable]
    fixed = [variable for variable in variables if not variable.trainable]
    make = {"jax": _with_jax, "tensorflow": _with_tensorflow, "torch": _with_torch}
    call = make[keras.backend.backend()](function, trainable, fixed)

    def on_arrays(inputs, cotangents):
        inputs, cotangents = (
            [ops.convert_to_tensor(x) for x in group] for group in (inputs, cotangents)
        )
        groups = call(inputs, cotangents)
        return [[ops.convert_to_numpy(x) for x in group] for group in groups]

    return on_arrays


def _with_jax(function, trainable, fixed):
    import jax

    @jax.jit
    def differentiated(values, fixed_values, inputs, cotangents):
        def applied(values, inputs):
            mapping = zip(trainable + fixed, values + fixed_values, strict=True)
            with keras.StatelessScope(state_mapping=list(mapping)):
                return list(function(*inputs))

        outputs, pull_back = jax.vjp(applied, values, inputs)
        of_values, of_inputs = pull_back(cotangents)
        return outputs, of_inputs, of_values

    def call(inputs, cotangents):
        values, fixed_values = ([v.value for v in vs] for vs in (trainable, fixed))
        return differentiated(values, fixed_values, inputs, cotangents)

    return call


def _with_tensorflow(function, trainable, fixed):
    import tensorflow as tf

    del fixed

    # Batches of unknown size, as in Keras' own train step.
    @tf.function(autograph=False)
    def differentiated(inputs, cotangents):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = list(function(*inputs))
        of_inputs, of_values = tape.gradient(
            outputs,
            [inputs, [variable.value for variable in trainable]],
            output_gradients=cotangents,
            unconnected_gradients="zero",
        )
        return outputs, of_inputs, [tf.convert_to_tensor(x) for x in of_values]

    traced = []

    def call(inputs, cotangents):
        if not traced:
            signature = [
                [tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in group]
                for group in (inputs, cotangents)
            ]
            traced.append(differentiated.get_concrete_function(*signature))
        return traced[0](inputs, cotangents)

    return call


def _with_torch(function, trainable, fixed):
    import torch

    del fixed

    def call(inputs, cotangents):
        inputs = [x.detach().requires_grad_() for x in inputs]
        outputs = list(function(*inputs))
        sources = inputs + [variable.value for variable in trainable]
        moving = [i for i, output in enumerate(outputs) if output.requires_grad]
        found = torch.autograd.grad(
            [outputs[i] for i in moving],
            sources,
            [cotangents[i] for i in moving],
            allow_unused=True,
        )
        found = [
            torch.zeros_like(source) if gradient is None else gradient
            for source, gradient in zip(sources, found, strict=True)
        ]
        outputs = [output.detach() for output in outputs]
        return outputs, found[: len(inputs)], found[len(inputs) :]

    return call
