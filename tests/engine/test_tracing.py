"""Steps on torch: recorded, then repeated without Python."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("only torch's steps are traced here", allow_module_level=True)

import torch

import keras_genmod
from keras_genmod import engine, networks
from keras_genmod.engine.backend import cond
from keras_genmod.engine.torch_loops import LoopCall
from keras_genmod.engine.torch_tracing import Traced

X = keras.ops.reshape(keras.ops.arange(12.0), (4, 3))  # where the device is
DEVICE = X.device


def program_of(traced):
    (program,) = traced._programs.values()
    return program


def repeated(function, *args):
    """Returns a traced function after two recordings."""
    traced = Traced(function, "it")
    for _ in range(2):
        traced(*args)
    return traced


def test_a_program_is_run_in_the_place_of_the_function():
    calls = []

    def function(x, y):
        calls.append(1)
        return {"sum": (x + y).sum(), "twice": [2.0 * x]}

    traced = repeated(function, X, X.clone())
    out = traced(X + 1.0, X + 2.0)
    assert len(calls) == 2
    torch.testing.assert_close(out["sum"], (2.0 * X + 3.0).sum())
    torch.testing.assert_close(out["twice"][0], 2.0 * X + 2.0)


def test_gradients_and_updates_are_repeated():
    weight = torch.nn.Parameter(torch.ones(3, device=DEVICE))

    def step(x):
        (gradient,) = torch.autograd.grad((x @ weight).square().sum(), [weight])
        with torch.no_grad():
            weight.sub_(1e-3 * gradient)
        return gradient

    traced = repeated(step, X)
    expected, other = weight.detach().clone(), X + 1.0
    gradient = 2.0 * other.T @ (other @ expected)
    torch.testing.assert_close(traced(other), gradient)
    torch.testing.assert_close(weight.detach(), expected - 1e-3 * gradient)


def test_another_shape_is_recorded_anew():
    traced = repeated(lambda x: x.sum(), X)
    assert float(traced(X[:2])) == float(X[:2].sum())
    assert len(traced._programs) == 2


def test_each_way_of_a_branch_is_recorded():
    count = torch.zeros((), device=DEVICE)

    def function(x):
        due = count % 3 == 0
        count.add_(1)
        return cond(due, lambda: x.square(), lambda: -x)

    traced = Traced(function, "it", lambda x: int(count) % 3 == 0)
    for step in range(12):
        torch.testing.assert_close(traced(X), X.square() if step % 3 == 0 else -X)
    assert [key[1] for key in traced._programs] == [True, False]
    assert all(callable(program) for program in traced._programs.values())
    count.zero_()
    alone = Traced(function, "The step")  # nobody says what is due
    with pytest.warns(UserWarning, match="branches on a tensor's value"):
        for step in range(7):
            torch.testing.assert_close(alone(X), X.square() if step % 3 == 0 else -X)


def test_an_argument_given_twice_is_not_two():
    traced = repeated(lambda x, y: x - y, X, X)
    torch.testing.assert_close(traced(X, X + 1.0), -torch.ones_like(X))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * 2.0 if x.sum() > 0.0 else x,
        lambda x: x * float(x.sum()),
        lambda x: x * x.cpu().numpy().sum(),
        lambda x: x[x > 1.0].sum(),
        lambda x: x * len(x.nonzero()),
        lambda x: x * torch.as_tensor(x.tolist(), device=DEVICE),
    ],
    ids=["branch", "float", "numpy", "mask", "nonzero", "list"],
)
def test_what_reads_values_on_the_host_is_run_as_it_is(function):
    traced = Traced(function, "The step")
    with pytest.warns(UserWarning, match=r"The step runs .*test_tracing\.py:\d+"):
        for x in (X, -X, X + 3.0):
            torch.testing.assert_close(traced(x), function(x))


def test_what_depends_on_python_is_run_as_it_is():
    count = iter(range(100))
    traced = Traced(lambda x: x * float(next(count)), "The step")
    with pytest.warns(UserWarning, match="The step runs operation by operation"):
        for i in range(8):
            torch.testing.assert_close(traced(X), X * i)


def test_noise_of_numpy_is_not_frozen():
    rng = np.random.default_rng(0)
    traced = Traced(
        lambda x: x + torch.as_tensor(rng.normal(size=3), device=DEVICE), "The step"
    )
    with pytest.warns(UserWarning, match="that it gets from Python changes"):
        results = [traced(X) for _ in range(8)]
    assert len({float(result[0, 0]) for result in results}) == 8


def test_draws_are_those_of_the_seed_generator():
    def draw(generator):
        return lambda x: x + keras.random.normal((4, 3), seed=generator)

    mine, other = (keras.random.SeedGenerator(7) for _ in range(2))
    traced, plain = Traced(draw(mine), "it"), draw(other)
    for _ in range(4):
        torch.testing.assert_close(traced(X), plain(X), rtol=0.0, atol=0.0)


def test_unseeded_dropout_draws_from_the_global_generator():
    def drop(x):
        return torch.nn.functional.dropout(x + 1.0, 0.5)

    traced = repeated(drop, X)
    torch.manual_seed(3)
    expected = [drop(X) for _ in range(2)]
    torch.manual_seed(3)
    for result in expected:
        torch.testing.assert_close(traced(X), result)


def test_a_number_in_a_tensor_is_no_constant():
    rate = torch.tensor(0.5, device=DEVICE)
    weights = [torch.zeros(n, device=DEVICE) for n in (3, 2)]

    def step(x):
        gradients = [x[0], x[1, :2]]
        torch._foreach_add_(weights, gradients, alpha=-rate)
        return x.sum()

    traced = repeated(step, X)
    rate.fill_(2.0)
    before = weights[0].clone()
    traced(X)
    torch.testing.assert_close(weights[0], before - 2.0 * X[0])


def test_loops_are_one_call_and_go_on():
    weights = torch.linspace(0.0, 1.0, 20, device=DEVICE)

    def body(i, carry):
        total, cache = carry
        share = engine.read(weights, i, 1, axis=0)[0]
        return total + share * total, engine.write(cache, total[:1], i, axis=0)

    def function(x):
        with torch.no_grad():
            return engine.fori_loop(20, body, (x[0], torch.zeros(20, device=DEVICE)))

    traced = repeated(function, X)
    (loop,) = (c for c in program_of(traced).calls if isinstance(c, LoopCall))
    assert loop.function.length == 20
    x, total, cache = X + 1.0, X[0] + 1.0, []
    for weight in weights:
        cache.append(total[:1])
        total = total + weight * total
    found = traced(x)
    torch.testing.assert_close(found[0], total)
    torch.testing.assert_close(found[1], torch.cat(cache))


def test_a_loop_may_give_memory_to_other_places():
    """What the second place gets is written into an iteration later, at the first."""

    def body(i, carry):
        total, new, old = carry
        total = total + old.sum() + 1.0
        return total, old, engine.write(new, total[None], 0, axis=0)

    def function(x):
        zeros = [torch.zeros(3, device=DEVICE) for _ in range(2)]
        with torch.inference_mode():
            return engine.fori_loop(20, body, (x[0, 0], *zeros))[0]

    total, old = X[0, 0], 0.0
    for _ in range(20):
        total = old = total + old + 1.0
    traced = Traced(function, "it")
    for _ in range(5):
        torch.testing.assert_close(traced(X), total)


def test_a_loop_casts_what_it_writes_into_each_time_again():
    def body(i, carry):
        total, cache = carry
        total = total + cache.reshape(4, 5).to(torch.float64).sum() + 1.0
        return total, engine.write(cache, total.float()[None], i, axis=0)

    def function(x):
        start = x[0, 0].double(), torch.zeros(20, device=DEVICE)
        with torch.inference_mode():  # as calls of models: casts are `to` there
            return engine.fori_loop(20, body, start)[0]

    traced = repeated(function, X)
    program_of(traced)  # it was not given up
    total, cache = X[0, 0].double(), []
    for _ in range(20):
        total = total + sum(cache) + 1.0
        cache.append(total)
    torch.testing.assert_close(traced(X), total, rtol=1e-5, atol=0.0)


def test_a_loop_may_carry_what_it_also_captures():
    def function(x):
        with torch.no_grad():
            return engine.fori_loop(10, lambda i, a: a + x, x)

    traced = repeated(function, X)
    torch.testing.assert_close(traced(X + 1.0), 11.0 * (X + 1.0))


def test_a_loop_whose_memory_has_two_names_is_run_as_it_is():
    def function(x):
        cache = torch.zeros(20, device=DEVICE)

        def body(i, carry):
            total, written = carry
            return total + cache.sum(), engine.write(written, total[:1], i, axis=0)

        with torch.no_grad():
            return engine.fori_loop(20, body, (x[0] + 0.0, cache.view(20)))[0]

    traced = Traced(function, "it")
    total, cache = X[0], []
    for _ in range(20):
        total, cache = total + sum(cache), [*cache, total[0]]
    with pytest.warns(UserWarning, match="also has as another"):
        for _ in range(3):
            torch.testing.assert_close(traced(X), total)


def test_loops_of_unknown_length_stop_where_they_should():
    def function(x):
        def goes_on(a):
            return (a < x[0, 0]).any()

        (a,) = engine.while_loop(
            goes_on, lambda a: (2.0 * a,), (torch.ones((), device=DEVICE),), 50
        )
        return a

    traced = repeated(function, X + 10.0)
    for start, end in ((10.0, 16.0), (0.5, 1.0), (100.0, 128.0)):
        assert float(traced(X + start)) == end


def test_a_loop_of_unknown_length_may_capture_what_it_carries():
    def function(x):
        def goes_on(a):
            return (a < 50.0).all()

        return engine.while_loop(goes_on, lambda a: (a + x,), (x,), 50)[0]

    traced = repeated(function, X + 10.0)
    torch.testing.assert_close(traced(X + 9.0), 3.0 * (X + 9.0))


@pytest.fixture
def vae():
    encoder = networks.mlp_encoder((4,), (8,))
    decoder = networks.mlp_decoder(2, (4,), (8,))
    model = keras_genmod.VAE(encoder, decoder, latent_dim=2, seed=0)
    model.compile(keras.optimizers.SGD(0.1))
    return model


def kernel_of(model):
    return keras.ops.convert_to_numpy(model.decoder.variables[0]).copy()


DATA = np.random.default_rng(0).uniform(size=(24, 4)).astype("float32")


def test_what_callbacks_change_acts_on_traced_steps(vae):
    vae.fit(DATA, batch_size=4, verbose=0)
    before = kernel_of(vae)
    vae.optimizer.learning_rate = 0.0
    vae.fit(DATA, batch_size=4, verbose=0)
    np.testing.assert_array_equal(kernel_of(vae), before)


def test_frozen_weights_are_noticed_by_the_next_fit(vae):
    vae.fit(DATA, batch_size=4, verbose=0)
    vae.decoder.trainable = False
    before = kernel_of(vae)
    vae.fit(DATA, batch_size=4, verbose=0)
    np.testing.assert_array_equal(kernel_of(vae), before)


def test_a_model_whose_weights_are_all_frozen_is_evaluated(vae):
    vae.trainable = False
    before = kernel_of(vae)
    history = vae.fit(DATA, batch_size=4, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    np.testing.assert_array_equal(kernel_of(vae), before)


def test_a_model_compiled_without_jit_runs_as_it_is(vae):
    vae.compile("sgd", jit_compile=False)
    vae.make_train_function()
    assert not hasattr(vae.train_function, "is_current")
    vae.compile("sgd")
    vae.make_train_function()
    assert vae.train_function.is_current()


def test_a_model_that_was_not_compiled_predicts():
    encoder, decoder = networks.mlp_encoder((4,), (2,)), networks.mlp_decoder(2, (4,))
    model = keras_genmod.Autoencoder(encoder, decoder)
    for _ in range(3):
        found = model.predict_on_batch(DATA)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(found),
        keras.ops.convert_to_numpy(model.reconstruct(DATA)),
        rtol=1e-5,
    )


@pytest.mark.parametrize("finite", [True, False])
def test_scaled_losses_are_applied_as_by_keras(finite):
    variables, ends = [], []
    last = 2.0 if finite else np.inf
    gradients = [torch.tensor(g, device=DEVICE) for g in ([4.0, 8.0], [last])]
    for kind in (engine.LossScaleOptimizer, keras.optimizers.LossScaleOptimizer):
        pair = [keras.Variable([1.0, 2.0]), keras.Variable([3.0])]
        optimizer = kind(keras.optimizers.Adam(0.1), dynamic_growth_steps=2)
        optimizer.build(pair)
        for _ in range(3):
            optimizer.apply(gradients, pair)
        variables.append(
            [keras.ops.convert_to_numpy(v) for v in (*pair, *optimizer.variables)]
        )
        ends.append(float(optimizer.dynamic_scale.value))
    assert ends[0] == ends[1]
    for mine, keras_own in zip(*variables, strict=True):
        np.testing.assert_array_equal(mine, keras_own)


def test_what_is_computed_twice_is_computed_once():
    weight = torch.ones(3, device=DEVICE)

    def function(x):
        one = (x @ weight).exp()  # the weight is then another
        noise = torch.rand(4, device=DEVICE) - torch.rand(4, device=DEVICE)
        total = x.cos().sum() + x.cos().sum()
        with torch.no_grad():
            weight.add_(x[0])
        return one + (x @ weight).exp(), total, noise

    traced = repeated(function, X)
    program, before = program_of(traced), weight.clone()
    functions = [str(call.function) for call in program.calls]
    assert functions.count("aten.cos.default") == 1
    x = 0.1 * X
    one, total, noise = traced(x)
    torch.testing.assert_close(one, (x @ before).exp() + (x @ (before + x[0])).exp())
    torch.testing.assert_close(total, 2.0 * x.cos().sum())
    assert (noise != 0.0).all()


def test_views_of_all_and_equal_numbers_hide_no_repeats():
    def function(x):
        low, high = (torch.tensor(end, device=DEVICE) for end in (0.0, 1.0))
        flat = x.reshape(x.shape).clamp(low, high)
        low, high = (torch.tensor(end, device=DEVICE) for end in (0.0, 1.0))
        return flat + x.clamp(low, high)[:]

    traced = repeated(function, X)
    functions = [str(call.function) for call in program_of(traced).calls]
    assert functions == ["aten.clamp.Tensor", "aten.add.Tensor"]
    torch.testing.assert_close(traced(3.0 * X), 2.0 * (3.0 * X).clamp(0.0, 1.0))


def test_images_are_not_copied_to_another_layout_and_back():
    def function(x):
        last = x.permute(0, 3, 1, 2)  # channels last, in memory
        back = last.contiguous().contiguous(memory_format=torch.channels_last)
        written = last.contiguous().contiguous(memory_format=torch.channels_last)
        written.add_(1.0)
        returned = x.clone()
        return back.exp(), written, last.contiguous() - 1.0, returned

    x = torch.randn(2, 3, 4, 5, device=DEVICE)
    traced = repeated(function, x)
    functions = [str(call.function) for call in program_of(traced).calls]
    assert functions.count("aten.clone.default") == 3  # for the other three
    y = x + 1.0
    for value, other in zip(traced(y), function(y), strict=True):
        assert value.stride() == other.stride()
        torch.testing.assert_close(value, other, rtol=0, atol=0)
    assert traced(y)[3].data_ptr() != y.data_ptr()


def test_a_view_that_shows_other_values_is_not_all():
    def function(x):
        bits = x.view(torch.int32)
        turned = x[:3, :3].T + x[:3, :3]
        return bits - 1, turned, x[1:2] - x[:1], (1j * x).conj() + x

    traced = repeated(function, X)
    for given in (X, 3.0 * X):
        expected = function(given)
        for value, other in zip(traced(given), expected, strict=True):
            torch.testing.assert_close(value, other, rtol=0, atol=0)


def test_a_view_from_before_sees_what_is_written():
    weight = torch.ones(3, device=DEVICE)
    view = weight[:2]

    def function(x):
        before = view.exp()
        with torch.no_grad():
            weight.add_(x[0])
        return view.exp() - before

    traced = repeated(function, X)
    before = view.clone()
    torch.testing.assert_close(traced(X), (before + X[0, :2]).exp() - before.exp())
