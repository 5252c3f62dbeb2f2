"""Several optimizers behind one: compiling, rates, slots, precision, freezing."""

import keras
import numpy as np
import pytest

from keras_genmod.engine import OptimizerGroup
from tests.engine.two_players import TwoPlayers, trained, weights

X = np.array([[1.0, 2.0, 0.0], [3.0, 0.0, -1.0]], "float32")
MEAN = X.mean(axis=0)
LEARNING_RATES = {"first": 0.1, "second": 0.2}


def each(make=keras.optimizers.SGD, **options):
    """Returns an optimizer for each objective, with different rates."""
    return {name: make(rate, **options) for name, rate in LEARNING_RATES.items()}


def compiled(optimizer, **options):
    model = TwoPlayers(3)
    model.compile(optimizer, **options)
    return model


def rate(optimizer):
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def rates(model):
    return {name: rate(model.optimizer[name]) for name in LEARNING_RATES}


# Compiling.


@pytest.mark.parametrize("optimizer", ["adam", keras.optimizers.Adam(0.25)])
def test_every_objective_gets_a_fresh_copy(optimizer):
    group = compiled(optimizer).optimizer
    members = list(group.members.values())
    original = keras.optimizers.get(optimizer)
    assert members[0] is not members[1] and optimizer not in members
    assert [rate(member) for member in members] == [rate(original)] * 2


def test_optimizer_of_one_model_may_compile_another():
    optimizer = keras.optimizers.SGD(0.5)
    models = [trained(TwoPlayers(3), X, optimizer=optimizer) for _ in range(2)]
    np.testing.assert_array_equal(weights(models[0].first), weights(models[1].first))


def test_dict_names_the_optimizers():
    optimizers = {"second": "adam", "first": keras.optimizers.SGD(0.5)}
    group = compiled(optimizers).optimizer
    assert group["first"] is optimizers["first"]
    assert isinstance(group["second"], keras.optimizers.Adam)


@pytest.mark.parametrize(
    "optimizer,message",
    [
        ({"first": "sgd"}, r"Missing: \['second'\], unknown: \[\]"),
        ({"first": "sgd", "second": "sgd", "third": "sgd"}, r"unknown: \['third'\]"),
        ({}, r"Missing: \['first', 'second'\]"),
    ],
)
def test_dict_must_name_exactly_the_objectives(optimizer, message):
    with pytest.raises(ValueError, match="`optimizer` must name exactly.*" + message):
        compiled(optimizer)


def test_one_object_for_two_objectives_is_refused():
    optimizer = keras.optimizers.SGD()
    with pytest.raises(ValueError, match="`optimizer` must give every objective an"):
        compiled({"first": optimizer, "second": optimizer})


@pytest.mark.parametrize("argument", ["loss", "metrics", "loss_weights"])
def test_compile_takes_no_loss_and_no_metrics(argument):
    with pytest.raises(ValueError, match=f"brings its own loss.*{argument}"):
        compiled("sgd", **{argument: ["mse"]})


def test_group_round_trips_through_its_config():
    group = compiled(each()).optimizer
    config = keras.saving.serialize_keras_object(group)
    again = keras.saving.deserialize_keras_object(config)
    assert isinstance(again, OptimizerGroup)
    assert again.get_config() == group.get_config()


# State.


def test_variables_are_those_of_the_members():
    group = compiled("adam").optimizer
    expected = [*group["first"].variables, *group["second"].variables]
    assert [id(v) for v in group.variables] == [id(v) for v in expected]


def test_iterations_count_batches():
    model = trained(TwoPlayers(3, steps=2), X, epochs=3)
    assert int(model.optimizer.iterations) == 3
    assert int(model.optimizer["first"].iterations) == 6


@pytest.mark.parametrize("name", LEARNING_RATES)
def test_every_member_has_moments_after_training(name):
    model = trained(TwoPlayers(3), X, optimizer="adam", epochs=2)
    slots = [v for v in model.optimizer[name].variables if v.shape == (3, 1)]
    assert len(slots) == 2
    for slot in slots:
        assert np.any(keras.ops.convert_to_numpy(slot) != 0)


# Learning rates.


def test_setting_the_rate_keeps_the_ratio():
    model = compiled(each())
    model.optimizer.learning_rate = 0.4
    assert rates(model) == pytest.approx({"first": 0.4, "second": 0.8})


def test_a_warm_up_from_zero_keeps_the_ratio():
    warm_up = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.4 * epoch)
    model = trained(TwoPlayers(3), X, optimizer=each(), epochs=1, callbacks=[warm_up])
    assert rates(model) == {"first": 0.0, "second": 0.0}
    config = keras.saving.serialize_keras_object(model.optimizer)
    again = keras.saving.deserialize_keras_object(config)
    model.fit(X, initial_epoch=1, epochs=2, callbacks=[warm_up], verbose=0)
    assert rates(model) == pytest.approx({"first": 0.4, "second": 0.8})
    again.learning_rate = 0.1
    assert rate(again["second"]) == pytest.approx(0.2)


def test_a_rate_of_zero_of_one_member_stays():
    model = compiled(each())
    model.optimizer["second"].learning_rate = 0.0
    model.optimizer.learning_rate = 0.4
    assert rates(model) == pytest.approx({"first": 0.4, "second": 0.0})


def test_one_rate_can_be_set_alone():
    model = compiled(each())
    model.optimizer["second"].learning_rate = 0.05
    assert rates(model) == pytest.approx({"first": 0.1, "second": 0.05})


def test_rate_set_on_a_member_is_used():
    model = compiled(each())
    model.fit(X, verbose=0)
    before = weights(model.first)
    model.optimizer["first"].learning_rate = 0.0
    model.fit(X, verbose=0)
    np.testing.assert_array_equal(weights(model.first), before)


