"""Faults of super-resolution, colourisation, and what they are measured by."""

from tests.mutants import Mutant

SUPER = "tests/models/restoration/test_super_resolution.py"
COLOUR = "tests/models/restoration/test_colorization.py"
NETWORKS = "tests/networks/test_super_resolution.py"
DISTANCE = "tests/metrics/test_image_distance.py"
STYLE = "tests/models/restoration/test_style_transfer.py"
VGG = "tests/networks/test_vgg19.py"

MUTANTS = [
    # Super-resolution.
    Mutant(
        "models/restoration/upscaler.py",
        "ops.mean(ops.square(2.0 * (made - large)), axis=(1, 2, 3))",
        "ops.mean(ops.square(made - large), axis=(1, 2, 3))",
        f"{SUPER} -k plus_and_minus",
    ),
    Mutant(
        "models/restoration/upscaler.py",
        "ops.mean(ops.square(2.0 * (made - large)), axis=(1, 2, 3))",
        "ops.sum(ops.square(2.0 * (made - large)), axis=(1, 2, 3))",
        f"{SUPER} -k plus_and_minus",
    ),
    Mutant(
        "models/restoration/upscaler.py",
        'call_network(self.generator, ops.cast(images, "float32"), False)',
        'call_network(self.generator, ops.cast(images, "float32"), True)',
        f"{SUPER} -k depends_on_the_image_alone",
    ),
    Mutant(
        "models/restoration/upscaler.py",
        "return clip(made, 0.0, 1.0)",
        "return made",
        f"{SUPER} -k public_range",
    ),
    Mutant(
        "models/restoration/upscaler.py",
        "in_range(small, 0.0, 1.0), in_range(large, 0.0, 1.0)",
        "in_range(small, 0.0, 1.0), in_range(small, 0.0, 1.0)",
        f"{SUPER} -k bad_pair",
    ),
    # SRGAN.
    Mutant(
        "models/restoration/srgan.py",
        "self.perceptual((large, made))",
        "self.perceptual((made, made))",
        f"{SUPER} -k of_the_paper",
    ),
    Mutant(
        "models/restoration/srgan.py",
        "loss(of_real, of_fake), small, large), None",
        "loss(of_fake, of_real), small, large), None",
        f"{SUPER} -k of_the_paper",
    ),
    Mutant(
        "models/restoration/srgan.py",
        'getattr(self, f"{name}_weight")) * value',
        "self.reconstruction_weight) * value",
        f"{SUPER} -k of_the_paper",
    ),
    Mutant(
        "models/restoration/srgan.py",
        "ops.all(self._valid(small, large)), loss)",
        "ops.any(self._valid(small, large)), loss)",
        f"{SUPER} -k stream_with",
    ),
    Mutant(
        "models/restoration/srgan.py",
        "keras.optimizers.Adam(1e-4)",
        "keras.optimizers.Adam(1e-3)",
        f"{SUPER} -k terms_may_change",
    ),
    # Their layers and network.
    Mutant(
        "layers/pixel_shuffle.py",
        "(0, 1, 4, 2, 5, 3)",
        "(0, 1, 5, 2, 4, 3)",
        f"{NETWORKS} -k loop",
    ),
    Mutant(
        "layers/icnr.py",
        "[kernel] * self.factor**2, axis=-1)",
        "[kernel] * self.factor**2, axis=-2)",
        f"{NETWORKS} -k nearest",
    ),
    Mutant(
        "networks/super_resolution.py",
        ", kernel_initializer=ICNR(2)",
        "",
        f"{NETWORKS} -k spectrum",
    ),
    # PSNR and SSIM.
    Mutant(
        "metrics/image_distance.py",
        "slice(border, -border or None)",
        "slice(border, None)",
        f"{DISTANCE} -k border",
    ),
    Mutant(
        "metrics/image_distance.py",
        "[65.481, 128.553, 24.966]",
        "[24.966, 128.553, 65.481]",
        f"{DISTANCE} -k bt_601",
    ),
    Mutant(
        "metrics/image_distance.py",
        "(0.01**2, 0.03**2)",
        "(0.01**2, 0.01**2)",
        f"{DISTANCE} -k one_by_one",
    ),
    # Colourisation.
    Mutant(
        "models/restoration/colorization.py",
        "ops.softmax(logits / temperature, axis=-1)",
        "ops.softmax(logits * temperature, axis=-1)",
        f"{COLOUR} -k annealed",
    ),
    Mutant(
        "models/restoration/colorization.py",
        "ops.take(weights, ops.argmax(encoded, axis=-1))",
        "ops.take(weights, ops.argmax(y_pred, axis=-1))",
        f"{COLOUR} -k weighted_cross_entropy",
    ),
    Mutant(
        "models/restoration/colorization.py",
        "weights /= np.sum(frequencies * weights)",
        "weights /= np.mean(weights)",
        f"{COLOUR} -k rebalanced",
    ),
    Mutant(
        "models/restoration/colorization.py",
        "(1 - uniform) * frequencies + uniform / len(frequencies)",
        "uniform * frequencies + (1 - uniform) / len(frequencies)",
        f"{COLOUR} -k rebalanced",
    ),
    Mutant(
        "models/restoration/color_bins.py",
        "(2.0 * deviation**2)",
        "(deviation**2)",
        f"{COLOUR} -k one_colour_after",
    ),
    Mutant(
        "colors.py",
        "constant([16.0, 0.0, 0.0])",
        "constant([0.0, 0.0, 0.0])",
        "tests/test_colors.py -k known",
    ),
    # Style transfer.
    Mutant(
        "models/restoration/style_terms.py",
        "return products / ops.cast(height * width, features.dtype)",
        "return products / ops.cast(batch * height * width, features.dtype)",
        f"{STYLE} -k gram_matrix",
    ),
    Mutant(
        "models/restoration/style_terms.py",
        "ops.mean(squared, axis=(1, 2)) / 4",
        "ops.sum(squared, axis=(1, 2)) / 4",
        f"{STYLE} -k formula",
    ),
    Mutant(
        "models/restoration/style_terms.py",
        "ops.mean(squared, axis=(1, 2)) / 4",
        "ops.mean(squared, axis=(1, 2)) / 2",
        f"{STYLE} -k gradient_of_the_style",
    ),
    Mutant(
        "models/restoration/style_terms.py",
        "ops.square(f / of_target - target), axis=(1, 2, 3))",
        "ops.square(f / of_target - target))",
        f"{STYLE} -k formula",
    ),
    Mutant(
        "models/restoration/style_terms.py",
        "return ops.where(mean > 0, mean, ops.ones_like(mean))",
        "return ops.ones_like(mean)",
        f"{STYLE} -k scale_of_features",
    ),
    Mutant(
        "models/restoration/style_terms.py",
        "right = ops.square(x[:, :, 1:] - x[:, :, :-1])",
        "right = ops.square(x[:, :, 1:] + x[:, :, :-1])",
        f"{STYLE} -k ramp",
    ),
    Mutant(
        "models/restoration/style_transfer.py",
        "lambda done: rate, num_steps, _EPSILON, clip=(0.0, 1.0)",
        "lambda done: rate, num_steps, _EPSILON",
        f"{STYLE} -k stay_in_their_range",
    ),
    Mutant(
        "models/restoration/style_transfer.py",
        'begin = content if start == "content" else None',
        "begin = content",
        f"{STYLE} -k noise_is_that_of_the_seed",
    ),
    Mutant(
        "losses/frozen_features.py",
        'config = {**layer.get_config(), "dtype": "float32"}',
        "config = layer.get_config()",
        f"{STYLE} -k half_precision",
    ),
    Mutant(
        "losses/frozen_features.py",
        "if average_pooling and isinstance",
        "if isinstance",
        f"{STYLE} -k pooling_takes_means",
    ),
    Mutant(
        "losses/frozen_features.py",
        "self.network.set_weights(network.get_weights())",
        "self.network.trainable = False",
        f"{STYLE} -k formula",
    ),
    Mutant(
        "networks/vgg19.py",
        "kernel[:, :, ::-1]",
        "kernel",
        f"{VGG} -k behind_its_own",
        backend="torch",
    ),
    Mutant(
        "networks/vgg19.py",
        "[-mean for mean in _MEAN]",
        "[-mean for mean in _MEAN[::-1]]",
        f"{VGG} -k behind_its_own",
        backend="torch",
    ),
    Mutant(
        "losses/perceptual_loss.py",
        "over_channels = ops.sum if self.unit_length else ops.mean",
        "over_channels = ops.sum",
        "tests/losses/test_perceptual_loss.py -k raw",
    ),
    Mutant(  # logits beyond float32
        "models/restoration/colorization.py",
        "logits = logits - ops.max(logits, axis=-1, keepdims=True)",
        "logits = logits + 0.0",
        f"{COLOUR} -k large_logits",
    ),
]
