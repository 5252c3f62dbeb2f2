"""Adam and SGD on torch, and Adam on TensorFlow, against Keras' own."""

import importlib

import keras
import numpy as np
import pytest

from keras_genmod import Autoencoder, networks

BACKEND = keras.backend.backend()
if BACKEND == "jax":
    pytest.skip("Keras' own is used", allow_module_level=True)

pytestmark = pytest.mark.every_backend
updates = importlib.import_module(f"keras_genmod.engine.{BACKEND}_updates")

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
    for shorten in (updates.shorten_all, lambda optimizer: None):
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
        if BACKEND == "torch":
            update = each.optimizer._parallel_update_step
            assert update.func is updates._adam_update
        else:
            update = each.optimizer.update_step
            assert update.func is updates._adam_step
        assert update.args[0] is each.optimizer


def steps_of_tensorflow(optimizer, jit_compile):
    """Returns a table and a bfloat16 weight after steps of rows that were looked up."""
    import tensorflow as tf

    table = keras.Variable(np.ones((5, 2)), dtype="float32")
    half = keras.Variable(np.ones(3), dtype="bfloat16")
    variables = [table, half]
    optimizer.build(variables)

    @tf.function(jit_compile=jit_compile)
    def step(rows):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.gather(table.value, rows) ** 3)
            loss += tf.cast(tf.reduce_sum(half.value**2), "float32")
        gradients = tape.gradient(loss, [v.value for v in variables])
        optimizer.apply(gradients, variables)

    for rows in ([0, 2], [2, 2], [4, 0]):
        step(tf.constant(rows))
    return [np.asarray(v.value, "float32") for v in variables]


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's kernel")
@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_steps_and_rows_of_tables_are_those_of_keras(jit_compile):
    short, of_keras = keras.optimizers.Adam(0.1), keras.optimizers.Adam(0.1)
    updates.shorten_all(short)
    (table, half), (expected, expected_half) = (
        steps_of_tensorflow(optimizer, jit_compile) for optimizer in (short, of_keras)
    )
    np.testing.assert_allclose(table, expected, rtol=1e-5)
    np.testing.assert_allclose(half, expected_half, rtol=1e-2)
    assert (table[[1, 3]] == 1.0).all() and (table[0] < 1.0).all()
