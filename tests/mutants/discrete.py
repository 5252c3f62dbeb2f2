"""Faults of quantizers and of the models of discrete codes."""

from tests.mutants import Mutant

_VQ = "layers/vector_quantizer.py"
_TESTS = "tests/layers/test_vector_quantizer.py"
_TWO = "models/discrete/two_stage.py"
_GAN = "models/discrete/adversarial_codec.py"
_MODELS = "tests/models/discrete"
_OTHERS = "tests/layers/test_other_quantizers.py"

MUTANTS = [
    Mutant(
        "layers/codebook.py",
        "- center, codebook - center",
        "- 0.0 * center, codebook - 0.0 * center",
        f"{_TESTS} -k brute_force",
    ),
    Mutant(
        "layers/codebook.py",
        "nearer = found > most",
        "nearer = found > -math.inf",
        f"{_TESTS} -k brute_force",
    ),
    Mutant(
        "layers/codebook.py",
        "constant_values=-math.inf",
        "constant_values=0",
        f"{_TESTS} -k brute_force",
    ),
    Mutant(
        _VQ,
        "squared = ops.square(features - ops.stop_gradient(chosen))",
        "squared = ops.square(ops.stop_gradient(features) - chosen)",
        f"{_TESTS} -k each_by_its_own_weight",
    ),
    Mutant(
        _VQ,
        "elif training and self.trainable:",
        "elif self.trainable:",
        f"{_TESTS} -k nothing_moves",
    ),
    Mutant(
        _VQ,
        "sums / debias / smooth[:, None]",
        "sums / smooth[:, None]",
        f"{_TESTS} -k hand_calculation",
    ),
    Mutant(
        _VQ,
        "sums = ops.where(unused[:, None], fresh * mean * debias, sums)",
        "sums = ops.where(unused[:, None], fresh, sums)",
        f"{_TESTS} -k start_again",
    ),
    Mutant(
        _VQ,
        "parts = ops.arange(self.num_codes",
        "parts = 0.0 * ops.arange(self.num_codes",
        f"{_TESTS} -k start_again",
    ),
    Mutant(
        "layers/quantizer.py",
        "return features + ops.stop_gradient(quantized - features)",
        "return ops.stop_gradient(features) + (quantized - features)",
        f"{_TESTS} -k straight_through",
    ),
    Mutant(
        "layers/finite_scalar_quantizer.py",
        "np.where(sizes > 2, offset / half, 0.0)",
        "offset / half * (1 - 2 * _MARGIN)",
        f"{_OTHERS} -k slope",
    ),
    Mutant(
        "layers/finite_scalar_quantizer.py",
        "half = (sizes - 1) * (1.0 - _MARGIN) / 2",
        "half = (sizes - 1) * (1.0 + _MARGIN) / 2 + 0.5",
        f"{_OTHERS} -k every_level",
    ),
    Mutant(
        "layers/gumbel_quantizer.py",
        "scores = logits - ops.log(-ops.log(noise))",
        "scores = logits + ops.log(-ops.log(noise))",
        f"{_OTHERS} -k follow_the_logits",
    ),
    Mutant(
        "models/discrete/coded_likelihood.py",
        "return -math.prod(self.grid) * math.log(self.num_codes)",
        "return -math.log(self.num_codes)",
        f"{_MODELS}/test_vq_vae.py -k one_term",
    ),
    Mutant(
        "models/discrete/coded_likelihood.py",
        "self.mean_loss(reconstruction + y_pred",
        "self.mean_loss(reconstruction - y_pred",
        f"{_MODELS}/test_vq_vae.py -k loss_is_the_bound",
    ),
    Mutant(
        "models/discrete/vq_vae.py",
        "self.usage.update_state(codes",
        "self.usage.counts.assign(0 * self.usage.counts)\n        "
        "self.usage.update_state(0 * codes",
        f"{_MODELS}/test_vq_vae.py -k loss_is_the_bound",
    ),
    Mutant(
        "models/discrete/code_usage.py",
        "self.counts.assign_add(code_totals",
        "self.counts.assign(code_totals",
        f"{_MODELS}/test_vq_vae.py -k gathers_over_batches",
    ),
    Mutant(
        "models/discrete/output_likelihood.py",
        "valid = valid_data.in_range(data, 0.0, 1.0)",
        "return log_prob",
        f"{_MODELS}/test_vq_vae.py -k streams",
    ),
    Mutant(
        "models/discrete/code_checks.py",
        "x.max() < num_codes",
        "x.max() <= num_codes",
        f"{_MODELS}/test_vq_vae.py -k are_none",
    ),
    Mutant(
        _TWO,
        "uniform - self.autoencoder.log_uniform_prior + prior",
        "uniform + prior",
        f"{_MODELS}/test_two_stage.py -k sum_to_one",
    ),
    Mutant(
        "models/discrete/between.py",
        "ops.round(ops.nan_to_num(samples) * (self.num_codes - 1))",
        "ops.floor(ops.nan_to_num(samples) * (self.num_codes - 1) * 0.999)",
        f"{_MODELS}/test_two_stage.py -k values_that_a_prior",
    ),
    Mutant(
        "models/discrete/encoded.py",
        "return encode(x), y, None",
        "return encode(x[::-1]), y, None",
        f"{_MODELS}/test_two_stage.py -k encoded_once",
    ),
    Mutant(
        "models/discrete/encoded.py",
        "!= self._before:",
        "== []:",
        f"{_MODELS}/test_two_stage.py -k another_autoencoder",
    ),
    Mutant(  # a prior of NaN weights draws code 0
        "models/discrete/between.py",
        "return valid_data.nan_unless(drawn, data)",
        "return data",
        f"{_MODELS}/test_two_stage.py -k nan_weights",
    ),
    Mutant(
        "models/discrete/between.py",
        "[: len(x) - start]",
        "",
        f"{_MODELS}/test_two_stage.py -k encoded_in_batches",
    ),
    Mutant(
        "models/autoregressive/truncation.py",
        "before = ops.cumsum(chances, axis=-1) - chances",
        "before = ops.cumsum(chances, axis=-1)",
        "tests/models/autoregressive/test_truncation.py -k likeliest_levels_stay",
    ),
    Mutant(
        "models/autoregressive/truncation.py",
        "return logits * self._temperature, cache",
        "return logits * 0.0, cache",
        "tests/models/autoregressive/test_truncation.py -k changes_nothing",
    ),
    Mutant(
        _GAN,
        "factor = ops.where(takes_part, factor, 0.0)",
        "factor = factor + 0.0",
        f"{_MODELS}/test_vq_gan.py -k idle",
    ),
    Mutant(
        _GAN,
        'loss = loss * ops.cast(self._takes_part(), "float32")',
        "",
        f"{_MODELS}/test_vq_gan.py -k its_loss",
    ),
    Mutant(  # power iteration goes on
        _GAN,
        "moves = training and self.discriminator_start",
        "moves = False",
        f"{_MODELS}/test_vq_gan.py -k idle",
    ),
    Mutant(  # weights decay all the same
        _GAN,
        "is_due=self._takes_part if self.discriminator_start else None",
        "is_due=None",
        f"{_MODELS}/test_vq_gan.py -k idle",
    ),
    Mutant(
        "engine/torch_engine.py",
        "undone_unless(due, [*variables, *member.variables])",
        "undone_unless(due, variables)",
        f"{_MODELS}/test_vq_gan.py -k idle",
    ),
    Mutant(
        _GAN,
        "return self._valid(loss, x), None",
        "return loss, None",
        "tests/models/test_streams.py -k KLAutoencoder",
    ),
    Mutant(
        _GAN,
        "ops.mean(ops.abs(2.0 * (x - y)))",
        "ops.mean(ops.abs(x - y))",
        f"{_MODELS}/test_vq_gan.py -k minus_one",
    ),
    Mutant(
        _GAN,
        "if training:\n            self.num_steps",
        "if True:\n            self.num_steps",
        f"{_MODELS}/test_vq_gan.py -k idle",
    ),
    Mutant(
        "models/discrete/adaptive_weight.py",
        "ratio = self._norm(features, reconstruction) / (",
        "ratio = 1.0 / (",
        f"{_MODELS}/test_vq_gan.py -k ratio_of_gradients",
    ),
    Mutant(
        "losses/frozen_features.py",
        "found = self._model(x, training=False)",
        "found = self._model(x, training=True)",
        "tests/losses/test_perceptual_loss.py -k training_changes_nothing",
    ),
    Mutant(
        "losses/frozen_features.py",
        'ops.cast(x, "float32") * scale + offset',
        'ops.cast(x, "float32")',
        "tests/losses/test_perceptual_loss.py -k weighted_distance",
    ),
    Mutant(
        _TWO,
        "latents = latents / self._scale()",
        "latents = latents * self._scale()",
        f"{_MODELS}/test_two_stage.py -k latent_diffusion",
    ),
    Mutant(
        _TWO,
        "self.latent_scale.assign(1.0 / deviation)",
        "self.latent_scale.assign(deviation)",
        f"{_MODELS}/test_two_stage.py -k latent_diffusion",
    ),
    Mutant(
        _TWO,
        "is_scaled = scale is None or bool(ops.convert_to_numpy(scale) != 0)",
        "is_scaled = scale is None",
        f"{_MODELS}/test_two_stage.py -k latent_diffusion",
    ),
    Mutant(
        "models/discrete/kl_autoencoder.py",
        "ops.convert_to_tensor(self.kl_weight) / math.prod(self.data_shape)",
        "ops.convert_to_tensor(self.kl_weight)",
        f"{_MODELS}/test_kl_autoencoder.py -k weighs",
    ),
    Mutant(
        "models/discrete/kl_autoencoder.py",
        "return self.sampling((mean, log_var)), kl, weight",
        "return mean, kl, weight",
        f"{_MODELS}/test_kl_autoencoder.py -k drawn",
    ),
    Mutant(  # nothing trains the heads
        "models/discrete/kl_autoencoder.py",
        "return [self.mean_head, self.log_var_head]",
        "return []",
        f"{_MODELS}/test_kl_autoencoder.py -k drawn",
    ),
    Mutant(
        "models/discrete/adversarial_codec.py",
        "cost_weight * cost + game",
        "cost + game",
        f"{_MODELS}/test_kl_autoencoder.py -k weighs",
    ),
    Mutant(
        "models/discrete/kl_autoencoder.py",
        '        checks.shape("z", z, self.latent_shape)\n',
        "",
        f"{_MODELS}/test_kl_autoencoder.py -k refused",
    ),
    Mutant(  # as if images were on [-1, 1]
        "losses/lpips.py",
        "scale=2.0 / _SCALE",
        "scale=1.0 / _SCALE",
        "tests/losses/test_lpips.py -k authors",
    ),
    Mutant(
        "losses/lpips.py",
        "(-1.0 - _SHIFT)",
        "(1.0 - _SHIFT)",
        "tests/losses/test_lpips.py -k authors",
    ),
    Mutant(  # ones in place of the file's weights
        "losses/lpips.py",
        "[np.ravel(file[name]) for name in names]",
        "[np.ones(np.size(file[name])) for name in names]",
        "tests/losses/test_lpips.py -k authors",
    ),
    Mutant(
        "models/discrete/vq_vae_2.py",
        '"loss": top["loss"] + bottom["loss"]',
        '"loss": bottom["loss"]',
        f"{_MODELS}/test_vq_vae_2.py -k counted",
    ),
    Mutant(  # the fine level is not told the coarse one
        "models/discrete/vq_vae_2.py",
        "self.bottom_head(ops.concatenate([features, above], axis=-1))",
        "self.bottom_head(ops.concatenate([features, 0.0 * above], axis=-1))",
        f"{_MODELS}/test_vq_vae_2.py -k those_of_both",
    ),
    Mutant(
        "models/discrete/vq_vae_2.py",
        "self._above(self.top_quantizer.lookup(top))",
        "self._above(self.bottom_quantizer.lookup(top))",
        f"{_MODELS}/test_vq_vae_2.py -k those_of_both",
    ),
    Mutant(
        "models/discrete/vq_vae_2.py",
        "self.top_usage.update_state(codes[:, : self.num_top])",
        "self.top_usage.update_state(codes)",
        f"{_MODELS}/test_vq_vae_2.py -k counted",
    ),
    Mutant(
        "models/discrete/vq_vae_2.py",
        "    if bottom.num_codes != top.num_codes:",
        "    if False:",
        f"{_MODELS}/test_vq_vae_2.py -k refused",
    ),
    Mutant(
        "models/discrete/coded_likelihood.py",
        "self._log_likelihood(output, data) + self.log_uniform_prior",
        "self._log_likelihood(output, data)",
        f"{_MODELS}/test_vq_vae_2.py -k those_of_both",
    ),
    Mutant(  # bfloat16 knows every second integer above 256 alone
        "layers/finite_scalar_quantizer.py",
        "codes = ops.sum(digits * place, axis=-1)",
        'codes = ops.sum(ops.cast(digits * place, "bfloat16"), axis=-1)',
        f"{_OTHERS} -k half_precision",
    ),
    Mutant(
        "models/discrete/coded.py",
        'if name == "prior":',
        "if False:",
        f"{_MODELS}/test_vq_vae.py -k two_stages",
    ),
    Mutant(  # codebooks of processes that each moved by its own vectors
        _VQ,
        "if num_apart() == 1:",
        "if True:",
        "tests/layers/test_quantizers_in_processes.py -k as_one_does",
    ),
    Mutant(
        _VQ,
        "fresh = ops.where(own[:, None], fresh, 0.0)",
        "fresh = fresh / num_apart()",
        "tests/layers/test_quantizers_in_processes.py -k start_again",
    ),
    Mutant(
        _VQ,
        "variable.assign(ops.where(finite, value, kept))",
        "variable.assign(value)",
        f"{_TESTS} -k not_finite",
    ),
    Mutant(
        "models/discrete/adaptive_weight.py",
        "if not self._last.trainable_variables:",
        "if False:",
        f"{_MODELS}/test_vq_gan.py -k cannot_be_weighed",
    ),
]
