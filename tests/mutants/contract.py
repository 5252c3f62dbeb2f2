"""Faults of the base and the engine, which the contract of all models must notice."""

from tests.mutants import Mutant

_CASES = "tests/models/test_contracts.py"

MUTANTS = [
    Mutant(
        "checks/values.py",
        "isinstance(value, numbers.Integral) and not isinstance(value, bool)",
        "isinstance(value, numbers.Integral)",
        "tests/test_checks.py",
    ),
    Mutant(
        "checks/arrays.py",
        "return max(1e-3, (num_levels - 1) * 2.0**-22)",
        "return 1e-3",
        "tests/test_checks.py",
    ),
    Mutant(
        "checks/arrays.py",
        "worst = max(worst, float(",
        "worst = max(0.0, float(",
        "tests/test_checks.py",
    ),
    Mutant(
        "engine/seeds.py",
        "(iteration + 1) * _DRAWS_PER_ITERATION",
        "_DRAWS_PER_ITERATION",
        "tests/engine/test_seeds.py",
    ),
    Mutant(
        "engine/seeds.py",
        "self._num_draws += 1",
        "self._num_draws = 1",
        "tests/engine/test_seeds.py",
    ),
    Mutant(
        "engine/seeds.py",
        "generate_state(1)[0] >> np.uint32(1)",
        "entropy",
        "tests/engine/test_seeds.py",
    ),
    Mutant(
        "engine/slices.py",
        "lambda x, i=i: x[i::steps]",
        "lambda x, i=i: x[0::steps]",
        "tests/engine/test_objectives.py",
    ),
    Mutant(
        "engine/torch_engine.py",
        "passed_on = tree.map_structure(torch.Tensor.detach, passed_on)",
        "passed_on = tree.map_structure(torch.Tensor.clone, passed_on)",
        "tests/engine/test_objectives.py",
        backend="torch",
    ),
    Mutant(
        "engine/torch_engine.py",
        "total = total + loss / objective.steps",
        "total = total + loss",
        "tests/engine/test_objectives.py",
        backend="torch",
    ),
    Mutant(
        "engine/compiled.py",
        "tuple(sorted(static.items())),",
        "",
        "tests/engine/test_compiled.py",
    ),
    Mutant(
        "engine/optimizer_group.py",
        "return type(optimizer).from_config(optimizer.get_config())",
        "return optimizer",
        "tests/engine/test_optimizer_group.py",
    ),
    Mutant(
        "engine/averages.py",
        "for (variable, _), value in zip(pairs, values, strict=True):\n"
        "        variable.assign(value)",
        "for (variable, _), value in zip(pairs, values, strict=True):\n"
        "        variable.assign(variable)",
        "tests/engine/test_optimizer_group.py",
    ),
    Mutant(
        "models/conditions.py",
        'dtype="float32")\n        return ops.where(known[:, None], rows',
        'dtype="float32")\n        return ops.where(rows == rows, rows',
        f"{_CASES}::TestConditionalVAE",
    ),
    Mutant(
        "models/adjustable.py",
        "weight.assign(value)",
        "pass",
        "tests/models/autoencoders",
    ),
    Mutant(
        "models/valid_data.py",
        "ops.clip(ops.round(scaled), 0, num_levels - 1)",
        "ops.round(scaled)",
        "tests/models/test_streams.py",
    ),
    Mutant(
        "models/training.py",
        "loss = loss + ops.sum(ops.cast(extra,",
        "loss = loss + 0.0 * ops.sum(ops.cast(extra,",
        "tests/models/test_added_losses.py",
    ),
]
