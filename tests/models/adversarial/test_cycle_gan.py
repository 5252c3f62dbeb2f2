"""CycleGAN's losses by hand for linear networks, and the pool of past images."""

import keras
import numpy as np
import pytest
import scipy.stats
from keras import ops

from keras_genmod import CycleGAN, networks
from keras_genmod.models.adversarial.image_pool import ImagePool

SHAPE = (2, 2, 1)
RNG = np.random.default_rng(0)
A, B = RNG.random((2, 4, *SHAPE)).astype("float32")

# Every network is a 1x1 convolution: x -> factor x + shift.
LINES = {
    "generator_ab": (0.5, 0.2),
    "generator_ba": (0.8, 0.1),
    "discriminator_a": (1.5, -0.3),
    "discriminator_b": (-0.7, 0.4),
}


def line(name, x):
    factor, shift = LINES[name]
    return factor * x.astype("float64") + shift


def network(name):
    model = keras.Sequential([keras.Input(SHAPE), keras.layers.Conv2D(1, 1)])
    factor, shift = LINES[name]
    model.set_weights([np.full((1, 1, 1, 1), factor), np.array([shift])])
    return model


def cycle_gan(**kwargs):
    return CycleGAN(**{name: network(name) for name in LINES}, seed=0, **kwargs)


def expected_losses(cycle_weight, identity_weight):
    """Returns the three losses and the cycle distance of A and B."""
    ab, ba, d_a, d_b = LINES
    fake_b, fake_a = line(ab, A), line(ba, B)
    cycle = np.abs(line(ba, fake_b) - A).mean() + np.abs(line(ab, fake_a) - B).mean()
    identity = np.abs(line(ba, A) - A).mean() + np.abs(line(ab, B) - B).mean()
    adversarial = ((line(d_b, fake_b) - 1) ** 2).mean()
    adversarial += ((line(d_a, fake_a) - 1) ** 2).mean()

    def discriminator(name, real, fake):
        halves = ((line(name, real) - 1) ** 2).mean() + (line(name, fake) ** 2).mean()
        return 0.5 * halves

    return {
        "generator_loss": adversarial
        + cycle_weight * cycle
        + identity_weight * cycle_weight * identity,
        "discriminator_a_loss": discriminator(d_a, A, fake_a),
        "discriminator_b_loss": discriminator(d_b, B, fake_b),
        "cycle": cycle,
    }


@pytest.mark.parametrize("cycle_weight,identity_weight", [(10, 0.5), (3.0, 0.0)])
def test_losses_are_those_of_the_paper(cycle_weight, identity_weight):
    model = cycle_gan(cycle_weight=cycle_weight, identity_weight=identity_weight)
    model.compile()
    found = model.evaluate((A, B), batch_size=4, verbose=0, return_dict=True)
    expected = expected_losses(cycle_weight, identity_weight)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, err_msg=name)


def test_weights_set_by_a_callback_act_on_the_compiled_step():
    model, later = cycle_gan(), {"cycle_weight": 3.0, "identity_weight": 0.25}

    def change(epoch, logs):
        model.cycle_weight = later["cycle_weight"]
        model.identity_weight = later["identity_weight"]

    model.compile(keras.optimizers.SGD(0.0))
    callback = keras.callbacks.LambdaCallback(on_epoch_end=change)
    logs = model.fit((A, B), epochs=2, callbacks=[callback], verbose=0).history
    expected = [
        expected_losses(*weights)["generator_loss"]
        for weights in [(10.0, 0.5), later.values()]
    ]
    np.testing.assert_allclose(logs["generator_loss"], expected, rtol=1e-4)
    config = model.get_config()
    assert {name: config[name] for name in later} == later


def test_identity_weight_of_a_model_without_such_a_loss_stays_zero():
    model = cycle_gan(identity_weight=0.0)
    model.identity_weight = 0.0
    with pytest.raises(ValueError, match="`identity_weight` must stay 0.*Received"):
        model.identity_weight = 0.5


