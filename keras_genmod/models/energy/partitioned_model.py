"""What every machine with a partition sum is."""

import math
from typing import Any

import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions import LogPartition
from keras_genmod.engine import Seeds, compiled, fori_loop, seed_state
from keras_genmod.models.energy.annealed_importance_sampling import (
    SPACINGS,
    annealed_log_weights,
    inverse_temperatures,
)
from keras_genmod.models.energy.chain_model import ChainModel
from keras_genmod.models.energy.density import Density
from keras_genmod.models.float32_weight import add_float32_weight
from keras_genmod.models.valid_data import in_range

_LARGEST_ENUMERATION = 24  # units whose 2^24 states `log_partition` goes through


class PartitionedModel(ChainModel):
    """Base of machines p(v) = exp(-F(v)) / Z, F the free energy of visible units.

    log Z is exact, by enumeration, where a machine has few units, and an estimate by
    annealed importance sampling (AIS) elsewhere: chains go from a base-rate model,
    whose units are independent and whose log Z is known, by densities p_beta to
    the machine, of beta = 1.

    A subclass overrides `density`, and `phases` and `compute_loss` for training. The
    weights and all that is computed of them are float32 under every dtype policy, since
    small differences of large energies are what such a machine learns from. The
    base keeps the mean of the data trained on, in weights: AIS and sampling start from
    a base-rate model with that mean. Chains that start elsewhere may stay in a mode
    without data, which makes log Z far too low with a narrow interval.

    Args:
        enumerated_units: Number of binary units whose states the exact log Z goes
            through; inf where there are none.
        **kwargs: As in `GenerativeModel`.
    """

    #: What `log_prob` is given the exact log Z; a subclass may bound it from below.
    kind_given_log_partition = "exact"

    #: How AIS spaces its temperatures where the caller does not say: "even" or "paper".
    default_spacing = "even"

    def __init__(self, enumerated_units: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.enumerated_units = enumerated_units
        can = enumerated_units <= _LARGEST_ENUMERATION
        self.likelihood_kind = self.kind_given_log_partition if can else None
        self.data_mean = self._statistic("data_mean", self.data_shape)
        self.num_remembered = self._statistic("num_remembered", ())

    def _statistic(self, name, shape):
        return add_float32_weight(
            self, name, shape, trainable=False, aggregation="mean"
        )

    def density(self, gradients: bool = True) -> Density:
        """Returns the density of the present weights.

        Args:
            gradients: Whether gradients flow to the weights.
        """
        raise NotImplementedError

    def phases(self, data: Any, training: bool) -> dict[str, Any]:
        """Returns what the loss takes of the data and of the model, by name.

        Args:
            data: Float32 visible units, `(batch, *data_shape)`.
            training: Whether persistent chains move.
        """
        raise NotImplementedError

    # Training.

    def call(self, inputs, training=False):
        data, _ = self.data_and_condition(inputs)
        if training:
            self._track_data_mean(data)
        return self.phases(data, training)

    def valid_examples(self, data: Any) -> Any:
        """Returns which examples have a loss, bool `(batch,)`; the others' is NaN.

        Args:
            data: Float32 visible units, `(batch, ...)`.
        """
        return in_range(data, 0.0, 1.0)

    def _track_data_mean(self, data):
        """Takes training data, `(batch, *data_shape)`, into their running mean.

        A batch in which an example is wrong counts for nothing, as its loss is NaN.
        """
        valid = ops.all(self.valid_examples(data))
        number = ops.where(valid, ops.cast(ops.shape(data)[0], "float32"), 0.0)
        total = ops.where(valid, ops.sum(data, axis=0), 0.0)
        self.num_remembered.assign_add(number)
        step = total - number * self.data_mean
        self.data_mean.assign_add(step / ops.maximum(self.num_remembered, 1.0))

    # Sampling.

    @compiled(xla=True)
    def _sample(self, state, base, *, num_samples, num_steps):
        seeds, density = Seeds(state), self.density()
        states, _ = density.annealing_start(base, num_samples, seeds)

        def step(i, states):
            return density.gibbs_step(states, seeds.at(i))

        states = fori_loop(num_steps, step, states)
        visible = states[:, : math.prod(self.data_shape)]  # those come first
        return ops.reshape(visible, (num_samples, *self.data_shape))

    def _is_trained(self):
        return bool(ops.convert_to_numpy(self.num_remembered))

    def _start_biases(self, base_rates=None):
        """Returns the biases of the base-rate model; `None` for the machine's own."""
        if base_rates is not None:
            base_rates = self._checked_rates(base_rates)
        elif self._is_trained():
            base_rates = ops.convert_to_numpy(self.data_mean)
        else:
            return None
        return self.density().base_biases(self._state_rates(base_rates))

    def _state_rates(self, base_rates):
        """Returns the means of a chain's units, given those of the visible ones."""
        return base_rates

    def _checked_rates(self, base_rates):
        base_rates = np.asarray(ops.convert_to_numpy(base_rates), "float32")
        if base_rates.shape != self.data_shape or not np.isfinite(base_rates).all():
            raise ValueError(
                f"`base_rates` must be finite, of shape {self.data_shape}, as "
                f"`x.mean(axis=0)` is. Received: base_rates.shape={base_rates.shape}"
            )
        return base_rates

    # Likelihood.

    def free_energy(self, v: Any) -> Any:
        """Returns F(v) = -log sum_h exp(-E(v, h)) in nats, shape `(batch,)`.

        Args:
            v: Visible units, `(batch, *data_shape)`.
        """
        self.check_examples(v)
        return self._compiled_free_energy(None, v, None)

    @compiled()
    def _compiled_free_energy(self, state, v, condition):
        del state, condition  # Nothing is drawn, nothing given.
        return self._free_energy(ops.cast(v, "float32"))

    def _free_energy(self, v):
        flat = (ops.shape(v)[0], math.prod(self.data_shape))
        return self.density().free_energy(ops.reshape(v, flat))

    def log_prob(
        self,
        x: Any,
        condition: None = None,
        log_partition: LogPartition | None = None,
        batch_size: int = 128,
    ) -> Any:
        """Returns log p(x) = -F(x) - log Z in nats, shape `(batch,)`.

        Numbers of the batches are joined on the host; `free_energy` has a gradient.

        Args:
            x: Visible units, `(batch, *data_shape)`.
            condition: Must be `None`.
            log_partition: What `log_partition` returned; `None` computes the exact
                one anew. With an estimate of log Z, this is an estimate.
            batch_size: Positive int, examples at a time: bounds the memory.

        Raises:
            ValueError: If an argument is out of range, or `log_partition` is `None`
                and the machine is too large to be enumerated.

        Warns:
            UserWarning: If the estimate rests on fewer than 20 effective chains.
        """
        log_z, function = self._given_log_z(log_partition), self._compiled_free_energy
        return -self._in_batches(function, x, condition, batch_size) - log_z

    def _given_log_z(self, log_partition):
        """Returns the value of a `LogPartition`, of the exact one for `None`."""
        if log_partition is None:
            log_partition = self.log_partition()
        if not isinstance(log_partition, LogPartition):
            raise ValueError(
                "`log_partition` must be what `log_partition()` returns. Received: "
                f"log_partition={log_partition!r}"
            )
        log_partition.warn_of_few_chains()
        return log_partition.value

    def log_partition(
        self,
        method: str = "exact",
        num_temperatures: int = 10_000,
        num_chains: int = 100,
        seed: int | None = None,
        base_rates: Any = None,
        spacing: str | None = None,
        verbose: int = 0,
    ) -> LogPartition:
        """Returns log Z, exact or estimated by annealed importance sampling.

        Args:
            method: "exact" to enumerate up to 24 units, or "ais".
            num_temperatures: Positive int, for AIS: steps from the base-rate model to
                the machine.
            num_chains: Int of at least 2, for AIS.
            seed: Int for a repeatable estimate, or `None`.
            base_rates: For AIS, the means that the base-rate model has, of shape
                `data_shape`; `None` takes those of the data that the machine was
                trained on, and its own biases if it was not. Hidden layers that a chain
                holds, of a `DBM`, get the means that mean field finds for these.
            spacing: For AIS, "even" for steps of one size, "paper" for the paper's
                proportions: 1 in 29 steps below the inverse temperature 0.5, 8 up to
                0.9 and 20 up to 1. `None` for the `default_spacing` of the machine,
                "even" for a `BoltzmannMachine` and "paper" for the others.
            verbose: For AIS, 0 shows nothing, 1 a bar, 2 a line at the end. It moves
                by the largest number of equal parts that is at most 20.

        Returns:
            `LogPartition`: value, interval of 3 standard errors, effective sample size.

        Raises:
            ValueError: If an argument is out of range, or the machine is too large to
                be enumerated.

        Warns:
            UserWarning: If fewer than 20 effective chains are left.

        Note:
            Which spacing loses less depends on the machine: look at the effective
            sample size of both. The paper's was made for RBMs of 500 hidden units on
            MNIST, and served a `DBM` of 784-500-1000 better there; even spacing had
            half the standard deviation of log w on RBMs of 64 x 18 units of digits.

        References:
            - Salakhutdinov and Murray, On the quantitative analysis of deep belief
              networks, ICML 2008.
        """
        checks.choice("method", method, ("exact", "ais"))
        if method == "exact":
            self._check_enumeration()
            value = self._compiled_log_partition()
            return LogPartition.exact(ops.convert_to_numpy(value))
        num_temperatures = checks.positive_int("num_temperatures", num_temperatures)
        num_chains = checks.integer("num_chains", num_chains, 2)
        spacing = self._checked_spacing(spacing)
        log_weights = annealed_log_weights(
            self,
            seed_state(seed, self.seed_generator),
            inverse_temperatures(num_temperatures, spacing),
            self._start_biases(base_rates),
            num_chains,
            verbose,
        )
        found = LogPartition.from_log_weights(
            ops.convert_to_numpy(log_weights), num_temperatures, seed, spacing
        )
        found.warn_of_few_chains()
        return found

    @compiled()
    def _compiled_log_partition(self):
        return self.density().log_partition()

    def _checked_spacing(self, spacing):
        if spacing is None:
            return self.default_spacing
        return checks.choice("spacing", spacing, SPACINGS)

    def _check_enumeration(self):
        units = self.enumerated_units
        if units > _LARGEST_ENUMERATION:
            raise ValueError(
                f"`log_partition` enumerates 2^{units} states of {units} units with "
                f'`method="exact"`; it can do at most 2^{_LARGEST_ENUMERATION}. Give '
                '`method="ais"` for an estimate by annealed importance sampling, or '
                "compare models by `free_energy` differences, where Z cancels."
            )

    def likelihood_protocol(
        self,
        method: str = "exact",
        num_temperatures: int = 10_000,
        num_chains: int = 100,
        seed: int | None = None,
        base_rates: Any = None,
        spacing: str | None = None,
    ) -> dict[str, Any]:
        """Returns what of `log_partition`'s options a likelihood depends on."""
        if method == "exact":
            return {"log_partition": "exact"}
        start = "training data" if self._is_trained() else "own"
        return {
            "log_partition": method,
            "num_temperatures": num_temperatures,
            "spacing": self._checked_spacing(spacing),
            "num_chains": num_chains,
            "base_rates": start if base_rates is None else "given",
            "seed": seed,
        }
