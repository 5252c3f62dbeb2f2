"""The engine on JAX: everything is a function of the state, and compiled by Keras."""

import math

import jax
import jax.numpy as jnp
import keras

from keras_genmod.engine import jax_convolutions, keras_internals
from keras_genmod.engine.jax_processes import shared_work
from keras_genmod.engine.slices import batch_size, batch_slices


def train_step(model, inputs, state):
    """Takes each objective in turn; returns `(logs, state)`.

    Args:
        model: Compiled adversarial model.
        inputs: Nest of arrays, one batch.
        state: Lists of values of the model's trainable variables, non-trainable
            variables, optimizer variables and metrics variables.
    """
    trainable, non_trainable, optimizer_values, metrics = map(list, state)
    position = {id(v): i for i, v in enumerate(model.trainable_variables)}
    group = model.optimizer
    start, total, passed_on, norms = 0, 0.0, None, []
    for objective in model.objectives():
        group.check_trainable(objective.name)
        member = group[objective.name]
        own = [position[id(v)] for v in group.variables_of[objective.name]]
        stop = start + len(member.variables)
        for batch in batch_slices(inputs, objective):
            values = [trainable[i] for i in own]
            due = _due(model, objective, non_trainable)
            gradients, updates = jax.grad(_scaled_loss, has_aux=True)(
                values,
                own,
                model,
                (trainable, non_trainable, metrics),
                (objective, batch, passed_on, True),
                (member, optimizer_values[start:stop]),
            )
            loss, passed_on, non_trainable, metrics = updates
            if values and model.reports_gradient_norms:
                scale = _loss_scale(member, optimizer_values[start:stop])
                norms.append((objective.name, _global_norm(gradients) / scale))
            if values:
                before = values, optimizer_values[start:stop]
                updated = member.stateless_apply(before[1], gradients, values)
                values, optimizer_values[start:stop] = _where_due(due, updated, before)
                values = _constrained(model, non_trainable, objective, values)
            for i, value in zip(own, values, strict=True):
                trainable[i] = value
            if values and objective.after is not None:
                non_trainable = _after(model, objective, trainable, non_trainable)
            total = total + loss / objective.steps
        start = stop
    logs, metrics = _logs(model, metrics, total, batch_size(inputs), norms)
    return logs, (trainable, non_trainable, optimizer_values, metrics)


def test_step(model, inputs, state):
    """Evaluates each objective once on the whole batch; returns `(logs, state)`."""
    trainable, non_trainable, metrics = map(list, state)
    total, passed_on = 0.0, None
    for objective in model.objectives():
        loss, passed_on, non_trainable, metrics = _evaluate(
            model,
            (trainable, non_trainable, metrics),
            (objective, inputs, passed_on, False),
        )
        total = total + loss
    logs, metrics = _logs(model, metrics, total, batch_size(inputs), None)
    return logs, (trainable, non_trainable, metrics)


def _scaled_loss(values, own, model, state, evaluation, optimizer):
    """The scaled loss as a function of the objective's own variables."""
    trainable, non_trainable, metrics = state
    trainable = list(trainable)
    for i, value in zip(own, values, strict=True):
        trainable[i] = value
    member, member_values = optimizer
    loss, *updates = _evaluate(model, (trainable, non_trainable, metrics), evaluation)
    mapping = list(zip(member.variables, member_values, strict=True))
    with keras.StatelessScope(state_mapping=mapping):
        return member.scale_loss(loss), (loss, *updates)


def _evaluate(model, state, evaluation):
    """One objective's loss, what it passes on, and the state it has changed."""
    objective, batch, passed_on, training = evaluation
    variables = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.metrics_variables,
    )
    mapping = [
        pair
        for group, values in zip(variables, state, strict=True)
        for pair in zip(group, values, strict=True)
    ]
    with keras.StatelessScope(mapping, collect_losses=True) as scope:
        loss, passed_on = objective.evaluate(batch, passed_on, training)
        model.track_objective(objective.name, loss, batch_size(batch))
    passed_on = jax.lax.stop_gradient(passed_on)
    non_trainable = [scope.get_current_value(v) for v in variables[1]]
    metrics = [scope.get_current_value(v) for v in variables[2]]
    return loss, passed_on, non_trainable, metrics


def _due(model, objective, non_trainable):
    """Whether an objective's update counts, a traced boolean; `None` if always."""
    if objective.is_due is None:
        return None
    mapping = list(zip(model.non_trainable_variables, non_trainable, strict=True))
    with keras.StatelessScope(state_mapping=mapping):
        return objective.is_due()


def _where_due(due, updated, before):
    if due is None:
        return updated
    return jax.tree.map(lambda new, old: jnp.where(due, new, old), updated, before)


def _constrained(model, non_trainable, objective, values):
    """What an objective's constraint, which may read weights, makes of values."""
    if objective.constrain is None:
        return values
    mapping = list(zip(model.non_trainable_variables, non_trainable, strict=True))
    with keras.StatelessScope(state_mapping=mapping):
        return [objective.constrain(value) for value in values]


def _after(model, objective, trainable, non_trainable):
    """The values of the variables that an objective's `after` may assign."""
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    mapping = list(zip(variables, [*trainable, *non_trainable], strict=True))
    with keras.StatelessScope(state_mapping=mapping) as scope:
        objective.after()
    return [scope.get_current_value(v) for v in model.non_trainable_variables]


