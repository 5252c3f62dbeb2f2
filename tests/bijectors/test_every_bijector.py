"""Every bijector of `cases.py` against the contract.

An example draws weights, their size and points; each is one compiled call for
`NUM_POINTS` points times the size of an event.
"""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from keras_genmod import NormalizingFlow
from tests.bijectors.cases import CASES, NUM_POINTS, arrays, maps
from tests.contracts import ON_TORCH, slow_on_jax

OTHER = {"forward": "inverse", "inverse": "forward"}
# Draws of weights, each with 8 points: 120 examples, and 1,600 with the slow tests.
# The formulas are the same on the other backends, and operations have 64 examples.
EXAMPLES = [15 if ON_TORCH else 8, pytest.param(200, marks=pytest.mark.slow)]

CONDITIONAL = [
    "affine_coupling",
    "masked_autoregressive",
    "planar_given_features",
    "radial",
    "rational_quadratic_spline",
]
every_bijector = pytest.mark.parametrize("name", CASES)
both_directions = pytest.mark.parametrize("direction", OTHER)
all_examples = pytest.mark.parametrize("num_examples", EXAMPLES)
seeds = st.integers(0, 2**16)
scales = st.floats(0, 1, width=32)
firsts = st.lists(st.floats(-4, 4, width=32), min_size=2, max_size=3)


def for_all(num_examples, **strategies):
    """Returns the decorator that runs a property on draws of its arguments."""
    draws = settings(
        max_examples=num_examples, deadline=None, derandomize=True, database=None
    )

    def run(holds):
        draws(given(**strategies)(holds))()

    return run


def start(name):
    """Returns the maps of a case with weights of ordinary size."""
    found = maps(name)
    found.randomize(seed=0, scale=1.0)
    return found


def largest(x):
    """Returns the largest absolute value of each example."""
    return np.abs(x.reshape(len(x), -1)).max(axis=1)


def assert_round_trip(there, back, start, tolerance=1e-4):
    """Compares each point with its round trip, relative to the sizes on the way."""
    size = 1.0 + largest(start) + largest(there)
    np.testing.assert_array_less(largest(back - start), tolerance * size)


@every_bijector
@both_directions
@all_examples
def test_round_trip(name, direction, num_examples):
    @for_all(num_examples, seed=seeds, scale=scales, first=firsts)
    def holds(seed, scale, first):
        found = maps(name)
        found.randomize(seed, scale)
        points = found.points(direction, seed, first=first)
        conditions = found.conditions(seed, len(points))
        (there, log_det), *_ = found.run(direction, points, conditions)
        (back, back_log_det), *_ = found.run(OTHER[direction], there, conditions)
        assert_round_trip(there, back, points)
        allowed = 5e-4 * (1.0 + np.abs(log_det))
        np.testing.assert_array_less(np.abs(log_det + back_log_det), allowed)


@every_bijector
@both_directions
@all_examples
def test_log_det_is_that_of_the_autodiff_jacobian(name, direction, num_examples):
    @for_all(num_examples, seed=seeds, scale=scales, first=firsts)
    def holds(seed, scale, first):
        found = maps(name)
        found.randomize(seed, scale)
        points = found.points(direction, seed, first=first, num_points=NUM_POINTS)
        conditions = found.conditions(seed, NUM_POINTS)
        size = found.size
        # Each point once for every value of its image: a backward pass gives all rows.
        points, *conditions = (
            np.repeat(x, size, axis=0) for x in (points, *conditions)
        )
        rows = np.tile(np.eye(size, dtype="float32"), (NUM_POINTS, 1))
        cotangents = rows, np.zeros(len(points), "float32")
        (_, log_det), (gradients, *_), _ = found.run(
            direction, points, conditions, cotangents
        )
        jacobians = gradients.reshape(NUM_POINTS, size, size).astype("float64")
        expected = np.repeat(np.linalg.slogdet(jacobians)[1], size)
        allowed = 5e-4 * (1.0 + np.abs(expected))
        np.testing.assert_array_less(np.abs(log_det - expected), allowed)


@every_bijector
@both_directions
@all_examples
def test_gradients_are_finite_far_out(name, direction, num_examples):
    @for_all(num_examples, seed=seeds, scale=st.floats(0, 10, width=32), first=firsts)
    def holds(seed, scale, first):
        # Points, conditions and weights of 10 times the usual size.
        found = maps(name)
        found.randomize(seed, scale)
        points = found.points(direction, seed, 10.0, 10.0 * np.array(first))
        conditions = found.conditions(seed, len(points), 10.0)
        for group in found.run(direction, points, conditions):
            for values in group:
                assert np.all(np.isfinite(values))


# What follows with `slow_on_jax` calls the bijector as it is, where JAX compiles each
# operation for each shape; compiled, it is held to the properties above.


