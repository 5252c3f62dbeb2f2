"""Calls between draws as one, with stand-ins for the compiler, and with inductor."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("XLA compiles elsewhere", allow_module_level=True)

import torch

import keras_genmod
from keras_genmod import networks
from keras_genmod.engine import torch_graphs
from keras_genmod.engine.torch_calls import Draws, leaves
from keras_genmod.engine.torch_fusion import FusedCall, fused
from keras_genmod.engine.torch_program import Program
from keras_genmod.engine.torch_recording import Recording

DATA = np.random.default_rng(0).uniform(size=(24, 4)).astype("float32")


def trained(jit_compile):
    """Returns the losses and weights of a VAE with dropout, an epoch at a time."""
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, "relu"),
            keras.layers.Dropout(0.3, seed=1),
            keras.layers.Dense(4),
        ]
    )
    decoder = networks.mlp_decoder(2, (4,), (8,))
    model = keras_genmod.VAE(encoder, decoder, latent_dim=2, seed=0)
    model.compile(keras.optimizers.Adam(0.01), jit_compile=jit_compile)
    history = model.fit(DATA, batch_size=4, epochs=2, verbose=0).history["loss"]
    return history, [keras.ops.convert_to_numpy(v) for v in model.variables]


@pytest.fixture(scope="module")
def expected():
    return trained("auto")


def assert_equal(found, expected, **tolerance):
    pairs = zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one, other, **(tolerance or {"rtol": 0}))


def test_draws_stay_between_what_is_fused():
    def function(x):
        before = x.exp().log() + x.sum() * 2.0
        noise = torch.rand_like(before)
        weights.add_(x[0])
        return before * noise + noise.cos().sum() - 1.0

    weights, x = torch.zeros(3), torch.ones(2, 3)
    program = Program(Recording(function, (x,)), Recording(function, (x,)))
    calls = fused(program.calls, program.returned())
    assert [isinstance(call, FusedCall) for call in calls] == [True, False, True]
    assert calls[1].draws
    assert not any(isinstance(leaf, Draws) for leaf in leaves(calls[0].args))
    (written,) = calls[2].written()
    assert program.state[written.number] is weights


def test_the_calls_of_fused_ones_are_those_of_the_step(monkeypatch, expected):
    compiled = []

    def compile_nothing(function, **options):
        compiled.append(function)
        return function

    monkeypatch.setattr(torch, "compile", compile_nothing)
    found = trained(True)
    assert len(compiled) >= 3  # before, between and after the draws
    assert_equal(found, expected)


@pytest.mark.parametrize("fault", ["no compiler", "other numbers"])
def test_without_a_sound_compiler_calls_are_made_as_ever(monkeypatch, expected, fault):
    def compile_badly(function, **options):
        def run(*tensors):
            if fault == "no compiler":
                raise RuntimeError("C++ was not found")
            results = function(*tensors)
            return [r + 1.0 if r.is_floating_point() else r for r in results]

        return run

    monkeypatch.setattr(torch, "compile", compile_badly)
    why = {"no compiler": "C\\+\\+ was not found", "other numbers": "other numbers"}
    with pytest.warns(UserWarning, match=f"inductor made of it.*{why[fault]}"):
        found = trained(True)
    assert_equal(found, expected)


def test_graphs_hold_what_is_fused(monkeypatch, expected):
    from tests.engine.graphs_on_cpu import GraphOnCPU

    monkeypatch.setattr(torch_graphs, "Graph", GraphOnCPU)
    monkeypatch.setattr(torch, "compile", lambda function, **options: function)
    before = GraphOnCPU.num_replays
    assert_equal(trained(True), expected)
    assert GraphOnCPU.num_replays > before


@pytest.mark.slow
def test_inductor_gives_the_same(expected):
    assert_equal(trained(True), expected, rtol=1e-4, atol=1e-6)
