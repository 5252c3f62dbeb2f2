"""Adam and SGD on torch against Keras' own."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("elsewhere Keras' own is used", allow_module_level=True)

from keras_genmod import Autoencoder, networks
from keras_genmod.engine import torch_updates

MAKE = {
    "adam": lambda: keras.optimizers.Adam(0.01, beta_1=0.5, epsilon=1e-3),
    "decay": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1, clipnorm=0.5),
    "schedule": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(0.1, 3)
    ),
    "amsgrad": lambda: keras.optimizers.Adam(0.01, amsgrad=True),
    "sgd": lambda: keras.optimizers.SGD(0.1, clipvalue=0.5),
    "momentum": lambda: keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.1),
    "nesterov": lambda: keras.optimizers.SGD(
        keras.optimizers.schedules.CosineDecay(0.1, 3), momentum=0.9, nesterov=True
    ),
    "others": lambda: keras.optimizers.RMSprop(0.01),
}


@pytest.mark.parametrize("name", MAKE)
def test_takes_the_steps_of_keras(name):
    rng, found = np.random.default_rng(0), []
    gradients = [[rng.normal(size=s) for s in ((3, 2), (2,))] for _ in range(4)]
    for shorten in (torch_updates.shorten, lambda optimizer: None):
        optimizer = MAKE[name]()
        pair = [keras.Variable(np.ones(s), dtype="float32") for s in ((3, 2), (2,))]
        shorten(optimizer)
        optimizer.build(pair)
        for step in gradients:
            optimizer.apply([keras.ops.cast(g, "float32") for g in step], pair)
        variables = [*pair, *optimizer.variables]
        found.append([keras.ops.convert_to_numpy(v) for v in variables])
    for mine, keras_own in zip(*found, strict=True):
        np.testing.assert_allclose(mine, keras_own, rtol=1e-5, atol=1e-7)


def test_models_use_it_and_come_back_with_it(tmp_path):
    pair = networks.mlp_encoder((4,), (2,)), networks.mlp_decoder(2, (4,))
    model = Autoencoder(*pair)
    model.compile(keras.optimizers.Adam(0.0))
    model.fit(np.ones((4, 4)), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for each in (model, loaded):
        update = each.optimizer._parallel_update_step
        assert update.func is torch_updates._adam_update
        assert update.args == (each.optimizer,)
