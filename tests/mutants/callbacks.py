"""Faults of callbacks."""

from tests.mutants import Mutant

_EVALUATE = "tests/callbacks/test_evaluate_samples.py"

_MACHINES = "tests/callbacks/test_machines.py"
_KILLS = "tests/callbacks/test_kills.py"

MUTANTS = [
    Mutant(
        "callbacks/backup.py",
        "        run_state.drop_rows(others, epoch)\n",
        "",
        _KILLS,
    ),
    Mutant(
        "callbacks/run_state.py",
        "int(number) < epoch)",
        "int(number) <= epoch)",
        _KILLS,
    ),
    Mutant(
        "callbacks/backup.py",
        '{"epoch": epoch + 1, "callbacks"',
        '{"epoch": epoch, "callbacks"',
        _KILLS,
    ),
    Mutant(
        "models/saving.py",
        "            load_random_state(found)\n",
        "            pass\n",
        _KILLS,
    ),
    Mutant(
        "callbacks/stop_on_non_finite.py",
        "model.__dict__.get(_BOUND, math.inf)",
        "math.inf",
        "tests/callbacks/test_stop_on_non_finite.py",
    ),
    Mutant(
        "callbacks/evaluate_samples.py",
        "if not weights_are_finite(self.model):",
        "if False:",
        f"{_EVALUATE} -k clean_samples_of_weights",
    ),
    Mutant(
        "callbacks/sample_metrics.py",
        "if known != (protocols, how):",
        "if False:",
        f"{_EVALUATE} -k numbers_of_another_protocol",
    ),
    Mutant(
        "callbacks/tensorboard/event_writer.py",
        "os.path.basename(name) != name",
        "False",
        f"{_EVALUATE} -k other_arguments_are_refused",
    ),
    Mutant(
        "models/adversarial/adversarial_model.py",
        "self.report_gradient_norms(reports)",
        "pass",
        "tests/callbacks/test_gan_health.py -k an_interrupt_turns",
    ),
    Mutant(
        "latents/coding.py",
        "z.reshape(len(z), -1)",
        "z",
        "tests/latents/test_coding.py -k a_flow_encodes_and_decodes",
    ),
    Mutant(
        "callbacks/gibbs_steps.py",
        "if start <= epoch",
        "if start < epoch",
        f"{_MACHINES} -k epochs_are_those_of",
    ),
    Mutant(
        "callbacks/gibbs_steps.py",
        "self.model.make_train_function(force=True)",
        "pass",
        f"{_MACHINES} -k epochs_are_those_of",
    ),
    Mutant(
        "callbacks/gibbs_steps.py",
        "num_gibbs_steps = self.schedule[max(past)]",
        "num_gibbs_steps = self.schedule[min(past)]",
        f"{_MACHINES} -k follows_the_epoch",
    ),
    Mutant(
        "callbacks/free_energy_gap.py",
        "self._mean(self.x_val) - self._mean(self.x_train)",
        "self._mean(self.x_train) - self._mean(self.x_val)",
        f"{_MACHINES} -k difference_of_log_likelihoods",
    ),
    Mutant(
        "callbacks/free_energy_gap.py",
        "float(np.concatenate(found).mean())",
        "float(np.mean([part.mean() for part in found]))",
        f"{_MACHINES} -k all_examples_count",
    ),
    Mutant(
        "models/energy/dbn.py",
        "self.top.num_gibbs_steps = checks.positive_int",
        "checks.positive_int",
        f"{_MACHINES} -k steps_of_a_dbn",
    ),
]
