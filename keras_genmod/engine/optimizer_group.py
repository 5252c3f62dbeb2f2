"""Several optimizers behind the one that a Keras model has."""

import types
import warnings
from typing import Any

import keras

from keras_genmod.engine import keras_internals
from keras_genmod.engine.averages import put_averages
from keras_genmod.engine.loss_scale import LossScaleOptimizer, as_arithmetic
from keras_genmod.engine.objective import Objective


@keras.saving.register_keras_serializable("keras_genmod")
class OptimizerGroup(keras.optimizers.Optimizer):
    """Holds one optimizer for each objective of a model.

    Keras keeps exactly one optimizer in a model's state: an optimizer kept elsewhere
    silently never learns on JAX and comes back from a file with fresh moments. The
    group is that one optimizer. Its `variables` are its members' in turn, so fitting,
    saving and resuming see every slot.

    Example:
    ```python
    model.compile(optimizer={"critic": "adam", "generator": "adam"})
    model.optimizer["critic"].learning_rate = 1e-4
    ```

    Args:
        members: Dict from objective name to `keras.optimizers.Optimizer`.
        name: String, name of the group.
        ratios: List of the members' learning rates, over that of the first, for when
            that is 0; `None` takes them from the members.
    """

    def __init__(
        self,
        members: dict,
        name: str = "optimizer_group",
        ratios: list[float] | None = None,
    ):
        super().__init__(learning_rate=0.0, name=name)
        # No dict: Keras would walk into it and save every slot a second time.
        self.members = types.MappingProxyType(dict(members))
        self.variables_of: dict = {}
        self._counting = list(self.members)[-1]
        self._ratios = tuple(ratios or [1.0] * len(self.members))
        self._remember_ratios()

    @classmethod
    def for_objectives(
        cls, optimizer: Any, objectives: list[Objective]
    ) -> "OptimizerGroup":
        """Makes the group that `compile(optimizer=...)` describes.

        Args:
            optimizer: A string, an optimizer (each objective gets a fresh copy), a
                dict from objective name to either of these, or a group.
            objectives: List of `Objective`.

        Returns:
            An `OptimizerGroup`, built on the variables that are trainable now.

        Raises:
            ValueError: If a dict misses an objective or names an unknown one.

        Warns:
            UserWarning: If one schedule is given to objectives of different `steps`.
        """
        names = [objective.name for objective in objectives]
        if isinstance(optimizer, cls):
            optimizer = dict(optimizer.members)
        if not isinstance(optimizer, dict):
            original = keras.optimizers.get(optimizer)
            _warn_of_one_schedule(original, objectives)
            optimizer = {name: _fresh_copy(original) for name in names}
        if set(optimizer) != set(names):
            raise ValueError(
                "`optimizer` must name exactly the objectives of the model, "
                f"{names}. Missing: {sorted(set(names) - set(optimizer))}, "
                f"unknown: {sorted(set(optimizer) - set(names))}."
            )
        members = {name: keras.optimizers.get(optimizer[name]) for name in names}
        if len({id(member) for member in members.values()}) < len(members):
            raise ValueError(
                "`optimizer` must give every objective an optimizer of its own. "
                "Received the same optimizer object for several of them; give one "
                "for each, or pass it without a dict to have it copied."
            )
        group = cls(
            {
                objective.name: _with_loss_scale(members[objective.name], objective)
                for objective in objectives
            }
        )
        group.bind(objectives)
        return group

    def bind(self, objectives: list[Objective]) -> None:
        """Builds each member on the trainable variables of its objective."""
        for objective in objectives:
            variables = objective.trainable_variables()
            self.variables_of[objective.name] = variables
            self.members[objective.name].build(variables)
            if objective.is_due is None:
                self._counting = objective.name
        self.built = True

    def check_trainable(self, name: str) -> None:
        """Raises if a variable of the objective was frozen after `compile`.

        Raises:
            ValueError: If so.
        """
        for variable in self.variables_of[name]:
            if not variable.trainable:
                raise ValueError(
                    f"The variable {variable.path!r} of objective {name!r} was "
                    "frozen after `compile`. Call `compile` again, so that its "
                    "optimizer leaves it alone."
                )

    def __getitem__(self, name: str) -> keras.optimizers.Optimizer:
        return self.members[name]

    def build(self, variables: Any) -> None:
        """Does nothing: the members are built by `bind`."""

    @property
    def variables(self) -> list:
        """The members' variables, in turn."""
        return [v for member in self.members.values() for v in member.variables]

    @property
    def iterations(self):
        """The number of updates of the last objective that is always due.

        So it is one a batch for a generator.
        """
        return self.members[self._counting].iterations

    @property
    def learning_rate(self):
        """The learning rate of the first member.

        Setting it scales all members by the same factor, so that their ratio stays,
        also through a rate of 0; set `group["name"].learning_rate` to change one alone.
        """
        return next(iter(self.members.values())).learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        self._remember_ratios()
        for member, ratio in zip(self.members.values(), self._ratios, strict=True):
            member.learning_rate = learning_rate * ratio

    def _remember_ratios(self):
        """Keeps the ratios of the rates, unless they are 0: a warm-up starts there."""
        first, *_ = rates = [_rate(member) for member in self.members.values()]
        if first > 0.0:
            self._ratios = tuple(rate / first for rate in rates)

    def finalize_variable_values(self, var_list: Any) -> None:
        """Puts the averaged weights of members with `use_ema` into the model."""
        put_averages(self)

    def save_own_variables(self, store):
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store):
        if len(store.keys()) != len(self.variables):
            raise ValueError(
                f"The file must hold the {len(self.variables)} slots of the optimizers "
                f"of {', '.join(self.members)}: without them training would go on "
                f"otherwise. It holds {len(store.keys())}. Load weights alone before "
                "`compile`."
            )
        for i, variable in enumerate(self.variables):
            variable.assign(store[str(i)])

    def get_config(self) -> dict[str, Any]:
        return {
            "members": {
                name: keras.saving.serialize_keras_object(member)
                for name, member in self.members.items()
            },
            "name": self.name,
            "ratios": list(self._ratios),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        members = {
            name: keras.saving.deserialize_keras_object(
                member, custom_objects=custom_objects
            )
            for name, member in config["members"].items()
        }
        return cls(members, config["name"], config.get("ratios"))


def _rate(member):
    return float(keras.ops.convert_to_numpy(member.learning_rate))


def _fresh_copy(optimizer):
    return type(optimizer).from_config(optimizer.get_config())


def _warn_of_one_schedule(optimizer, objectives):
    """Warns if a schedule's end comes sooner for one objective than for others."""
    steps = {objective.name: objective.steps for objective in objectives}
    own = getattr(optimizer, "inner_optimizer", optimizer)
    is_schedule = isinstance(own.get_config().get("learning_rate"), dict)
    if is_schedule and len(set(steps.values())) > 1:
        most = max(steps, key=lambda name: steps[name])
        warnings.warn(
            f"The schedule of the learning rate counts updates, and {most!r} takes "
            f"{steps[most]} of them a batch: it comes to the schedule's end in as many "
            "times fewer batches. Give a dict with an optimizer for each of "
            f"{list(steps)}, each with a schedule of its own updates.",
            stacklevel=4,
        )


def _with_loss_scale(member, objective):
    """Wraps a member if one of its networks computes in float16."""
    computes_in_half = any(
        layer.compute_dtype == "float16"
        for network in objective.networks
        for layer in keras_internals.sublayers(network)
    )
    if computes_in_half and not isinstance(member, keras.optimizers.LossScaleOptimizer):
        return LossScaleOptimizer(member)
    return as_arithmetic(member)
