"""`keras.ops.cond` in what is recorded on torch: both sides, and the choice of one."""

import itertools
import warnings

import keras
import numpy as np
import pytest
from keras import ops

if keras.backend.backend() != "torch":
    pytest.skip("only torch's steps are traced here", allow_module_level=True)

import torch

import keras_genmod
from keras_genmod.engine import torch_graphs
from keras_genmod.engine.torch_tracing import Traced
from tests.engine.graphs_on_cpu import GraphOnCPU
from tests.models.small_networks import small_network

X = torch.arange(6.0)
SCHEDULES = keras.optimizers.schedules

# The first two calls, which are recorded, and one more go the one way, then the other.
FLAGS = [True, True, True, False, True, False, False]
EVERY_WAY = [*itertools.product([True, False], repeat=3)]


def both(make, flags):
    """Returns what a function and its traced form do, and the traced form."""
    plain, traced = make(), Traced(make(), "it")
    found = [traced(torch.tensor(flag), X + i) for i, flag in enumerate(flags)]
    expected = [plain(torch.tensor(flag), X + i) for i, flag in enumerate(flags)]
    return found, expected, traced


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0.0, atol=0.0)


def results_alone():
    def function(flag, x):
        none, *results = ops.cond(
            flag, lambda: (None, 2.0 * x, [x.sum()]), lambda: (None, x - 1.0, [x.max()])
        )
        assert none is None
        return results

    return function


def the_same_written():
    state = torch.zeros(6)

    def function(flag, x):
        result = ops.cond(flag, lambda: state.add_(x), lambda: state.mul_(3.0))
        return state.clone(), 2.0 * result

    return function


def others_written():
    one, other = torch.zeros(6), torch.ones(6)

    def function(flag, x):
        def mix():
            one.add_(x)
            other.sub_(one)  # reads what it has written

        def halve():
            one.copy_(other).mul_(0.5)

        ops.cond(flag, mix, halve)
        return one.clone(), other.clone()

    return function


def one_side_writes():
    variable, count = keras.Variable(np.zeros(6, "float32")), keras.Variable(0.0)

    def function(flag, x):
        def assign():
            variable.assign(x + count)

        ops.cond(flag, assign, lambda: None)
        count.assign(count + 1.0)
        return variable.value.clone(), count.value.clone()

    return function


def an_argument_changed():
    def function(flag, x):
        x = x + 0.0

        def halved(y):
            y -= 0.5  # as in Keras' CosineDecayRestarts
            return y

        return ops.cond(flag, lambda: halved(x), lambda: x * 2.0), x.clone()

    return function


def memory_of_its_own():
    def function(flag, x):
        def filled():
            new = torch.empty(6)
            new.fill_(1.5)
            new[:3] += x[:3]
            return new

        return ops.cond(flag, filled, lambda: x)

    return function


def one_in_another():
    def function(flag, x):
        return ops.cond(
            flag,
            lambda: ops.cond(x[0] > 2.0, lambda: x, lambda: -x),
            lambda: ops.cond(x[0] > 3.0, lambda: x * x, lambda: x + 1.0),
        )

    return function


POSSIBLE = [
    results_alone,
    the_same_written,
    others_written,
    one_side_writes,
    an_argument_changed,
    memory_of_its_own,
    one_in_another,
]


@pytest.mark.parametrize("make", POSSIBLE)
@pytest.mark.parametrize("flags", [FLAGS, [not flag for flag in FLAGS], *EVERY_WAY])
def test_the_side_that_is_due_is_chosen(make, flags):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        found, expected, traced = both(make, [*flags, True, False])
    assert_same(found, expected)
    (program,) = traced._programs.values()
    assert callable(program)


@pytest.mark.parametrize("make", POSSIBLE)
def test_branches_are_part_of_a_graph(make, monkeypatch):
    monkeypatch.setattr(torch_graphs, "Graph", GraphOnCPU)
    before = GraphOnCPU.num_replays
    found, expected, _ = both(make, FLAGS)
    assert_same(found, expected)
    assert GraphOnCPU.num_replays - before >= len(FLAGS) - 3


def drawing():
    def function(flag, x):
        return ops.cond(flag, lambda: x * torch.rand(6), lambda: x)

    return function


def with_gradients():
    weight = torch.ones(6, requires_grad=True)

    def function(flag, x):
        side = ops.cond(flag, lambda: weight * x, lambda: 0.0 * x)
        loss = (side + weight).sum()
        return torch.autograd.grad(loss, weight)[0]

    return function


def with_gradients_where_not_due():
    make = with_gradients()
    return lambda flag, x: make(~flag, x)


