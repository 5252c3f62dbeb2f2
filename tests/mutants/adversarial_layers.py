"""Faults of the layers that adversarial networks are made of."""

from tests.mutants import Mutant

_EQUALIZED = "tests/layers/test_equalized.py"

MUTANTS = [
    Mutant(
        "layers/equalized_dense.py",
        "scale / math.sqrt(kernel.shape[0])",
        "scale / math.sqrt(kernel.shape[1])",
        _EQUALIZED,
    ),
    Mutant(
        "layers/equalized_dense.py",
        "self.bias * self.learning_rate_multiplier",
        "self.bias",
        _EQUALIZED,
    ),
    Mutant(
        "layers/equalized_conv_2d.py",
        "math.prod(kernel.shape[:-1])",
        "kernel.shape[-2]",
        _EQUALIZED,
    ),
    Mutant(
        "layers/pixel_normalization.py",
        "ops.mean(ops.square(x), axis=-1, keepdims=True)",
        "ops.mean(ops.square(x), keepdims=True)",
        _EQUALIZED,
    ),
    Mutant(
        "layers/minibatch_standard_deviation.py",
        'ops.arange(batch, dtype="int32") % num_groups',
        'ops.arange(batch, dtype="int32") // self.group_size',
        _EQUALIZED,
    ),
    Mutant(
        "layers/minibatch_standard_deviation.py",
        "centred = x - ops.matmul(member, mean)",
        "centred = x",
        _EQUALIZED,
    ),
]
