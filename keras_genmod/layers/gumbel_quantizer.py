"""Codes drawn with a gradient: the Gumbel softmax.

Jang, Gu and Poole, Categorical reparameterization with Gumbel-softmax, 2016,
arXiv:1611.01144; Maddison, Mnih and Teh, The concrete distribution, 2016,
arXiv:1611.00712; for codes of images: Ramesh et al., 2021, arXiv:2102.12092.
"""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import SeedGenerator, argmax, uniform
from keras_genmod.layers.quantizer import Quantizer, sum_over_positions

_SMALLEST_NOISE = 2.0**-25  # stands for the 0 of U[0, 1), whose logarithm is infinite


@keras.saving.register_keras_serializable("keras_genmod")
class GumbelQuantizer(Quantizer):
    """Takes logits of K codes, and draws a mixture of their vectors in training.

    With g = -log(-log u) for u from U(0, 1) and q = softmax(logits),

    y = softmax((logits + g) / temperature),  quantized = sum_k y_k e_k

    and towards temperature 0 y becomes a draw from q. The loss of an example is
    kl_weight KL(q, uniform), summed over positions. In evaluation the likeliest code is
    taken.

    It holds several tensors of positions x K numbers, where `VectorQuantizer` takes
    some codes at a time: of 32 grids of 32x32 and 8,192 codes each is 1 GiB in float32.

    Args:
        num_codes: Positive int K, channels of the logits.
        code_dim: Positive int, channels of the codes' vectors, which are trained.
        temperature: Positive number. The weight `layer.temperature` may be assigned
            between epochs, as in the example: Ramesh et al. go from 1 to 1/16.
        kl_weight: Number of at least 0; the weight `layer.kl_weight` may be assigned.
        hard: Whether training, too, takes one code: the largest of y, with the
            gradient of y.
        seed: Int for a repeatable stream of draws, or `None`.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(batch, ..., num_codes)`.
        training: Whether to draw.

    Returns:
        Dict of `quantized`, float32 `(batch, ..., code_dim)`; `codes`, int32
        `(batch, ...)`, the largest of y; and `loss`, `(batch,)`.

    Raises:
        ValueError: If an argument is out of range.

    References:
        - Jang, Gu and Poole, 2016, arXiv:1611.01144.
        - Maddison, Mnih and Teh, 2016, arXiv:1611.00712.
        - Ramesh et al., 2021, arXiv:2102.12092 (the schedule).

    Example:
    ```python
    quantizer = GumbelQuantizer(512, 64, seed=0)
    vectors = quantizer(ops.zeros((4, 7, 7, 512)), training=True)["quantized"]
    # For `fit(callbacks=[...])`: halved each 5 epochs, down to 1 / 16.
    falling = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: quantizer.temperature.assign(
            max(0.5 ** (epoch / 5), 1 / 16)
        )
    )
    ```
    """

    def __init__(
        self,
        num_codes: int,
        code_dim: int,
        temperature: float = 1.0,
        kl_weight: float = 5e-4,
        hard: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_codes = self.input_dim = checks.positive_int("num_codes", num_codes)
        self.code_dim = checks.positive_int("code_dim", code_dim)
        checks.positive("temperature", temperature)
        checks.non_negative("kl_weight", kl_weight)
        self.hard = checks.boolean("hard", hard)
        self.seed = checks.seed("seed", seed)
        self.seed_generator = SeedGenerator(seed)
        constant = keras.initializers.Constant
        self.temperature = self._weight("temperature", (), constant(temperature))
        self.kl_weight = self._weight("kl_weight", (), constant(kl_weight))
        shape = self.num_codes, self.code_dim
        start = keras.initializers.RandomUniform(-1.0, 1.0, seed)
        self.codebook = self._weight("codebook", shape, start, True)
        self.built = True

    def _weight(self, name, shape, initializer, trainable=False):
        return self.add_weight(
            shape=shape,
            initializer=initializer,
            dtype="float32",
            trainable=trainable,
            autocast=False,
            name=name,
        )

    def call(self, inputs, training=False):
        logits = self.features(inputs)
        log_q = ops.log_softmax(logits, axis=-1)
        divergence = ops.exp(log_q) * (log_q + ops.log(float(self.num_codes)))
        loss = ops.convert_to_tensor(self.kl_weight) * sum_over_positions(divergence)
        scores = logits
        if training:
            noise = uniform(ops.shape(logits), self.seed_generator)
            noise = ops.maximum(noise, _SMALLEST_NOISE)
            scores = logits - ops.log(-ops.log(noise))
        codes = argmax(scores)
        chosen = ops.one_hot(codes, self.num_codes, dtype="float32")
        if training:
            soft = ops.softmax(scores / ops.convert_to_tensor(self.temperature))
            chosen = soft + ops.stop_gradient(chosen - soft) if self.hard else soft
        quantized = chosen @ ops.convert_to_tensor(self.codebook)
        return {"quantized": quantized, "codes": codes, "loss": loss}

    def lookup(self, codes: Any) -> Any:
        return ops.take(ops.convert_to_tensor(self.codebook), codes, axis=0)

    def get_config(self):
        return {
            **super().get_config(),
            "num_codes": self.num_codes,
            "code_dim": self.code_dim,
            "temperature": float(self.temperature),
            "kl_weight": float(self.kl_weight),
            "hard": self.hard,
            "seed": self.seed,
        }
