"""Faults of flows, bijectors and autoencoders."""

from tests.mutants import Mutant

MUTANTS = [
    Mutant(
        "models/flows/dequantization.py",
        "- 1)) + 0.5) / self.num_levels",
        "- 1)) + 0.25) / self.num_levels",
        "tests/models/flows/test_dequantization.py -k stay_on_their_level",
    ),
    Mutant(
        "models/flows/glow.py",
        "prior_network=_prior_network(half)",
        "prior_network=None",
        "tests/models/flows/test_glow.py -k prior",
    ),
    Mutant(
        "bijectors/planar.py",
        "ops.softplus(product) + _SMALLEST_GAP",
        "ops.softplus(product)",
        "tests/bijectors/test_planar.py -k gradients_are_finite",
    ),
    Mutant(
        "models/autoencoders/latent_variables.py",
        "loss = valid_data.nan_unless(valid, loss)",
        "pass",
        "tests/models/autoencoders/test_vae.py -k outside",
    ),
    Mutant(
        "models/autoencoders/autoencoder.py",
        "ops.cast(x if y is None else y",
        "ops.cast(x",
        "tests/models/autoencoders/test_autoencoder.py",
    ),
    Mutant(
        "bijectors/coupling.py",
        "outputs = outputs[..., chosen, :]",
        "outputs = outputs[..., : len(self._moving), :]",
        "tests/bijectors/test_couplings.py -k leave_out",
    ),
    Mutant(
        "bijectors/invertible_linear.py",
        "inverse = ops.matmul(inverse, ops.transpose(permutation))",
        "inverse = ops.matmul(inverse, permutation)",
        "tests/bijectors/test_invertible_linear.py -k starts_as",
    ),
    Mutant(
        "bijectors/value_by_value.py",
        "sums[n + 1] = affine(units, rows, sums[n + 1])",
        "sums[n + 1] = affine(read(sums[n], i * k, k, axis=1), rows, sums[n + 1])",
        "tests/bijectors/test_masked_autoregressive.py -k one_by_one",
    ),
    Mutant(
        "bijectors/value_by_value.py",
        "units = [np.flatnonzero(np.equal(degrees, d)) for d in range(event_dim)]",
        "units = np.array_split(np.arange(len(degrees)), event_dim)",
        "tests/bijectors/test_masked_autoregressive.py -k one_by_one",
    ),
    Mutant(
        "bijectors/value_by_value.py",
        "total = total + layer.bias",
        "pass",
        "tests/bijectors/test_masked_autoregressive.py -k one_by_one",
    ),
    Mutant(
        "bijectors/value_by_value.py",
        "rows = kernel[self._event_dim :]",
        "rows = 0.0 * kernel[self._event_dim :]",
        "tests/bijectors/test_masked_autoregressive.py -k see_the_condition",
    ),
    Mutant(
        "bijectors/value_by_value.py",
        "type(layer).call is keras.layers.Dense.call",
        "True",
        "tests/bijectors/test_masked_autoregressive.py -k whole_passes",
    ),
    Mutant(
        "bijectors/value_by_value.py",
        "and num_calls(layer) == 1",
        "",
        "tests/bijectors/test_masked_autoregressive.py -k whole_passes",
    ),
    Mutant(
        "bijectors/value_by_value.py",
        'layer.compute_dtype in ("float32", "float64")',
        "True",
        "tests/bijectors/test_masked_autoregressive.py -k whole_passes",
    ),
    Mutant(
        "bijectors/value_by_value.py",
        "(0, int(axis == 0)), (0, int(axis == 1))",
        "(0, 0), (0, 0)",
        "tests/bijectors/test_masked_autoregressive.py -k one_by_one",
    ),
    Mutant(
        "engine/tensorflow_engine.py",
        "n or -1 for i, n in",
        "-1 for i, n in",
        "tests/engine/test_read.py",
        "tensorflow",
    ),
    Mutant(
        "models/flows/glow.py",
        "layers.Rescaling(1.0 / math.sqrt(num_inputs)",
        "layers.Rescaling(1.0",
        "tests/models/flows/test_glow.py -k a_jump",
    ),
    Mutant(
        "models/flows/glow.py",
        "1.0 / math.sqrt(num_inputs)",
        "1.0",
        "tests/models/flows/test_glow.py -k no_step_of_adam",
    ),
    Mutant(
        "models/flows/glow.py",
        'kernel_initializer="zeros")(x)',
        'kernel_initializer="zeros", dtype="float32")(x)',
        "tests/models/flows/test_glow.py -k follow_the_policy",
    ),
    Mutant(
        "models/flows/glow.py",
        "_zero_convolution(x, shape[-1])",
        "_zero_convolution(x, 2 * shape[-1])",
        "tests/models/flows/test_glow.py -k moves_alone",
    ),
    Mutant(  # two systems for each pixel
        "bijectors/invertible_linear.py",
        "        inverse = ops.solve_triangular(lower, identity, lower=True)\n"
        "        inverse = ops.solve_triangular(upper, inverse)\n"
        "        inverse = ops.matmul(inverse, ops.transpose(permutation))"
        "  # P^-1 = P^T\n"
        "        z = ops.matmul(x, ops.transpose(inverse))  # rows are examples\n",
        "        z = ops.matmul(ops.transpose(permutation), ops.transpose(x))\n"
        "        z = ops.solve_triangular(lower, z, lower=True)\n"
        "        z = ops.transpose(ops.solve_triangular(upper, z))\n",
        "tests/bijectors/test_invertible_linear.py -k small_matrix_alone",
    ),
]
