"""Steps on torch that other things than tensors change: as ever, or seen to be so."""

import random
import threading
import warnings

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("only torch's steps are traced here", allow_module_level=True)

import torch
from torch.utils.checkpoint import checkpoint

import keras_genmod
from keras_genmod import networks
from keras_genmod.engine.torch_calls import Call, Slot
from keras_genmod.engine.torch_tracing import Traced

X = torch.ones((64,))
ALWAYS = "operation by operation"


def held_generator():
    generator = torch.Generator()

    def function(x):
        generator.manual_seed(3)
        return x * torch.rand(x.shape, generator=generator)

    return function


def new_generator(x):
    return x * torch.rand(x.shape, generator=torch.Generator().manual_seed(3))


def forked(x):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return x * torch.rand(x.shape)


def reseeded_at_the_end(x):
    noise = torch.rand(x.shape)
    torch.manual_seed(3)
    return x * noise


def of_python(x):
    return x * random.random()


def of_numpy(x):
    return x * (2.0 if np.random.rand() < 0.2 else 1.0)


@pytest.mark.parametrize(
    "function",
    [
        held_generator(),
        new_generator,
        forked,
        reseeded_at_the_end,
        of_python,
        of_numpy,
    ],
)
def test_what_no_program_can_do_is_run_as_it_is(function):
    def results(function):
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)
        return [function((1.0 + i) * X) for i in range(12)]

    with pytest.warns(UserWarning, match=ALWAYS):
        found = results(Traced(function, "it"))
    for one, expected in zip(found, results(function), strict=True):
        torch.testing.assert_close(one, expected, rtol=0.0, atol=0.0)


def test_other_threads_may_draw():
    stop = threading.Event()

    def load():
        while not stop.is_set():
            np.random.rand()
            random.random()
            stop.wait(1e-4)

    def function(x):
        for _ in range(50):
            x = x + 1.0
        return x

    thread = threading.Thread(target=load)
    thread.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            traced = Traced(function, "it")
            for _ in range(8):
                traced(X)
    finally:
        stop.set()
        thread.join()
    (program,) = traced._programs.values()
    assert callable(program)


def test_data_that_are_set_stay_set():
    p = torch.nn.Parameter(torch.zeros(()))

    def function(x):
        p.data = p.data + x.sum()
        return p.detach() + 0.0

    traced = Traced(function, "it")
    with pytest.warns(UserWarning, match=f"{ALWAYS}.*`data` of a tensor is set"):
        found = [float(traced(X)) for _ in range(6)]
    assert found == [64.0 * i for i in range(1, 7)]


def test_a_generator_that_is_held_goes_on():
    def results(wrap):
        generator = torch.Generator().manual_seed(3)

        def function(x):
            return x * torch.rand(x.shape, generator=generator)

        function = wrap(function)
        return [function(X) for _ in range(6)]

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        found = results(lambda function: Traced(function, "it"))
    for one, expected in zip(found, results(lambda f: f), strict=True):
        torch.testing.assert_close(one, expected, rtol=0.0, atol=0.0)


def test_a_checkpoint_draws_its_dropout_again():
    weight = torch.nn.Parameter(torch.ones(64))

    def step(x):
        def forward(x):
            return torch.nn.functional.dropout(x * weight, 0.5).square()

        loss = checkpoint(forward, x, use_reentrant=False).sum()
        return torch.autograd.grad(loss, [weight])[0]

    def results(function):
        torch.manual_seed(0)
        return [function(X) for _ in range(8)]

    with pytest.warns(UserWarning, match=ALWAYS):
        found = results(Traced(step, "it"))
    for one, expected in zip(found, results(step), strict=True):
        torch.testing.assert_close(one, expected)


def test_numbers_of_python_may_be_written_into():
    def function(x):
        total = torch.tensor(0.0)
        total += x.sum()
        return total

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        traced = Traced(function, "it")
        found = [float(traced(i * X)) for i in range(6)]
    assert found == [64.0 * i for i in range(6)]


def small(**kwargs):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    hidden = keras.layers.Dense(2, **kwargs)(inputs)
    return keras_genmod.Autoencoder(
        keras.Model(inputs, hidden), networks.mlp_decoder(2, (3,), (2,))
    )


@pytest.mark.parametrize(
    "kwargs",
    [
        {"kernel_regularizer": keras.regularizers.L1L2(1e-2, 1e-2)},
        {"activity_regularizer": keras.regularizers.L1L2(1e-2, 1e-2)},
    ],
)
def test_regularizers_are_traced(kwargs):
    x = np.random.default_rng(0).random((32, 3)).astype("float32")

    def trained(**options):
        model = small(**kwargs)
        model.compile(keras.optimizers.SGD(0.1), **options)
        history = model.fit(x, batch_size=8, epochs=2, shuffle=False, verbose=0)
        return history.history["loss"], model.get_weights()

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        found, weights = trained()
    expected, others = trained(run_eagerly=True)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_scaled_losses_of_keras_are_traced():
    x = np.random.default_rng(0).random((32, 3)).astype("float32")

    def trained(**options):
        model = small()
        own = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), 2.0**8)
        model.compile(own, **options)
        model.fit(x, batch_size=8, epochs=2, shuffle=False, verbose=0)
        assert model.optimizer.initial_scale == 2.0**8
        return model.get_weights()

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        found = trained()
    for one, other in zip(found, trained(run_eagerly=True), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_warning_names_the_part_of_keras():
    model = small()
    model.compile(keras.optimizers.Nadam(0.1))
    x = np.random.default_rng(0).random((32, 3)).astype("float32")
    with pytest.warns(UserWarning, match=f"{ALWAYS}.*of keras' Nadam"):
        model.fit(x, batch_size=8, epochs=2, verbose=0)


def test_statistics_of_batch_normalization_count_as_written():
    function = torch.ops.aten.native_batch_norm.default
    given = tuple(map(Slot, range(5)))
    call = Call(function, (*given, True, 0.1, 1e-5), {}, None)
    assert list(call.written()) == list(given[3:])


def test_threads_draw_what_their_seeds_say():
    keras.utils.set_random_seed(0)
    model = keras_genmod.VAE(
        networks.mlp_encoder((4,), (3,)), networks.mlp_decoder(2, (4,), (3,)), 2
    )
    expected = [keras.ops.convert_to_numpy(model.sample(512, seed=i)) for i in range(8)]
    wrong = []

    def draw(first):
        for i in range(20):
            seed = (first + i) % 8
            found = keras.ops.convert_to_numpy(model.sample(512, seed=seed))
            wrong.append(not np.array_equal(found, expected[seed]))

    threads = [threading.Thread(target=draw, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wrong) == 80 and not any(wrong)


def test_models_are_traced_in_several_threads_at_once():
    caught = []

    def draw(seed):
        model = keras_genmod.VAE(
            networks.mlp_encoder((4,), (3,)), networks.mlp_decoder(2, (4,), (3,)), 2
        )
        caught.append(all(model.sample(4, seed=i) is not None for i in range(4)))

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        threads = [threading.Thread(target=draw, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert caught == 4 * [True]


def test_shapes_without_end_are_run_as_they_are():
    traced = Traced(torch.sum, "it")
    with pytest.warns(UserWarning, match=f"{ALWAYS}.*another shape at every call"):
        for size in range(1, 40):
            assert float(traced(torch.ones(size))) == size
