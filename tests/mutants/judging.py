"""Faults of data, metrics, evaluation and latents."""

from tests.mutants import Mutant

MUTANTS = [
    Mutant(
        "data/dynamic_binarization.py",
        "self.generator(index).random",
        "self.generator(0).random",
        "tests/data/test_dynamic_binarization.py -k noise",
    ),
    Mutant(
        "data/npz.py",
        "if not bounds.min <= int(y.min()) <= int(y.max()) <= bounds.max:",
        "if False:",
        "tests/data/test_npz.py -k bad_array",
    ),
    Mutant(
        "npz_files.py",
        "if min(shape, default=0) < 0 or not is_whole:",
        "if False:",
        "tests/metrics/test_statistics_files.py -k memory",
    ),
    Mutant(
        "npz_files.py",
        "    is_whole = dtype.hasobject or",
        "    is_whole = not dtype.hasobject or",
        "tests/data/test_npz.py -k bad_array",
    ),
    Mutant(
        "metrics/feature_statistics.py",
        "if len(mean) and not _is_positive(scatter, largest):",
        "if False:",
        "tests/metrics/test_statistics_files.py -k bad_files",
    ),
    Mutant(
        "evaluation/log_prob_function.py",
        'kind = _ESTIMATES[getattr(model, "kind_given_log_partition", "exact")]',
        "kind = log_partition.likelihood_kind",
        "tests/evaluation/test_evaluate_likelihood.py -k kind_of_its_own",
    ),
    Mutant(
        "evaluation/likelihood_table.py",
        "            if row.is_trusted:\n",
        "            if row is not None:\n",
        "tests/evaluation/test_likelihood_table.py -k few_chains",
    ),
    Mutant(
        "evaluation/likelihood_table.py",
        "if not all(map(math.isfinite, numbers)):",
        "if False:",
        "tests/evaluation/test_likelihood_table.py -k ranked",
    ),
    Mutant(
        "checks.py",
        "    if np.ma.is_masked(x):\n",
        "    if False:\n",
        "tests/test_arrays.py",
    ),
    Mutant(
        "checks.py",
        '    if not np.can_cast(x.dtype, np.float64, "same_kind"):\n',
        "    if False:\n",
        "tests/test_arrays.py",
    ),
    Mutant(
        "metrics/mode_coverage.py",
        "total += times * terms.sum()",
        "total += terms.sum()",
        "tests/data/test_mixtures.py -k floors",
    ),
    Mutant(
        "metrics/mode_coverage.py",
        "math.expm1(-0.5 * (radius / deviation) ** 2)",
        "math.expm1(-((radius / deviation) ** 2))",
        "tests/data/test_mixtures.py -k ideal_sampler",
    ),
    Mutant(
        "data/mixtures.py",
        "deviation * noise)",
        "deviation**0.5 * noise)",
        "tests/data/test_mixtures.py -k normal",
    ),
    Mutant(
        "data/mixtures.py",
        "@ [100, 10, 1]",
        "@ [1, 10, 100]",
        "tests/data/test_mixtures.py -k channels",
    ),
    Mutant(
        "evaluation/draw_samples.py",
        "condition=given, seed=int(mixed[0]), **options)",
        "condition=given, seed=int(mixed[0]))",
        "tests/callbacks/test_evaluate_samples.py -k truncation",
    ),
    Mutant(  # the marginals are those of the bins alone
        "metrics/mutual_information_gap.py",
        "joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)",
        "joint.sum(axis=1, keepdims=True) * joint.sum(axis=1, keepdims=True).mean()",
        "tests/metrics/test_disentanglement.py -k hardly_any",
    ),
    Mutant(
        "metrics/mutual_information_gap.py",
        "gaps = (ordered[:, 0] - ordered[:, 1]) / entropies",
        "gaps = ordered[:, 0] / entropies",
        "tests/metrics/test_disentanglement.py -k duplicated",
    ),
    Mutant(  # dead latents divide by zero
        "metrics/factor_scores.py",
        "is_alive = variances > min_variance",
        "is_alive = variances >= min_variance",
        "tests/metrics/test_disentanglement.py -k dead",
    ),
    Mutant(
        "metrics/dci.py",
        "sums / sums.sum() * (1.0 - entropies)",
        "(1.0 - entropies) / len(sums)",
        "tests/metrics/test_disentanglement.py -k mixed",
    ),
    Mutant(
        "metrics/separated_predictability.py",
        "np.linalg.norm(v, axis=0)[:, None]) ** 2",
        "np.linalg.norm(v, axis=0)[:, None])",
        "tests/metrics/test_disentanglement.py -k rotated",
    ),
    Mutant(  # anything may be a partner
        "metrics/labelled_codes.py",
        "order[low + (",
        "order[0 * low + (",
        "tests/metrics/test_disentanglement.py -k partners",
    ),
    Mutant(  # shapes are sheared, not turned
        "data/sprites.py",
        "v = np.cos(turn) * up - np.sin(turn) * across",
        "v = np.cos(turn) * up + np.sin(turn) * across",
        "tests/data/test_sprites.py -k whole_grid",
    ),
]
