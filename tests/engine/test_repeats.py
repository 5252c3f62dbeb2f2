"""Calls on torch that give the same: made once, unless something comes between them."""

import keras
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("only torch's steps are traced here", allow_module_level=True)

import torch
from torch.utils.checkpoint import checkpoint

from keras_genmod.engine.torch_tracing import Traced

X = torch.arange(6.0).reshape(2, 3)


def calls_of(function, *args, state=()):
    """Returns how often a traced function makes each call; it does what it did.

    Args:
        function: Function of tensors, and of the tensors that it changes.
        *args: Its tensors.
        state: What the tensors that it changes are at first.
    """
    mine, others = ([torch.tensor(value) for value in state] for _ in range(2))
    traced = Traced(lambda *tensors: function(*tensors, *mine), "it")
    for _ in range(5):
        found, expected = traced(*args), function(*args, *others)
        torch.testing.assert_close(found, expected, rtol=0.0, atol=0.0)
        for one, other in zip(mine, others, strict=True):
            torch.testing.assert_close(one, other, rtol=0.0, atol=0.0)
    (program,) = traced._programs.values()
    names = [call.function.__name__.split(".")[0] for call in program.calls]
    return {name: names.count(name) for name in names}


def test_what_reads_the_same_is_made_once():
    made = calls_of(lambda x: (x.t() @ x).exp() + (x.t() @ x).exp(), X)
    assert made == {"t": 1, "mm": 1, "exp": 1, "add": 1}


def test_a_weight_may_be_written_into_afterwards():
    def step(x, weight):
        one, other = (x @ weight.t()).tanh(), (x @ weight.t()).tanh()
        result = one + 2.0 * other
        weight.add_(x[0, :, None] * result[0])
        return result

    made = calls_of(step, X, state=[[[0.1, 0.2, 0.3]] * 3])
    assert made["tanh"] == 1


def test_what_is_written_between_is_read_again():
    def step(x, weight):
        before = (x * weight[0]).sin()
        weight.add_(1.0)
        return before - (x * weight[0]).sin()

    made = calls_of(step, X, state=[[1.0, 2.0]])
    assert made["sin"] == 2


def test_what_is_written_through_a_view_is_read_again():
    def step(x, weight):
        flat = weight.view(4)
        before = weight.cos()
        flat[:2].mul_(2.0)
        return before + weight.cos()

    made = calls_of(step, X, state=[[[1.0, 2.0], [3.0, 4.0]]])
    assert made["cos"] == 2


def test_results_that_are_written_into_are_two():
    def step(x):
        one, other = x.exp(), x.exp()
        one.add_(1.0)
        return one, other

    assert calls_of(step, X)["exp"] == 2


def test_shapes_that_change_in_place_are_other_views():
    def step(x):
        y = (x * 2.0)[:, None]
        flat = y.permute(*range(y.dim())[::-1]) + 0.0
        y.squeeze_(1)
        return flat, y.permute(*range(y.dim())[::-1]) + 0.0

    calls_of(step, X)


def seeded(seed):
    return torch.Generator().manual_seed(int(seed) & 0xFFFFFFFF)


def test_draws_of_one_seed_are_one():
    def step(x, seed):
        draws = [torch.rand(2, 3, generator=seeded(s)) for s in (seed, seed, seed + 1)]
        return x + draws[0], x - draws[1], x * draws[2]

    assert calls_of(step, X, torch.tensor(5))["rand"] == 2


def test_draws_from_a_global_generator_are_two():
    traced = Traced(lambda x: (x + torch.rand(2, 3), x + torch.rand(2, 3)), "it")
    for _ in range(4):
        one, other = traced(X)
        assert not torch.equal(one, other)


def test_what_is_forgotten_for_a_backward_pass_is_not_kept():
    weight = torch.ones(3, 3, requires_grad=True)

    def step(x):
        hidden = checkpoint(lambda x: (x @ weight).sigmoid(), x, use_reentrant=False)
        return torch.autograd.grad(hidden.square().sum(), weight)[0]

    assert calls_of(step, X)["sigmoid"] == 2
