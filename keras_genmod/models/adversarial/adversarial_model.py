"""What every model with several objectives shares."""

from typing import Any

import keras
from keras import ops, tree

from keras_genmod import checks
from keras_genmod.engine import Objective, OptimizerGroup, backend, keras_internals
from keras_genmod.models import incoming
from keras_genmod.models.adversarial import batch_sizes
from keras_genmod.models.generative_model import GenerativeModel


class AdversarialModel(GenerativeModel):
    """A model trained by several objectives in turn.

    A subclass lists its objectives in `define_objectives`; the engine differentiates
    each loss with respect to its own networks and applies its own optimizer. `loss`,
    their sum, and `<name>_loss` for each are reported; the sum only serves callbacks
    that look for `loss` (`TerminateOnNaN`). Losses call networks by
    `keras_genmod.engine.call_network`, so that activity regularizers count.

    Args:
        data_shape: Shape of one example, without the batch.
        **kwargs: `num_classes`, `seed`, `name`, `dtype` as in `GenerativeModel`.

    Example:
    ```python
    class Pair(AdversarialModel):
        # Two networks and two losses
        def __init__(self, generator, critic, **kwargs):
            super().__init__(data_shape=critic.input_shape[1:], **kwargs)
            self.generator, self.critic = generator, critic
            self.finish_construction()

        def define_objectives(self):
            return [
                Objective("critic", self._critic_loss, [self.critic], steps=5),
                Objective("generator", self._generator_loss, [self.generator]),
            ]
    ```
    """

    #: Whether training reports `<name>_gradient_norm` too; see `report_gradient_norms`.
    reports_gradient_norms = False

    # Losses compare whole batches.
    takes_sample_weight = False

    @property
    def examples_together(self) -> int:
        """How many examples a score is of: steps take a multiple of them."""
        return 1

    def define_objectives(self) -> list[Objective]:
        """Makes the objectives, in the order of a train step."""
        raise NotImplementedError

    def objectives(self) -> list[Objective]:
        """Returns the objectives, in the order of a train step."""
        return self._objectives

    def finish_construction(self) -> None:
        # Past Keras' tracking, which would take the networks in it for further ones.
        self.__dict__["_objectives"] = self.define_objectives()
        self.objective_trackers = {
            objective.name: keras.metrics.Mean(name=f"{objective.name}_loss")
            for objective in self.objectives()
        }
        # Past Keras' tracking: they are metrics only while the model reports them.
        self.__dict__["_norm_trackers"] = {
            name: keras.metrics.Mean(name=f"{name}_gradient_norm")
            for name in self.objective_trackers
        }
        super().finish_construction()

    @property
    def metrics(self) -> Any:
        norms = self._norm_trackers.values() if self.reports_gradient_norms else []
        return [*super().metrics, *norms]

    def default_optimizer(
        self,
    ) -> keras.optimizers.Optimizer | dict[str, keras.optimizers.Optimizer]:
        """Makes the optimizer of `compile()`: that of the paper, where it names one."""
        return keras.optimizers.Adam()

    def compile(self, optimizer: Any = "auto", **kwargs: Any) -> None:
        """Configures the model for training.

        Args:
            optimizer: "auto" is the `default_optimizer`, that of the model's paper.
                Else a string or `keras.optimizers.Optimizer`, of which every objective
                gets a fresh copy; or a dict with one for each objective by name. A
                schedule of the learning rate counts the updates of its own objective,
                of which `critic_steps` or `discriminator_steps` are made a batch.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile` as in Keras.

        Raises:
            ValueError: If a dict misses an objective or names an unknown one, or
                `optimizer` is `None`.

        Warns:
            UserWarning: If one schedule is given to objectives of different numbers of
                updates a batch.
        """
        if optimizer is None:
            raise ValueError(
                '`optimizer` must be "auto", a name, a `keras.optimizers.Optimizer`, '
                f"or a dict with one for each of {list(self.objective_trackers)}. "
                "Received: optimizer=None"
            )
        if isinstance(optimizer, str) and optimizer == "auto":
            optimizer = self.default_optimizer()
        # A network may have been put in the place of another.
        self.__dict__["_objectives"] = self.define_objectives()
        group = OptimizerGroup.for_objectives(optimizer, self.objectives())
        super().compile(group, **kwargs)

    def fit(
        self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """Trains the model, as `keras.Model.fit`; `y` is the condition.

        Arrays are checked before training: shapes, labels, ranges, and whether the last
        batch holds an example for each step of every objective. Batches of validation
        hold whole packs, too.

        Raises:
            ValueError: If not.
        """
        given = incoming.named(keras.Model.fit, x, y, *args, **kwargs)
        self._check_last_batch(given)
        self._check_validation_batches(given)
        reports = self.reports_gradient_norms
        try:
            return super().fit(x, y, *args, **kwargs)
        except BaseException:  # an interrupt too: a callback cannot turn it off then
            self.report_gradient_norms(reports)
            raise

    def _check_last_batch(self, given):
        """Raises a `ValueError` if arrays leave a batch of a wrong size.

        Args:
            given: Dict of the arguments of `fit`.
        """
        data = tree.flatten(given["x"])
        batch_size = given.get("batch_size") or 32  # Keras' default
        # `steps_per_epoch` may end an epoch before its last batch.
        is_whole = given.get("steps_per_epoch") is None
        if not (is_whole and data and checks.is_array(data[0])):
            return
        size = _num_trained(data[0], given)
        for objective in self.objectives():
            if self.examples_together == 1:
                batch_sizes.check_steps(objective, size, batch_size)
            else:
                batch_sizes.check_packs(
                    objective, self.examples_together, size, batch_size
                )

    def _check_validation_batches(self, given):
        """Raises a `ValueError` if arrays for validation leave a broken pack."""
        if self.examples_together == 1 or given.get("validation_steps") is not None:
            return
        held_out = given.get("validation_data")
        data = tree.flatten(given["x"] if held_out is None else held_out)
        if not (data and checks.is_array(data[0])):
            return
        size = len(data[0])
        if held_out is None:
            size -= _num_trained(data[0], given)
        batch_size = given.get("validation_batch_size") or given.get("batch_size") or 32
        for batch in (min(batch_size, size), size % batch_size):
            if batch % self.examples_together:
                raise ValueError(
                    "`validation_batch_size` must leave batches of a multiple of "
                    f"{self.examples_together} examples, which are scored together. "
                    f"Received: {batch_size} for {size} examples, with a batch of "
                    f"{batch}."
                )

    def train_step(self, *args):
        *state, data = args
        with backend.branching(data) as data:
            return backend.train_step(self, self._inputs(data), *state)

    def test_step(self, *args):
        *state, data = args
        return backend.test_step(self, self._inputs(data), *state)

    def _inputs(self, data):
        inputs, _, sample_weight = self.fold_condition(data)
        incoming.check_weights_are_taken(self, sample_weight)
        return inputs

    def report_gradient_norms(self, on: bool = True) -> None:
        """Has training report the norm of each objective's gradient, or no longer.

        The norm is that of all its networks together, in float32 and without the loss
        scale of float16; a step that overflows, and so is not taken, does not count.
        Under a `tf.distribute` strategy it is that of one replica's share.

        Args:
            on: Whether to report `<name>_gradient_norm`. `evaluate` never does.
        """
        if on != self.reports_gradient_norms:
            self.reports_gradient_norms = on
            self.make_train_function(force=True)

    def evaluation_logs(self) -> dict[str, Any]:
        """Returns what `evaluate` reports: all but gradients; called by the engine."""
        norms = {tracker.name for tracker in self._norm_trackers.values()}
        logs = self.get_metrics_result()
        return {name: value for name, value in logs.items() if name not in norms}

    def track_gradient_norm(self, name: str, norm: Any) -> None:
        """Records the norm of one objective's gradient; called by the engine."""
        taken = None
        if isinstance(self.optimizer[name], keras.optimizers.LossScaleOptimizer):
            taken = ops.isfinite(norm)
            norm = ops.where(taken, norm, 0.0)
        self._norm_trackers[name].update_state(norm, sample_weight=taken)

    def track_objective(self, name: str, loss: Any, num_examples: Any) -> None:
        """Records one objective's loss; called by the engine."""
        self.objective_trackers[name].update_state(loss, sample_weight=num_examples)

    def track_total(self, total: Any, num_examples: Any) -> None:
        """Records the sum of the losses; called by the engine."""
        keras_internals.track_loss(self, total, num_examples)


def _num_trained(x, given):
    """Returns how many examples train: Keras validates on the end of the arrays."""
    return int(len(x) * (1.0 - (given.get("validation_split") or 0.0)))
