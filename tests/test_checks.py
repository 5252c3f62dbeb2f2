"""One meaning of every check of an argument, in all rooms."""

import pathlib

import numpy as np
import pytest

from keras_genmod import checks

pytestmark = pytest.mark.any_backend


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_integers_of_python_and_numpy_become_int(value):
    assert type(checks.positive_int("n", value)) is int
    assert checks.sizes("shape", [value, 2]) == (3, 2)


@pytest.mark.parametrize(
    "value",
    [0, -1, 2.0, True, None, "3", np.float64(2), np.array([1, 2]), [3], 10**12],
    ids=str,
)
def test_all_else_is_no_positive_int(value):
    with pytest.raises(ValueError, match="`n` must be .* Received: n="):
        checks.positive_int("n", value)
    with pytest.raises(ValueError, match="`shape` must be .*tuple.* Received: shape="):
        checks.sizes("shape", (value, 2))


@pytest.mark.parametrize("value", [None, 3, (), "ab", np.ones(2), {1: 2}], ids=str)
def test_a_shape_is_a_tuple_or_list(value):
    with pytest.raises(ValueError, match="`shape` must be a non-empty tuple of"):
        checks.sizes("shape", value)


def test_a_shape_has_its_rank():
    assert checks.sizes("shape", (4, 4, 1), rank=3) == (4, 4, 1)
    with pytest.raises(ValueError, match="`shape` must be a tuple of 3 positive ints"):
        checks.sizes("shape", (4, 4), rank=3)


def test_a_list_of_sizes_may_be_empty_where_it_says_so():
    assert checks.sizes("hidden_dims", [], may_be_empty=True) == ()


@pytest.mark.parametrize("value", [0, 2**32 - 1, np.int64(5)])
def test_a_seed_has_32_bits(value):
    assert checks.seed("seed", value) == value
    assert checks.seed("seed", None) is None


@pytest.mark.parametrize("value", [-1, 2**32, 1.0, True, "1", np.ones(2)], ids=str)
def test_all_else_is_no_seed(value):
    with pytest.raises(ValueError, match="`seed` must be .* Received: seed="):
        checks.seed("seed", value)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (checks.positive, (1, 0.5, np.float32(2)), (0, -1, np.inf, np.nan, "1", None)),
        (checks.non_negative, (0, 1.5), (-1e-9, np.inf, np.nan, True, np.ones(2))),
        (checks.fraction, (0, 1, 0.5), (-0.1, 1.1, np.nan, "0", None)),
    ],
)
def test_numbers_lie_in_their_range(check, good, bad):
    for value in good:
        assert check("p", value) == value
    for value in bad:
        with pytest.raises(ValueError, match="`p` must be .* Received: p="):
            check("p", value)


@pytest.mark.parametrize("value", ["c", None, ["a"], np.array(["a", "b"]), {}], ids=str)
def test_a_choice_is_one_of_the_choices(value):
    assert checks.choice("kind", "a", ("a", "b")) == "a"
    with pytest.raises(ValueError, match="`kind` must be one of 'a', 'b'. Received"):
        checks.choice("kind", value, {"a", "b"})


def test_ints_beyond_all_arrays_become_floats():
    assert type(checks.positive("p", 10**30)) is float
    for check in (checks.positive, checks.non_negative, checks.fraction):
        with pytest.raises(ValueError, match="`p` must be .* Received: p="):
            check("p", 10**400)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (checks.boolean, (True, np.False_), (1, 0.0, None, "yes")),
        (checks.text, ("", "a"), (b"a", 1, None, ["a"])),
        (checks.path, ("a", pathlib.PurePath("a")), (b"a", 1, None, ["a"])),
        (checks.function, (len, int), (None, "len", 1)),
        (checks.items, ([1], (), "ab", np.ones(2)), (1, None, {1: 2}, np.array(1.0))),
    ],
)
def test_what_is_no_number_has_its_type(check, good, bad):
    for value in good:
        check("p", value)
    for value in bad:
        with pytest.raises(ValueError, match="`p` must be .* Received: p="):
            check("p", value)


@pytest.mark.parametrize("x", [None, print, {1.5}, [[1], [2, 3]], 1j], ids=str)
def test_what_is_no_array_is_named(x):
    for check in (checks.numeric, checks.float32, lambda name, x: checks.as_numpy(x)):
        with pytest.raises(ValueError, match="`x` must .* Received: x of "):
            check("x", x)


@pytest.mark.parametrize("num_levels", [2, 3, 256, 50_000])
def test_levels_of_any_number_hold_in_float32(num_levels):
    k = np.random.default_rng(0).integers(0, num_levels, 10_000)
    x = (k / (num_levels - 1)).astype("float32")
    checks.levels("x", x, num_levels)
    checks.levels(
        "x", k.astype("float32") * np.float32(1 / (num_levels - 1)), num_levels
    )
    with pytest.raises(ValueError, match="`x` must hold the values k"):
        checks.levels("x", x * np.float32(1 - 0.1 / num_levels), num_levels)


@pytest.mark.parametrize(
    ("ends", "way_out"),
    [
        ((0, 255), "divide pixels of 0 to 255 by 255"),
        ((-2, 1), "divide pixels of 0 to 255 by 255"),
        ((-1, 1), r"pixels of \[-1, 1\] are brought there by \(x \+ 1\) / 2"),
        ((-0.5, 0.5), r"pixels of \[-1, 1\] are brought there by \(x \+ 1\) / 2"),
    ],
)
def test_the_way_out_is_that_of_the_range(ends, way_out):
    with pytest.raises(ValueError, match=rf"`x` must lie in \[0, 1\]; {way_out}\. Rec"):
        checks.unit_range("x", np.array(ends, "float32"))


@pytest.mark.parametrize("place", [0, -1])
def test_a_value_off_the_levels_is_found_in_any_block(place):
    x = np.zeros((5, 2**20), "float32")
    x[place, place] = 0.5
    with pytest.raises(ValueError, match="up to 0.5 steps away"):
        checks.levels("x", x, 2)
