"""How machines of several layers get weights to start from."""

import keras
import numpy as np
import pytest

from keras_genmod import DBM, DBN, callbacks
from keras_genmod.models.energy.layer_pair import LayerPair
from tests.models.energy.deep_machines import array, states

STACKS = pytest.mark.parametrize("stack", [DBM, DBN])


def sgd(rate):
    return keras.optimizers.SGD(rate)


def test_chains_of_a_pair_persist_in_training():
    # Couplings so strong that each layer copies the other: chains stay where they are.
    pair = LayerPair(3, 3, persistent=True, num_chains=2, seed=0)
    pair.couplings.assign(200 * np.eye(3))
    pair.visible_bias.assign([-100.0] * 3)
    pair.hidden_bias.assign([-100.0] * 3)
    first = np.array([[1, 0, 1], [0, 1, 1]], "float32")
    pair.chains.assign(first)
    data = np.zeros((4, 3), "float32")
    outputs = pair.call(data, training=True)
    np.testing.assert_array_equal(array(outputs["chain"]), first)
    np.testing.assert_allclose(array(outputs["reconstruction"]), data, atol=1e-6)
    pair.visible_bias.assign([100.0] * 3)  # every chain goes to ones
    pair.call(data, training=False)
    np.testing.assert_array_equal(array(pair.chains), first)
    pair.call(data, training=True)
    np.testing.assert_array_equal(array(pair.chains), 1)


@STACKS
def test_units_are_drawn_anew_from_means(stack):
    # Half grey everywhere, and machines that stay as they are: means of one half.
    grey = np.full((200, 4), 0.5, "float32")
    model = stack([4, 3, 3], seed=0)
    assert all(pair.persistent for pair in model._pairs(persistent=True))
    for draws, error in ((False, 0.0), (True, 0.25)):
        histories = model.pretrain(
            grey, 2, 100, sgd(0.0), verbose=0, draws=draws, persistent=True
        )
        for history in histories:
            found = history.history["reconstruction"]
            np.testing.assert_allclose(found, error, atol=1e-2)
            assert (found[0] != found[1]) == draws


@STACKS
def test_each_two_layers_have_an_optimizer(stack):
    data = states(4)
    model = stack([4, 3, 2], seed=0)
    model.pretrain(data, 2, 8, [sgd(0.0), sgd(0.1)], verbose=0)
    pairs = model._pairs(persistent=False)
    lower, upper = (
        model.couplings
        if stack is DBM
        else (model.directed.generative_couplings[0], model.top.couplings)
    )
    np.testing.assert_array_equal(array(lower), array(pairs[0].couplings))
    assert np.abs(array(upper) - array(pairs[1].couplings)).max() > 1e-3
    with pytest.raises(ValueError, match="`optimizer` must be one, or a list of 2"):
        model.pretrain(data, 2, 8, [sgd(0.1)], verbose=0)


class Interrupt(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


@STACKS
def test_it_goes_on_where_it_was_stopped(stack, tmp_path):
    # Stopped in the second epoch of the upper layers, before that epoch is kept.
    def pretrained(kept):
        model = stack([4, 3, 2], seed=0)
        model.pretrain(
            np.full((16, 4), 0.3, "float32"),
            epochs=3,
            batch_size=8,
            optimizer=keras.optimizers.SGD(0.1, momentum=0.5),
            verbose=0,
            draws=True,
            persistent=True,
            callbacks=kept,
        )
        return [array(weight) for weight in model.weights]

    def backup(i):
        return [callbacks.Backup(tmp_path / str(i))]

    with pytest.raises(KeyboardInterrupt):
        pretrained(lambda i: [Interrupt()] * i + backup(i))
    for resumed, whole in zip(pretrained(backup), pretrained(None), strict=True):
        np.testing.assert_array_equal(resumed, whole)


@STACKS
def test_decay_is_of_couplings_alone(stack):
    decay = keras.regularizers.L2(30.0)
    model = stack([4, 3, 2], coupling_regularizer=decay, seed=0)
    plain = stack([4, 3, 2], seed=0)
    machines = [model, *model._pairs(persistent=False)]
    for machine in machines:
        for weight in machine.trainable_variables:
            is_decayed = "couplings" in weight.path and "directed" not in weight.path
            assert (weight.regularizer is not None) == is_decayed, weight.path
    decayed = [w for w in model.trainable_variables if w.regularizer is not None]
    outputs = plain.call(states(4))
    losses = [array(one.compute_loss(y_pred=outputs)) for one in (model, plain)]
    expected = 30.0 * sum(np.sum(array(w).astype("float64") ** 2) for w in decayed)
    assert losses[0] - losses[1] == pytest.approx(expected, abs=1e-4)
    again = stack.from_config(model.get_config())
    assert again.coupling_regularizer.get_config() == decay.get_config()
    with pytest.raises(ValueError, match="`coupling_regularizer` must be"):
        stack([4, 3, 2], coupling_regularizer="lots")
