"""Faults of autoencoders."""

from tests.mutants import Mutant

_HERE = "tests/models/autoencoders/"
_OBJECTIVES = _HERE + "test_vae_objectives.py"

MUTANTS = [
    Mutant(  # the mean of K weights becomes their sum
        "models/autoencoders/vae.py",
        "axis=1) - math.log(losses.shape[1])",
        "axis=1)",
        _OBJECTIVES + " -k exact_posterior",
    ),
    Mutant(
        "models/autoencoders/vae.py",
        "1.0 - weight * (1.0 - shares)",
        "1.0 - weight * shares",
        _OBJECTIVES + " -k doubly",
    ),
    Mutant(  # the density keeps a gradient of its own
        "models/autoencoders/vae.py",
        "repeat(ops.stop_gradient(outputs[name])",
        "repeat((outputs[name])",
        _OBJECTIVES + " -k doubly",
    ),
    Mutant(  # a floor under each example, not under the mean
        "models/autoencoders/kl_terms.py",
        "means > floor",
        "terms > floor",
        _OBJECTIVES + " -k below_the_floor",
    ),
    Mutant(
        "models/autoencoders/kl_terms.py",
        "    if training:\n        model.warm_up_steps",
        "    if True:\n        model.warm_up_steps",
        _OBJECTIVES + " -k warms_up",
    ),
    Mutant(  # 1 / N in the first column
        "models/autoencoders/total_correlation.py",
        "((rows + 1) % batch_size, 1)",
        "(0 * rows, 1)",
        _OBJECTIVES + " -k stratified",
    ),
    Mutant(
        "models/autoencoders/vae.py",
        "(ops.convert_to_tensor(self.tc_weight) - 1.0)",
        "ops.convert_to_tensor(self.tc_weight)",
        _OBJECTIVES + " -k on_it_alone",
    ),
    Mutant(
        "models/autoencoders/denoising_autoencoder.py",
        "variance = ops.square(ops.convert_to_tensor(self.noise_level))",
        "variance = ops.convert_to_tensor(self.noise_level)",
        _HERE + "test_denoising_autoencoder.py -k score",
    ),
    Mutant(  # the noise is part of what it shall make
        "models/autoencoders/denoising_autoencoder.py",
        "return self._made_of(self._noisy(x), training)",
        "return self._made_of(x, training)",
        _HERE + "test_denoising_autoencoder.py -k closed_form",
    ),
    Mutant(  # whole examples are masked
        "models/autoencoders/denoising_autoencoder.py",
        "uniform(ops.shape(x), seed",
        "uniform((ops.shape(x)[0], 1), seed",
        _HERE + "test_denoising_autoencoder.py -k masking",
    ),
    Mutant(  # whole examples are permuted
        "models/autoencoders/factor_vae.py",
        "uniform(ops.shape(z), self",
        "uniform((ops.shape(z)[0], 1), self",
        _HERE + "test_factor_vae.py -k by_itself",
    ),
    Mutant(
        "models/autoencoders/factor_vae.py",
        "loss(of_joint, of_independent)",
        "loss(of_independent, of_joint)",
        _HERE + "test_factor_vae.py -k best",
    ),
    Mutant(  # both halves are the same examples
        "models/autoencoders/factor_vae.py",
        "z[size // 2 :]",
        "z[: (size + 1) // 2]",
        _HERE + "test_factor_vae.py -k halves",
    ),
    Mutant(
        "models/autoencoders/factor_vae.py",
        "return reconstruction + kl + weight * correlation",
        "return reconstruction + (1 + weight) * correlation",
        _HERE + "test_factor_vae.py -k estimates",
    ),
    Mutant(  # nothing trains the variance of the likelihood
        "models/autoencoders/factor_vae.py",
        "            vae.append(self.output_variance)",
        "            pass",
        _HERE + "test_factor_vae.py -k own_networks",
    ),
    Mutant(
        "models/autoencoders/factor_vae.py",
        "Adam(1e-4, beta_1=0.5",
        "Adam(1e-4, beta_1=0.9",
        _HERE + "test_factor_vae.py -k default",
    ),
    Mutant(
        "models/autoencoders/ladder_posterior.py",
        "ops.sigmoid(-ratio)",
        "ops.sigmoid(ratio)",
        _HERE + "test_ladder_vae.py -k merged",
    ),
    Mutant(  # variances add up
        "models/autoencoders/ladder_posterior.py",
        "first.log_var - ops.softplus(ratio)",
        "first.log_var + ops.softplus(ratio)",
        _HERE + "test_ladder_vae.py -k merged",
    ),
    Mutant(  # no top-down inference
        "models/autoencoders/ladder_posterior.py",
        "                q = merged(q, p)",
        "                pass",
        _HERE + "test_ladder_vae.py -k any_draw",
    ),
    Mutant(
        "models/autoencoders/ladder_posterior.py",
        "* ops.exp(-p.log_var)",
        "* ops.exp(-q.log_var)",
        _HERE + "test_ladder_vae.py -k integral",
    ),
    Mutant(
        "models/autoencoders/ladder_prior.py",
        "above = parts[min(level + 1, len(parts) - 1)]",
        "above = part",
        _HERE + "test_ladder_vae.py -k samples",
    ),
    Mutant(  # one level alone costs
        "models/autoencoders/ladder_vae.py",
        "self.mean_loss(reconstruction + weight * kl, sample_weight)",
        "self.mean_loss(reconstruction + weight * levels[0], sample_weight)",
        _HERE + "test_ladder_vae.py -k spoilt",
    ),
    Mutant(
        "models/autoencoders/ladder_vae.py",
        "for below in reversed(range(level))",
        "for below in range(0)",
        _HERE + "test_ladder_vae.py -k samples",
    ),
    Mutant(
        "models/autoencoders/denoising_autoencoder.py",
        'checks.fraction("noise_level", value)',
        "pass",
        _HERE + "test_denoising_autoencoder.py -k probability_stays",
    ),
]
