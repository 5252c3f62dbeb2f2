"""Boltzmann machine with arbitrary couplings (Ackley, Hinton and Sejnowski, 1985)."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions import Bernoulli
from keras_genmod.engine import Seeds, compiled, fori_loop, read, seed_state
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.energy.boltzmann_density import BoltzmannDensity
from keras_genmod.models.energy.coupling_graph import CouplingGraph
from keras_genmod.models.energy.partitioned_model import PartitionedModel
from keras_genmod.models.float32_weight import add_float32_weight
from keras_genmod.models.valid_data import nan_unless, on_levels

_LARGEST_TRAINED = 20  # units whose 2^20 states each step of training goes through
_MEAN_FIELD_SWEEPS = 10


@keras.saving.register_keras_serializable("keras_genmod")
class BoltzmannMachine(PartitionedModel):
    """p(s) = exp(-E(s) / T) / Z, E(s) = -s'W s / 2 - b.s, over all units s in {0, 1}.

    W is symmetric with diagonal 0: each pair of units has one weight. The first units
    are visible; p(v) sums over the others, F(v) = -log sum_h exp(-E(v, h) / T).

    The loss has the gradient of -log p(v): correlations <s_i s_j> of the model minus
    those with visible units clamped to the data. With exact statistics it is -log p(v),
    in nats. With persistent chains its value is no likelihood: Gibbs chains stand for
    the model, a mean-field posterior for the clamped hidden units. A machine without
    hidden units reports `pseudo_log_prob` in training.

    Gibbs sweeps move uncoupled units at once where there are few such blocks (two for
    layers or a chequerboard), and unit after unit elsewhere.

    Args:
        visible_dim: Positive int, number of visible units.
        hidden_dim: Int of at least 0, number of hidden units.
        temperature: Number above 0, T.
        couplings_mask: Symmetric array of 0 and 1, diagonal 0, of shape `(num_units,
            num_units)`, visible units first: 1 where two units are coupled. `None`
            couples all.
        statistics: "persistent", or "exact" to enumerate up to 20 units in training.
        num_gibbs_steps: Positive int, sweeps of the chains a batch.
        num_chains: Positive int, number of persistent chains, which are weights.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range, or a machine is too large for exact
            statistics.

    Note:
        The paper anneals anew for each estimate. Persistent chains and the mean-field
        posterior, of 10 sweeps over the hidden units, are Salakhutdinov and Hinton's.

    References:
        - Ackley, Hinton and Sejnowski, A learning algorithm for Boltzmann machines,
          Cognitive Science 9, 1985.
        - Salakhutdinov and Hinton, Deep Boltzmann machines, AISTATS 2009.
        - Besag, Statistical analysis of non-lattice data, The Statistician 24, 1975
          (the pseudo-likelihood).

    Example:
    ```python
    model = BoltzmannMachine(64, num_chains=100)
    model.compile(keras.optimizers.SGD(0.05))
    model.fit(patterns, epochs=100)  # (batch, 64), zeros and ones
    known = np.arange(64) < 32
    whole = model.complete(corrupted, known, final_temperature=0.1)
    ```
    """

    num_levels = 2
    temperature = Adjustable(checks.positive)

    def __init__(
        self,
        visible_dim: int,
        hidden_dim: int = 0,
        temperature: float = 1.0,
        couplings_mask: Any = None,
        statistics: str = "persistent",
        num_gibbs_steps: int = 1,
        num_chains: int = 100,
        **kwargs: Any,
    ) -> None:
        visible_dim = checks.positive_int("visible_dim", visible_dim)
        hidden_dim = checks.integer("hidden_dim", hidden_dim)
        checks.choice("statistics", statistics, ("exact", "persistent"))
        num_gibbs_steps = checks.positive_int("num_gibbs_steps", num_gibbs_steps)
        num_chains = checks.positive_int("num_chains", num_chains)
        num_units = visible_dim + hidden_dim
        graph = CouplingGraph(num_units, couplings_mask)
        super().__init__(
            enumerated_units=graph.num_enumerated(np.arange(num_units)),
            data_shape=(visible_dim,),
            **kwargs,
        )
        self.visible_dim = visible_dim
        self.hidden_dim = hidden_dim
        self.num_units = num_units
        self.temperature = temperature
        self._graph = graph
        self._is_masked = couplings_mask is not None
        self.statistics = statistics
        self.num_gibbs_steps = num_gibbs_steps
        self.num_chains = num_chains
        if statistics == "exact" and self.enumerated_units > _LARGEST_TRAINED:
            raise ValueError(
                '`statistics` must be "persistent" for this machine: "exact" goes '
                f"through 2^{self.enumerated_units} states a step, at most "
                f"2^{_LARGEST_TRAINED}. Received: statistics='exact'"
            )
        small = keras.initializers.RandomNormal(0.0, 0.01, seed=self.seed)
        self.couplings = add_float32_weight(
            self, "couplings", (graph.num_couplings,), small
        )
        self.bias = add_float32_weight(self, "bias", (num_units,))
        if statistics == "persistent":
            shape = (num_chains, num_units)
            self.chains = add_float32_weight(
                self, "chains", shape, self._first_chains, trainable=False, own=True
            )
        if not hidden_dim:
            self.pseudo_tracker = keras.metrics.Mean(name="pseudo_log_prob")
        self.finish_construction()

    def _first_chains(self, shape, dtype=None):
        return _random_states(shape, self.seed_generator)

    def density(self, gradients: bool = True) -> BoltzmannDensity:
        """Returns the density of E / T, of the present weights."""
        couplings = self._graph.matrix(ops.convert_to_tensor(self.couplings))
        weights = couplings, ops.convert_to_tensor(self.bias)
        if not gradients:
            weights = tuple(ops.stop_gradient(weight) for weight in weights)
        couplings, bias = (weight / self.temperature for weight in weights)
        return BoltzmannDensity(self._graph, self.visible_dim, couplings, bias)

    # Training.

    def phases(self, data: Any, training: Any) -> Any:
        """Returns the states that both sides of the gradient are taken of.

        `clamped`, all units with the visible ones at the data and hidden ones at their
        means, and `chain`; with exact statistics only `clamped`, the data alone.
        """
        if self.statistics == "exact":
            return {"clamped": data}
        density = self.density(gradients=False)
        seeds = Seeds(self.seed_generator.next())
        chain = fori_loop(
            self.num_gibbs_steps,
            lambda i, s: density.gibbs_step(s, seeds.at(i)),
            ops.convert_to_tensor(self.chains),
        )
        if training:
            self.chains.assign(chain)
        clamped = density.mean_field(data, _MEAN_FIELD_SWEEPS)
        return {
            "clamped": ops.stop_gradient(clamped),
            "chain": ops.stop_gradient(chain),
        }

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        density, clamped = self.density(), y_pred["clamped"]
        if not self.hidden_dim:
            pseudo = ops.stop_gradient(density.pseudo_log_prob(clamped))
            self.pseudo_tracker.update_state(pseudo, sample_weight)
        if self.statistics == "exact":
            losses = density.free_energy(clamped) + density.log_partition()
        else:
            model = ops.mean(density.log_weight(y_pred["chain"]))
            losses = model - density.log_weight(clamped)
        data = clamped[:, : self.visible_dim]
        losses = nan_unless(self.valid_examples(data), losses)
        return self.mean_loss(losses, sample_weight)

    def valid_examples(self, data: Any) -> Any:
        return on_levels(data, self.num_levels)

    # What it offers.

    @compiled()
    def coupling_matrix(self) -> Any:
        """Returns W, float32 `(num_units, num_units)`, symmetric with diagonal 0."""
        return self._graph.matrix(ops.convert_to_tensor(self.couplings))

    def energy(self, s: Any) -> Any:
        """Returns E(s), shape `(batch,)`, not divided by the temperature.

        Args:
            s: All units, visible ones first, `(batch, num_units)`.
        """
        checks.shape("s", s, (self.num_units,))
        return self._energy(s)

    @compiled()
    def _energy(self, s):
        return -self.temperature * self.density().log_weight(ops.cast(s, "float32"))

    def pseudo_log_prob(self, x: Any) -> Any:
        """Returns sum_i log p(x_i given all other units) in nats, shape `(batch,)`.

        Args:
            x: Visible units, `(batch, visible_dim)`.

        Raises:
            ValueError: If the machine has hidden units.
        """
        if self.hidden_dim:
            raise ValueError(
                "`pseudo_log_prob` is that of a machine without hidden units. "
                f"Received: hidden_dim={self.hidden_dim}"
            )
        self.check_examples(x)
        return self._compiled_pseudo_log_prob(x)

    @compiled()
    def _compiled_pseudo_log_prob(self, x):
        return self.density().pseudo_log_prob(ops.cast(x, "float32"))

    def complete(
        self,
        x: Any,
        mask: Any,
        num_steps: int = 100,
        final_temperature: Any = None,
        seed: int | None = None,
    ) -> Any:
        """Completes patterns: known units stay, the others and hidden ones move.

        Unknown units start at random. At the machine's temperature they are drawn from
        p(unknown given known) as `num_steps` grows; cooled down, they settle in a
        pattern of low energy (simulated annealing).

        Args:
            x: Patterns `(batch, visible_dim)`, anything where nothing is known.
            mask: Booleans `(batch, visible_dim)`, or of one pattern for all; true where
                a value of `x` stays.
            num_steps: Positive int, Gibbs sweeps.
            final_temperature: Number above 0, where the temperature falls to by equal
                factors; `None` leaves it at the machine's.
            seed: Int for a repeatable completion, or `None`.

        Returns:
            Float32 tensor of the shape of `x`, of zeros and ones.

        Raises:
            ValueError: If an argument is out of range.
        """
        checks.shape("x", x, self.data_shape)
        mask = checks.broadcast("mask", mask, tuple(x.shape)).astype(bool)
        x = np.where(mask, ops.convert_to_numpy(x), 0.0).astype("float32")
        self.check_examples(x)
        hidden = ((0, 0), (0, self.hidden_dim))
        x, mask = np.pad(x, hidden), np.pad(mask, hidden)
        num_steps = checks.positive_int("num_steps", num_steps)
        start = float(self.temperature)
        final = start if final_temperature is None else final_temperature
        checks.positive("final_temperature", final)
        betas = np.geomspace(1.0, start / final, num_steps).astype("float32")
        state = seed_state(seed, self.seed_generator)
        return self._complete(state, betas, x, mask)

    @compiled(xla=True)
    def _complete(self, state, betas, x, mask):
        seeds, density = Seeds(state), self.density()
        movable = ops.logical_not(mask)
        s = ops.where(movable, _random_states(ops.shape(x), seeds), x)

        def sweep(i, s):
            beta = read(betas, i, 1, axis=0)[0]
            return density.gibbs_sweep(s, seeds.at(i), beta, movable=movable)

        s = fori_loop(betas.shape[0], sweep, s)
        return s[:, : self.visible_dim]

    def check_examples(self, x: Any) -> None:
        super().check_examples(x)
        checks.levels("x", x, 2)

    def get_config(self):
        mask = self._graph.mask.astype(int).tolist() if self._is_masked else None
        return {
            **super().get_config(),
            "visible_dim": self.visible_dim,
            "hidden_dim": self.hidden_dim,
            "temperature": float(self.temperature),
            "couplings_mask": mask,
            "statistics": self.statistics,
            "num_gibbs_steps": self.num_gibbs_steps,
            "num_chains": self.num_chains,
        }


def _random_states(shape, seed):
    return Bernoulli(ops.zeros(shape, dtype="float32")).sample(seed)
