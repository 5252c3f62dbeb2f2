"""The engine on TensorFlow: a tape an objective, inside Keras' `tf.function`."""

import math

import keras
import tensorflow as tf
from keras import tree

from keras_genmod.engine import tensorflow_updates
from keras_genmod.engine.objective import finish_update
from keras_genmod.engine.seeds import SPREAD
from keras_genmod.engine.slices import batch_slices
from keras_genmod.engine.tensorflow_reads import WeightReads
from keras_genmod.engine.undoing import undone_unless


def train_step(model, inputs):
    """Takes each objective in turn; returns the logs.

    Args:
        model: Compiled adversarial model.
        inputs: Nest of tensors, one batch.
    """
    group = model.optimizer
    total, passed_on = 0.0, None
    reads = WeightReads(model.trainable_variables)
    for objective in model.objectives():
        group.check_trainable(objective.name)
        member, variables = group[objective.name], group.variables_of[objective.name]
        _check_size(inputs, objective)
        for batch in batch_slices(inputs, objective):
            due = objective.is_due() if objective.is_due else None
            weights = reads.of(variables)
            with tf.GradientTape() as tape:
                tape.watch(weights)
                with reads.scope():
                    loss, passed_on = objective.evaluate(batch, passed_on, True)
                scaled = member.scale_loss(loss_to_differentiate(loss))
            if passed_on is not None:
                passed_on = tree.map_structure(tf.stop_gradient, passed_on)
            model.track_objective(objective.name, loss, _size(batch))
            total = total + loss / objective.steps
            if variables:
                gradients = tape.gradient(scaled, weights)
                if model.reports_gradient_norms:
                    norm = tf.linalg.global_norm(gradients) / member.scale_loss(1.0)
                    model.track_gradient_norm(objective.name, norm)
                with undone_unless(due, [*variables, *member.variables]):
                    member.apply_gradients(zip(gradients, variables, strict=True))
                finish_update(objective, variables)
                reads.forget(variables)
    model.track_total(total, _size(inputs))
    return model.get_metrics_result()


def test_step(model, inputs):
    """Evaluates each objective once on the whole batch; returns the logs."""
    total, passed_on = 0.0, None
    for objective in model.objectives():
        loss, passed_on = objective.evaluate(inputs, passed_on, False)
        model.track_objective(objective.name, loss, _size(inputs))
        total = total + loss
    model.track_total(total, _size(inputs))
    return model.evaluation_logs()


def _size(inputs):
    return tf.shape(tree.flatten(inputs)[0])[0]


def _check_size(inputs, objective):
    """Checks batches whose size is known only at run time."""
    if objective.steps > 1 and tree.flatten(inputs)[0].shape[0] is None:
        tf.debugging.assert_greater_equal(
            _size(inputs),
            objective.steps,
            f"The batch must hold at least {objective.steps} examples, one for each "
            f"step of objective {objective.name!r}.",
        )


def weights_are_finite(model, largest: float = math.inf) -> bool:
    """Whether no trainable weight is NaN, infinite or beyond `largest`."""
    values = [v.value for v in model.trainable_variables]
    return not values or bool(_all_finite(values, tf.constant(largest)))


@tf.function(autograph=False)
def _all_finite(values, largest):
    finite = [
        tf.reduce_all(
            tf.math.is_finite(value) & (tf.abs(value) <= tf.cast(largest, value.dtype))
        )
        for value in values
    ]
    return tf.reduce_all(tf.stack(finite))


def input_gradient(network, x, differentiable):
    """The sum of the scores, and its gradient with respect to the input."""
    del differentiable  # What nobody differentiates costs nothing.
    x = tf.cast(x, "float32")
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        scores = tf.reduce_sum(tf.cast(network(x), "float32"))
    return scores, tape.gradient(scores, x)


def convolution(x, kernel, bias):
    """Convolves NHWC images with an odd kernel, to images of the same size."""
    outputs = tf.nn.conv2d(x, kernel, strides=1, padding="SAME")
    return outputs if bias is None else tf.nn.bias_add(outputs, bias)


def affine(x, kernel, bias):
    """Returns `x @ kernel + bias` for `(batch, inputs)`."""
    return x @ kernel + bias


def relu(x):
    """Returns max(x, 0)."""
    return tf.nn.relu(x)


def binary_log_prob(x, logits):
    """Returns log p(x) of each x in [0, 1], where p(1) = sigmoid(logits)."""
    return x * logits + tf.math.log_sigmoid(-logits)


def argmax(x):
    """Returns where the last axis is greatest, int32; the first of equal places.

    Keras' own takes -0 for less than 0, at twice the time.
    """
    return tf.argmax(x, axis=-1, output_type="int32")


