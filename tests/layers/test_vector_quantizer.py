"""Lookup against brute force, gradients, and averages against hand calculation."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod.layers import VectorQuantizer, codebook
from keras_genmod.layers.codebook import code_totals, nearest_codes
from tests.autodiff import gradient, gradients


def normal(rng, *shape):
    return rng.normal(size=shape).astype("float32")


def made(num_codes, code_dim, vectors=None, **options):
    """Returns a quantizer with the given codebook."""
    layer = VectorQuantizer(num_codes, code_dim, seed=0, **options)
    if vectors is not None:
        layer.codebook.assign(vectors)
    return layer


def arrays(found):
    return {name: ops.convert_to_numpy(value) for name, value in found.items()}


def state(layer):
    return [ops.convert_to_numpy(v) for v in layer.variables]


@pytest.mark.parametrize("num_codes", [1, 7, 256, 600])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_codes_are_the_nearest_by_brute_force(num_codes, offset, rng):
    # Around 1,000 the squares are 1e6, of which float32 keeps 0.06.
    vectors, book = normal(rng, 50, 3) + offset, normal(rng, num_codes, 3) + offset
    vectors = np.concatenate([vectors, book.mean(0)[None]]).astype("float32")
    book = book.astype("float32")
    found = ops.convert_to_numpy(nearest_codes(ops.array(vectors), ops.array(book)))
    distances = vectors[:, None].astype("float64") - book.astype("float64")
    expected = np.square(distances).sum(-1).argmin(1)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("num_codes", [3, 600])
def test_totals_are_those_of_a_loop(num_codes, rng):
    codes = rng.integers(0, num_codes, 200).astype("int32")
    vectors = normal(rng, 200, 2)
    counts, sums = code_totals(ops.array(codes), num_codes, ops.array(vectors))
    expected = np.zeros((num_codes, 2))
    np.add.at(expected, codes, vectors)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(counts), np.bincount(codes, minlength=num_codes)
    )
    np.testing.assert_allclose(ops.convert_to_numpy(sums), expected, atol=1e-5)


def test_no_block_of_the_lookup_is_larger_than_it_says(monkeypatch):
    sizes = []
    read = codebook.read
    monkeypatch.setattr(
        codebook, "read", lambda x, i, n, axis: sizes.append(n) or read(x, i, n, axis)
    )
    nearest_codes(ops.ones((4, 2)), ops.ones((5000, 2)))
    assert sizes and max(sizes) <= 256


@pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="only JAX tells what it plans to use"
)
def test_memory_of_the_lookup_is_that_of_a_block():
    import jax

    num_vectors, dim, num_codes = 4096, 16, 8192
    shapes = ((num_vectors, dim), (num_codes, dim))
    arguments = [jax.ShapeDtypeStruct(shape, "float32") for shape in shapes]
    plan = jax.jit(nearest_codes).lower(*arguments).compile().memory_analysis()
    block, copies = 256 * num_vectors, (num_vectors + num_codes) * (dim + 1)
    assert plan.temp_size_in_bytes < 1.1 * 4 * (block + copies)


def test_straight_through_gradient_is_that_of_the_quantized_vector(rng):
    layer, weights = made(4, 2, normal(rng, 4, 2)), ops.array(normal(rng, 3, 5, 2))
    z = normal(rng, 3, 5, 2)

    def loss_of(quantized):
        return ops.sum(ops.sin(quantized) * weights)

    found = gradient(lambda z: loss_of(layer(z)["quantized"]), z)
    quantized = ops.convert_to_numpy(layer(z)["quantized"])
    np.testing.assert_allclose(found, gradient(loss_of, quantized), rtol=1e-6)


def test_losses_pull_the_encoder_and_the_codebook_each_by_its_own_weight(rng):
    # The encoder gets 2 beta (z - e), the codebook 2 (e - z), and nothing of the other.
    book, z = normal(rng, 4, 2), normal(rng, 5, 2)
    layer = made(4, 2, book, commitment=0.3, decay=None)
    codes = ops.convert_to_numpy(layer(z)["codes"])
    of_z = gradient(lambda z: ops.sum(layer(z)["loss"]), z)
    np.testing.assert_allclose(of_z, 0.6 * (z - book[codes]), rtol=1e-5)
    (of_book,) = gradients(lambda: ops.sum(layer(z)["loss"]), [layer.codebook])
    expected = np.zeros_like(book)
    np.add.at(expected, codes, 2 * (book[codes] - z))
    np.testing.assert_allclose(of_book, expected, rtol=1e-5)
    expected = 1.3 * np.square(z - book[codes]).sum(1)
    np.testing.assert_allclose(arrays(layer(z))["loss"], expected, rtol=1e-5)


def test_a_moving_codebook_has_no_gradient_and_only_the_encoder_pays(rng):
    book, z = normal(rng, 4, 2), normal(rng, 2, 3, 2)
    layer = made(4, 2, book)
    assert not layer.trainable_variables
    found = arrays(layer(z))
    expected = 0.25 * np.square(z - book[found["codes"]]).sum((1, 2))
    np.testing.assert_allclose(found["loss"], expected, rtol=1e-5)


def test_averages_are_those_of_hand_calculation_over_two_steps():
    book = np.array([[0.0], [10.0]], "float32")
    layer = made(2, 1, book, decay=0.5, restart_threshold=0.0)
    found = arrays(layer(np.array([[1.0], [2.0], [9.0]], "float32"), training=True))
    # Looked up before the step; then e_0 = (1 + 2) / 2, e_1 = 9.
    np.testing.assert_allclose(found["quantized"], [[0.0], [0.0], [10.0]], atol=1e-6)
    after = ops.convert_to_numpy(layer.codebook)
    np.testing.assert_allclose(after, [[1.5], [9.0]], rtol=1e-4)
    layer(np.array([[3.0], [8.0], [7.0]], "float32"), training=True)
    # N = .5 (1, .5) + .5 (1, 2) over .75; m = .5 (1.5, 4.5) + .5 (3, 15) over .75.
    after = ops.convert_to_numpy(layer.codebook)
    np.testing.assert_allclose(after, [[2.25], [9.75 / 1.25]], rtol=1e-4)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.counts), [1.0, 1.25])


def test_a_step_looks_up_in_the_codebook_as_it_was_before_it():
    layer = VectorQuantizer(3, 2, decay=0.0, restart_threshold=0.0, seed=0)
    before = ops.convert_to_numpy(layer.codebook)
    vectors = np.random.default_rng(0).normal(size=(9, 2)).astype("float32")
    found = layer(vectors, training=True)
    codes = ops.convert_to_numpy(found["codes"])
    quantized = ops.convert_to_numpy(found["quantized"])
    np.testing.assert_allclose(quantized, before[codes], atol=1e-6)
    assert np.any(ops.convert_to_numpy(layer.codebook) != before)


def test_one_code_is_the_mean_of_all_vectors(rng):
    layer, z = made(1, 3), normal(rng, 4, 5, 3)
    layer(z, training=True)
    after = ops.convert_to_numpy(layer.codebook)
    np.testing.assert_allclose(after[0], z.mean((0, 1)), rtol=1e-4, atol=1e-6)


def test_without_memory_a_step_is_one_of_k_means(rng):
    z, book = normal(rng, 300, 2), normal(rng, 5, 2)
    layer = made(5, 2, book, decay=0, restart_threshold=0)
    errors = []
    for _ in range(6):
        found = arrays(layer(z, training=True))
        errors.append(np.square(z - found["quantized"]).sum())
        after = ops.convert_to_numpy(layer.codebook)
        for k in range(5):
            mean = z[found["codes"] == k].mean(0)
            np.testing.assert_allclose(after[k], mean, rtol=1e-3, atol=1e-4)
    assert np.all(np.diff(errors) <= 1e-3)


def test_nothing_moves_in_evaluation_or_where_it_is_frozen(rng):
    layer, z = made(4, 2), normal(rng, 6, 2)
    before = state(layer)
    layer(z)
    layer(z, training=False)
    layer.trainable = False
    layer(z, training=True)
    for value, old in zip(state(layer), before, strict=True):
        np.testing.assert_array_equal(value, old)


@pytest.mark.every_backend
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_batch_that_is_not_finite_moves_nothing(bad, rng):
    layer, z = made(4, 2, decay=0.9), normal(rng, 6, 2)
    layer(z, training=True)
    moving = [layer.codebook, layer.counts, layer.sums, layer.num_steps]
    before = [ops.convert_to_numpy(v) for v in moving]
    layer(np.concatenate([z, [[0.0, bad]]]).astype("float32"), training=True)
    for value, old in zip(moving, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(value), old)
    layer(z, training=True)
    assert np.any(ops.convert_to_numpy(layer.codebook) != before[0])


def test_a_code_that_nothing_comes_to_keeps_its_place_without_restarts():
    book = np.array([[0.0], [100.0]], "float32")
    layer = made(2, 1, book, restart_threshold=0)
    layer(np.array([[1.0], [3.0]], "float32"), training=True)
    after = ops.convert_to_numpy(layer.codebook)
    np.testing.assert_allclose(after, [[2.0], [100.0]], rtol=1e-4)


def test_unused_codes_start_again_from_vectors_of_the_batch():
    book = np.array([[0.0], [100.0], [200.0], [300.0]], "float32")
    layer, z = made(4, 1, book), np.arange(1.0, 9.0, dtype="float32")[:, None]
    layer(z, training=True)
    after = ops.convert_to_numpy(layer.codebook)[:, 0]
    assert abs(after[0] - 4.5) < 1e-3  # the used one: the mean
    assert np.isin(after[1:], z[:, 0]).all() and len(set(after[1:])) == 3
    # N and m start together, and with average use a code does not start again at once.
    counts, sums = (ops.convert_to_numpy(v) for v in (layer.counts, layer.sums))
    np.testing.assert_allclose(counts[1:], 0.01 * 8 / 4, rtol=1e-4)
    np.testing.assert_allclose(sums[1:, 0], counts[1:] * after[1:], rtol=1e-5)
    layer(np.full((8, 1), after[1], "float32"), training=True)
    again = ops.convert_to_numpy(layer.codebook)[:, 0]
    np.testing.assert_allclose(again[1:], after[1:], rtol=1e-3)


def test_results_are_float32_and_lookup_gives_the_quantized_vectors(rng):
    layer = VectorQuantizer(4, 2, dtype="mixed_bfloat16")
    found = layer(ops.cast(normal(rng, 3, 2, 2, 2), "bfloat16"))
    assert keras.backend.standardize_dtype(found["quantized"].dtype) == "float32"
    assert found["codes"].shape == (3, 2, 2) and found["loss"].shape == (3,)
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.lookup(found["codes"])),
        ops.convert_to_numpy(found["quantized"]),
        atol=1e-6,
    )


def test_a_config_makes_it_again_and_other_channels_are_refused(rng):
    layer = VectorQuantizer(4, 2, 0.5, None, 0.1, seed=3)
    config = layer.get_config()
    assert VectorQuantizer.from_config(config).get_config() == config
    with pytest.raises(ValueError, match="`inputs` must have shape"):
        layer(normal(rng, 3, 4, 3))
