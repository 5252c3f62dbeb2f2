"""What the plain JAX loops share: a loop that holds its state, Adam, convolutions."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks import sizes


class Loop:
    """A jitted train step with donated state.

    Args:
        step: Function `(state, batch) -> (state, loss)`.
        state: Dict of pytrees; `state["params"]` are the weights that learn.
    """

    def __init__(self, step, state):
        self.num_parameters = sum(p.size for p in jax.tree.leaves(state["params"]))
        self._state = state
        self._step = jax.jit(step, donate_argnums=0)

    def __call__(self, batch):
        """Takes one step; returns the loss as it is on the device."""
        self._state, loss = self._step(self._state, batch)
        return loss

    def planned_bytes(self, batch):
        """Returns the memory that XLA has planned for a step."""
        return planned_bytes(self._step.lower(self._state, batch))

    @staticmethod
    def to_device(batch):
        """Returns the batch as it is on the device."""
        return jax.tree.map(jnp.asarray, batch)


def planned_bytes(lowered):
    """Returns the memory that XLA plans for a lowered step with donated state."""
    plan = lowered.compile().memory_analysis()
    return (
        plan.argument_size_in_bytes
        + plan.output_size_in_bytes
        + plan.temp_size_in_bytes
        - plan.alias_size_in_bytes
    )


def adam_state(params):
    """Returns Adam's slots for a pytree of parameters."""

    def zeros():
        return jax.tree.map(jnp.zeros_like, params)

    return {"m": zeros(), "v": zeros(), "t": jnp.zeros((), "int32")}


def adam(params, gradients, state, rates=sizes.ADAM):
    """Returns parameters and slots after one step of Adam."""
    rate, beta_1, beta_2 = rates
    t = state["t"] + 1
    m = jax.tree.map(lambda m, g: beta_1 * m + (1 - beta_1) * g, state["m"], gradients)
    v = jax.tree.map(
        lambda v, g: beta_2 * v + (1 - beta_2) * g * g, state["v"], gradients
    )
    time = t.astype("float32")
    scale = rate * jnp.sqrt(1 - beta_2**time) / (1 - beta_1**time)
    params = jax.tree.map(
        lambda p, m, v: p - scale * m / (jnp.sqrt(v) + sizes.EPSILON), params, m, v
    )
    return params, {"m": m, "v": v, "t": t}


def adversarial_state(params, **more):
    """Returns the state of a loop with an Adam for each of the named networks."""
    slots = {name: adam_state(p) for name, p in params.items()}
    return {"params": params, "adam": slots, "key": jax.random.key(0), **more}


def update(state, name, gradients, rates=sizes.ADAM_ADVERSARIAL):
    """Returns the state after Adam has moved the network of this name."""
    params, slots = adam(state["params"][name], gradients, state["adam"][name], rates)
    return {
        **state,
        "params": {**state["params"], name: params},
        "adam": {**state["adam"], name: slots},
    }


def weights(rng, *shape):
    """Returns Glorot-uniform weights, the last two axes being inputs and outputs."""
    field = math.prod(shape[:-2])
    limit = math.sqrt(6 / (field * (shape[-2] + shape[-1])))
    return jnp.asarray(rng.uniform(-limit, limit, shape).astype("float32"))


def dense(rng, inputs, outputs):
    """Returns the parameters of a dense layer."""
    return {"w": weights(rng, inputs, outputs), "b": jnp.zeros(outputs)}


def apply_dense(p, x):
    """Returns x w + b."""
    return x @ p["w"] + p["b"]


def conv(x, kernel, stride=1, padding=0):
    """2-D convolution of NHWC images with as many zeros on each side."""
    pad = padding if isinstance(padding, str) else [(padding, padding)] * 2
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), pad, dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def conv_transpose(x, kernel):
    """Transposed convolution of stride 2 that doubles the image."""
    return lax.conv_transpose(
        x, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def leaky_relu(x):
    """LeakyReLU of slope 0.2."""
    return jax.nn.leaky_relu(x, 0.2)


def norm(channels):
    """Returns the parameters of a normalization."""
    return {"scale": jnp.ones(channels), "shift": jnp.zeros(channels)}


def normalize(p, x, axes, epsilon=1e-5):
    """Normalizes over axes; returns the result and the moments."""
    mean = jnp.mean(x, axes, keepdims=True)
    var = jnp.var(x, axes, keepdims=True)
    y = (x - mean) * lax.rsqrt(var + epsilon) * p["scale"] + p["shift"]
    return y, (mean.reshape(-1), var.reshape(-1))


def binary_log_prob(x, logits):
    """Returns the log-probability of each binary image."""
    terms = x * logits - jax.nn.softplus(logits)
    return jnp.sum(terms, axis=tuple(range(1, x.ndim)))


def generator(seed=0):
    """Returns the numbers that initial weights are drawn from."""
    return np.random.default_rng(seed)
