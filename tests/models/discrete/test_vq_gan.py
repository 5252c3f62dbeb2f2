"""The weight of the discriminator, its delayed start, and what is refused."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import VQGAN, CausalTransformer, TwoStage
from keras_genmod.engine import input_gradient
from keras_genmod.layers import SpectralNormalization, VectorQuantizer
from keras_genmod.losses import PerceptualLoss
from keras_genmod.models.discrete.adaptive_weight import LastLayer
from tests.autodiff import gradients
from tests.models.small_networks import small_network

IMAGE, VECTORS = (4, 4, 1), (2, 2, 3)
GENERATOR = np.random.default_rng(0)
X = GENERATOR.random((16, *IMAGE)).astype("float32")
Z = GENERATOR.normal(size=(5, *VECTORS)).astype("float32")


def numpy(x):
    return ops.convert_to_numpy(x)


def made(discriminator=None, **options):
    return VQGAN(
        small_network(IMAGE, VECTORS),
        VectorQuantizer(6, 3, seed=0),
        small_network(VECTORS, IMAGE, "sigmoid"),
        discriminator or small_network(IMAGE, (1,), use_bias=False),
        **options,
    )


def reconstruction(y):
    return ops.mean(ops.abs(y - 0.5))


def adversarial(y):
    return ops.mean(ops.sin(3 * y))


def test_adaptive_weight_is_the_ratio_of_gradients_at_the_last_kernel():
    decoder = small_network(VECTORS, IMAGE, "sigmoid")
    last = LastLayer(decoder)
    output, features = last.call(Z, training=False)
    np.testing.assert_allclose(numpy(output), numpy(decoder(Z)), atol=1e-6)
    kernel = [decoder.layers[-2].kernel]  # before a `Reshape`
    norms = [
        np.linalg.norm(gradients(lambda loss=loss: loss(decoder(Z)), kernel)[0])
        for loss in (reconstruction, adversarial)
    ]
    pulls = [input_gradient(loss, output) for loss in (reconstruction, adversarial)]
    found = float(numpy(last.weight(features, *pulls)))
    np.testing.assert_allclose(found, norms[0] / (norms[1] + 1e-4), rtol=1e-4)


@pytest.mark.parametrize("factor", [0.1, 50.0])
def test_scaling_the_game_leaves_its_weighted_gradient_as_it_was(factor):
    last = LastLayer(small_network(VECTORS, IMAGE, "sigmoid"))
    output, features = last.call(Z, training=False)
    first, second = (input_gradient(f, output) for f in (reconstruction, adversarial))
    plain = last.weight(features, first, second)
    scaled = last.weight(features, first, factor * second)
    # 1e-4 beside the norm of the gradient
    np.testing.assert_allclose(factor * numpy(scaled), numpy(plain), rtol=0.02)


def test_decoders_that_cannot_be_weighed_are_named():
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(4)(inputs)
    past = keras.Model(inputs, keras.layers.Dense(4)(hidden) + hidden)
    layer = keras.layers.Dense(4)
    twice = keras.Model(inputs, layer(layer(inputs)))
    for decoder in (past, twice):
        with pytest.raises(
            ValueError, match="`decoder` must end in one call.*Received"
        ):
            LastLayer(decoder)
    joined = keras.layers.Dense(4)(keras.layers.Dense(4)(hidden) + hidden)
    LastLayer(keras.Model(inputs, keras.layers.Activation("relu")(joined)))
    model = made()
    model.decoder.layers[-2].trainable = False
    model.compile("adam")
    with pytest.raises(ValueError, match="`decoder` must have a last layer .*trains"):
        model.fit(X, verbose=0)


def test_a_game_without_gradient_has_a_weight_that_is_bounded():
    last = LastLayer(small_network(VECTORS, IMAGE, "sigmoid"))
    output, features = last.call(Z, training=False)
    pull = 1e6 * input_gradient(reconstruction, output)
    found = last.weight(features, pull, ops.zeros_like(pull))
    np.testing.assert_allclose(numpy(found), 1e4)


def stateful_discriminator():
    network = keras.Sequential(
        [
            keras.Input(IMAGE),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.2, seed=1),
            SpectralNormalization(
                keras.layers.Dense(3, "tanh", kernel_regularizer="l2")
            ),
            keras.layers.Dense(1, use_bias=False),
        ]
    )
    return network


def test_each_look_of_the_discriminator_moves_its_state():
    model = made(stateful_discriminator(), discriminator_start=0)
    (layer,) = [
        x for x in model.discriminator.layers if isinstance(x, SpectralNormalization)
    ]
    kernel, u = numpy(layer.layer.kernel), numpy(layer.u)
    model.compile(keras.optimizers.SGD(0.0))
    model.fit(X, batch_size=len(X), verbose=0)
    for _ in range(3):  # at what the decoder made, twice, and at data
        v = kernel @ u
        u = v @ kernel
        u /= np.linalg.norm(u)
    np.testing.assert_allclose(numpy(layer.u), u, rtol=1e-4)


@pytest.mark.every_backend
def test_the_discriminator_is_idle_until_its_start():
    model = made(discriminator=stateful_discriminator(), discriminator_start=4)
    model.compile(keras.optimizers.AdamW(0.01, weight_decay=0.1))

    def state():
        slots = model.optimizer["discriminator"].variables
        variables = [*model.discriminator.variables, *slots]
        return {v.path: numpy(v) for v in variables if "learning_rate" not in v.path}

    before = state()
    options = {"batch_size": 8, "verbose": 0}  # two steps an epoch
    logs = model.fit(X, epochs=2, **options).history
    assert logs["adaptive_weight"] == [0.0, 0.0]
    assert len(before) == 12  # `u`, a seed, 3 weights, 6 moments, a count
    for path, value in state().items():
        np.testing.assert_array_equal(value, before[path], err_msg=path)
    assert int(numpy(model.num_steps)) == int(model.optimizer.iterations) == 4
    logs = model.fit(X, epochs=1, **options).history
    assert logs["adaptive_weight"][0] > 0
    for path, value in state().items():
        assert np.any(value != before[path]), path
    before = state(), int(numpy(model.num_steps))
    model.evaluate(X, verbose=0)
    assert int(numpy(model.num_steps)) == before[1]
    for path, value in state().items():
        np.testing.assert_array_equal(value, before[0][path], err_msg=path)


def test_the_game_is_off_before_its_start_and_its_loss_is_none():
    model = made(discriminator_start=2)
    model.compile("adam")
    logs = model.fit(X, epochs=2, batch_size=8, verbose=0).history
    assert logs["discriminator_loss"][0] == logs["adaptive_weight"][0] == 0.0
    assert logs["discriminator_loss"][1] > 0 and logs["adaptive_weight"][1] > 0


def test_a_prior_of_its_codes_has_samples_but_no_bound():
    model = made()
    prior = CausalTransformer((2, 2, 1), 6, 4, 2, 1)
    both = TwoStage(model, prior)
    assert numpy(both.sample(3, seed=0)).shape == (3, *IMAGE)
    with pytest.raises(NotImplementedError, match="There is no bound"):
        both.log_prob(X)


def test_losses_are_those_of_images_on_minus_one_to_one():
    model = made(discriminator_start=100)
    model.compile("adam")
    logs = model.evaluate(X, return_dict=True, verbose=0)
    y = numpy(model.reconstruct(X))
    np.testing.assert_allclose(
        logs["reconstruction"], 2 * np.abs(X - y).mean(), rtol=1e-4
    )
    book = numpy(model.quantizer.codebook)[numpy(model.encode(X))]
    features = numpy(model.encode_features(X))
    expected = 0.25 * np.square(features - book).mean()
    np.testing.assert_allclose(logs["quantization"], expected, rtol=1e-4)
    total = logs["reconstruction"] + logs["quantization"]
    np.testing.assert_allclose(logs["loss"], total, rtol=1e-5)
    np.testing.assert_allclose(numpy(model.decode_features(features)), y, rtol=1e-5)


def perceptual_of(*shape):
    convolution = keras.layers.Conv2D(2, 3, name="features")
    network = keras.Sequential([keras.Input(shape), convolution])
    return PerceptualLoss(network, "features")


def test_perceptual_networks_take_the_images():
    colours = perceptual_of(4, 4, 3)
    with pytest.raises(ValueError, match="`perceptual` must take images of 1 channels"):
        made(perceptual=colours)
    for sizes in ((4, 8), (8, 4), (None, 8)):
        with pytest.raises(ValueError, match="`perceptual` must take images of 4 x 4"):
            made(perceptual=perceptual_of(*sizes, 1))
    for sizes in ((4, 4), (None, None), (4, None)):
        model = made(perceptual=perceptual_of(*sizes, 1))
        assert np.isfinite(numpy(model.perceptual((X, X)))).all()


def test_networks_that_do_not_fit_are_refused():
    colours = keras.Sequential([keras.Input((4, 4, 3))])
    with pytest.raises(ValueError, match="`perceptual` must be a"):
        made(perceptual=colours)
    parts = small_network(IMAGE, VECTORS), VectorQuantizer(6, 3)
    decoder = small_network(VECTORS, IMAGE, "sigmoid")
    normalized = keras.Sequential(
        [keras.Input(IMAGE), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    )
    with pytest.raises(ValueError, match="`discriminator` must hold no BatchNorm"):
        VQGAN(*parts, decoder, normalized)
    with pytest.raises(ValueError, match="`discriminator` must take images"):
        VQGAN(*parts, decoder, small_network((4, 4, 3), (1,)))
