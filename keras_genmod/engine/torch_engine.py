"""The engine on PyTorch: gradients of each objective for its own parameters."""

import contextlib
import math

import keras
import numpy as np
import torch
from keras import tree

from keras_genmod.engine import (
    keras_internals,
    torch_branches,
    torch_convolutions,
    torch_group_norm,
    torch_loops,
    torch_updates,
    torch_while_loops,
)
from keras_genmod.engine.objective import finish_update
from keras_genmod.engine.slices import batch_size, batch_slices
from keras_genmod.engine.torch_processes import averaged, shared_changes
from keras_genmod.engine.torch_tracing import Traced, TracedStep
from keras_genmod.engine.undoing import undone_unless


def train_step(model, inputs):
    """Takes each objective in turn; returns the logs.

    Args:
        model: Compiled adversarial model.
        inputs: Nest of tensors, one batch.
    """
    with shared_changes(model):
        total = _take_each_in_turn(model, inputs)
    model.track_total(total, batch_size(inputs))
    return model.get_metrics_result()


def _take_each_in_turn(model, inputs):
    """Takes a step for each objective; returns the sum of the losses."""
    group = model.optimizer
    everything = [v.value for v in model.trainable_variables]
    total, passed_on = 0.0, None
    for objective in model.objectives():
        group.check_trainable(objective.name)
        member, variables = group[objective.name], group.variables_of[objective.name]
        parameters = [v.value for v in variables]
        for batch in batch_slices(inputs, objective):
            due = objective.is_due() if objective.is_due else None
            with _differentiating_only(parameters, everything):
                loss, passed_on = objective.evaluate(batch, passed_on, True)
                if parameters:
                    gradients = averaged(
                        torch.autograd.grad(
                            member.scale_loss(loss), parameters, allow_unused=True
                        )
                    )
            if passed_on is not None:
                passed_on = tree.map_structure(torch.Tensor.detach, passed_on)
            loss = loss.detach()
            model.track_objective(objective.name, loss, batch_size(batch))
            total = total + loss / objective.steps
            if parameters:
                with torch.no_grad():
                    if model.reports_gradient_norms:
                        present = [g for g in gradients if g is not None]
                        norm = torch.nn.utils.get_total_norm(present)
                        norm = norm / member.scale_loss(1.0)
                        model.track_gradient_norm(objective.name, norm)
                    with undone_unless(due, [*variables, *member.variables]):
                        member.apply(gradients, variables)
                    finish_update(objective, variables)
    return total


def train_on_one_loss(model, keras_step, data):
    """Takes Keras' step for a model with one loss; returns the logs.

    Keras lets gradients gather in the parameters, by a copy or not as memory has it;
    here they are results, and each step makes the same calls.

    Args:
        model: Compiled model.
        keras_step: Keras' own step, for other backends.
        data: `(x, y, sample_weight)`, or the first of them.
    """
    del keras_step
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    given = {"x": x, "y": y, "sample_weight": sample_weight}
    variables = model.trainable_variables
    with shared_changes(model):
        given["y_pred"] = model(x, training=True)
        loss = model.compute_loss(**given, training=True)
        keras_internals.track_loss(model, loss, batch_size(x))
        if variables:
            gradients = averaged(
                torch.autograd.grad(
                    model.optimizer.scale_loss(loss),
                    [v.value for v in variables],
                    allow_unused=True,
                )
            )
            with torch.no_grad():
                model.optimizer.apply(gradients, variables)
    return model.compute_metrics(**given)


@contextlib.contextmanager
def _differentiating_only(parameters, everything):
    """Records the graph for one objective's parameters, and no more than that."""
    own = {id(parameter) for parameter in parameters}
    others = [p for p in everything if id(p) not in own and p.requires_grad]
    try:
        for parameter in others:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in others:
            parameter.requires_grad_(True)


def test_step(model, inputs):
    """Evaluates each objective once on the whole batch; returns the logs."""
    total, passed_on = 0.0, None
    for objective in model.objectives():
        loss, passed_on = objective.evaluate(inputs, passed_on, False)
        model.track_objective(objective.name, loss, batch_size(inputs))
        total = total + loss
    model.track_total(total, batch_size(inputs))
    return model.evaluation_logs()


def weights_are_finite(model, largest: float = math.inf) -> bool:
    """Whether no trainable weight is NaN, infinite or beyond `largest`."""
    values = [v.value.detach() for v in model.trainable_variables]
    if not values:
        return True
    sizes = torch.stack(torch._foreach_norm(values, ord=math.inf))
    return bool((sizes.isfinite() & (sizes <= largest)).all())


def input_gradient(network, x, differentiable):
    """The sum of the scores, and its gradient with respect to the input."""
    create_graph = differentiable and torch.is_grad_enabled()
    with torch.inference_mode(False), torch.enable_grad():
        x = x.clone() if x.is_inference() else x.detach()  # the former has no gradient
        x = x.to(torch.float32).requires_grad_()
        scores = network(x).to(torch.float32).sum()
        (gradient,) = torch.autograd.grad(scores, x, create_graph=create_graph)
    return scores.detach(), gradient


def affine(x, kernel, bias):
    """Returns `x @ kernel + bias` for `(batch, inputs)`, in one call."""
    return torch.addmm(bias, x, kernel)


def relu(x):
    """Returns max(x, 0) without Keras' search for symbolic tensors."""
    return torch.relu(x)


