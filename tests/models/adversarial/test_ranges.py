"""Data and networks whose ranges do not fit: errors, NaN and warnings."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import GAN, WGAN, WGANGP, CycleGAN, Pix2Pix, ProgressiveGAN, StyleGAN2
from keras_genmod.networks import ProgressiveCritic, ProgressiveGenerator
from tests.models.small_networks import small_network

IMAGE, LATENT = (2, 2, 1), 3
GREY = np.random.default_rng(0).random((6, *IMAGE), dtype="float32")
MODELS = [GAN, WGAN, WGANGP, CycleGAN, Pix2Pix, StyleGAN2]
TRANSLATORS = (CycleGAN, Pix2Pix)


def make(model, generator="sigmoid", scorer=None, shape=IMAGE):
    """Returns a model whose networks end in the given activations."""
    if model is CycleGAN:
        networks = [small_network(shape, shape, generator) for _ in range(2)]
        return CycleGAN(*networks, *(small_network(shape, (1,), scorer),) * 2)
    if model is Pix2Pix:
        pair = (*shape[:2], 2 * shape[2])
        return Pix2Pix(
            small_network(shape, shape, generator), small_network(pair, (1,), scorer)
        )
    if model is ProgressiveGAN:
        return ProgressiveGAN(
            ProgressiveGenerator((4, 4, 1), LATENT, 4),
            ProgressiveCritic((4, 4, 1), 4),
        )
    if model is StyleGAN2:
        return StyleGAN2(
            small_network((LATENT,), (2,)),
            small_network((2, 2), shape, generator),
            small_network(shape, (1,), scorer),
        )
    networks = (
        small_network((LATENT,), shape, generator),
        small_network(shape, (1,), scorer),
    )
    return model(*networks, LATENT, seed=0)


def losses(model, data):
    """Returns the losses of a batch as a compiled step computes them."""
    found, passed_on = [], None
    for objective in model.objectives():
        loss, passed_on = objective.evaluate(data, passed_on, training=False)
        found.append(float(ops.convert_to_numpy(loss)))
    return found


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("wrong", [2 * GREY - 1, 255 * GREY])
def test_images_out_of_range_are_refused(model, wrong):
    model = make(model)
    data = (GREY, wrong) if isinstance(model, TRANSLATORS) else (wrong,)
    model.compile()
    for method in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=r"must lie in \[0, 1\].*Received"):
            method(*data, verbose=0)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("value", [-0.01, 1.01, np.nan])
def test_losses_of_a_batch_with_a_value_out_of_range_are_nan(model, value):
    model, wrong = make(model), GREY.copy()
    wrong[2, 1, 0, 0] = value
    if not isinstance(model, TRANSLATORS):
        assert np.all(np.isfinite(losses(model, GREY)))
        assert np.all(np.isnan(losses(model, wrong)))
        return
    assert np.all(np.isfinite(losses(model, (GREY, GREY))))
    for domain, data in enumerate([(wrong, GREY), (GREY, wrong)]):
        found = losses(model, data)
        if isinstance(model, Pix2Pix):
            assert np.all(np.isnan(found))
            continue
        generator, *discriminators = found
        assert np.isnan(generator) and np.isnan(discriminators[domain])


@pytest.mark.parametrize("model", [GAN, WGAN, WGANGP])
def test_vectors_are_taken_as_they_are(model, recwarn):
    model = make(model, generator="tanh", shape=(2,))
    assert not recwarn.list
    data = 300 * GREY[:, :, 0, 0] - 100
    model.check_data(data)
    assert np.all(np.isfinite(losses(model, data)))


@pytest.mark.parametrize("model", MODELS)
def test_generator_of_images_that_ends_in_tanh_is_warned_of(model):
    name = "generator_.." if model is CycleGAN else "generator"
    with pytest.warns(UserWarning, match=rf"`{name}` ends in tanh.*\[0, 1\]"):
        make(model, generator="tanh")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_scores_that_are_squashed_are_warned_of(model, activation):
    names = {CycleGAN: "discriminator_.", WGAN: "critic", WGANGP: "critic"}
    name = names.get(model, "discriminator")
    with pytest.warns(UserWarning, match=f"`{name}` ends in {activation}.*logits"):
        make(model, scorer=activation)


def test_last_activation_is_found_wherever_it_stands():
    inputs = keras.Input((3,))
    dense = keras.layers.Dense(4)(inputs)
    ends = {
        "layer": keras.layers.Reshape(IMAGE)(keras.layers.Activation("tanh")(dense)),
        "operation": ops.reshape(ops.tanh(dense), (-1, *IMAGE)),
        "network": keras.Sequential(
            [keras.layers.Dense(4, activation="tanh"), keras.layers.Reshape(IMAGE)]
        )(dense),
    }
    for outputs in ends.values():
        with pytest.warns(UserWarning, match="`generator` ends in tanh"):
            GAN(keras.Model(inputs, outputs), small_network(IMAGE, (1,)), LATENT)


def test_scaled_tanh_is_no_tanh(recwarn):
    inputs = keras.Input((LATENT,))
    outputs = keras.layers.Dense(4, activation="tanh")(inputs)
    outputs = keras.layers.Rescaling(0.5, 0.5)(keras.layers.Reshape(IMAGE)(outputs))
    GAN(keras.Model(inputs, outputs), small_network(IMAGE, (1,)), LATENT)
    assert not recwarn.list
