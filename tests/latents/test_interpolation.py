import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from keras_genmod.latents import interpolate

pytestmark = pytest.mark.any_backend

ELEMENTS = st.floats(-10, 10, width=32)
LATENTS = arrays.arrays(np.float32, (2, 3, 4), elements=ELEMENTS)
KINDS = pytest.mark.parametrize("kind", ["linear", "spherical"])


@KINDS
@given(ends=LATENTS, num_steps=st.integers(2, 7))
def test_ends_are_start_and_stop(kind, ends, num_steps):
    path = interpolate(*ends, num_steps, kind)
    assert path.shape == (3, num_steps, 4) and path.dtype == np.float32
    assert np.array_equal(path[:, [0, -1]].swapaxes(0, 1), ends)


@given(ends=LATENTS)
def test_linear_steps_are_equal(ends):
    steps = np.diff(interpolate(*ends, 5), axis=1)
    assert np.allclose(steps, steps[:, :1], atol=1e-5)


@given(ends=LATENTS)
def test_spherical_paths_keep_the_norm_and_turn_evenly(ends):
    ends = ends + np.float32(0.1) * np.eye(3, 4, dtype="float32")
    norms = np.linalg.norm(ends, axis=-1, keepdims=True)
    ends = 3 * ends / np.where(norms < 1e-3, 1, norms)
    cosines = (ends[0] * ends[1]).sum(-1) / 9
    usual = (norms.min((0, 2)) > 1e-3) & (np.abs(cosines) < 0.999)
    path = interpolate(*ends, 9, "spherical")[usual]
    assert np.allclose(np.linalg.norm(path, axis=-1), 3, atol=1e-4)
    chords = np.linalg.norm(np.diff(path, axis=1), axis=-1)
    assert np.allclose(chords, chords[:, :1], atol=1e-4)


def test_a_spherical_path_leaves_a_linear_one():
    path = interpolate([[1.0, 0.0]], [[0.0, 1.0]], 3, "spherical")
    assert np.allclose(path[0, 1], np.sqrt(0.5))


@pytest.mark.parametrize(
    "stop",
    [[2.0, 2.0], [0.0, 0.0], [-1.0, -1.0], [1.0, 1.0], [1.0, 1.0 + 1e-9]],
    ids=["parallel", "zero", "opposite", "equal", "all but equal"],
)
def test_where_there_is_no_great_circle_the_path_is_a_line(stop):
    for ends in (([[1.0, 1.0]], [stop]), ([stop], [[1.0, 1.0]])):
        line = interpolate(*ends, 5)
        assert np.allclose(interpolate(*ends, 5, "spherical"), line)


def test_long_paths_of_small_angles_are_exact():
    start, stop = [[1.0, 0.0]], [[1.0, 1e-4]]
    path = interpolate(start, stop, 3, "spherical")
    assert np.allclose(path[0, 1], [1.0, 5e-5], rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0], [2.0], 3), "`start` must have the shape"),
        (([[1.0]], [[1.0, 2.0]], 3), "`start` and `stop` must have the same shape"),
        (([[1.0]], [[np.nan]], 3), "`stop` must be finite"),
        (([[1.0]], [[1.0]], 1), "`num_steps` must be an int of at least 2"),
        (([[1.0]], [[1.0]], 3, "cubic"), "`kind` must be one of"),
    ],
)
def test_other_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        interpolate(*arguments)
