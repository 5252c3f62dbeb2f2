"""`OrbaxCheckpoint` of Keras keeps all that training goes on from."""

import keras
import numpy as np
import pytest

from keras_genmod import WGANGP
from tests.models.small_networks import small_network

pytest.importorskip("orbax.checkpoint")

# On torch one without a seed draws from torch's own generator, which is in no tree.
DROPOUT = 0.0 if keras.backend.backend() == "torch" else 0.1
X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")


def compiled():
    networks = small_network((2,), (4,), dropout=DROPOUT), small_network((4,), (1,))
    for i, network in enumerate(networks):
        rng = np.random.default_rng(i)
        network.set_weights([rng.normal(size=w.shape) for w in network.get_weights()])
    model = WGANGP(*networks, 2, critic_steps=2, seed=1)
    model.compile(keras.optimizers.Adam(0.01))
    return model


def fit(model, **options):
    model.fit(X, batch_size=8, shuffle=False, verbose=0, **options)


def state_of(model):
    """Returns weights, seeds and the slots of both optimizers."""
    tree = model.get_state_tree("numpy_array")
    tree.pop("metrics_variables")
    return tree


@pytest.mark.every_backend
@pytest.mark.filterwarnings("ignore:Sharding info not provided:UserWarning")
def test_training_goes_on_from_its_folder(tmp_path):
    keras.utils.set_random_seed(1)
    straight = compiled()
    fit(straight, epochs=2)
    keras.utils.set_random_seed(1)
    model = compiled()
    fit(model, callbacks=[keras.callbacks.OrbaxCheckpoint(tmp_path / "checkpoints")])
    keras.utils.set_random_seed(2)  # as another process
    loaded = keras.saving.load_model(tmp_path / "checkpoints")
    keras.tree.map_structure(
        np.testing.assert_array_equal, *map(state_of, (loaded, model))
    )
    fit(loaded, initial_epoch=1, epochs=2)
    keras.tree.map_structure(
        np.testing.assert_array_equal, *map(state_of, (loaded, straight))
    )
