"""Pix2Pix's losses by hand for linear networks, its noise, and its pairs."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import Pix2Pix, data, networks
from keras_genmod.engine import input_gradient
from keras_genmod.layers import PersistentDropout

SHAPE = (2, 2, 1)
RNG = np.random.default_rng(0)
A, B = RNG.random((2, 4, *SHAPE)).astype("float32")
FACTOR, SHIFT = 0.5, 0.2  # of the generator, a 1x1 convolution
OF_A, OF_B, OFFSET = 1.5, -0.7, 0.4  # of the discriminator, another


def convolution(shape, weights, offset, *layers):
    model = keras.Sequential([keras.Input(shape), keras.layers.Conv2D(1, 1), *layers])
    kernel = np.reshape(weights, (1, 1, shape[-1], 1))
    model.set_weights([kernel, np.array([offset]), *model.get_weights()[2:]])
    return model


def pix2pix(*noise, factor=FACTOR, shift=SHIFT, **kwargs):
    """Returns a model whose generator ends in the layers `noise`."""
    return Pix2Pix(
        convolution(SHAPE, [factor], shift, *noise),
        convolution((2, 2, 2), [OF_A, OF_B], OFFSET),
        seed=0,
        **kwargs,
    )


def array_of(tensor):
    return np.array(ops.convert_to_numpy(tensor))


def softplus(x):
    return np.log1p(np.exp(x))


def score(a, b):
    return OF_A * a.astype("float64") + OF_B * b + OFFSET


def expected_losses(weight_of_the_paper):
    """The paper's losses, the reconstruction of images in [-1, 1]."""
    fake = FACTOR * A.astype("float64") + SHIFT
    real_score, fake_score = score(A, B), score(A, fake)
    distance = np.abs((2 * B - 1) - (2 * fake - 1)).mean()
    return {
        "discriminator_loss": 0.5
        * (softplus(-real_score).mean() + softplus(fake_score).mean()),
        "generator_loss": softplus(-fake_score).mean() + weight_of_the_paper * distance,
        "reconstruction": distance / 2,
        "discriminator_real_accuracy": (real_score > 0).mean(),
        "discriminator_fake_accuracy": (fake_score < 0).mean(),
    }


@pytest.mark.parametrize("weight,of_the_paper", [(None, 100), (3.0, 1.5)])
def test_losses_are_those_of_the_paper(weight, of_the_paper):
    model = pix2pix(**({} if weight is None else {"reconstruction_weight": weight}))
    model.compile()
    found = model.evaluate((A, B), batch_size=4, verbose=0, return_dict=True)
    for name, value in expected_losses(of_the_paper).items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, err_msg=name)


def test_weight_set_by_a_callback_acts_on_the_compiled_step():
    model = pix2pix()

    def change(epoch, logs):
        model.reconstruction_weight = 3.0

    model.compile(keras.optimizers.SGD(0.0))
    callback = keras.callbacks.LambdaCallback(on_epoch_end=change)
    logs = model.fit(A, B, epochs=2, callbacks=[callback], verbose=0).history
    expected = [expected_losses(w)["generator_loss"] for w in (100, 1.5)]
    np.testing.assert_allclose(logs["generator_loss"], expected, rtol=1e-4)
    assert model.get_config()["reconstruction_weight"] == 3.0


def losses(model, a, b):
    """Returns the losses of a batch in training, and what the networks were given."""
    inputs, passed_on, found = (ops.array(a), ops.array(b)), None, []
    for objective in model.objectives():
        loss, passed_on = objective.evaluate(inputs, passed_on, training=True)
        found.append(float(array_of(loss)))
    return found


def test_swapping_conditions_changes_the_discriminator_alone():
    # As many sources, as many targets: all but the pairs stays the same.
    model, swapped = pix2pix(factor=0.0), A[[1, 0, 2, 3]]
    discriminator, generator = losses(model, A, B)
    other_discriminator, other_generator = losses(model, swapped, B)
    assert abs(discriminator - other_discriminator) > 1e-4
    np.testing.assert_allclose(generator, other_generator, rtol=1e-5)


def test_discriminator_looks_at_the_condition():
    model = pix2pix()
    gradient = input_gradient(lambda a: model._score(a, ops.array(B), False), A)
    np.testing.assert_allclose(array_of(gradient), OF_A, rtol=1e-5)


def test_heavy_reconstruction_is_median_regression():
    # A generator that is one constant: the best one is the median of the targets.
    constants = np.linspace(0, 1, 41)
    generator_losses = [
        losses(pix2pix(factor=0.0, shift=c, reconstruction_weight=1e5), A, B**4)[1]
        for c in constants
    ]
    best = constants[np.argmin(generator_losses)]
    assert abs(best - np.median(B**4)) < 0.05 < abs(np.mean(B**4) - np.median(B**4))


