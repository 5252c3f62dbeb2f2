"""What Orbax saves of a model: every variable, by a name that any copy has too."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import VAE, WGANGP
from tests.models.small_networks import small_network


def wgan_gp():
    networks = small_network((2,), (4,), dropout=0.1), small_network((4,), (1,))
    model = WGANGP(*networks, 2)
    model.compile("adam")
    return model


def vae():
    # Two generators of `Dropout`, beside that of the model.
    encoder = small_network((4,), (4,), dropout=0.1)
    model = VAE(encoder, small_network((2,), (4,), dropout=0.1), 2)
    model.compile("adam")
    model.optimizer.build(model.trainable_variables)
    return model


def variables_of(model):
    return [*model.variables, *model.optimizer.variables, *model.metrics_variables]


def filled(model, rng):
    """Returns a model whose variables all have values of their own."""
    for variable in variables_of(model):
        values = rng.uniform(1, 1000, size=variable.shape)
        variable.assign(values.astype(variable.dtype))
    return model


@pytest.mark.parametrize("value_format", ["backend_tensor", "numpy_array"])
@pytest.mark.parametrize("make", [wgan_gp, vae])
def test_a_copy_gets_every_variable(make, value_format, rng):
    model = filled(make(), rng)
    tree = model.get_state_tree(value_format)
    assert len(keras.tree.flatten(tree)) == len(variables_of(model))
    copy = filled(make(), rng)  # whose layers and generators have other numbers
    copy.set_state_tree(tree)
    pairs = zip(variables_of(model), variables_of(copy), strict=True)
    for variable, other in pairs:
        np.testing.assert_array_equal(
            ops.convert_to_numpy(variable), ops.convert_to_numpy(other), variable.path
        )


@pytest.mark.any_backend
def test_optimizers_have_names_of_their_own():
    slots = wgan_gp().get_state_tree()["optimizer_variables"]
    assert sorted(slots) == ["critic", "generator"]
    assert "iteration" in slots["critic"]["adam"]


@pytest.mark.any_backend
def test_the_state_of_another_model_is_refused():
    model = wgan_gp()
    tree = model.get_state_tree()
    with pytest.raises(ValueError, match="of a VAE.*Missing.*log_var"):
        vae().set_state_tree(tree)
    del tree["optimizer_variables"]["critic"]["adam"]["iteration"]
    with pytest.raises(ValueError, match=r"Missing.*\['critic/adam/iteration'\]"):
        model.set_state_tree(tree)
    with pytest.raises(ValueError, match="numpy_array"):
        model.get_state_tree("list")