def _loss_scale(member, values):
    """What an optimizer of these values multiplies a loss with."""
    mapping = list(zip(member.variables, values, strict=True))
    with keras.StatelessScope(state_mapping=mapping):
        return member.scale_loss(1.0)


def _global_norm(gradients):
    squares = [jnp.sum(jnp.square(g.astype("float32"))) for g in gradients]
    return jnp.sqrt(sum(squares))


def _logs(model, metrics, total, size, norms):
    """The logs of a train step; without norms, those of a test step."""
    mapping = list(zip(model.metrics_variables, metrics, strict=True))
    with keras.StatelessScope(state_mapping=mapping) as scope:
        model.track_total(total, size)
        for name, norm in norms or ():
            model.track_gradient_norm(name, norm)
        training = norms is not None
        logs = model.get_metrics_result() if training else model.evaluation_logs()
    return logs, [scope.get_current_value(v) for v in model.metrics_variables]


def weights_are_finite(model, largest: float = math.inf) -> bool:
    """Whether no trainable weight is NaN, infinite or beyond `largest`.

    Also in the middle of `fit`.
    """
    values = keras_internals.trainable_values_on_jax(model)
    return not values or bool(_all_finite(values, largest))


@jax.jit
def _all_finite(values, largest):
    finite = [jnp.isfinite(value) & (jnp.abs(value) <= largest) for value in values]
    return jnp.all(jnp.stack([jnp.all(value) for value in finite]))


def input_gradient(network, x, differentiable):
    """The sum of the scores, and its gradient with respect to the input."""
    del differentiable  # What nobody differentiates costs nothing.

    def summed_scores(x):
        return jnp.sum(network(x).astype("float32"))

    return jax.value_and_grad(summed_scores)(x.astype("float32"))


def affine(x, kernel, bias):
    """Returns `x @ kernel + bias` for `(batch, inputs)`."""
    return x @ kernel + bias


def relu(x):
    """Returns max(x, 0)."""
    return jax.nn.relu(x)


def binary_log_prob(x, logits):
    """Returns log p(x) of each x in [0, 1], where p(1) = sigmoid(logits)."""
    return x * logits + jax.nn.log_sigmoid(-logits)


def argmax(x):
    """Returns where the last axis is greatest, int32; the first of equal places."""
    return jnp.argmax(x, axis=-1).astype("int32")


def loss_to_differentiate(loss):
    """Returns the loss: on JAX the batch is sharded, its mean is the global one."""
    return loss


def compile_call(function, variables, xla):
    """Jits a function of tensors that reads the given variables."""
    del xla  # JAX knows nothing else.

    @jax.jit
    def run(values, tensors):
        mapping = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return shared_work(function(*tensors))

    return lambda *tensors: run([v.value for v in variables], tensors)


SeedGenerator = keras.random.SeedGenerator
convolution = jax_convolutions.convolution


def shorten_updates(optimizer):
    """Does nothing: XLA fuses what an optimizer does."""
    del optimizer


def uniform(shape, seed):
    """Draws float32 numbers from U[0, 1)."""
    return keras.random.uniform(shape, dtype="float32", seed=seed)


def normal(shape, seed):
    """Draws float32 numbers from N(0, 1)."""
    return keras.random.normal(shape, dtype="float32", seed=seed)


def read(x, start, size, axis):
    """Returns `size` entries of an axis from `start`, an int or a traced integer."""
    return jax.lax.dynamic_slice_in_dim(x, start, size, axis)


def write(x, values, start, axis):
    """Returns `x` with `values` in it from `start`; XLA writes them in place.

    They may be fewer than `x` has along the first axis.
    """
    return jax.lax.dynamic_update_slice_in_dim(x, values, start, axis)


def scan(step, carry, xs):
    """Returns all carries of a loop over the first axis of `xs`, stacked.

    Args:
        step: Function `(carry, x)` that returns the next carry.
        carry: Nest of tensors.
        xs: Tensor.
    """

    def carry_and_stack(carry, x):
        carry = step(carry, x)
        return carry, carry

    return jax.lax.scan(carry_and_stack, carry, xs)[1]


def fori_loop(length, step, carry, period=1):
    """Returns the carry after a loop over 0 to `length` - 1, with a gradient under XLA.

    Args:
        length: Positive int.
        step: Function `(i, carry)` that returns the next carry, of the same shapes.
        carry: Nest of tensors.
        period: Positive int: `i` divided by a divisor of it leaves an int on torch.
    """
    del period  # XLA has branches.
    return jax.lax.fori_loop(0, length, step, carry)


def while_loop(goes_on, step, carry, maximum):
    """Returns the carry after a loop that goes on while a condition holds.

    Nothing of it is differentiated. It must draw nothing and write into nothing.

    Args:
        goes_on: Function of the carry's tensors that returns a bool tensor `()`.
        step: Function of the carry's tensors that returns the next ones.
        carry: Tuple of tensors.
        maximum: Positive int, the number of iterations at most.
    """
    return keras.ops.while_loop(goes_on, step, carry, maximum_iterations=maximum)


def random_state() -> dict:
    """JAX has no global random state."""
    return {}


def load_random_state(state) -> None:
    """JAX has no global random state."""
