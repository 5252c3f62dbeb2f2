"""What the plain TensorFlow loops share: a compiled step, Adam, convolutions."""

import math

import numpy as np
import tensorflow as tf

from benchmarks import sizes


class Loop:
    """A train step compiled by `tf.function`.

    Args:
        step: Function `batch -> loss` that assigns variables.
        variables: Nest of the variables that learn.
        xla: Whether XLA compiles it.
    """

    def __init__(self, step, variables, xla):
        self.num_parameters = sum(
            math.prod(v.shape) for v in tf.nest.flatten(variables)
        )
        self._step = tf.function(step, jit_compile=xla, autograph=False)

    def __call__(self, batch):
        """Takes one step; returns the loss as it is on the device."""
        return self._step(batch)

    @staticmethod
    def to_device(batch):
        """Returns the batch as it is on the device."""
        return tf.nest.map_structure(tf.constant, batch)


class Adam:
    """Adam for a nest of variables.

    Args:
        variables: Nest of `tf.Variable`.
        rates: Learning rate, beta 1, beta 2.
    """

    def __init__(self, variables, rates=sizes.ADAM):
        self.variables = tf.nest.flatten(variables)
        self.rates = rates
        self.t = tf.Variable(0, dtype="int64")
        self.m = [tf.Variable(tf.zeros_like(v)) for v in self.variables]
        self.v = [tf.Variable(tf.zeros_like(v)) for v in self.variables]

    def minimize(self, loss, tape, weights=None):
        """Moves the variables one step down a loss, or a list of them with weights."""
        rate, beta_1, beta_2 = self.rates
        gradients = tape.gradient(loss, self.variables, output_gradients=weights)
        time = tf.cast(self.t.assign_add(1), "float32")
        scale = rate * tf.sqrt(1 - beta_2**time) / (1 - beta_1**time)
        for p, g, m, v in zip(self.variables, gradients, self.m, self.v, strict=True):
            m.assign_add((g - m) * (1 - beta_1))
            v.assign_add((g * g - v) * (1 - beta_2))
            p.assign_sub(scale * m / (tf.sqrt(v) + sizes.EPSILON))


def weights(rng, *shape):
    """Returns Glorot-uniform weights, the last two axes being inputs and outputs."""
    field = math.prod(shape[:-2])
    limit = math.sqrt(6 / (field * (shape[-2] + shape[-1])))
    return tf.Variable(rng.uniform(-limit, limit, shape).astype("float32"))


def zeros(*shape):
    """Returns a variable of zeros."""
    return tf.Variable(tf.zeros(shape))


def dense(rng, inputs, outputs):
    """Returns the variables of a dense layer."""
    return {"w": weights(rng, inputs, outputs), "b": zeros(outputs)}


def apply_dense(p, x):
    """Returns x w + b."""
    return tf.matmul(x, p["w"]) + p["b"]


def conv(x, kernel, stride=1, padding=0):
    """2-D convolution of NHWC images with as many zeros on each side."""
    if not isinstance(padding, str):
        padding = [(0, 0), (padding, padding), (padding, padding), (0, 0)]
    return tf.nn.conv2d(x, kernel, stride, padding)


def conv_transpose(x, kernel):
    """Transposed convolution of stride 2 that doubles the image."""
    side, channels = 2 * x.shape[1], kernel.shape[2]
    shape = (tf.shape(x)[0], side, side, channels)
    return tf.nn.conv2d_transpose(x, kernel, shape, 2, "SAME")


def leaky_relu(x):
    """LeakyReLU of slope 0.2."""
    return tf.nn.leaky_relu(x, 0.2)


def norm(channels):
    """Returns the variables of a normalization."""
    return {"scale": tf.Variable(tf.ones(channels)), "shift": zeros(channels)}


def normalize(p, x, axes, averages=None, epsilon=1e-5):
    """Normalizes over axes; moves the averages of mean and variance, if given."""
    mean, var = tf.nn.moments(x, axes, keepdims=True)
    if averages is not None:
        for average, moment in zip(averages, (mean, var), strict=True):
            average.assign(0.9 * average + 0.1 * tf.reshape(moment, [-1]))
    return tf.nn.batch_normalization(x, mean, var, p["shift"], p["scale"], epsilon)


def binary_log_prob(x, logits):
    """Returns the log-probability of each binary image."""
    terms = tf.nn.sigmoid_cross_entropy_with_logits(x, logits)
    return -tf.reduce_sum(terms, axis=list(range(1, len(x.shape))))


def generator(seed=0):
    """Returns the numbers that initial weights are drawn from."""
    return np.random.default_rng(seed)
