"""Faults of diffusion models."""

from tests.mutants import Mutant

_HERE = "tests/models/diffusion/"

MUTANTS = [
    Mutant(  # the noisiest time is never looked at
        "models/diffusion/time_grid.py",
        "return np.linspace(top, 1, num_steps) if",
        "return np.linspace(top - 20, 1, num_steps) if",
        _HERE + "test_schedules.py -k grids_hold",
    ),
    Mutant(
        "models/diffusion/cosine_schedule.py",
        "_LARGEST_BETA = 0.999",
        "_LARGEST_BETA = 0.99",
        _HERE + "test_schedules.py -k improved",
    ),
    Mutant(  # eta times what the step adds, not the posterior's deviation
        "models/diffusion/samplers.py",
        "variance = eta**2 * transition(grid)[1]",
        "variance = eta**2 * transition(grid)[0]",
        _HERE + "test_samplers.py -k all_noise",
    ),
    Mutant(
        "models/diffusion/samplers.py",
        "share = lengths[i] / (2 * lengths[i - 1])",
        "share = lengths[i - 1] / (2 * lengths[i])",
        _HERE + "test_samplers.py -k orders",
    ),
    Mutant(  # the slope at the end alone
        "models/diffusion/samplers.py",
        "half = after * (sigma_after / after - sigma / alpha) / 2",
        "half = after * (sigma_after / after - sigma / alpha)",
        _HERE + "test_samplers.py -k orders",
    ),
    Mutant(
        "models/diffusion/noise_model.py",
        "outputs = free + guidance * (given - free)",
        "outputs = given + guidance * (given - free)",
        _HERE + "test_training.py -k doubled",
    ),
    Mutant(  # all labels of a batch are dropped, or none
        "models/diffusion/noise_model.py",
        "uniform((ops.shape(condition)[0], 1), seeds)",
        "uniform((1, 1), seeds)",
        _HERE + "test_training.py -k dropped",
    ),
    Mutant(
        "models/diffusion/loss_weights.py",
        "return xp.minimum((alpha / sigma) ** 2, _GAMMA) * factor**2",
        "return xp.minimum((alpha / sigma) ** 2, _GAMMA) * factor",
        _HERE + "test_training.py -k min_snr",
    ),
    Mutant(  # the tails of the outermost levels are cut
        "models/diffusion/discretized_normal.py",
        "return ops.where(is_first, low_tail, ops.where(is_last, high_tail, inner))",
        "return inner + 0 * ops.where(is_first, low_tail, high_tail)",
        _HERE + "test_likelihood.py -k sum_to_one",
    ),
    Mutant(
        "models/diffusion/variational_bound.py",
        "return 0.5 * (float(alpha**2) * ops.square(x) + float(rest))",
        "return 0.5 * (float(alpha**2) * ops.square(x))",
        _HERE + "test_likelihood.py -k entropy",
    ),
    Mutant(  # steps go on where levels are told apart already
        "models/diffusion/variational_bound.py",
        "log_snr = 2 * math.log(_DEVIATIONS * (num_levels - 1))",
        "log_snr = 2 * math.log(9 * _DEVIATIONS * (num_levels - 1))",
        _HERE + "test_likelihood.py -k alike",
    ),
    Mutant(
        "models/diffusion/variational_bound.py",
        "times = last + (1 - last) * roots**2",
        "times = last + (1 - last) * roots",
        _HERE + "test_likelihood.py -k alike",
    ),
    Mutant(
        "models/diffusion/diffusion_model.py",
        "fraction = ops.ones_like(x)",
        "fraction = ops.zeros_like(x)",
        _HERE + "test_likelihood.py -k fixed_variance",
    ),
    Mutant(  # the width of the levels is forgotten
        "models/diffusion/denoising_model.py",
        "log_scale = -size * math.log(self.num_levels)",
        "log_scale = 0.0",
        _HERE + "test_likelihood.py -k their_width",
    ),
    Mutant(
        "models/diffusion/flow_likelihood.py",
        "return z, total + length / 6 * (d1",
        "return z, total - length / 6 * (d1",
        _HERE + "test_likelihood.py -k papers",
    ),
    Mutant(  # steps are gone back from the data, too
        "models/diffusion/repaint.py",
        "for level in range(1, num_steps",
        "for level in range(0, num_steps",
        _HERE + "test_given_data.py -k gone_back",
    ),
    Mutant(
        "models/diffusion/editing_model.py",
        "return ops.where(mask, x, self._finished(end))",
        "return self._finished(end)",
        _HERE + "test_given_data.py -k bit_for_bit",
    ),
    Mutant(
        "models/diffusion/editing_model.py",
        "(2 * score if self.is_of_images else score)",
        "score",
        _HERE + "test_given_data.py -k score_of_images",
    ),
    Mutant(
        "models/diffusion/latent_noise_model.py",
        "start = alpha * (2 * x - data)",
        "start = alpha * data",
        _HERE + "test_given_data.py -k codes",
    ),
    Mutant(
        "layers/self_attention_2d.py",
        "        if not self.gated:\n            logits",
        "        if self.gated:\n            logits",
        "tests/layers/test_self_attention_2d.py -k numpy",
    ),
    Mutant(
        "layers/sinusoidal_embedding.py",
        "super().__init__(autocast=False, **kwargs)",
        "super().__init__(**kwargs)",
        "tests/layers/test_sinusoidal_embedding.py -k half",
    ),
    Mutant(
        "networks/unet.py",
        "max(x.shape[1:3]) in resolutions",
        "min(x.shape[1:3]) in resolutions",
        "tests/networks/test_times.py -k attention_stands",
    ),
    Mutant(
        "models/diffusion/flow_matching.py",
        "errors = ops.square(x - noise - velocity)",
        "errors = ops.square(noise - x - velocity)",
        "tests/models/diffusion/test_flow_matching.py -k straight_line",
    ),
    Mutant(
        "models/diffusion/flow_matching.py",
        "noise, x = (ops.cast",
        "x, noise = (ops.cast",
        "tests/models/diffusion/test_flow_matching.py -k stay_together",
    ),
    Mutant(
        "data/transport_pairs.py",
        "return linear_sum_assignment(costs)[1]",
        "return costs.argmin(axis=1)",
        "tests/data/test_transport_pairs.py -k twice",
    ),
    Mutant(
        "models/diffusion/score_model.py",
        "math.sqrt(step_size) * stays",
        "math.sqrt(step_size / 2) * stays",
        "tests/models/diffusion/test_score_model.py -k come",
    ),
    Mutant(
        "models/diffusion/geometric_schedule.py",
        "xp.sqrt(xp.expm1(rate * t))",
        "xp.exp(rate / 2 * t)",
        "tests/models/diffusion/test_score_model.py -k paper",
    ),
    Mutant(  # what is at the boundary hangs on the weights
        "models/diffusion/consistency_levels.py",
        "return xp.where(t > 0, self.sigma(t) - self.sigma_min, 0.0 * t)",
        "return self.sigma(t)",
        _HERE + "test_consistency_model.py -k fixed_points_of_any",
    ),
    Mutant(
        "models/diffusion/consistency_function.py",
        "skip = variance / (ops.square(excess) + variance)",
        "skip = variance / (excess + variance)",
        _HERE + "test_consistency_model.py -k scalings",
    ),
    Mutant(  # the teacher's step is Euler's
        "models/diffusion/consistency_teacher.py",
        "return x + (end - sigma) * (slope + slope_there) / 2",
        "return there + 0 * slope_there",
        _HERE + "test_consistency_model.py -k second_order",
    ),
    Mutant(
        "models/diffusion/consistency_model.py",
        "return ops.stop_gradient(self._function(x, t, predict))",
        "return self._function(x, t, predict)",
        _HERE + "test_consistency_model.py -k no_gradient",
    ),
    Mutant(  # the average follows in evaluation, too
        "models/diffusion/consistency_model.py",
        "        if training:\n            self._follow()",
        "        if True:\n            self._follow()",
        _HERE + "test_consistency_model.py -k target_is_an_average",
    ),
    Mutant(  # the target's pass draws, and the network's then draws anew
        "engine/other_weights.py",
        "with keras.StatelessScope(state_mapping=mapping):",
        "if mapping:",
        _HERE + "test_consistency_model.py -k same_dropout",
    ),
    Mutant(  # those of diffusion models, not of consistency
        "models/diffusion/consistency_levels.py",
        "_LOG_MEAN, _LOG_STD = -1.1, 2.0",
        "_LOG_MEAN, _LOG_STD = -1.2, 1.2",
        _HERE + "test_consistency_model.py -k drawn_as",
    ),
]