def of_other_shapes():
    return lambda flag, x: ops.cond(flag, lambda: x, lambda: x[:3])


def of_numbers():
    return lambda flag, x: x * ops.cond(flag, lambda: 1.0, lambda: 2.0)


def of_parts():
    state = torch.zeros(6)

    def function(flag, x):
        def first():
            state[:4] += x[:4]

        def last():
            state[2:] -= x[2:]

        ops.cond(flag, first, last)
        return state.clone()

    return function


def impossible_when_not_due():
    state = torch.zeros(6)

    def function(flag, x):
        def write():
            state.add_(x)
            raise ValueError("there is none")

        ops.cond(flag, write, lambda: None)
        return state.clone()

    return function


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (drawing, "draw random numbers"),
        (with_gradients, "have gradients"),
        (with_gradients_where_not_due, "have gradients"),
        (of_other_shapes, "differ in more than numbers"),
        (of_numbers, "differ in more than numbers"),
        (of_parts, "write into parts of one tensor"),
    ],
)
@pytest.mark.parametrize("flags", [FLAGS, [not flag for flag in FLAGS]])
def test_what_cannot_be_chosen_is_run_as_it_is(make, why, flags):
    with pytest.warns(UserWarning, match=f"operation by operation.*value {why}"):
        torch.manual_seed(0)
        traced = Traced(make(), "it")
        found = [traced(torch.tensor(flag), X + i) for i, flag in enumerate(flags)]
    torch.manual_seed(0)
    plain = make()
    expected = [plain(torch.tensor(flag), X + i) for i, flag in enumerate(flags)]
    assert_same(found, expected)


def test_a_side_need_not_be_possible_where_it_is_not_due():
    flags = [False, False, False, False]
    why = r"are not both possible \(there is none\)"
    with pytest.warns(UserWarning, match=why):
        found, expected, _ = both(impossible_when_not_due, flags)
    assert_same(found, expected)


def test_errors_of_the_side_that_is_due_are_raised():
    def function(flag, x):
        def fail():
            raise ValueError("mine")

        return ops.cond(flag, fail, lambda: x)

    with pytest.raises(ValueError, match="mine"):
        Traced(function, "it")(torch.tensor(True), X)


def test_conditions_that_are_no_tensors_are_keras_own():
    calls = []
    sides = (lambda: calls.append("true"), lambda: calls.append("false"))
    traced = Traced(lambda x: ops.cond(x.shape[0] > 2, *sides) or 2.0 * x, "it")
    torch.testing.assert_close(traced(X), 2.0 * X)
    assert calls == ["true"]
    ops.cond(torch.tensor(False), *sides)  # of no recording
    assert calls == ["true", "false"]


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.SGD(
            SCHEDULES.CosineDecay(0.1, 8, warmup_target=0.5, warmup_steps=3)
        ),
        lambda: keras.optimizers.Adam(SCHEDULES.CosineDecayRestarts(0.1, 3)),
        lambda: keras.optimizers.SGD(
            SCHEDULES.CosineDecayRestarts(0.1, 3, t_mul=1.0, m_mul=0.5)
        ),
        lambda: keras.optimizers.SGD(0.5, gradient_accumulation_steps=2),
        lambda: keras.optimizers.AdamW(
            SCHEDULES.CosineDecay(0.1, 8, warmup_target=0.5, warmup_steps=2),
            gradient_accumulation_steps=3,
            clipnorm=0.1,
            use_ema=True,
            ema_overwrite_frequency=2,
        ),
        lambda: keras.optimizers.Adam(0.1, use_ema=True, ema_overwrite_frequency=3),
    ],
    ids=["warm-up", "restarts", "equal", "accumulation", "all", "overwritten"],
)
def test_steps_of_optimizers_that_branch_are_traced(optimizer):
    x = np.random.default_rng(0).random((120, 3)).astype("float32")
    states = []
    for eagerly in (False, True):
        keras.utils.set_random_seed(0)
        model = keras_genmod.Autoencoder(
            small_network((3,), (2,)), small_network((2,), (3,))
        )
        model.compile(optimizer(), run_eagerly=eagerly)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            model.fit(x, batch_size=4, epochs=2, shuffle=False, verbose=0)
        states.append([v.value for v in (*model.variables, *model.optimizer.variables)])
        if not eagerly:
            programs = model.train_function._traced._programs.values()
            assert all(map(callable, programs))
    for traced, eager in zip(*states, strict=True):
        torch.testing.assert_close(traced, eager, rtol=1e-6, atol=1e-7)
