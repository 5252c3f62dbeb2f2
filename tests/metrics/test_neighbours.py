"""Metrics of nearest neighbours: exact at ties, in clusters and far from zero."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_genmod import metrics

pytestmark = pytest.mark.any_backend


def by_definition(real, fake, k):
    """Counts with every difference of points in float64."""

    def distances(x, y):
        differences = x[:, None].astype("float64") - y[None].astype("float64")
        return np.einsum("nmd,nmd->nm", differences, differences)

    def radii(x):
        squares = distances(x, x)
        np.fill_diagonal(squares, np.inf)
        return np.sort(squares, axis=1)[:, k - 1]

    across = distances(real, fake)
    in_real = across < radii(real)[:, None]
    in_fake = across < radii(fake)[None]
    return (
        in_real.any(axis=0).mean(),
        in_fake.any(axis=1).mean(),
        in_real.sum(axis=0).mean() / k,
        in_real.any(axis=1).mean(),
    )


def numbers(result):
    return result.precision, result.recall, result.density, result.coverage


def ours(real, fake, k=5):
    return metrics.precision_recall_density_coverage(real, fake, k)


KINDS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "binary": lambda rng, shape: rng.integers(0, 2, size=shape),  # ties everywhere
    "float32": lambda rng, shape: rng.normal(size=shape).astype("float32"),
    "far away": lambda rng, shape: rng.normal(size=shape) + 1e6,
    "huge": lambda rng, shape: rng.normal(size=shape) * 1e25,
    "tiny": lambda rng, shape: rng.normal(size=shape) * 1e-25,
    "clusters": lambda rng, shape: (
        1e-6 * rng.normal(size=shape) + rng.integers(0, 3, size=(shape[0], 1))
    ),
    "far clusters": lambda rng, shape: (
        rng.normal(size=shape) + 1e9 * rng.integers(0, 3, size=(shape[0], 1))
    ),
    "outlier": lambda rng, shape: (
        rng.normal(size=shape) * np.where(np.arange(shape[0]) == 0, 1e9, 1)[:, None]
    ),
}


@settings(max_examples=120, deadline=None)
@given(
    kind=st.sampled_from(sorted(KINDS)),
    num_real=st.integers(6, 60),
    num_fake=st.integers(6, 60),
    dim=st.integers(1, 12),
    k=st.integers(1, 5),
    copies=st.integers(0, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_counts_are_exact(kind, num_real, num_fake, dim, k, copies, seed):
    rng = np.random.default_rng(seed)
    real = KINDS[kind](rng, (num_real, dim))
    fake = KINDS[kind](rng, (num_fake, dim))
    fake[:copies] = real[:copies]
    expected = by_definition(real, fake, k)
    np.testing.assert_allclose(numbers(ours(real, fake, k)), expected, rtol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_counts_are_exact_over_several_blocks(kind):
    rng = np.random.default_rng(0)
    real, fake = KINDS[kind](rng, (1100, 3)), KINDS[kind](rng, (1030, 3))
    fake[:50] = real[:50]
    expected = by_definition(real, fake, 3)
    np.testing.assert_allclose(numbers(ours(real, fake, 3)), expected, rtol=1e-13)


def test_a_tight_cluster_is_precise_and_recalls_little():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 500, 8))
    result = ours(real, 0.05 * fake)
    assert result.precision > 0.99 and result.recall < 0.05
    swapped = ours(0.05 * fake, real)
    assert swapped.precision < 0.05 and swapped.recall > 0.99


def test_a_collapsed_generator_recalls_nothing():
    real = np.random.default_rng(0).normal(size=(1200, 8))
    result = ours(real, np.zeros((1100, 8)) + real[7])
    assert (result.precision, result.recall) == (1.0, 0.0)


def test_copies_of_the_data_have_density_one():
    real = np.random.default_rng(0).normal(size=(1100, 64))
    assert numbers(ours(real, real.copy())) == (1.0, 1.0, 1.0, 1.0)


def test_order_does_not_matter():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 300, 8))
    shuffled = ours(rng.permutation(real), rng.permutation(fake))
    assert shuffled == ours(real, fake)


def test_memory_does_not_grow_with_the_square():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 4000, 16))
    tracemalloc.start()
    ours(real, fake)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * 4000**2 * 4  # half of one float32 matrix of distances


def test_neighbours_flatten_images_and_break_ties_by_index():
    real = np.zeros((5, 2, 2, 1))
    real[3] = 1.0
    found = metrics.nearest_neighbours(np.full((2, 2, 2, 1), 0.75), real, k=3)
    np.testing.assert_array_equal(found.indices, [[3, 0, 1]] * 2)
    np.testing.assert_allclose(found.distances, [[0.5, 1.5, 1.5]] * 2)
    assert found.share_nearer is None


def test_copying_is_found():
    rng = np.random.default_rng(0)
    real, held_out, fresh = rng.normal(size=(3, 300, 6))

    def share(fake):
        return metrics.nearest_neighbours(fake, real, held_out=held_out).share_nearer

    assert share(fresh) == pytest.approx(0.5, abs=0.1)
    assert share(real[:50] + 1e-3) > 0.99
    assert share(fresh + 10.0) < 0.01
    assert share(held_out) == 0.5
