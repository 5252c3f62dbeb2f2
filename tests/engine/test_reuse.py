"""Calls of a program overwrite what nobody reads any more, and nothing else."""

import keras
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("only torch's programs overwrite", allow_module_level=True)

import torch

from keras_genmod import engine
from keras_genmod.engine.torch_program import Program
from keras_genmod.engine.torch_recording import Recording
from keras_genmod.engine.torch_reuse import in_place


def run(function, *tensors, inference=False):
    """Returns which functions write in place, and asserts that the program is exact."""
    with torch.inference_mode(inference):
        recordings = [Recording(function, tensors) for _ in range(2)]
        expected = function(*tensors)
    program = Program(*recordings)
    calls = in_place(
        program.calls, program.returned(), program.shared, recordings[-1].layouts
    )
    before = [tensor.clone() for tensor in tensors]
    for _ in range(2):
        found = program(list(tensors))
        for one, other in zip(found, expected, strict=True):
            assert torch.equal(one, other)
    for tensor, old in zip(tensors, before, strict=True):
        assert torch.equal(tensor, old)
    pairs = zip(calls, program.calls, strict=True)
    return [str(new.function).split(".")[1] for new, old in pairs if new is not old]


@pytest.fixture
def x(rng):
    return torch.tensor(rng.normal(size=(4, 6)).astype("float32"))


def test_what_dies_is_overwritten(x):
    def function(x):
        y = x * 2.0  # x is an input
        y = y + x
        y = 1.5 * x - y  # the product is overwritten, not y
        return (torch.relu(torch.sigmoid(y)),)

    assert run(function, x) == ["add_", "sub_", "sigmoid_", "relu_"]


def test_the_second_of_a_sum_may_be_overwritten(x):
    assert run(lambda x: (x + torch.exp(x),), x) == ["add_"]
    assert run(lambda x: (x - torch.exp(x),), x) == []
    assert run(lambda x: (torch.add(x, torch.exp(x), alpha=2),), x) == []


def test_gradients_are_overwritten(x):
    def function(x):
        x = x.detach().requires_grad_()
        loss = (3.0 * torch.tanh(torch.sigmoid(torch.relu(x)))).sum()
        return torch.autograd.grad(loss, x)

    names = {"tanh_backward", "sigmoid_backward", "threshold_backward"}
    assert names <= set(run(function, x))


def test_what_is_read_later_is_not(x):
    def function(x):
        y = torch.exp(x)
        return torch.neg(y), y.sum()

    assert run(function, x) == []
    assert run(lambda x: (torch.exp(x), torch.neg(torch.exp(x))), x) == []


@pytest.mark.parametrize("inference", [False, True])
@pytest.mark.parametrize(
    "view",
    [
        lambda y: y.T,
        lambda y: y[1:],
        lambda y: y.reshape(-1),
        lambda y: torch.einsum("ij->ji", y),
        lambda y: torch.split(y, 2)[1],
        lambda y: torch.dropout(y, 0.0, True),
    ],
)
def test_what_has_a_view_is_not(x, view, inference):
    def function(x):
        y = torch.exp(x)
        seen = view(y)
        return torch.neg(y), torch.log(seen + 1.0)

    assert "neg_" not in run(function, x, inference=inference)


@pytest.mark.parametrize("inference", [False, True])
def test_views_of_inputs_and_their_copies_leave_them(x, inference):
    def function(x):
        return torch.neg(x.T), torch.neg(x.T.reshape(-1)), torch.neg(x[1:])

    run(function, x, inference=inference)


def test_views_of_what_dies_are_overwritten(x):
    assert run(lambda x: (torch.neg(torch.exp(x)[1:]),), x) == ["neg_"]


def test_other_forms_and_types_are_not(x):
    def function(x):
        row = torch.exp(x[:1])
        wide = row * x  # of another shape than the row
        whole = torch.round(torch.exp(x)).to(torch.int32)
        return wide, whole / 2, torch.exp(x).T + x.T.contiguous()

    assert "mul_" not in run(function, x)
    assert "div_" not in run(function, x)


def test_parts_of_the_same_memory_are_not(x):
    def function(x):
        y = torch.exp(x)
        return (y[:2] + y[2:],)

    assert run(function, x) == []
    assert run(lambda x: ((y := torch.exp(x)) * y,), x) == ["mul_"]


def test_state_is_not(x):
    state = torch.ones(6)

    def function(x):
        held = torch.neg(state)
        state.add_(x.mean(0) * 0.0)
        return (held,)

    assert "neg_" not in run(function, x)
    assert torch.equal(state, torch.ones(6))


LONG = 70  # iterations: shorter loops are written out


@torch.no_grad()
def test_what_a_loop_hands_on_is_not(x):
    def function(x):
        y = torch.exp(x)
        total, same = engine.fori_loop(LONG, lambda i, c: (c[0] + 1.0, c[1]), (x, y))
        return torch.neg(y), total, same + 1.0

    assert "neg_" not in run(function, x)


@torch.no_grad()
def test_the_body_of_a_loop_leaves_its_carry(x):
    def function(x):
        def body(i, carry):
            total, old = carry
            return torch.sigmoid(torch.exp(-total) + old), total

        return engine.fori_loop(LONG, body, (x, x + 1.0))

    run(function, x)