def loss_to_differentiate(loss):
    """Returns the loss, whose gradients wait for it, divided by the replicas' number.

    Gradients of the replicas are summed.

    TensorFlow's graph optimizer loses the order of a variable's reads and writes where
    its gradient does not depend on what was read: in the last layer of a Wasserstein
    critic, in weights that draw what trains others. Then a step in some hundreds reads
    a weight of the step after. Here all gradients come after all that the loss read.
    """
    num_replicas = tf.distribute.get_strategy().num_replicas_in_sync
    return _with_late_gradients(loss) / num_replicas


@tf.custom_gradient
def _with_late_gradients(loss):
    def gradient(upstream):
        with tf.control_dependencies([loss]):
            return tf.identity(upstream)

    return loss, gradient


def compile_call(function, variables, xla):
    """Makes a `tf.function` of tensors that reads variables as they are."""
    del variables  # A graph reads variables where they stand.
    return tf.function(function, jit_compile=xla, autograph=False)


class SeedGenerator(keras.random.SeedGenerator):
    """Gives each replica of a `tf.distribute` strategy noise of its own.

    Keras keeps the same state on every replica, so all would draw the same.
    """

    def next(self, ordered=True):
        state = super().next(ordered)
        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1:
            return state
        replica = tf.cast(context.replica_id_in_sync_group, state.dtype)
        return state + tf.stack([replica * SPREAD, 0])


def uniform(shape, seed):
    """Draws float32 numbers from U[0, 1) by Philox.

    Keras leaves the algorithm to TensorFlow, which takes a far slower one under XLA on
    a CPU. XLA still draws other numbers for a seed than a plain graph does.
    """
    return _drawn(tf.raw_ops.StatelessRandomUniformV2, shape, seed)


def normal(shape, seed):
    """Draws float32 numbers from N(0, 1) by Philox, as `uniform`."""
    return _drawn(tf.raw_ops.StatelessRandomNormalV2, shape, seed)


# In the numbering of TensorFlow's kernels.
_PHILOX = 1
_KEY = 0x02461E293EC8F720  # with which TensorFlow makes key and counter of a seed


def _drawn(operation, shape, seed):
    # What `tf.raw_ops.StatelessRandomGetKeyCounter` returns. On a CPU, XLA would make
    # that anew for each number it draws, in some fifty times the time; `tf.random`
    # adds some thirty operations to a graph for one draw by Philox.
    words = tf.raw_ops.StatelessRandomUniformFullIntV2(
        shape=(4,),
        key=tf.constant([_KEY], "uint64"),
        counter=tf.cast(_standardize_seed(seed), "uint64"),
        dtype=tf.uint32,
        alg=_PHILOX,
    )
    words = tf.bitcast(tf.reshape(words, (2, 2)), "uint64")
    counter = tf.stack([tf.constant(0, "uint64"), words[1]])  # as TensorFlow does
    shape = tf.convert_to_tensor(shape, "int32")
    return operation(shape=shape, key=words[:1], counter=counter, alg=_PHILOX)


def _standardize_seed(seed):
    """Returns int32 numbers of the next state, as Keras makes them."""
    state = tf.constant([seed, 0], "int64") if isinstance(seed, int) else seed.next()
    return tf.cast(tf.math.floormod(state, tf.int32.max - 1), "int32")


def read(x, start, size, axis):
    """Returns `size` entries of an axis from `start`, an int or a traced integer."""
    starts = [start if i == axis else 0 for i in range(len(x.shape))]
    # Where a length is known, XLA must not be told -1: it would copy all of `x`.
    sizes = [size if i == axis else n or -1 for i, n in enumerate(x.shape)]
    return tf.slice(x, starts, sizes)


def write(x, values, start, axis):
    """Returns `x` with `values` in it from `start`; XLA writes them in place.

    They may be fewer than `x` has along the first axis.
    """
    starts = [start if i == axis else 0 for i in range(len(x.shape))]
    return keras.ops.slice_update(x, starts, values)


def scan(step, carry, xs):
    """Returns all carries of a loop over the first axis of `xs`, stacked.

    `keras.ops.scan` does not say how long it is, so that XLA has no gradient of it.
    """
    return tf.scan(step, xs, carry)


shorten_updates = tensorflow_updates.shorten_all


def fori_loop(length, step, carry, period=1):
    """Returns the carry after a loop over 0, 1, ..., `length` - 1.

    `keras.ops.fori_loop` does not say how long it is, so that XLA has no gradient.
    """
    del period  # XLA has branches.
    if length == 1:  # without a loop's work
        return step(0, carry)
    return tf.while_loop(
        lambda i, carry: i < length,
        lambda i, carry: (i + 1, step(i, carry)),
        (0, carry),
        maximum_iterations=length,
    )[1]


def while_loop(goes_on, step, carry, maximum):
    """Returns the carry after a loop that goes on while a condition holds.

    Nothing of it is differentiated. It must draw nothing and write into nothing.
    """
    return keras.ops.while_loop(goes_on, step, carry, maximum_iterations=maximum)


def random_state() -> dict:
    """Keras draws no global random numbers on TensorFlow."""
    return {}


def load_random_state(state) -> None:
    """Keras draws no global random numbers on TensorFlow."""
