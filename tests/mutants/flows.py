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
        "models/autoencoders/vae.py",
        "reconstruction = valid_data.nan_unless(valid, reconstruction)",
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
]
