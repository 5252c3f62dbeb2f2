"""Total correlation of latents, estimated from one batch."""

from keras import ops

from keras_genmod.distributions.normal import log_density


def stratified_log_weights(batch_size, num_examples: int):
    """Returns log-weights of q(z_i) = sum_j w_ij q(z_i | x_j), shape `(batch, batch)`.

    With M = batch_size - 1, row i has 1 / N at its own example, (N - M) / (N M) at one
    other and 1 / M at the rest. Rows add up to 1, and over all batches the sum is
    1 / N of every example: an unbiased q(z_i).

    Args:
        batch_size: Int or integer tensor, B.
        num_examples: Int, N, the size of the training set; a batch that is larger
            counts as the whole.

    Note:
        Much public code puts 1 / N into the first column, where it belongs on the
        diagonal.
    """
    size = ops.cast(batch_size, "float32")
    total = ops.maximum(float(num_examples), size)
    others = ops.maximum(size - 1.0, 1.0)  # M
    own, rows = ops.eye(batch_size), ops.arange(batch_size)
    next_one = ops.cast(
        ops.expand_dims((rows + 1) % batch_size, 1) == ops.expand_dims(rows, 0),
        "float32",
    )
    weights = 1.0 / others + next_one * (
        (total - others) / (total * others) - 1.0 / others
    )
    weights = weights * (1.0 - own)  # a batch of one has no other
    return ops.log(weights + own * (1.0 - ops.sum(weights, axis=1, keepdims=True)))


def total_correlation(z, mean, log_var, num_examples: int):
    """Returns log q(z_i) - sum_d log q(z_id) of each example, in nats, `(batch,)`.

    Its mean estimates KL(q(z), prod_d q(z_d)), 0 where the latents of all data are
    independent. Memory grows as batch^2 times the number of latents.

    Args:
        z: Draws z_i from q(z | x_i), `(batch, latent_dim)`.
        mean: Means of q(z | x_j), `(batch, latent_dim)`.
        log_var: Their log-variances, of that shape.
        num_examples: Int, the size of the training set.

    References:
        Chen et al., Isolating sources of disentanglement in variational autoencoders,
        2018, arXiv:1802.04942, appendix C.2 (minibatch stratified sampling).
    """
    log_weights = stratified_log_weights(ops.shape(z)[0], num_examples)
    densities = log_density(  # of z_i under each example j: (batch, batch, latent_dim)
        ops.expand_dims(z, 1), ops.expand_dims(mean, 0), ops.expand_dims(log_var, 0)
    )
    joint = ops.logsumexp(log_weights + ops.sum(densities, axis=2), axis=1)
    single = ops.logsumexp(ops.expand_dims(log_weights, 2) + densities, axis=1)
    return joint - ops.sum(single, axis=1)