@slow_on_jax
@every_bijector
@both_directions
def test_batch_axes_are_kept(name, direction):
    found = start(name)
    method = getattr(found.bijector, f"{direction}_and_log_det")
    points = found.points(direction, 1)[:6]
    conditions = found.conditions(1, 6)
    values, log_det = arrays(method(points, *conditions))
    for batch in ((1,), (2, 3), (0,)):
        length = int(np.prod(batch))
        shaped = [
            x[:length].reshape(*batch, *x.shape[1:]) for x in (points, *conditions)
        ]
        found_values, found_log_det = arrays(method(*shaped))
        assert found_values.shape == (*batch, *values.shape[1:])
        assert found_log_det.shape == batch
        flat = found_values.reshape(values[:length].shape)
        np.testing.assert_allclose(flat, values[:length], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(
            found_log_det.reshape(-1), log_det[:length], rtol=1e-5, atol=1e-5
        )


@every_bijector
@both_directions
def test_examples_do_not_mix(name, direction):
    found = start(name)
    points = found.points(direction, 1)
    conditions = found.conditions(1, len(points))
    changed, *others = (x.copy() for x in (points, *conditions))
    changed[1:] = changed[1:][::-1]
    for condition in others:
        condition[1:] = condition[1:][::-1]
    outputs, *_ = found.run(direction, points, conditions)
    others, *_ = found.run(direction, changed, tuple(others))
    for output, other in zip(outputs, others, strict=True):
        np.testing.assert_allclose(other[0], output[0], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(other[1:][::-1], output[1:], rtol=1e-5, atol=1e-5)


@pytest.mark.any_backend
def test_the_conditional_ones_are_known():
    found = [n for n in CASES if CASES[n].make().condition_dim is not None]
    assert found == CONDITIONAL


@pytest.mark.parametrize("name", CONDITIONAL)
@both_directions
def test_conditions_matter_and_are_needed(name, direction):
    found = start(name)
    points = found.points(direction, 1)
    outputs = [
        found.run(direction, points, found.conditions(seed, len(points)))
        for seed in (1, 2)
    ]
    assert np.all(largest(outputs[0][0][0] - outputs[1][0][0]) > 0)
    for gradient in outputs[0][1]:
        assert np.any(gradient != 0)
    with pytest.raises(ValueError, match="it needs a `condition`"):
        getattr(found.bijector, f"{direction}_and_log_det")(points)


@slow_on_jax
@every_bijector
def test_config_and_file_make_it_again(name, tmp_path):
    bijector = CASES[name].bijector(seed=3)
    config = keras.saving.serialize_keras_object(bijector)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == bijector.get_config()
    NormalizingFlow(bijector).save(tmp_path / "flow.keras")
    loaded = keras.saving.load_model(tmp_path / "flow.keras", compile=False).bijector
    assert loaded.is_initialized == bijector.is_initialized
    found = maps(name)
    points, conditions = found.points("inverse", 1)[:4], found.conditions(1, 4)
    expected = arrays(bijector.inverse_and_log_det(points, *conditions))
    outputs = arrays(loaded.inverse_and_log_det(points, *conditions))
    for output, value in zip(outputs, expected, strict=True):
        np.testing.assert_array_equal(output, value)


@slow_on_jax
@every_bijector
def test_numbers_are_float32_under_half_precision(name, dtype_policy):
    dtype_policy("mixed_float16")
    bijector = CASES[name].bijector(seed=3)
    found = maps(name)
    points, conditions = found.points("forward", 1)[:4], found.conditions(1, 4)
    x, log_det = bijector.forward_and_log_det(points, *conditions)
    z, back_log_det = bijector.inverse_and_log_det(x, *conditions)
    for number in (x, log_det, z, back_log_det):
        assert keras.backend.standardize_dtype(number.dtype) == "float32"
    x, log_det, z, back_log_det = arrays((x, log_det, z, back_log_det))
    assert_round_trip(x, z, points)
    np.testing.assert_allclose(back_log_det, -log_det, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(  # those that make tensors of their own
    "name", ["invertible_linear", "masked_autoregressive", "spline_coupling", "squeeze"]
)
def test_numbers_are_float32_where_keras_defaults_to_float64(name, floatx64):
    bijector = CASES[name].bijector(seed=3)
    found = maps(name)
    points, conditions = found.points("forward", 1)[:2], found.conditions(1, 2)
    x, log_det = bijector.forward_and_log_det(points, *conditions)
    for number in (x, log_det, *bijector.inverse_and_log_det(x, *conditions)):
        assert keras.backend.standardize_dtype(number.dtype) == "float32"


@slow_on_jax
@every_bijector
def test_latents_of_initialize_are_those_of_the_inverse(name):
    bijector = CASES[name].make()
    found = maps(name)
    points = found.points("inverse", 1)
    conditions = found.conditions(1, len(points))
    latents = bijector.initialize(ops.convert_to_tensor(points), *conditions)
    assert bijector.is_initialized
    np.testing.assert_allclose(
        *arrays((latents, bijector.inverse(points, *conditions))), rtol=1e-4, atol=1e-4
    )
