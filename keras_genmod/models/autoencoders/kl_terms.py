"""What becomes of the KL of a variational autoencoder, and which terms go together."""

from keras import ops

from keras_genmod import checks


def above_floor(kl_terms, floor, sample_weight=None):
    """Returns the KL of each example, `(batch,)`, with a floor under batch means.

    Its mean over the batch is sum_j max(floor, mean KL_j). A latent below the floor has
    no gradient; a floor of 0 changes nothing.

    Args:
        kl_terms: Float32 tensor `(batch, ...)` of nats, one KL a group of latents.
        floor: Float32 tensor of shape `()`, in nats.
        sample_weight: Tensor `(batch,)` of the weights of the mean, or `None`.
    """
    terms = ops.reshape(kl_terms, (ops.shape(kl_terms)[0], -1))
    if sample_weight is None:
        means = ops.mean(terms, axis=0)
    else:
        weights = ops.cast(ops.reshape(sample_weight, (-1, 1)), "float32")
        total = ops.maximum(ops.sum(weights), 1e-12)
        means = ops.sum(weights * terms, axis=0) / total
    counts = ops.logical_or(means > floor, floor <= 0.0)  # (groups,)
    return ops.sum(ops.where(counts, terms, floor), axis=1)


def warmed_up(model, training):
    """Returns beta min(1, steps / kl_warm_up), a float32 tensor of shape `()`.

    In training the step counts, once its weight is used.

    Args:
        model: Has the weights `beta`, `kl_warm_up` and `warm_up_steps`.
        training: Whether this is a train step.
    """
    steps = ops.convert_to_tensor(model.warm_up_steps)
    length = ops.convert_to_tensor(model.kl_warm_up)
    missing = ops.maximum(length - steps, 0.0) / ops.maximum(length, 1.0)
    if training:
        model.warm_up_steps.assign(steps + 1.0)
    return ops.convert_to_tensor(model.beta) * (1.0 - missing)


def number_of_draws(objective, num_importance_samples) -> int:
    """Returns the number K of draws in a step; raises a `ValueError` for others."""
    checks.choice("objective", objective, ("elbo", "iwae", "dreg"))
    if num_importance_samples is None:
        return 1 if objective == "elbo" else 5
    return checks.positive_int("num_importance_samples", num_importance_samples)


def check_terms(objective, free_bits, tc_weight, num_examples, is_simple):
    """Raises a `ValueError` for terms of the KL that an objective does not have.

    `is_simple` says that there is one draw of flat latents, and no flow.
    """
    if objective != "elbo" and free_bits:  # 0 is that of files from before `None`
        raise ValueError(
            f'`free_bits` must be None with objective="{objective}", which has no KL a '
            f"latent. Received: free_bits={free_bits}"
        )
    if tc_weight is None:
        if num_examples is not None:
            raise ValueError(
                "`num_examples` must be None without `tc_weight`; tc_weight=1.0 only "
                f"watches. Received: num_examples={num_examples}"
            )
        return
    checks.non_negative("tc_weight", tc_weight)
    if objective != "elbo" or not is_simple:
        raise ValueError(
            '`tc_weight` must be None but for objective="elbo" of one draw, with flat '
            f"latents and no flow. Received: tc_weight={tc_weight}"
        )
    if num_examples is not None:
        checks.positive_int("num_examples", num_examples)
    else:
        raise ValueError(
            "`tc_weight` must come with `num_examples`, the number of training "
            f"examples. Received: tc_weight={tc_weight}, num_examples=None"
        )
