"""On TensorFlow, weights are read once for all losses that see the same values."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_genmod
from keras_genmod import engine

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="graphs are TensorFlow's"
)


def test_a_step_reads_weights_anew_only_after_their_update():
    """A generator between two losses once, what is trained in between twice."""
    import tensorflow as tf

    def network(channels):
        layers = [keras.Input((2, 2, channels)), keras.layers.Conv2D(1, 1)]
        return keras.Sequential(layers)

    model = keras_genmod.Pix2Pix(network(1), network(2), seed=0)
    model.compile(keras.optimizers.SGD(0.1))
    images = tf.zeros((2, 2, 2, 1))
    model.train_on_batch(images, images)  # builds the optimizers
    step = tf.function(lambda a, b: engine.backend.train_step(model, (a, b)))
    graph = step.get_concrete_function(images, images).graph
    handles = {id(outside): inside for outside, inside in graph.captures}

    def num_reads(network):
        inside = [handles[id(v.value.handle)] for v in network.trainable_variables]
        return [
            sum(operation.type == "ReadVariableOp" for operation in handle.consumers())
            for handle in inside
        ]

    assert num_reads(model.generator) == [1, 1]
    assert num_reads(model.discriminator) == [2, 2]


def test_variables_are_assigned_inside():
    """Those that are not read, at once; weights, too, and then have the new value."""
    from keras_genmod.engine.tensorflow_reads import WeightReads

    weight, counter = keras.Variable(np.ones(2, "float32")), keras.Variable(0)
    reads = WeightReads([weight])
    with reads.scope():
        before = ops.convert_to_numpy(2.0 * weight)
        counter.assign_add(1)
        weight.assign([3.0, 4.0])
        after = ops.convert_to_numpy(2.0 * weight)
    np.testing.assert_array_equal(before, [2.0, 2.0])
    np.testing.assert_array_equal(after, [6.0, 8.0])
    np.testing.assert_array_equal(weight, [3.0, 4.0])
    assert int(counter) == 1
