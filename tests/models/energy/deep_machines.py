"""Small deep machines with random weights, and their exact sums over all states."""

import itertools

import numpy as np
import scipy.special
import scipy.stats
from keras import ops

from keras_genmod import DBM, DBN


def states(size):
    """Returns all states of so many binary units, float32 `(2^size, size)`."""
    return np.array(list(itertools.product([0.0, 1.0], repeat=size)), "float32")


def array(x):
    return ops.convert_to_numpy(x).astype("float64")


def randomize(weights, scale=1.0, seed=0):
    """Gives weights the same random values on every backend."""
    rng = np.random.default_rng(seed)
    for weight in weights:
        weight.assign(scale * rng.normal(size=weight.shape))


def dbm(layer_dims=(3, 2, 2), scale=1.0, machine=0, **kwargs):
    model = DBM(list(layer_dims), **{"seed": 0, "num_chains": 5, **kwargs})
    randomize([*model.couplings, *model.biases], scale, machine)
    return model


def dbn(layer_dims=(4, 3, 2), scale=1.0, machine=0, **kwargs):
    model = DBN(list(layer_dims), **{"seed": 0, **kwargs})
    randomize(model.trainable_variables, scale, machine)
    return model


def log_mean(logits, h):
    """Returns log p(h) of independent binary units with these logits."""
    return (h * logits - np.logaddexp(0.0, logits)).sum(axis=-1)


def dbm_exponents(model):
    """Returns -E of all states, an axis a layer, and each layer's states."""
    layers = [states(size).astype("float64") for size in model.layer_dims]
    num_layers = len(layers)

    def spread(table, i):
        shape = [1] * num_layers
        for axis, size in zip(range(i, num_layers), table.shape, strict=False):
            shape[axis] = size
        return table.reshape(shape)

    total = 0.0
    for i, (layer, bias) in enumerate(zip(layers, model.biases, strict=True)):
        total = total + spread(layer @ array(bias), i)
    for i, couplings in enumerate(model.couplings):
        total = total + spread(layers[i] @ array(couplings) @ layers[i + 1].T, i)
    return total, layers


def dbm_log_probs(model):
    """Returns the exact log p(v) of all states of the visible units."""
    exponents, _ = dbm_exponents(model)
    hidden = tuple(range(1, exponents.ndim))
    unnormalized = scipy.special.logsumexp(exponents, axis=hidden)
    return unnormalized - scipy.special.logsumexp(exponents)


def dbn_tables(model):
    """Returns log p and log q of the layers of a DBN, one table a layer.

    Those of p are log p(h_i | h_i+1), axes i and i + 1, and at the end log p(h_L-1);
    those of q log q(h_i+1 | h_i), axes i and i + 1.
    """
    layers = [states(size).astype("float64") for size in model.layer_dims]
    directed, p, q = model.directed, [], []
    for i in range(directed.num_layers):
        below, above = layers[i][:, None], layers[i + 1][None]
        up = layers[i] @ array(directed.recognition_couplings[i])
        up = up + array(directed.recognition_biases[i])
        down = layers[i + 1] @ array(directed.generative_couplings[i]).T
        down = down + array(directed.generative_biases[i])
        p.append(log_mean(down[None], below))
        q.append(log_mean(up[:, None], above))
    h = layers[-2]
    field = h @ array(model.top.couplings) + array(model.top.hidden_bias)
    top = h @ array(model.top.visible_bias) + np.logaddexp(0, field).sum(axis=1)
    p.append(top - scipy.special.logsumexp(top))
    return p, q


def dbn_log_probs(model):
    """Returns the exact log p(v) of all states of the visible units."""
    *directed, log_p = dbn_tables(model)[0]
    for table in reversed(directed):
        log_p = scipy.special.logsumexp(table + log_p, axis=1)
    return log_p


def dbn_bounds(model):
    """Returns E_q[log p(v, h) - log q(h | v)] of all states of the visible units."""
    (*directed, bound), q = dbn_tables(model)
    for log_p, log_q in zip(reversed(directed), reversed(q), strict=True):
        bound = (np.exp(log_q) * (log_p + bound - log_q)).sum(axis=1)
    return bound


def chi_squared_pvalue(draws, log_probs):
    """Returns the p-value of draws of binary units under exact probabilities."""
    places = 2 ** np.arange(draws.shape[1])[::-1]
    counts = np.bincount((draws @ places).astype(int), minlength=len(log_probs))
    expected = len(draws) * np.exp(log_probs)
    rare = expected < 5  # chi-squared wants counts
    observed = np.append(counts[~rare], counts[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    kept = expected > 0
    expected = expected[kept] * observed.sum() / expected.sum()
    return scipy.stats.chisquare(observed[kept], expected).pvalue