def binary_log_prob(x, logits):
    """Returns log p(x) of each x in [0, 1], where p(1) = sigmoid(logits)."""
    return -torch.nn.functional.binary_cross_entropy_with_logits(
        *torch.broadcast_tensors(logits, x), reduction="none"
    )


def argmax(x):
    """Returns where the last axis is greatest, int32; the first of equal places."""
    return torch.argmax(x, dim=-1).to(torch.int32)


def rows_in_range(x, low, high):
    """Returns whether all values of a row lie in [low, high], false for NaN."""
    return (x.amin(1) >= low) & (x.amax(1) <= high)


def halved(x):
    """Returns images `(batch, height, width, channels)` of half the sides, by means."""
    height, width, channels = x.shape[1:]
    # Rows, then columns: faster than both at once, and than the kernel for pooling.
    x = x.reshape(-1, 2, width * channels).mean(1).reshape(-1, 2, channels).mean(1)
    return x.reshape(-1, height // 2, width // 2, channels)


def loss_to_differentiate(loss):
    """Returns the loss: there is one replica."""
    return loss


def jit_compile_of_keras(jit_compile):
    """Returns what Keras is to do: its own way, `torch.compile`, often fails."""
    return False if jit_compile is True else jit_compile


def traced(function, model, name, branches=None, fuse=False):
    """Returns a function of a batch that is recorded and repeated.

    Args:
        function: What Keras calls for a batch.
        model: Keras model, whose variables it reads and writes.
        name: String, for messages.
        branches: Its `step_branches`; `None` for a step without `cond`.
        fuse: Whether inductor is to make few kernels of its calls.
    """
    if getattr(model, "train_function", None) is function:
        if not torch_updates.is_foretold(model.optimizer):
            return function
        branches = torch_updates.due_updates(model.optimizer, branches)
    return TracedStep(function, model, name, branches, fuse)


def is_current(function) -> bool:
    """Whether a model's variables are those that a traced function knows."""
    return not isinstance(function, TracedStep) or function.is_current()


def compile_call(function, variables, xla):
    """Traces the function, without autograd; its results may be used with it."""
    del variables, xla
    traced = Traced(function, f"`{function.func.__qualname__}`")

    def call(*tensors):
        with torch.inference_mode():
            outputs = traced(*tensors)
        return tree.map_structure(torch.Tensor.clone, outputs)

    return call


cond = torch_branches.cond
keras_internals.replace_cond(torch_branches.choose)
apply_scaled = torch_updates.apply_scaled
convolution = torch_convolutions.convolution
transposed_convolution = torch_convolutions.transposed_convolution
group_normalized = torch_group_norm.group_normalized
shorten_updates = torch_updates.shorten_all
free_size = torch.export.Dim
branching = contextlib.nullcontext


def register_variables(layer):
    """Lets torch know all variables of a layer, as parameters of its module.

    Torch sees no layers in lists, nor those that were built without values, and takes
    their variables for constants, which a file with gradients cannot hold.
    """
    values = {str(i): variable.value for i, variable in enumerate(layer.variables)}
    layer._torch_params = torch.nn.ParameterDict(values)  # the place Keras has for them


fori_loop = torch_loops.fori_loop
while_loop = torch_while_loops.while_loop
SeedGenerator = keras.random.SeedGenerator


def uniform(shape, seed):
    """Draws float32 numbers from U[0, 1): Keras', without its two passes to a range."""
    place = keras_internals.place_of_draw(seed)
    return torch.rand(tuple(shape), dtype=torch.float32, **place)


def normal(shape, seed):
    """Draws float32 numbers from N(0, 1)."""
    return keras.random.normal(shape, dtype="float32", seed=seed)


def read(x, start, size, axis):
    """Returns `size` entries of an axis from `start`, a view where that is an int."""
    if isinstance(start, torch.Tensor):
        return x.index_select(axis, _places(start, size))
    return x.narrow(axis, start, size)


def write(x, values, start, axis):
    """Writes `values` into `x` from `start`, in place, and returns it."""
    place = x if axis == 0 or len(values) == len(x) else x[: len(values)]
    if isinstance(start, torch.Tensor):
        place.index_copy_(axis, _places(start, values.shape[axis]), values)
    else:
        place.narrow(axis, start, values.shape[axis]).copy_(values)
    return x


def _places(start, size):
    start = start.reshape(1).long()
    return start if size == 1 else start + torch.arange(size, device=start.device)


def scan(step, carry, xs):
    """Returns all carries of a loop over the first axis of `xs`, stacked."""
    carries = []
    for x in xs.unbind():  # its gradient is one tensor, that of each `xs[i]` another
        carry = step(carry, x)
        carries.append(carry)
    return tree.map_structure(lambda *steps: torch.stack(steps), *carries)


def random_state() -> dict:
    """Returns torch's global generators, which an unseeded `Dropout` draws from."""
    state = {"torch_random_state": torch.get_rng_state().numpy()}
    if torch.cuda.is_available():
        state["torch_cuda_random_state"] = torch.cuda.get_rng_state().numpy()
    return state


def load_random_state(state) -> None:
    """Puts torch's global generators into a state that `random_state` returned."""
    if "torch_random_state" in state:
        torch.set_rng_state(torch.from_numpy(np.array(state["torch_random_state"])))
    if "torch_cuda_random_state" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(
            torch.from_numpy(np.array(state["torch_cuda_random_state"]))
        )