@pytest.mark.parametrize(
    "callback",
    [
        keras.callbacks.ReduceLROnPlateau(
            monitor="first_loss", mode="max", factor=0.5, patience=1
        ),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5**epoch),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_rate_callbacks_reach_every_member(callback):
    model = trained(TwoPlayers(3), X, optimizer=each(), epochs=2, callbacks=[callback])
    assert rates(model) == pytest.approx({"first": 0.05, "second": 0.1})


def test_schedules_count_the_steps_of_their_member():
    schedules = {
        name: keras.optimizers.SGD(
            keras.optimizers.schedules.ExponentialDecay(rate, 1, 0.5)
        )
        for name, rate in LEARNING_RATES.items()
    }
    model = trained(TwoPlayers(3, steps=2), X, optimizer=schedules, epochs=2)
    assert rates(model) == pytest.approx({"first": 0.1 / 16, "second": 0.2 / 4})


@pytest.mark.parametrize("wrapped", [False, True])
def test_one_schedule_for_different_numbers_of_steps_is_warned_of(wrapped):
    falling = keras.optimizers.schedules.PolynomialDecay(0.1, 10)
    optimizer = keras.optimizers.SGD(falling)
    if wrapped:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    with pytest.warns(UserWarning, match="'first' takes 2 of them.*Give a dict"):
        TwoPlayers(3, steps=2).compile(optimizer)
    TwoPlayers(3).compile(keras.optimizers.SGD(falling))  # which warns of nothing
    TwoPlayers(3, steps=2).compile("sgd")


# Options of Keras' optimizers.


def test_gradients_accumulate():
    optimizer = keras.optimizers.SGD(1.0, gradient_accumulation_steps=2)
    model = trained(TwoPlayers(3), X, optimizer=optimizer, batch_size=1)
    np.testing.assert_allclose(weights(model.first), -MEAN, rtol=1e-6)


def test_gradients_are_clipped_a_member():
    optimizer = {
        "first": keras.optimizers.SGD(1.0, clipnorm=0.5),
        "second": keras.optimizers.SGD(0.0),
    }
    model = trained(TwoPlayers(3), X, optimizer=optimizer)
    expected = -0.5 * MEAN / np.linalg.norm(MEAN)
    np.testing.assert_allclose(weights(model.first), expected, rtol=1e-5)


def test_averaged_weights_end_up_in_the_model():
    optimizers = {
        "first": keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5),
        "second": keras.optimizers.SGD(0.0),
    }
    model = trained(TwoPlayers(3), X, optimizer=optimizers, epochs=2)
    # The weights were -1 and -2 times the mean; Keras' average starts at the first.
    average = 0.5 * -1 + 0.5 * -2
    np.testing.assert_allclose(weights(model.first), average * MEAN, rtol=1e-5)


def test_every_member_averages():
    optimizers = each(use_ema=True, ema_momentum=0.5)
    plain = trained(TwoPlayers(3), X, optimizer=each(), epochs=3)
    averaged = trained(TwoPlayers(3), X, optimizer=optimizers, epochs=3)
    for name in LEARNING_RATES:
        ends = [weights(getattr(model, name)) for model in (plain, averaged)]
        assert np.all(np.abs(ends[0] - ends[1])[MEAN != 0] > 1e-3)


# Half precision.


def scales(model):
    members = model.optimizer.members.values()
    return [float(keras.ops.convert_to_numpy(m.dynamic_scale)) for m in members]


def test_each_member_scales_its_loss_in_float16(dtype_policy):
    dtype_policy("mixed_float16")
    model = trained(TwoPlayers(3), X / 10)
    wrapped = keras.optimizers.LossScaleOptimizer
    assert all(isinstance(m, wrapped) for m in model.optimizer.members.values())
    np.testing.assert_allclose(weights(model.first), -MEAN / 10, rtol=1e-2)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_no_other_policy_scales_the_loss(policy, dtype_policy):
    dtype_policy(policy)
    wrapped = keras.optimizers.LossScaleOptimizer
    members = compiled("sgd").optimizer.members.values()
    assert not any(isinstance(member, wrapped) for member in members)


def test_overflow_halves_the_scale_of_one_member(dtype_policy):
    dtype_policy("mixed_float16")
    model = TwoPlayers(3)
    # The gradient of the second loss, 1e4 x^2 * 2^15, overflows; that of the first,
    # x * 2^15, does not.
    model.first.kernel.assign(np.full((3, 1), 1e4))
    trained(model, X / 10)
    assert scales(model) == [2.0**15, 2.0**14]
    assert np.all(weights(model.first)[MEAN != 0] != 1e4)
    np.testing.assert_array_equal(weights(model.second), 0)


# Freezing.


@pytest.mark.parametrize("frozen", ["first", "second"])
def test_network_frozen_before_compile_stays(frozen):
    model = TwoPlayers(3)
    getattr(model, frozen).kernel.assign(np.full((3, 1), 0.3))
    getattr(model, frozen).trainable = False
    trained(model, X, epochs=2)
    other = {"first": "second", "second": "first"}[frozen]
    np.testing.assert_array_equal(weights(getattr(model, frozen)), np.float32(0.3))
    assert np.any(weights(getattr(model, other)) != 0)


def test_freezing_after_compile_is_refused():
    model = compiled("sgd")
    model.second.trainable = False
    with pytest.raises(ValueError, match="'second' was frozen after `compile`"):
        model.fit(X, verbose=0)


def test_thawed_network_learns_after_compile():
    model = TwoPlayers(3)
    model.first.trainable = False
    trained(model, X)
    model.first.trainable = True
    trained(model, X)
    np.testing.assert_allclose(weights(model.first), -MEAN, rtol=1e-6)