def test_generator_is_judged_on_the_images_that_the_discriminator_saw(monkeypatch):
    model, seen = pix2pix(PersistentDropout(0.5)), []
    original = Pix2Pix._score

    def looking(self, source, target, training):
        seen.append(array_of(ops.stop_gradient(target)))
        return original(self, source, target, training)

    monkeypatch.setattr(Pix2Pix, "_score", looking)
    for _ in range(2):
        losses(model, A, B)
    real, of_discriminator, of_generator, _, of_next_step, _ = seen
    np.testing.assert_array_equal(real, B)
    np.testing.assert_array_equal(of_discriminator, of_generator)
    assert np.any(of_discriminator != of_next_step)
    dropped = of_discriminator == 0
    assert 0 < dropped.sum() < dropped.size
    assert np.any(dropped != dropped[:1])  # each image has noise of its own


@pytest.fixture(scope="module")
def noisy():
    """A model of the paper's networks, with a noise that is seen."""
    keras.utils.set_random_seed(0)
    generator = networks.unet_generator((8, 8, 1), filters=2)
    generator.set_weights([10 * weight for weight in generator.get_weights()])
    return Pix2Pix(
        generator, networks.patchgan_discriminator((8, 8, 2), 2, num_layers=1), seed=0
    )


IMAGES = RNG.random((8, 8, 8, 1)).astype("float32")


def test_translation_of_an_image_does_not_depend_on_its_batch(noisy):
    together = array_of(noisy.translate(IMAGES, seed=3))
    assert together.shape == IMAGES.shape
    for i in (0, 5):
        alone = array_of(noisy.translate(IMAGES[i : i + 1], seed=3))
        np.testing.assert_allclose(alone[0], together[i], atol=1e-5)


def test_noise_stays_on_when_images_are_translated(noisy):
    first, again, other = (array_of(noisy.translate(IMAGES, seed=s)) for s in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    unseeded = [array_of(noisy.translate(IMAGES)) for _ in range(2)]
    assert np.abs(unseeded[0] - unseeded[1]).max() > 0.01


def test_batch_normalization_in_the_generator_is_refused():
    with pytest.raises(ValueError, match="`generator` must hold no BatchNorm.*beside"):
        pix2pix(keras.layers.BatchNormalization())


@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_images_without_pairs_are_refused(method):
    model = pix2pix()
    model.compile()
    with pytest.raises(ValueError, match="`CycleGAN` .*4 sources and 3 targets"):
        getattr(model, method)(A, B[:3], verbose=0)
    with pytest.raises(ValueError, match="pairs of images.*one side"):
        getattr(model, method)(A, verbose=0)


@pytest.mark.any_backend
def test_a_data_set_without_pairs_is_refused():
    model, unpaired = pix2pix(), data.UnpairedDataset(A, B, 2)
    model.compile()
    for options in ({"x": unpaired}, {"x": (A, B), "validation_data": unpaired}):
        with pytest.raises(ValueError, match="`data.PairedDataset`.* `CycleGAN` takes"):
            model.fit(**options, verbose=0)
    with pytest.raises(ValueError, match="`data.PairedDataset`.*Received: a Unpaired"):
        model.evaluate(unpaired, verbose=0)
    assert int(model.optimizer["generator"].iterations) == 0
    model.evaluate(data.PairedDataset(A, B, 2), verbose=0)


def test_batches_of_other_targets_are_refused():
    with pytest.raises(ValueError, match="`target images` must have shape"):
        pix2pix().fold_condition((A, B[:, :1]))


@pytest.mark.parametrize(
    "generator,discriminator,message",
    [
        (((2, 2, 1), (4, 4, 1)), (2, 2, 2), "`generator` must .*same height and width"),
        (((4,), (4,)), (2, 2, 2), "`generator` must map images"),
        (((2, 2, 1), (2, 2, 3)), (2, 2, 3), r"`discriminator` must .*\(2, 2, 4\)"),
    ],
)
def test_networks_must_make_pairs(generator, discriminator, message):
    source, target = generator
    generator = keras.Sequential(
        [
            keras.Input(source),
            keras.layers.Flatten(),
            keras.layers.Dense(int(np.prod(target))),
            keras.layers.Reshape(target),
        ]
    )
    discriminator = keras.Sequential(
        [keras.Input(discriminator), keras.layers.Conv2D(1, 1)]
    )
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        Pix2Pix(generator, discriminator)


def test_labels_are_no_condition():
    with pytest.raises(TypeError, match="num_classes"):
        pix2pix(num_classes=3)
