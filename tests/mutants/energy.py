"""Faults of the energy models."""

from tests.mutants import Mutant

_ROOM = "tests/models/energy"

MUTANTS = [
    Mutant(
        "distributions/bernoulli.py",
        "return 0.0 - ops.floor(noise - ops.stop_gradient(means))",
        'return ops.cast(noise < means, "float32")',
        f"{_ROOM}/test_wrong_values.py -k nan_draw_nan",
    ),
    Mutant(
        "models/energy/visible_units.py",
        'drawn = ops.where(ops.isnan(levels), levels, ops.cast(drawn, "float32"))',
        'drawn = ops.cast(drawn, "float32")',
        f"{_ROOM}/test_wrong_values.py -k nan_draw_nan",
    ),
    Mutant(
        "models/energy/rbm.py",
        "losses = nan_unless(self.valid_examples(data), losses)",
        "losses = losses + 0.0",
        f"{_ROOM}/test_wrong_values.py -k stream",
    ),
    Mutant(
        "models/energy/layer_pair.py",
        "h = self._hidden(start).sample(self.seed_generator)",
        "h = self._hidden(start).mean()",
        f"{_ROOM}/test_dbm.py -k drawn_up_and_down",
    ),
    Mutant(
        "models/energy/layer_pair.py",
        "chain = visible.sample(self.seed_generator)",
        "chain = visible.mean()",
        f"{_ROOM}/test_dbm.py -k drawn_up_and_down",
    ),
    Mutant(
        "models/energy/tempering.py",
        "for first in (0, 1):",
        "for first in (0, 0):",
        f"{_ROOM}/test_rbm.py -k neighbours",
    ),
    Mutant(
        "models/energy/tempering.py",
        "ops.logical_and(pairs, ops.log(noise) < log_ratio)",
        "ops.logical_and(pairs, noise < 2.0)",
        f"{_ROOM}/test_rbm.py -k tempered_chains_have",
    ),
    Mutant(
        "models/energy/rbm.py",
        "lambda i, v: density.gibbs_step(v, seeds.at(i)),",
        "lambda i, v: v,",
        f"{_ROOM}/test_rbm.py -k draws_anew",
    ),
    Mutant(
        "models/energy/rbm.py",
        "weights = map(ops.stop_gradient, weights)",
        "weights = map(ops.convert_to_tensor, weights)",
        f"{_ROOM}/test_rbm.py -k contrastive_divergence",
    ),
    Mutant(
        "models/energy/rbm_density.py",
        "of_bias = ops.sum(upstream, axis=0)",
        "of_bias = ops.zeros_like(bias)",
        f"{_ROOM}/test_rbm.py -k contrastive_divergence",
    ),
    Mutant(
        "models/energy/annealed_importance_sampling.py",
        "step = seeds.at(first + k)",
        "step = seeds.at(k)",
        f"{_ROOM}/test_log_partition.py -k no_bit",
    ),
    Mutant(
        "models/energy/annealed_importance_sampling.py",
        "_PAPER_STEPS = (0, 500, 4_500, 14_500)",
        "_PAPER_STEPS = (0, 500, 10_500, 14_500)",
        f"{_ROOM}/test_log_partition.py -k spaced",
    ),
    Mutant(
        "models/energy/partitioned_model.py",
        "        log_partition.warn_of_few_chains()\n        return",
        "        return",
        f"{_ROOM}/test_log_partition.py -k few_chains",
    ),
    Mutant(
        "models/energy/partitioned_model.py",
        "ops.where(valid, ops.sum(data, axis=0), 0.0)",
        "ops.sum(data, axis=0)",
        f"{_ROOM}/test_wrong_values.py -k remembered",
    ),
    Mutant(
        "models/energy/dbn.py",
        'data = ops.where(valid[:, None], data, float("nan"))',
        "del valid",
        f"{_ROOM}/test_wrong_values.py -k remembered",
    ),
    Mutant(
        "models/energy/partitioned_model.py",
        "            self._track_data_mean(data)",
        "            pass",
        f"{_ROOM}/test_log_partition.py -k training_data",
    ),
    Mutant(
        "models/energy/boltzmann_machine.py",
        "(weight / self.temperature for weight in weights)",
        "(weight / 1.0 for weight in weights)",
        f"{_ROOM}/test_boltzmann_machine.py -k energy_and_sums",
    ),
    Mutant(
        "models/energy/dbm_density.py",
        "scale = 1.0 if len(layers) == len(self.couplings) else 2.0",
        "scale = 1.0",
        f"{_ROOM}/test_dbm.py -k layer_above_said",
    ),
    Mutant(
        "models/energy/dbm_density.py",
        "ops.matmul(v, self.rbm.couplings[:visible]) + self.rbm.hidden_bias,",
        "ops.matmul(v, self.rbm.couplings[:visible]),",
        f"{_ROOM}/test_dbm.py -k stationary_mean_field",
    ),
    Mutant(
        "models/energy/dbm.py",
        "return ops.convert_to_numpy(self._even_means(base_rates[None]))[0]",
        "return ops.convert_to_numpy(self._even_means(base_rates[None]))[0] * 0 + 0.5",
        f"{_ROOM}/test_dbm.py -k phase_of_the_data",
    ),
    Mutant(
        "models/energy/dbm.py",
        "self.data_mean.assign(ops.convert_to_numpy(data).mean(axis=0))",
        "self.data_mean.assign(ops.convert_to_numpy(data)[0])",
        f"{_ROOM}/test_dbm.py -k remembers_the_mean",
    ),
    Mutant(
        "models/energy/dbn.py",
        "layers = self.directed.draw_up(rows, seeds.at(chunk))",
        "layers = self.directed.draw_up(rows, seeds.at(0))",
        f"{_ROOM}/test_dbn.py -k chunks",
    ),
    Mutant(
        "models/energy/dbn.py",
        "log_weights -= self.directed.log_recognition(layers)",
        "log_weights -= 0.0",
        f"{_ROOM}/test_dbn.py -k bound",
    ),
    Mutant(
        "models/energy/energy_model.py",
        "step_size=ops.convert_to_tensor(self.step_size),",
        "step_size=0.25,",
        f"{_ROOM}/test_changes_in_training.py -k energy_model",
    ),
    Mutant(
        "models/energy/rbm.py",
        "            regularizer=self.coupling_regularizer,\n",
        "",
        f"{_ROOM}/test_rbm.py -k coupling_regularizer",
    ),
    Mutant(
        "models/energy/layer_pair.py",
        "start = ops.convert_to_tensor(self.chains) if self.persistent else data",
        "start = data",
        f"{_ROOM}/test_pretraining.py -k chains_of_a_pair",
    ),
    Mutant(
        "models/energy/layer_pair.py",
        "            if training:\n                self.chains.assign(chain)",
        "            self.chains.assign(chain)",
        f"{_ROOM}/test_pretraining.py -k chains_of_a_pair",
    ),
    Mutant(
        "models/energy/layer_stack.py",
        "units.epoch = epoch",
        "units.epoch = 0",
        f"{_ROOM}/test_pretraining.py -k drawn_anew",
    ),
    Mutant(
        "models/energy/layer_stack.py",
        "            if draws:",
        "            if draws and i == 0:",
        f"{_ROOM}/test_pretraining.py -k drawn_anew",
    ),
    Mutant(
        "models/energy/dbn.py",
        '"persistent": persistent, "num_gibbs_steps"',
        '"num_gibbs_steps"',
        f"{_ROOM}/test_pretraining.py -k drawn_anew",
    ),
    Mutant(
        "models/energy/energy_model.py",
        "reinitialize = Adjustable(checks.fraction)",
        "reinitialize = None",
        "tests/models/test_contracts.py -k 'EnergyModel and scalars'",
    ),
    Mutant(
        "models/energy/energy_model.py",
        "share = ops.convert_to_tensor(self.reinitialize)",
        "share = 0.0",
        f"{_ROOM}/test_changes_in_training.py -k new_scalars",
    ),
    Mutant(
        "models/energy/partitioned_model.py",
        "@compiled(xla=True)\n    def _sample",
        "@compiled()\n    def _sample",
        f"{_ROOM}/test_rbm.py -k one_loop",
        backend="tensorflow",
    ),
]
