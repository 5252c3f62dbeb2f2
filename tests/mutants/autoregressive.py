"""Faults of the autoregressive models, their layers and their distributions."""

from tests.mutants import Mutant

_MODELS = "models/autoregressive"
_TESTS = "tests/models/autoregressive"

MUTANTS = [
    Mutant(
        f"{_MODELS}/causal_transformer.py",
        'self._order = ops.arange(model.num_tokens, dtype="int32")',
        "self._order = ops.arange(model.num_tokens)",
        "tests/models/test_float64.py -k CausalTransformer",
        backend="tensorflow",
    ),
    Mutant(
        f"{_MODELS}/autoregressive_model.py",
        "/ temperature\n",
        "/ temperature**2\n",
        f"{_TESTS}/test_sampling.py -k temperature_divides",
    ),
    Mutant(
        "distributions/discretized_logistic_mixture.py",
        "unit * temperature",
        "unit * temperature**2",
        "tests/distributions/test_discretized_logistic_mixture.py -k temperature",
    ),
    Mutant(
        f"{_MODELS}/gated_stream.py",
        "initial_deviation=0.1",
        "initial_deviation=1.0",
        f"{_TESTS}/test_pixel_cnn_plus_plus.py -k every_convolution",
    ),
    Mutant(
        f"{_MODELS}/gated_stream.py",
        "form.drop(concat_elu(y))",
        "concat_elu(form.drop(y))",
        f"{_TESTS}/test_pixel_cnn_plus_plus.py -k activations_are_dropped",
    ),
    Mutant(
        f"{_MODELS}/causal_transformer.py",
        "x = x + apply(out, y)",
        "x = apply(out, y)",
        f"{_TESTS}/test_causal_transformer.py -k blocks_add",
    ),
    Mutant(
        f"{_MODELS}/causal_transformer.py",
        "x = x + apply(down, ",
        "x = apply(down, ",
        f"{_TESTS}/test_causal_transformer.py -k blocks_add",
    ),
    Mutant(
        f"{_MODELS}/causal_transformer.py",
        "    query = query * query.shape[-1] ** -0.5\n",
        "",
        f"{_TESTS}/test_causal_transformer.py -k attention_equals",
    ),
    Mutant(
        "distributions/categorical.py",
        "return nan_where_nan(cumulative[..., -1], level)",
        "return level",
        "tests/distributions/test_distributions.py -k nan_parameters",
    ),
    Mutant(
        "distributions/categorical.py",
        'ops.where(exists, terms, float("nan"))',
        "terms",
        "tests/distributions/test_distributions.py -k levels_that_do_not",
    ),
    Mutant(
        "distributions/discretized_logistic_mixture.py",
        'nan_where_nan(index, ops.cast(index == components, "float32"))',
        'ops.cast(index == components, "float32")',
        "tests/distributions/test_discretized_logistic_mixture.py -k nan_parameters",
    ),
    Mutant(
        "layers/incremental_conv_2d.py",
        "column * self._strides)",
        "column)",
        "tests/layers/test_shifted_conv_2d.py -k pixel_by_pixel",
    ),
    Mutant(
        f"{_MODELS}/wavefront.py",
        "range(reach + 1, width)",
        "range(reach, width)",
        f"{_TESTS}/test_sampling.py -k 'caches and PixelCNN'",
    ),
    Mutant(
        f"{_MODELS}/wavefront.py",
        "ops.cast(self._lanes <= row, self._dtype)",
        "ops.ones_like(self._lanes, self._dtype)",
        f"{_TESTS}/test_sampling.py -k 'caches and PixelCNN'",
    ),
    Mutant(
        "layers/wavefront_conv_2d.py",
        "- i * self._stride",
        "- self._stride",
        f"{_TESTS}/test_sampling.py -k 'caches and PixelCNN'",
    ),
    Mutant(
        "layers/wavefront_conv_2d.py",
        "x * is_inside",
        "x",
        f"{_TESTS}/test_sampling.py -k 'caches and PixelCNN'",
    ),
    Mutant(
        f"{_MODELS}/raster_sampling.py",
        "rows[:, None] - lanes,",
        "rows[:, None] + 0 * lanes,",
        f"{_TESTS}/test_sampling.py -k 'caches and PixelCNN'",
    ),
    Mutant(
        f"{_MODELS}/raster_sampling.py",
        "network.prefill(cache, row)",
        "cache",
        f"{_TESTS}/test_sampling.py -k float64",
    ),
    Mutant(
        f"{_MODELS}/raster_sampling.py",
        "cache = network.put(pixel, cache, row, column)",
        "pass",
        f"{_TESTS}/test_sampling.py -k float64",
    ),
    Mutant(
        "layers/masked_conv_2d.py",
        "if self.dilation_rate != (1, 1):\n            raise",
        "if False:\n            raise",
        "tests/layers/test_masked_conv_2d.py -k dilation",
    ),
    Mutant(
        f"{_MODELS}/autoregressive_model.py",
        "valid_data.nan_unless(valid_data.on_levels(x, self.num_levels), log_prob)",
        "log_prob",
        f"{_TESTS}/test_sampling.py -k stream",
    ),
    Mutant(
        "engine/clipping.py",
        "return ops.where(x < low, low, ops.where(x > high, high, x))",
        "return ops.clip(x, low, high)",
        f"{_TESTS}/test_sampling.py -k 'nan_weights and pixel_cnn_pp'",
        backend="tensorflow",
    ),
    Mutant(
        f"{_MODELS}/autoregressive_model.py",
        'return ops.cast(self.outputs(x, condition, training), "float32")',
        "return self.outputs(x, condition, training)",
        f"{_TESTS}/test_sampling.py -k 'in_half and row_pixel_rnn'",
    ),
]
