"""Programs as graphs, with a stand-in for a GPU: nothing may depend on the host."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("only torch's programs are graphs", allow_module_level=True)

import torch

import keras_genmod
from keras_genmod import engine, networks
from keras_genmod.engine import torch_graphs, torch_updates
from keras_genmod.engine.torch_graph_calls import GraphCalls
from keras_genmod.engine.torch_tracing import Traced
from tests.engine.graphs_on_cpu import GraphOnCPU
from tests.models.small_networks import small_network

if torch.cuda.is_available():
    pytest.skip("the stand-in is for machines without", allow_module_level=True)

X = torch.arange(12.0).reshape(4, 3)


@pytest.fixture
def graph(monkeypatch):
    """Lets programs be graphs; counts them and their replays."""

    class Graph(GraphOnCPU):
        num_replays = 0
        num_graphs = 0

        def __init__(self, *args):
            super().__init__(*args)
            type(self).num_graphs += 1

    monkeypatch.setattr(torch_graphs, "Graph", Graph)
    return Graph


def step_of(weight, generator):
    """Returns a step that reads and writes state, and draws twice."""

    def step(x):
        noise = keras.random.normal((4, 3), seed=generator)
        mask = keras.random.uniform((3,), seed=generator) < 0.5
        with torch.no_grad():
            weight.add_((noise * x).mean(0) * mask)
        return weight.sum(), torch.nn.functional.dropout(x, 0.5)

    return step


def test_a_graph_does_what_the_calls_do(graph):
    results = []
    for wrap in (lambda step: step, lambda step: Traced(step, "it")):
        weight = torch.zeros(3)
        step = wrap(step_of(weight, keras.random.SeedGenerator(3)))
        torch.manual_seed(0)
        results.append([(*step(X + i), weight.clone()) for i in range(6)])
    assert graph.num_graphs == 2  # of the step, and of its seeds
    assert graph.num_replays == 2 * 4
    for plain, replayed in zip(*results, strict=True):
        for one, other in zip(plain, replayed, strict=True):
            torch.testing.assert_close(one, other, rtol=0.0, atol=0.0)


def test_results_are_no_memory_of_the_graph(graph):
    traced = Traced(lambda x: 2.0 * x, "it")
    results = [traced(X + i) for i in range(5)]
    for i, result in enumerate(results):
        torch.testing.assert_close(result, 2.0 * (X + i))
    assert graph.num_replays == 3


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_rate_is_not_read(graph, momentum):
    optimizer = keras.optimizers.SGD(0.5, momentum)
    weight = keras.Variable(np.zeros(3), dtype="float32")
    torch_updates.shorten(optimizer)
    optimizer.build([weight])

    def step(x):
        optimizer.apply([x[0]], [weight])
        return x.sum()

    traced = Traced(step, "it")
    for _ in range(3):
        traced(X)
    assert graph.num_replays == 1
    optimizer.learning_rate = 0.0
    weight.assign(np.ones(3))
    traced(0.0 * X)
    moved = keras.ops.convert_to_numpy(weight) - 1.0
    last = -0.5 * (1.0 + momentum + momentum**2) * X[0]  # the moments of three steps
    np.testing.assert_allclose(moved, momentum * last, rtol=1e-6)


def loop_of(length):
    """Returns a loop that draws, fills a cache, swaps two carries, keeps a third."""
    weights = torch.linspace(0.1, 1.0, length)

    def function(x, state):
        seeds = engine.Seeds(state)
        fixed = (x * 3.0).cos()  # the same in all iterations

        def body(i, carry):
            one, other, cache = carry
            noise = keras.random.normal((3,), seed=seeds.at(i))
            new = other + engine.read(weights, i, 1, axis=0) * noise + fixed[0]
            return new, one, engine.write(cache, new[:1], i, axis=0)

        with torch.no_grad():
            return engine.fori_loop(length, body, (x[0], x[1], torch.zeros(length)))

    return function


def test_the_body_of_a_loop_is_a_graph(graph):
    function = loop_of(20)
    traced = Traced(function, "it")
    for i in range(5):
        state = torch.tensor([i, 7])
        for one, other in zip(
            traced(X + i, state), function(X + i, state), strict=True
        ):
            torch.testing.assert_close(one, other, rtol=0.0, atol=0.0)
    assert graph.num_graphs == 2
    assert graph.num_replays == 3 * 2 * 20


def test_views_of_what_a_loop_writes_see_it(graph):
    def function(x):
        cache = torch.zeros(20, 3)
        first = cache[0]

        def body(i, carry):
            total, cache = carry
            cache[1:].copy_(cache[:-1].clone())
            cache[0].copy_(total)
            return total + cache.sum(0), cache

        with torch.no_grad():
            total, cache = engine.fori_loop(20, body, (x[0], cache))
        return total, cache, first

    traced = Traced(function, "it")
    for i in range(4):
        for one, other in zip(traced(X + i), function(X + i), strict=True):
            torch.testing.assert_close(one, other)
    assert graph.num_replays == 2 * 20


def test_a_loop_whose_seeds_it_carries_is_no_graph(graph):
    def function(x, state):
        def body(i, carry):
            total, state = carry
            generator = torch.Generator()
            generator.manual_seed(int(state[0] + state[1]) & 0xFFFFFFFF)
            return total + torch.randn(3, generator=generator), 3 * state + 1

        with torch.no_grad():
            return engine.fori_loop(20, body, (x[0], state))[0]

    traced = Traced(function, "it")
    with pytest.warns(
        UserWarning, match="call by call.*a seed depends on what changes"
    ):
        for i in range(4):
            state = torch.tensor([i, 7])
            expected = function(X, state)
            torch.testing.assert_close(traced(X, state), expected, rtol=0.0, atol=0.0)
    assert graph.num_graphs == 0


def test_calls_that_can_be_no_graph_are_warned_of(graph):
    traced = Traced(lambda x: x.add_(1.0), "it")
    with pytest.warns(UserWarning, match="call by call.*writes into what it is given"):
        for _ in range(4):
            torch.testing.assert_close(traced(X.clone()), X + 1.0)
    assert graph.num_graphs == 0


def test_what_is_on_another_device_is_no_graph(graph, monkeypatch):
    monkeypatch.setattr(graph, "device", "cuda")
    traced = Traced(lambda x: x + 1.0, "it")
    for i in range(4):
        torch.testing.assert_close(traced(X + i), X + i + 1.0)
    assert graph.num_graphs == 0


def test_numbers_of_the_host_move_to_the_device():
    constants = {0: torch.tensor(2.0), 1: torch.zeros(3, device="meta")}
    calls = GraphCalls([], [], [], constants, {}, {0: "cpu", 1: "meta"}, {}).on("meta")
    assert {tensor.device.type for tensor in calls.constants.values()} == {"meta"}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried"), "CUDA out of memory"),
        (RuntimeError("operation not permitted"), "operation not permitted"),
        (None, "it gives other numbers"),
    ],
)
def test_a_graph_that_fails_is_not_used(graph, monkeypatch, error, message):
    class Failing(graph):
        def __init__(self, *args):
            super().__init__(*args)
            if error is not None:
                raise error

        def replay(self):
            super().replay()
            if isinstance(self.outputs, tuple):
                self.outputs[0].add_(99.0)

    monkeypatch.setattr(torch_graphs, "Graph", Failing)
    weight, other = torch.zeros(3), torch.zeros(3)
    seeds = keras.random.SeedGenerator(3)
    traced, plain = (
        Traced(step_of(weight, seeds), "it"),
        step_of(other, keras.random.SeedGenerator(3)),
    )
    for i in range(2):
        traced(X + i)
    with pytest.warns(UserWarning, match=f"graph cannot be used: {message}"):
        traced(X + 2)
    traced(X + 3)
    for i in range(4):
        plain(X + i)
    torch.testing.assert_close(weight, other, rtol=0.0, atol=0.0)


def vae():
    encoder, decoder = networks.mlp_encoder((6,), (8,)), networks.mlp_decoder(2, (6,))
    return keras_genmod.VAE(encoder, decoder, latent_dim=2, seed=0)


def gan():
    networks = small_network((2,), (6,), dropout=0.2), small_network((6,), (1,))
    return keras_genmod.GAN(*networks, latent_dim=2, seed=0)


def rbm():
    return keras_genmod.RBM(6, 4, num_gibbs_steps=10, seed=0)


@pytest.mark.parametrize("make", [vae, gan, rbm])
def test_models_train_and_sample_as_without(make, request):
    data = np.random.default_rng(0).integers(2, size=(5, 4, 6)).astype("float32")
    results = []
    for way in ("calls", "graphs"):
        if way == "graphs":
            graph = request.getfixturevalue("graph")
        keras.utils.set_random_seed(0)
        model = make()
        model.compile(keras.optimizers.SGD(0.1))
        losses = [np.asarray(model.train_on_batch(batch)) for batch in data]
        samples = [np.asarray(model.sample(3, seed=i)) for i in range(4)]
        weights = [keras.ops.convert_to_numpy(v) for v in model.variables]
        results.append([*losses, *samples, *weights])
    assert graph.num_replays >= 2 * (len(data) - 2 + len(samples) - 2)
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
