"""Faults in what stands between users' data and a step."""

from tests.mutants import Mutant

_INCOMING = "tests/models/test_incoming.py"
_SCENES = "tests/data/test_shape_scenes.py"
_ARRAYS = "tests/models/test_array_conditions.py"
LANDSCAPES = "tests/data/test_day_and_night.py"

MUTANTS = [
    Mutant(
        "models/training.py",
        "        loss = ops.mean(losses)\n",
        "        loss = ops.mean(losses)\n"
        "        if sample_weight is not None:\n"
        "            loss = ops.sum(losses) / ops.sum(sample_weight)\n",
        f"{_INCOMING} -k means_over_the_batch",
    ),
    Mutant(
        "models/training.py",
        '        if kind == "train":\n            self._build_optimizer()\n',
        "",
        "tests/models/test_generative_model.py",
        backend="tensorflow",
    ),
    Mutant(
        "models/incoming.py",
        "            model.check_data(*arrays(model, *given[:2]))\n",
        "            arrays(model, *given[:2])\n",
        f"{_INCOMING} -k first_batch",
    ),
    Mutant(
        "models/first_batch.py",
        "read = [] if batch is None else [batch]",
        "read = []",
        "tests/models/test_first_batch.py",
    ),
    Mutant(
        "models/first_batch.py",
        "    load_random_state(before)\n",
        "",
        "tests/models/test_first_batch.py",
        backend="torch",
    ),
    Mutant(
        "models/first_batch.py",
        'if hasattr(batch, "shape"):',
        "if False:",
        f"{_INCOMING} -k bare_images",
        backend="jax",
    ),
    Mutant(
        "models/incoming.py",
        "y = np.zeros(number) if y is None else y",
        "y = y",
        f"{_INCOMING} -k weights",
    ),
    Mutant(
        "models/incoming.py",
        "return standardize(model, x, y, sample_weight)[:3]",
        "return standardize(model, x, y)[:3]",
        f"{_INCOMING} -k validation_data",
    ),
    Mutant(
        "models/conditions.py",
        'checks.static_shape("x", x, self.data_shape)',
        "pass",
        f"{_INCOMING} -k refuses_other_shapes",
    ),
    Mutant(
        "models/conditions.py",
        "(ops.sum(rows, 1) == 1)",
        "(ops.sum(rows, 1) >= 0)",
        f"{_INCOMING} -k not_one_hot",
    ),
    Mutant(
        "models/condition_checks.py",
        "if not np.array_equal(rows, np.eye(rows.shape[1])[labels]):",
        "if False:",
        f"{_INCOMING} -k not_one_hot",
    ),
    Mutant(
        "engine/keras_internals.py",
        "                self.jax_state_sync()\n",
        "",
        f"{_INCOMING} -k failing_step",
        backend="jax",
    ),
    Mutant(
        "engine/keras_internals.py",
        "        self._jax_state = dict(zip(taken, state, strict=True))\n",
        "",
        f"{_INCOMING} -k failing_step",
        backend="jax",
    ),
    Mutant(
        "models/valid_data.py",
        "ops.clip(ops.round(scaled), 0, num_levels - 1)",
        "ops.round(scaled)",
        "tests/models/test_streams.py -k PixelCNN",
    ),
    Mutant(
        "data/flips_and_crops.py",
        "x[index, rows[:, :, None], columns[:, None]]",
        "x[index, rows[:1, :, None], columns[:, None]]",
        "tests/data/test_paired_dataset.py",
    ),
    Mutant(
        "data/flips_and_crops.py",
        "generator.integers(side - size + 1, size=num)",
        "generator.integers(side - size, size=num)",
        "tests/data/test_paired_dataset.py",
    ),
    Mutant(
        "data/unpaired_dataset.py",
        "self._jitter(self.generator(side, index), batch)",
        "self._jitter(self.generator(index), batch)",
        "tests/data/test_paired_dataset.py",
    ),
    Mutant(
        "data/image_pairs.py",
        "np.split(image, 2, axis=1)",
        "np.split(image, 2, axis=1)[::-1]",
        "tests/data/test_image_pairs.py",
    ),
    Mutant(
        "data/shape_scenes.py",
        "masks[:i] &= ~covered",
        "pass",
        _SCENES,
    ),
    Mutant(
        "data/shape_scenes.py",
        '"left of" if x < 0 else "right of"',
        '"right of" if x < 0 else "left of"',
        _SCENES,
    ),
    Mutant(
        "data/shape_scenes.py",
        'name = "inside" if first == 1 else "around"',
        'name = "inside"',
        _SCENES,
    ),
    Mutant(
        "data/shape_scenes.py",
        "return bool(held_out or triples & set(HELD_OUT_RELATIONS))",
        "return bool(held_out)",
        _SCENES,
    ),
    Mutant(
        "data/scene_captions.py",
        '"purple": ("purple", "violet")',
        '"purple": ("purple", "crimson")',
        _SCENES,
    ),
    Mutant(  # arrays are looked at twice
        "models/incoming.py",
        "    model.check_data(x, y)\n    if class_weight",
        "    model.check_data(x, y)\n    model.check_data(x, y)\n    if class_weight",
        "tests/models/test_valid_data.py -k once",
    ),
    Mutant(
        "models/conditions.py",
        "np.repeat(x[None], num_examples, axis=0) if is_one else x",
        "x",
        f"{_ARRAYS} -k one_for_all",
    ),
    Mutant(
        "models/conditions.py",
        "data = self._nan_where(ops.logical_not(known), data)",
        "pass",
        f"{_ARRAYS} -k infinity",
    ),
    Mutant(
        "models/condition_checks.py",
        "if missing or unknown:",
        "if missing:",
        f"{_ARRAYS} -k unknown",
    ),
    Mutant(
        "data/day_and_night.py",
        "by_day * _MOONLIGHT if by_night is None else by_night",
        "by_day * _MOONLIGHT",
        f"{LANDSCAPES} -k follows_from_the_day",
        backend="torch",
    ),
    Mutant(
        "data/day_and_night.py",
        "sky[0] * (1 - share) + sky[1] * share",
        "sky[1] * (1 - share) + sky[0] * share",
        f"{LANDSCAPES} -k follows_from_the_day",
        backend="torch",
    ),
    Mutant(
        "data/day_and_night.py",
        "np.random.RandomState(seed)",
        "np.random.RandomState(0)",
        f"{LANDSCAPES} -k same_for_a_seed",
        backend="torch",
    ),
]