def test_a_step_takes_no_second_images_of_another_shape():
    model = cycle_gan()
    images = np.zeros((2, *model.data_shape)), np.zeros((2, *model.shape_b, 1))
    with pytest.raises(ValueError, match="`images of domain b` must have shape"):
        model._check_inputs(images)


def test_translates_both_ways():
    model = cycle_gan()
    found = ops.convert_to_numpy(model.translate(A, to="b"))
    np.testing.assert_allclose(found, line("generator_ab", A), rtol=1e-5)
    found = ops.convert_to_numpy(model.translate(B, to="a"))
    np.testing.assert_allclose(found, line("generator_ba", B), rtol=1e-5)
    with pytest.raises(ValueError, match="`to` must be one of .*Received: to='c'"):
        model.translate(A, to="c")


def test_translation_of_an_image_does_not_depend_on_its_batch(rng):
    shape, images = (8, 8, 1), rng.random((6, 8, 8, 1)).astype("float32")
    keras.utils.set_random_seed(0)
    translators = (
        networks.resnet_generator(shape, 2, 1, 1),
        networks.unet_generator(shape, 2),  # with noise
    )
    for translator in translators:
        translator.set_weights([10 * weight for weight in translator.get_weights()])
    judge = networks.patchgan_discriminator(shape, 2, 1)
    model = CycleGAN(*translators, judge, judge, seed=0)
    for to in ("a", "b"):
        together = ops.convert_to_numpy(model.translate(images, to))
        alone = ops.convert_to_numpy(model.translate(images[4:5], to))
        np.testing.assert_allclose(alone[0], together[4], atol=1e-5)
    first, again, other = (
        ops.convert_to_numpy(model.translate(images, "a", seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


@pytest.mark.parametrize("name,real", [("a", A), ("b", B)])
def test_discriminators_see_the_pool_in_training_only(monkeypatch, name, real):
    model = cycle_gan()
    old = np.full_like(A, 0.25)
    monkeypatch.setattr(ImagePool, "exchange", lambda self, images: ops.array(old))
    fake = {"a": ops.array(A + 1), "b": ops.array(B + 1)}
    inputs = (ops.array(A), ops.array(B))
    for training, seen in [(True, old), (False, real + 1)]:
        loss, _ = getattr(model, f"_loss_{name}")(inputs, fake, training)
        score_real = line(f"discriminator_{name}", real)
        score_fake = line(f"discriminator_{name}", seen)
        expected = 0.5 * (((score_real - 1) ** 2).mean() + (score_fake**2).mean())
        np.testing.assert_allclose(ops.convert_to_numpy(loss), expected, rtol=1e-4)


def test_fit_fills_the_pools_with_translations_and_evaluate_leaves_them():
    model = cycle_gan(pool_size=6)
    model.compile(keras.optimizers.SGD(0.0))
    model.evaluate((A, B), batch_size=4, verbose=0)
    assert pool_count(model.pool_a) == pool_count(model.pool_b) == 0
    model.fit((A, B), batch_size=4, epochs=1, shuffle=False, verbose=0)
    for pool, images in (
        (model.pool_a, line("generator_ba", B)),
        (model.pool_b, line("generator_ab", A)),
    ):
        assert pool_count(pool) == 4
        np.testing.assert_allclose(pool_images(pool)[:4], images, rtol=1e-5)


def pool_images(pool):
    return ops.convert_to_numpy(pool.images.value)


def pool_count(pool):
    return int(ops.convert_to_numpy(pool.count.value))


def numbered(start, number):
    """Returns images `(number, 1)` that hold the numbers from `start` on."""
    return np.arange(start, start + number, dtype="float32")[:, None]


def image_pool(size):
    return ImagePool(size, (1,), keras.random.SeedGenerator(0))


def exchange(pool, images):
    return ops.convert_to_numpy(pool.exchange(ops.array(images)))[:, 0]


def test_pool_fills_and_returns_the_images_as_they_are():
    pool = image_pool(5)
    for start, number in [(1, 3), (4, 2)]:
        images = numbered(start, number)
        np.testing.assert_array_equal(exchange(pool, images), images[:, 0])
    np.testing.assert_array_equal(pool_images(pool)[:, 0], [1, 2, 3, 4, 5])


@pytest.mark.parametrize("batch", [1, 3, 5])
def test_full_pool_swaps_half_of_the_images_for_older_ones(batch):
    pool = image_pool(5)
    exchange(pool, numbered(1, 5))
    swapped, number = 0, 300
    for start in range(6, 6 + number, batch):
        held = set(pool_images(pool)[:, 0])
        images = set(numbered(start, batch)[:, 0])
        returned = set(exchange(pool, numbered(start, batch)))
        left = set(pool_images(pool)[:, 0])
        assert len(returned) == batch and len(left) == 5  # no place written twice
        assert returned - images <= held  # the others are older
        assert returned | left == held | images and not returned & left  # none lost
        swapped += len(returned - images)
    assert abs(swapped - number / 2) < 4 * (number / 4) ** 0.5


def test_places_of_the_pool_are_drawn_at_random():
    # One image at a time: the older one that comes out is any of the four.
    pool, places = image_pool(4), []
    exchange(pool, numbered(1, 4))
    for start in range(5, 165):
        held = list(pool_images(pool)[:, 0])
        (returned,) = exchange(pool, numbered(start, 1))
        if returned != start:
            places.append(held.index(returned))
    counts = np.bincount(places, minlength=4)
    assert scipy.stats.chisquare(counts).pvalue > 1e-3


def test_batch_may_be_larger_than_the_pool():
    pool = image_pool(3)
    np.testing.assert_array_equal(exchange(pool, numbered(1, 5)), [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(pool_images(pool)[:, 0], [1, 2, 3])
    returned = exchange(pool, numbered(6, 8))
    left = pool_images(pool)[:, 0]
    assert sorted([*returned, *left]) == [1, 2, 3, *range(6, 14)]


def test_pool_takes_images_in_a_session_of_float64():
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        returned = exchange(image_pool(3), numbered(1, 4))
    finally:
        keras.config.set_floatx(before)
    np.testing.assert_array_equal(returned, [1, 2, 3, 4])


def test_pool_of_no_size_returns_the_images():
    np.testing.assert_array_equal(exchange(image_pool(0), numbered(1, 4)), [1, 2, 3, 4])


@pytest.mark.parametrize("name", ["cycle_weight", "identity_weight", "pool_size"])
def test_negative_number_is_an_error(name):
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: {name}=-1"):
        cycle_gan(**{name: -1})


def test_labels_are_no_condition():
    with pytest.raises(TypeError, match="num_classes"):
        cycle_gan(num_classes=3)


@pytest.mark.any_backend
@pytest.mark.parametrize("call", ["fit", "evaluate", "predict"])
def test_images_of_one_domain_are_an_error_that_names_the_pair(call):
    model = cycle_gan()
    model.compile("sgd")
    with pytest.raises(
        ValueError, match=r"\(\(images_a, images_b\).*`translate\(images, to"
    ):
        getattr(model, call)(A, verbose=0)


@pytest.mark.any_backend
@pytest.mark.parametrize("call", ["fit", "evaluate", "predict"])
@pytest.mark.parametrize("images", [((A, B[:3]),), (A, B[:3])])
def test_domains_of_different_length_are_told_of_the_data_set(call, images):
    if call == "predict":
        images = images[:1] if len(images) == 1 else (images,)
    model = cycle_gan()
    model.compile("sgd")
    with pytest.raises(
        ValueError, match="`data.UnpairedDataset` .*4 images of domain a and 3 of"
    ):
        getattr(model, call)(*images, verbose=0)
