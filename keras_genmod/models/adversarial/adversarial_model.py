"""What every model with several objectives shares."""

import keras

from keras_genmod.engine import Objective, OptimizerGroup, backend
from keras_genmod.models import checks
from keras_genmod.models.generative_model import GenerativeModel


class AdversarialModel(GenerativeModel):
    """A model trained by several objectives in turn.

    A subclass lists its `objectives()`; the engine differentiates each loss with
    respect to its own networks and applies its own optimizer. `loss`, their sum, and
    `<name>_loss` for each are reported; the sum only serves callbacks that look for
    `loss` (`TerminateOnNaN`).
    """

    def objectives(self) -> list[Objective]:
        """Returns the objectives, in the order of a train step."""
        raise NotImplementedError

    def finish_construction(self):
        self.objective_trackers = {
            objective.name: keras.metrics.Mean(name=f"{objective.name}_loss")
            for objective in self.objectives()
        }
        super().finish_construction()

    def compile(self, optimizer="adam", **kwargs):
        """Configures the model for training.

        Args:
            optimizer: String or `keras.optimizers.Optimizer`, of which every objective
                gets a fresh copy; or a dict with one for each objective by name.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile` as in Keras.

        Raises:
            ValueError: If a dict misses an objective or names an unknown one.
        """
        group = OptimizerGroup.for_objectives(optimizer, self.objectives())
        super().compile(group, **kwargs)

    def train_step(self, *args):
        *state, data = args
        return backend.train_step(self, self._inputs(data), *state)

    def test_step(self, *args):
        *state, data = args
        return backend.test_step(self, self._inputs(data), *state)

    def _inputs(self, data):
        inputs, _, sample_weight = self.fold_condition(data)
        checks.sample_weight_unused(sample_weight, type(self).__name__)
        return inputs

    def track_objective(self, name, loss, num_examples):
        """Records one objective's loss; called by the engine."""
        self.objective_trackers[name].update_state(loss, sample_weight=num_examples)

    def track_total(self, total, num_examples):
        """Records the sum of the losses; called by the engine."""
        self._loss_tracker.update_state(total, sample_weight=num_examples)
