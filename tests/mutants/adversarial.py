"""Faults of the adversarial models and of their steps."""

from tests.mutants import Mutant

_TESTS = "tests/models/adversarial"
_ARGUMENTS = f"{_TESTS}/test_gan_arguments.py"

MUTANTS = [
    Mutant(
        "engine/objective.py",
        "        for extra in added:\n",
        "        for extra in added[:0]:\n",
        f"{_TESTS}/test_added_losses.py",
    ),
    Mutant(
        "engine/objective.py",
        "if id(network) not in self.own:",
        "if False:",
        f"{_TESTS}/test_added_losses.py",
    ),
    Mutant(
        "engine/objective.py",
        "self.losses.extend(losses[: len(losses) - of_weights])",
        "self.losses[:] = losses[: len(losses) - of_weights]",
        f"{_TESTS}/test_added_losses.py",
    ),
    Mutant(
        "engine/objective.py",
        "    if objective.constrain is not None:\n",
        "    if False:\n",
        f"{_TESTS}/test_wgan.py",
        backend="torch",
    ),
    Mutant(
        "engine/optimizer_group.py",
        "        if first > 0.0:\n",
        "        if False:\n",
        "tests/engine/test_optimizer_group.py",
    ),
    Mutant(
        "engine/torch_engine.py",
        "    if kernel.shape[0] == 1:\n",
        "    if kernel.shape[0] == 0:\n",
        "tests/engine/test_convolution.py",
        backend="torch",
    ),
    Mutant(
        "models/adversarial/adversarial_model.py",
        "if 0 < last < objective.steps:",
        "if 0 < last < 0:",
        "tests/engine/test_objectives.py",
    ),
    Mutant(
        "models/adversarial/gan.py",
        "boundary = 0.5 if least_squares else 0.0",
        "boundary = 0.0",
        f"{_TESTS}/test_gan.py",
    ),
    Mutant(
        "models/adversarial/latent_generator.py",
        "return nan_unless(ops.all(in_range(real, 0.0, 1.0)), loss)",
        "return loss",
        f"{_TESTS}/test_ranges.py",
    ),
    Mutant(
        "models/adversarial/cycle_gan.py",
        "return nan_unless_images(loss, a, b), fake",
        "return nan_unless_images(loss, a), fake",
        f"{_TESTS}/test_ranges.py",
    ),
    Mutant(
        "models/adversarial/cycle_gan.py",
        "identity_weight = ops.convert_to_tensor(self.identity_weight)",
        "identity_weight = 0.5",
        f"{_TESTS}/test_cycle_gan.py",
    ),
    Mutant(
        "models/adversarial/losses.py",
        "    # E log(1 - D(G(z)))\n    return -ops.mean(",
        "    # E log(1 - D(G(z)))\n    return ops.mean(",
        f"{_TESTS}/test_losses.py",
    ),
    Mutant(
        "models/adversarial/penalties.py",
        "e = uniform((ops.shape(real)[0], *ones), seed_generator)",
        "e = uniform(ops.shape(real), seed_generator)",
        f"{_TESTS}/test_wgan_gp.py",
    ),
    Mutant(
        "models/adversarial/wgan_gp.py",
        "ops.convert_to_tensor(self.penalty_weight) * penalty - distance",
        "10.0 * penalty - distance",
        f"{_TESTS}/test_wgan_gp.py",
    ),
    Mutant(
        "models/adversarial/cycle_gan.py",
        'call_network(network, ops.cast(x, "float32"), False)',
        'call_network(network, ops.cast(x, "float32"), True)',
        f"{_TESTS}/test_cycle_gan.py",
    ),
    Mutant(
        "models/adversarial/pix2pix.py",
        "ops.concatenate([source, target], axis=-1)",
        "ops.concatenate([target, source], axis=-1)",
        f"{_TESTS}/test_pix2pix.py",
    ),
    Mutant(
        "models/adversarial/pix2pix.py",
        "0.5 * loss(of_real, of_fake)",
        "loss(of_real, of_fake)",
        f"{_TESTS}/test_pix2pix.py",
    ),
    Mutant(
        "models/adversarial/pix2pix.py",
        "reconstruction_weight: float = 200.0",
        "reconstruction_weight: float = 100.0",
        f"{_TESTS}/test_pix2pix.py",
    ),
    Mutant(
        "models/adversarial/pix2pix.py",
        "        fake = self._translated(source, state, training)\n",
        "        fake = self._translated(source, state + 1, training)\n",
        f"{_TESTS}/test_pix2pix.py",
    ),
    Mutant(
        "models/adversarial/pix2pix.py",
        "if len(condition) != num_examples:",
        "if False:",
        f"{_TESTS}/test_pix2pix.py",
    ),
    Mutant(
        "layers/persistent_dropout.py",
        "ops.shape(inputs)[0] if training else 1",
        "ops.shape(inputs)[0]",
        f"{_TESTS}/test_pix2pix.py",
    ),
    Mutant(
        "networks/unet_generator.py",
        "        if 0 < i < depth - 1:\n",
        "        if 0 < i:\n",
        "tests/networks/test_translators.py",
    ),
    Mutant(
        "models/network_checks.py",
        "            return last_activation(operation)\n",
        "            return None\n",
        f"{_TESTS}/test_ranges.py",
    ),
    Mutant(
        "models/adversarial/packs.py",
        "x = ops.moveaxis(x, 1, -2)",
        "x = ops.moveaxis(x, 0, -2)",
        f"{_ARGUMENTS} -k neighbours",
    ),
    Mutant(
        "models/adversarial/packs.py",
        "ops.reshape(x, (-1, packing, *middle, channels))",
        "ops.moveaxis(ops.reshape(x, (packing, -1, *middle, channels)), 0, 1)",
        f"{_ARGUMENTS} -k neighbours",
    ),
    Mutant(
        "models/adversarial/gan.py",
        "penalty = 0.5 * zero_centred_penalty",
        "penalty = zero_centred_penalty",
        f"{_ARGUMENTS} -k zero_centred",
    ),
    Mutant(
        "models/adversarial/gan.py",
        'x = real if name == "r1_weight" else fake',
        "x = real",
        f"{_ARGUMENTS} -k taken_at",
    ),
    Mutant(
        "models/adversarial/losses.py",
        "of_real + smoothing * (of_fake - of_real)",
        "of_real - smoothing * of_real",
        f"{_ARGUMENTS} -k smoothed",
    ),
    Mutant(
        "models/adversarial/losses.py",
        "ops.argsort(ops.argsort(-scores))",
        "ops.argsort(-scores)",
        f"{_ARGUMENTS} -k highest_scores",
    ),
    Mutant(
        "models/adversarial/latent_generator.py",
        "real, fake = self._shown(real), self._shown(fake)",
        "real = self._shown(real)",
        f"{_ARGUMENTS} -k augmented",
    ),
    Mutant(
        "models/adversarial/averaging.py",
        "value = old + (1.0 - ops",
        "value = old + (0.9 - ops",
        f"{_ARGUMENTS} -k one_step",
    ),
    Mutant(
        "models/adversarial/averaging.py",
        "layer.trainable = True  # a frozen one takes its moving statistics",
        "pass",
        f"{_ARGUMENTS} -k standing",
    ),
    Mutant(
        "models/adversarial/averaging.py",
        "layer.momentum = i / (i + 1.0)",
        "layer.momentum = 0.9",
        f"{_ARGUMENTS} -k standing",
    ),
    Mutant(
        "models/adversarial/truncation.py",
        "share = u * ops.erf(limit / 2.0**0.5)",
        "share = u * ops.erf(limit)",
        f"{_ARGUMENTS} -k truncated",
    ),
    Mutant(
        "models/adversarial/latent_generator.py",
        "call_network(self.sampling_generator, inputs, False)",
        "call_network(self.generator, inputs, False)",
        f"{_ARGUMENTS} -k averages_follow",
    ),
    Mutant(
        "engine/jax_engine.py",
        "if values and objective.after is not None:",
        "if False:",
        f"{_ARGUMENTS} -k one_step",
        backend="jax",
    ),
]
