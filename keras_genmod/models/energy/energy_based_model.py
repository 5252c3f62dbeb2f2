"""What every machine with a partition sum is."""

import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions import LogPartition
from keras_genmod.engine import Seeds, compiled, seed_state
from keras_genmod.models.energy.annealing import anneal
from keras_genmod.models.generative_model import GenerativeModel

_LARGEST_ENUMERATION = 24  # units whose 2^24 states `log_partition` goes through


class EnergyBasedModel(GenerativeModel):
    """Base of machines p(v) = exp(-F(v)) / Z, F the free energy of visible units.

    log Z is exact, by enumeration, where a machine has few units, and an estimate by
    annealed importance sampling (AIS) elsewhere: chains go from a base-rate model,
    whose visible units are independent and whose log Z is known, by densities p_beta to
    the machine, of beta = 1.

    A subclass sets `enumerated_units`, the number of binary units whose states are gone
    through, and overrides `_free_energy`, `_exact_log_partition`, and for AIS
    `_base_biases`, `_annealing_start` and `_annealing_step`; all are pure functions of
    tensors and of the weights. It calls `set_enumerated_units` in `__init__`, and
    `remember` with the data of each call.

    A machine remembers the mean of the data that it was trained on, in weights: AIS
    and sampling start from a base-rate model with that mean. Chains that start
    elsewhere may stay in a mode without data, which makes log Z far too low with a
    narrow interval.
    """

    #: Number of binary units whose states the exact log Z goes through.
    enumerated_units: int
    #: What `log_prob` is given the exact log Z; a subclass may bound it from below.
    kind_given_log_partition = "exact"

    def set_enumerated_units(self, num_units):
        """Says how many units `_exact_log_partition` enumerates."""
        self.enumerated_units = num_units
        can = num_units <= _LARGEST_ENUMERATION
        self.likelihood_kind = self.kind_given_log_partition if can else None
        self.data_mean = self._statistic("data_mean", self.data_shape)
        self.num_remembered = self._statistic("num_remembered", ())

    def _statistic(self, name, shape):
        return self.add_weight(
            shape=shape,
            initializer="zeros",
            dtype="float32",
            autocast=False,
            trainable=False,
            aggregation="mean",
            name=name,
        )

    def remember(self, data, training):
        """Takes training data, `(batch, ...)`, into their running mean."""
        if not training:
            return
        data = ops.reshape(ops.cast(data, "float32"), (-1, *self.data_shape))
        batch = ops.cast(ops.shape(data)[0], "float32")
        number = self.num_remembered + batch
        step = ops.mean(data, axis=0) - self.data_mean
        self.data_mean.assign_add(step * (batch / number))
        self.num_remembered.assign(number)

    def add_float32_weight(self, name, shape, initializer="zeros", trainable=True):
        """Returns a new weight that is float32 under every policy."""
        return self.add_weight(
            shape=shape,
            initializer=initializer,
            dtype="float32",
            autocast=False,
            trainable=trainable,
            name=name,
        )

    # What a machine is.

    def _free_energy(self, v):
        """Returns F(v) in nats, `(batch,)`, of float32 visible units."""
        raise NotImplementedError

    def _exact_log_partition(self):
        """Returns log Z in nats, `()`, by enumeration in blocks."""
        raise NotImplementedError

    def _base_biases(self, base_rates):
        """Returns the base-rate model's visible biases as NumPy, from the means."""
        raise NotImplementedError

    def _annealing_start(self, base, num_chains, seeds):
        """Returns draws of the base-rate model and its log Z.

        Args:
            base: Tensor of visible biases from `_base_biases`, or `None` for the
                machine's own.
            num_chains: Int.
            seeds: `Seeds`.

        Returns:
            A nest of tensors `(num_chains, ...)`, and a tensor of shape `()`.
        """
        raise NotImplementedError

    def _annealing_step(self, states, low, high, base, seeds):
        """Takes a step of AIS, as `annealing.anneal` describes it.

        Args:
            states: Nest of tensors `(num_chains, ...)`.
            low: Tensor of shape `()`, the beta that the states come from.
            high: Tensor of shape `()`, the next beta.
            base: As in `_annealing_start`.
            seeds: `Seeds`, at most 63 draws.

        Returns:
            The states after a Gibbs step that leaves p_high as it is, and
            log p*_high - log p*_low of the states before, `(num_chains,)`.
        """
        raise NotImplementedError

    # What it offers.

    def free_energy(self, v):
        """Returns F(v) = -log sum_h exp(-E(v, h)) in nats, shape `(batch,)`.

        Args:
            v: Visible units, `(batch, *data_shape)`.
        """
        self.check_examples(v)
        return self._compiled_free_energy(v)

    @compiled()
    def _compiled_free_energy(self, v):
        return self._free_energy(ops.cast(v, "float32"))

    def log_prob(self, x, condition=None, log_partition=None):
        """Returns log p(x) = -F(x) - log Z in nats, shape `(batch,)`.

        Args:
            x: Visible units, `(batch, *data_shape)`.
            condition: Must be `None`.
            log_partition: What `log_partition` returned; `None` computes the exact
                one anew. With an estimate of log Z, this is an estimate.

        Raises:
            ValueError: If `log_partition` is `None` and the machine is too large to
                be enumerated.
        """
        self.standardize_condition(condition, len(x))
        return -self.free_energy(x) - self._given_log_z(log_partition)

    def _given_log_z(self, log_partition):
        """Returns the value of a `LogPartition`, of the exact one for `None`."""
        if log_partition is None:
            log_partition = self.log_partition()
        if not isinstance(log_partition, LogPartition):
            raise ValueError(
                "`log_partition` must be what `log_partition()` returns. Received: "
                f"log_partition={log_partition!r}"
            )
        return log_partition.value

    def log_partition(
        self,
        method="exact",
        num_temperatures=10_000,
        num_chains=100,
        seed=None,
        base_rates=None,
    ) -> LogPartition:
        """Returns log Z, exact or estimated by annealed importance sampling.

        Args:
            method: "exact" to enumerate up to 24 units, or "ais".
            num_temperatures: Positive int, for AIS: steps from the base-rate model to
                the machine, spaced evenly.
            num_chains: Int of at least 2, for AIS.
            seed: Int for a repeatable estimate, or `None`.
            base_rates: For AIS, the means that the base-rate model has, of shape
                `data_shape`; `None` takes those of the data that the machine was
                trained on, and its own visible biases if it was not.

        Returns:
            `LogPartition`: value, interval of 3 standard errors, effective sample size.

        Raises:
            ValueError: If an argument is out of range, or the machine is too large to
                be enumerated.

        Note:
            The paper puts 20 of 29 steps between 0.9 and 1. Even spacing, that of
            the authors' later deep Boltzmann machines, had a third of the standard
            deviation of log w on random machines of up to 200 x 100 units.

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
        num_chains = checks.positive_int("num_chains", num_chains)
        if num_chains < 2:
            raise ValueError(
                "`num_chains` must be at least 2, for a standard error. Received: "
                f"num_chains={num_chains}"
            )
        log_weights = self._annealed_log_weights(
            seed_state(seed, self.seed_generator),
            np.linspace(0.0, 1.0, num_temperatures + 1, dtype="float32"),
            self._start_biases(base_rates),
            num_chains=int(num_chains),
        )
        log_weights = ops.convert_to_numpy(log_weights)
        return LogPartition.from_log_weights(log_weights, int(num_temperatures), seed)

    @compiled()
    def _compiled_log_partition(self):
        return self._exact_log_partition()

    @compiled(xla=True)
    def _annealed_log_weights(self, state, betas, base, *, num_chains):
        seeds = Seeds(state)
        states, log_z = self._annealing_start(base, num_chains, seeds)

        def step(states, low, high, k):
            return self._annealing_step(states, low, high, base, seeds.at(k))

        start = ops.broadcast_to(ops.cast(log_z, "float32"), (num_chains,))
        return anneal(step, states, start, betas)

    def _check_enumeration(self):
        units = self.enumerated_units
        if units > _LARGEST_ENUMERATION:
            raise ValueError(
                f"`log_partition` enumerates 2^{units} states of {units} units with "
                f'`method="exact"`; it can do at most 2^{_LARGEST_ENUMERATION}. Give '
                '`method="ais"` for an estimate by annealed importance sampling, or '
                "compare models by `free_energy` differences, where Z cancels."
            )

    def _is_trained(self):
        return bool(ops.convert_to_numpy(self.num_remembered))

    def _start_biases(self, base_rates=None):
        """Returns the biases of the base-rate model; `None` for the machine's own."""
        if base_rates is not None:
            return self._base_biases(self._checked_rates(base_rates))
        if self._is_trained():
            return self._base_biases(ops.convert_to_numpy(self.data_mean))
        return None

    def _checked_rates(self, base_rates):
        base_rates = np.asarray(ops.convert_to_numpy(base_rates), "float32")
        if base_rates.shape != self.data_shape or not np.isfinite(base_rates).all():
            raise ValueError(
                f"`base_rates` must be finite, of shape {self.data_shape}, as "
                f"`x.mean(axis=0)` is. Received: base_rates.shape={base_rates.shape}"
            )
        return base_rates

    def likelihood_protocol(
        self,
        method="exact",
        num_temperatures=10_000,
        num_chains=100,
        seed=None,
        base_rates=None,
    ):
        """Returns what of `log_partition`'s options a likelihood depends on."""
        if method == "exact":
            return {"log_partition": "exact"}
        return {
            "log_partition": method,
            "num_temperatures": num_temperatures,
            "num_chains": num_chains,
            "base_rates": self._name_of_start(base_rates),
            "seed": seed,
        }

    def _name_of_start(self, base_rates):
        if base_rates is not None:
            return "given"
        return "training data" if self._is_trained() else "own"

    def get_config(self):
        config = super().get_config()
        del config["num_classes"]
        return config
