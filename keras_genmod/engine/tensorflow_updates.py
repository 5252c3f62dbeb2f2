"""Adam on TensorFlow: one kernel a weight, where Keras' makes a dozen calls."""

import functools

import keras
import tensorflow as tf

from keras_genmod.engine import keras_internals


def shorten_all(optimizer: keras.optimizers.Optimizer) -> None:
    """Lets an Adam, or those among the members of a group, take TensorFlow's kernel.

    The numbers are those of Keras, to rounding: most of a small model's step are
    passes over its weights and moments, of which the kernel makes one. Others, and
    gradients of the few rows that a batch looked up, are left to Keras.

    Args:
        optimizer: Keras optimizer, which others may wrap, or a group of them.
    """
    for member in getattr(optimizer, "members", {"": optimizer}).values():
        inner = getattr(member, "inner_optimizer", member)
        if keras_internals.is_adam(inner) and not inner.amsgrad:
            inner.update_step = functools.partial(_adam_step, inner)


def _adam_step(optimizer, gradient, variable, learning_rate):
    """Takes a step of one variable, a `tf.Variable`: that of a device where many are.

    m <- m + (1 - beta_1) (g - m), v <- v + (1 - beta_2) (g^2 - v), then
    w <- w - alpha m / (sqrt(v) + epsilon).
    """
    if isinstance(gradient, tf.IndexedSlices):
        keras.optimizers.Adam.update_step(optimizer, gradient, variable, learning_rate)
        return
    number = functools.partial(tf.cast, dtype=variable.dtype)
    (moment,), (velocity,) = keras_internals.adam_slots(optimizer, [variable])
    step = number(optimizer.iterations.value + 1)
    beta_1, beta_2 = number(optimizer.beta_1), number(optimizer.beta_2)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=moment.handle,
        v=velocity.handle,
        beta1_power=tf.pow(beta_1, step),
        beta2_power=tf.pow(beta_2, step),
        lr=number(learning_rate),
        beta1=beta_1,
        beta2=beta_2,
        epsilon=number(optimizer.epsilon),
        grad=number(gradient),
    )
