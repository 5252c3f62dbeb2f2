"""Scaled losses of float16, without a branch where steps are traced."""

import keras

from keras_genmod.engine import backend


@keras.saving.register_keras_serializable("keras_genmod")
class LossScaleOptimizer(keras.optimizers.LossScaleOptimizer):
    """Keras' own, whose update on torch is arithmetic: where finite, else as before.

    Keras asks on the host whether gradients are finite, which waits for the device in
    each step and which no traced step can do. The numbers are the same.
    """

    def apply(self, grads, trainable_variables=None):
        if not self.built or trainable_variables is None:
            super().apply(grads, trainable_variables)
        else:
            backend.apply_scaled(self, super().apply, grads, trainable_variables)


def as_arithmetic(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Returns an optimizer, and for Keras' own of scaled losses the one above.

    It goes on with the same inner optimizer. One that has trained stays what it is.
    """
    is_keras_own = type(optimizer) is keras.optimizers.LossScaleOptimizer
    if not is_keras_own or optimizer.built:
        return optimizer
    return LossScaleOptimizer(
        optimizer.inner_optimizer,
        optimizer.initial_scale,
        optimizer.dynamic_growth_steps,
        name=optimizer.name,
    )
