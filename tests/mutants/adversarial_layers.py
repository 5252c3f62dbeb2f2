"""Faults of the layers that adversarial networks are made of."""

from tests.mutants import Mutant

_SPECTRAL = "tests/layers/test_spectral_normalization.py"
_SNGAN = "tests/networks/test_sngan.py"
_AUGMENTATION = "tests/layers/test_augmentation.py"
_STYLES = "tests/layers/test_styles.py"
_BIG_GAN = "tests/networks/test_big_gan.py"
_STYLE_GAN = "tests/networks/test_style_gan.py"
_EQUALIZED = "tests/layers/test_equalized.py"

_LAYOUTS = "tests/layers/test_layouts.py"
_GRAPH_LAYERS = "tests/layers/test_scene_graphs.py"

MUTANTS = [
    Mutant(
        "layers/equalized_dense.py",
        "scale / math.sqrt(kernel.shape[0])",
        "scale / math.sqrt(kernel.shape[1])",
        _EQUALIZED,
    ),
    Mutant(
        "layers/equalized_dense.py",
        "self.bias * self.learning_rate_multiplier",
        "self.bias",
        _EQUALIZED,
    ),
    Mutant(
        "layers/equalized_conv_2d.py",
        "math.prod(kernel.shape[:-1])",
        "kernel.shape[-2]",
        _EQUALIZED,
    ),
    Mutant(
        "layers/pixel_normalization.py",
        "ops.mean(ops.square(x), axis=-1, keepdims=True)",
        "ops.mean(ops.square(x), keepdims=True)",
        _EQUALIZED,
    ),
    Mutant(
        "layers/minibatch_standard_deviation.py",
        'ops.arange(batch, dtype="int32") % num_groups',
        'ops.arange(batch, dtype="int32") // self.group_size',
        _EQUALIZED,
    ),
    Mutant(
        "layers/minibatch_standard_deviation.py",
        "centred = x - ops.matmul(member, mean)",
        "centred = x",
        _EQUALIZED,
    ),
    Mutant(
        "layers/spectral_normalization.py",
        "        if training:\n            self.u",
        "        if True:\n            self.u",
        f"{_SPECTRAL} -k prediction",
    ),
    Mutant(
        "layers/spectral_normalization.py",
        "sigma = ops.sum(v * ops.matmul(matrix, u))",
        "sigma = ops.sum(v * ops.matmul(fixed, u))",
        f"{_SPECTRAL} -k gradient",
    ),
    Mutant(
        "layers/spectral_normalization.py",
        "kernel = ops.transpose(kernel, (0, 1, 3, 2))  # outputs last",
        "pass",
        f"{_SPECTRAL} -k transposed",
    ),
    Mutant(
        "layers/spectral_normalization.py",
        "[*values, (weight, kernel)]",
        "values",
        f"{_SPECTRAL} -k kernel_has",
    ),
    Mutant(
        "layers/spectral_normalization.py",
        "if not is_one or not keras.backend.is_float_dtype(weight.dtype):",
        "if not is_one:",
        f"{_SPECTRAL} -k floats",
    ),
    Mutant(
        "layers/diff_augment.py",
        'name.strip() for name in policy.split(",")',
        'name for name in policy.split(",")',
        f"{_AUGMENTATION} -k commas",
    ),
    Mutant(
        "layers/conditional_batch_normalization.py",
        "        *,\n",
        "",
        f"{_SNGAN} -k have_names",
    ),
    Mutant(
        "layers/conditional_batch_normalization.py",
        "1.0 + gain",
        "gain",
        f"{_SNGAN} -k plain",
    ),
    Mutant(
        "layers/conditional_batch_normalization.py",
        "(self.momentum * average + (1.0 - self.momentum) * value)",
        "(value)",
        f"{_SNGAN} -k plain",
    ),
    Mutant(
        "networks/residual_blocks.py",
        "h, x = halved(h), halved(x)",
        "h, x = halved(h), x[:, ::2, ::2]",
        f"{_SNGAN} -k shortcut",
    ),
    Mutant(
        "layers/projection_head.py",
        "ops.sum(projected, axis=-1",
        "ops.mean(projected, axis=-1",
        f"{_SNGAN} -k projection",
    ),
    Mutant(
        "networks/residual_blocks.py",
        "if halves or x.shape[-1] != channels:",
        "if True:",
        _SNGAN,
    ),
    Mutant(
        "networks/residual_blocks.py",
        "features = ops.sum(layers",
        "features = ops.mean(layers",
        _SNGAN,
    ),
    Mutant(
        "layers/augmentation_ops.py",
        "constant_values=GREY",
        "constant_values=0.0",
        f"{_AUGMENTATION} -k grey",
    ),
    Mutant(
        "layers/augmentation_ops.py",
        "x - 2.0 * (ops.mean",
        "x - 1.0 * (ops.mean",
        f"{_AUGMENTATION} -k luma",
    ),
    Mutant(
        "layers/augmentation_ops.py",
        "return ops.minimum(index, 2 * size - 2 - index)",
        "return ops.minimum(index, size - 1)",
        f"{_AUGMENTATION} -k warp",
    ),
    Mutant(
        "layers/diff_augment.py",
        "self._uniform(x, -0.25, 0.25)",
        "self._uniform(x, -0.5, 0.5)",
        f"{_AUGMENTATION} -k colours",
    ),
    Mutant(
        "layers/diff_augment.py",
        "shape = (ops.shape(x)[0], 1, 1, 1)",
        "shape = (1, 1, 1, 1)",
        f"{_AUGMENTATION} -k own_way",
    ),
    Mutant(
        "layers/adaptive_augment.py",
        "moved = ops.clip(self.probability + step, 0.0, 1.0)",
        "moved = self.probability + step",
        f"{_AUGMENTATION} -k range",
    ),
    Mutant(
        "layers/adaptive_augment.py",
        "weight.assign(ops.where(due, 0.0, value))",
        "weight.assign(value)",
        f"{_AUGMENTATION} -k formula",
    ),
    Mutant(
        "layers/modulated_conv_2d.py",
        "ops.matmul(ops.square(style), squares)",
        "ops.matmul(style, squares)",
        f"{_STYLES} -k loop",
    ),
    Mutant(
        "layers/modulated_conv_2d.py",
        'bias_initializer="ones"',
        'bias_initializer="zeros"',
        f"{_STYLES} -k start_at_one",
    ),
    Mutant(
        "layers/adaptive_instance_normalization.py",
        "(1.0 + gain)",
        "gain",
        f"{_STYLES} -k adaptive",
    ),
    Mutant(
        "layers/adaptive_instance_normalization.py",
        "axes=(1, 2)",
        "axes=(0, 1, 2)",
        f"{_STYLES} -k adaptive",
    ),
    Mutant(
        "layers/noise_injection.py",
        "        if training:\n",
        "        if False:\n",
        f"{_STYLES} -k noise",
    ),
    Mutant(
        "layers/blur.py",
        "self._side = self.up * side",
        "self._side = side",
        f"{_STYLES} -k doubled",
    ),
    Mutant(
        "layers/blur.py",
        "((rest + 1) // 2 + self.up - 1, rest // 2)",
        "((rest + 1) // 2, rest // 2 + self.up - 1)",
        f"{_STYLES} -k doubled",
    ),
    Mutant(
        "layers/blur.py",
        "self.up * old - self.down * new",
        "self.up * old - new",
        f"{_STYLES} -k two_ways",
    ),
    Mutant(
        "networks/residual_blocks.py",
        "epsilon=1e-5, spectral=True, kernel_regularizer",
        "epsilon=1e-5, kernel_regularizer",
        f"{_BIG_GAN} -k every_kernel",
    ),
    Mutant(
        "networks/big_gan.py",
        "layers.Concatenate()([embedding, part])",
        "layers.Concatenate()([embedding, first])",
        f"{_BIG_GAN} -k each_part",
    ),
    Mutant(
        "networks/big_gan.py",
        "SpectralNormalization(start)(first)",
        "SpectralNormalization(start)(latent)",
        f"{_BIG_GAN} -k each_part",
    ),
    Mutant(
        "networks/big_gan.py",
        "halves=i < num_halvings",
        "halves=True",
        f"{_BIG_GAN} -k parameters",
    ),
    Mutant(
        "layers/self_attention_2d.py",
        "use_bias=not self.spectral",
        "use_bias=True",
        f"{_BIG_GAN} -k attention",
    ),
    Mutant(
        "networks/style_gan.py",
        "x = _styled(x, style(2 * i + 2), width)\n        colours",
        "colours",
        f"{_STYLE_GAN} -k parameters",
    ),
    Mutant(
        "networks/style_gan.py",
        "inputs, x = latent, PixelNormalization()(latent)",
        "inputs, x = latent, latent",
        f"{_STYLE_GAN} -k length",
    ),
    Mutant(
        "networks/style_gan.py",
        "ModulatedConv2D(channels, 1, demodulate=False)",
        "ModulatedConv2D(channels, 1)",
        f"{_STYLE_GAN} -k styles",
    ),
    Mutant(
        "networks/style_gan.py",
        "x = layers.Concatenate()([x, PixelNormalization()(embedding)])",
        "x = layers.Concatenate()([x, 0.0 * embedding])",
        f"{_STYLE_GAN} -k classes",
    ),
    Mutant(
        "layers/learned_constant.py",
        "ops.broadcast_to(one, (size, *self.shape))",
        "one",
        f"{_STYLE_GAN} -k constant",
    ),
    Mutant(
        "networks/style_gan.py",
        "x = _noisy(x, style(2 * i))",
        "x = _noisy(x, style(2 * i + 1))",
        f"{_STYLE_GAN} -k two_styles",
    ),
    Mutant(
        "networks/style_gan.py",
        "colours = _colours(x, style(2 * i + 3)",
        "colours = _colours(x, style(2 * i + 2)",
        f"{_STYLE_GAN} -k two_styles",
    ),
    Mutant(
        "networks/style_gan.py",
        "NoiseInjection(per_channel=True)",
        "NoiseInjection()",
        f"{_STYLE_GAN} -k style_gan_has",
    ),
    Mutant(
        "layers/orthogonal_regularizer.py",
        "products * (1.0 - ops.eye(matrix.shape[-1]))",
        "products - ops.eye(matrix.shape[-1])",
        "tests/layers/test_orthogonal_regularizer.py",
    ),
    Mutant(
        "layers/orthogonal_regularizer.py",
        "(-1, x.shape[-1]))",
        "(x.shape[0], -1))",
        "tests/layers/test_orthogonal_regularizer.py",
    ),
    Mutant(
        "layers/conditional_batch_normalization.py",
        "kernel_regularizer=self.kernel_regularizer,",
        "",
        "tests/layers/test_orthogonal_regularizer.py",
    ),
    Mutant(
        "networks/big_gan.py",
        "condition, regularizer)",
        "condition)",
        "tests/layers/test_orthogonal_regularizer.py",
    ),
    Mutant(
        "layers/conditional_batch_normalization.py",
        '"kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),',
        "",
        "tests/layers/test_orthogonal_regularizer.py",
    ),
    Mutant(
        "networks/sagan.py",
        "SpectralNormalization(start)(latent)",
        "start(latent)",
        "tests/networks/test_sagan.py",
    ),
    Mutant(
        "networks/sagan.py",
        "condition, spectral=True)",
        "condition)",
        "tests/networks/test_sagan.py",
    ),
    Mutant(
        "networks/sagan.py",
        "for width in reversed(widths):",
        "for width in widths:",
        "tests/networks/test_sagan.py",
    ),
    Mutant(
        "networks/sagan.py",
        "sides = [side for side in sides if side * largest <= height]",
        "pass",
        "tests/networks/test_sagan.py",
    ),
    Mutant(
        "layers/graph_convolution.py",
        "subject, object_ = subject * mask, object_ * mask",
        "pass",
        f"{_GRAPH_LAYERS} -k padded",
    ),
    Mutant(
        "layers/graph_convolution.py",
        "total / ops.maximum(count, 1.0)",
        "total",
        f"{_GRAPH_LAYERS} -k formula",
    ),
    Mutant(
        "layers/graph_convolution.py",
        "selected(relations[..., 2], num_objects",
        "selected(relations[..., 0], num_objects",
        f"{_GRAPH_LAYERS} -k formula",
    ),
    Mutant(
        "layers/box_weights.py",
        "covered = ops.clip(covered, 0.0, 1.0)",
        "covered = ops.ceil(ops.clip(covered, 0.0, 1.0))",
        f"{_GRAPH_LAYERS} -k mass",
    ),
    Mutant(
        "layers/box_weights.py",
        "return _hats(at * length - 0.5, length)",
        "return _hats(at * (length - 1), length)",
        f'{_GRAPH_LAYERS} -k "slice or whole_image"',
    ),
    Mutant(
        "layers/box_weights.py",
        "/ width * size - 0.5",
        "/ width * (size - 1)",
        f"{_GRAPH_LAYERS} -k whole_image",
    ),
    Mutant(
        "layers/scene_graph_embedding.py",
        "ops.full_like(number, num_objects)",
        "ops.full_like(number, num_objects - 1)",
        f"{_GRAPH_LAYERS} -k image",
    ),
    Mutant(
        "engine/torch_group_norm.py",
        "return outputs.movedim(1, -1)",
        "return outputs.reshape(x.shape)",
        f"{_LAYOUTS} -k of_keras",
    ),
    Mutant(
        "engine/torch_group_norm.py",
        "scale = torch.ones_like(shift)",
        "pass",
        f"{_LAYOUTS} -k of_keras",
    ),
    Mutant(
        "engine/torch_group_norm.py",
        "-(inverse**3)",
        "-(inverse**2)",
        f"{_LAYOUTS} -k of_keras",
    ),
    Mutant(
        "engine/torch_group_norm.py",
        "if torch.is_grad_enabled():",
        "if False:",
        f"{_LAYOUTS} -k differentiated",
    ),
    Mutant(
        "layers/group_normalization.py",
        "self.axis not in (-1, inputs.ndim - 1)",
        "False",
        f"{_LAYOUTS} -k of_keras",
    ),
    Mutant(
        "layers/group_normalization.py",
        "outputs, self.compute_dtype",
        'outputs, "float32"',
        f"{_LAYOUTS} -k half",
    ),
    Mutant(
        "layers/same_conv_2d.py",
        "self.activation(convolution",
        "(convolution",
        f"{_LAYOUTS} -k of_keras",
    ),
    Mutant(  # boxes of 0 stay so
        "networks/scene_graph.py",
        "return layers.Dense(output_dim)(x)",
        'return layers.Dense(output_dim, activation="relu")(x)',
        "tests/models/adversarial/test_scene_graph_gan.py -k however_small",
    ),
    Mutant(
        "networks/cascaded_refinement.py",
        "x = GroupNormalization(groups, epsilon=1e-5)(x)",
        "x = layers.BatchNormalization()(x)",
        "tests/models/adversarial/test_scene_graph_gan.py -k drawn_alone",
    ),
]
