"""How many codes are in use, over all that was seen and not batch by batch."""

from typing import Any

import keras
from keras import ops

from keras_genmod.layers.codebook import code_totals


@keras.saving.register_keras_serializable("keras_genmod")
class CodeUsage(keras.metrics.Metric):
    """Perplexity of the codes' frequencies, and the share of codes that came at all.

    With p_k the share of code k in all codes since the metric was reset, which Keras
    does as an epoch begins,

    perplexity = exp(-sum_k p_k log p_k),  code_usage = #{k: p_k > 0} / K

    One batch says little: of 512 codes in uniform use, 64 draws show 59.

    Args:
        num_codes: Positive int K.
        prefix: String before both names.
        **kwargs: As in `keras.metrics.Metric`.

    Example:
    ```python
    usage = CodeUsage(4)
    usage.update_state(np.array([0, 0, 1, 1]))
    usage.result()  # {"perplexity": 2.0, "code_usage": 0.5}
    ```
    """

    def __init__(self, num_codes: int, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(**{"name": f"{prefix}code_usage", **kwargs})
        self.num_codes, self.prefix = num_codes, prefix
        self.counts = self.add_variable((num_codes,), "zeros", name="counts")

    def update_state(self, codes: Any, sample_weight: Any = None) -> None:
        """Counts int codes of any shape; weights of examples do not count."""
        codes = ops.cast(ops.reshape(codes, (-1,)), "int32")
        self.counts.assign_add(code_totals(codes, self.num_codes)[0])

    def result(self) -> Any:
        """Returns both by name."""
        counts = ops.convert_to_tensor(self.counts)
        shares = counts / ops.maximum(ops.sum(counts), 1.0)
        logs = ops.log(ops.where(counts > 0, shares, 1.0))
        used = ops.mean(ops.cast(counts > 0, "float32"))
        return {
            f"{self.prefix}perplexity": ops.exp(-ops.sum(shares * logs)),
            f"{self.prefix}code_usage": used,
        }

    def get_config(self):
        config = {"num_codes": self.num_codes, "prefix": self.prefix}
        return {**super().get_config(), **config}
