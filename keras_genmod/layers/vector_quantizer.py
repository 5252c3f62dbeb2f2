"""A codebook of vectors, which moves with what it stands for.

van den Oord, Vinyals and Kavukcuoglu, Neural discrete representation learning, 2017,
arXiv:1711.00937, and its appendix A.1 (moving averages); Razavi, van den Oord and
Vinyals, VQ-VAE-2, 2019, arXiv:1906.00446.

Departures: the averages are zero-debiased, as in the authors' own Sonnet; a code that
no vector has ever come to keeps its place, where m_k / N_k is 0 / 0; codes that have
fallen out of use start again (Jukebox, Dhariwal et al., 2020, arXiv:2005.00341), below
a share of uniform use rather than a count, which would depend on the size of a batch.
"""

import math
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import (
    SeedGenerator,
    averaged,
    num_apart,
    process_id,
    uniform,
)
from keras_genmod.layers.codebook import code_totals, nearest_codes
from keras_genmod.layers.quantizer import (
    Quantizer,
    straight_through,
    sum_over_positions,
)

_EPSILON = 1e-5  # of Laplace smoothing


@keras.saving.register_keras_serializable("keras_genmod")
class VectorQuantizer(Quantizer):
    """Puts the nearest of K vectors in place of each feature vector.

    k = argmin_j |z - e_j|, quantized = z + sg(e_k - z), where sg stops gradients, so
    that z gets the gradient of e_k. With `decay` g, a training step moves the codebook
    after it was used, by averages of how many vectors chose code k and of their sum:

    N_k <- g N_k + (1 - g) n_k,  m_k <- g m_k + (1 - g) sum z,  e_k = m_k / N_k

    with both divided by 1 - g^t (zero-debiased) and N_k smoothed by Laplace's rule. The
    loss of an example is commitment sum |z - sg(e_k)|^2 over its positions. Without
    `decay` the codebook is trained by sum |sg(z) - e_k|^2, which adds to the loss.

    Nothing moves in evaluation, where `trainable` is false, or by a batch with a NaN or
    infinite feature. Processes of torch that train together move it by the vectors of
    all. Looking codes up takes memory for 256 codes a vector at a time, however many
    there are: of 50,176 vectors of 64 numbers and 8,192 codes 67 MB, by the plan of
    XLA, where all distances are 1.6 GB.

    Args:
        num_codes: Positive int K.
        code_dim: Positive int, channels of the features and of the codes.
        commitment: Weight of the encoder's loss, at least 0. The weight
            `layer.commitment` may be assigned between epochs.
        decay: Number in [0, 1), or `None` for a codebook trained by gradients.
        restart_threshold: Number in [0, 1): a code that is chosen less often than this
            share of uniform use, sum N / K, starts again from a random vector of the
            batch, with average counts; 0 never. A codebook trained by gradients keeps
            no counts to restart by.
        seed: Int for repeatable restarts, or `None`.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: Float tensor `(batch, ..., code_dim)`.
        training: Whether the codebook moves.

    Returns:
        Dict of `quantized`, float32 `(batch, ..., code_dim)`; `codes`, int32
        `(batch, ...)`; and `loss`, `(batch,)`.

    Raises:
        ValueError: If an argument is out of range.

    References:
        - van den Oord, Vinyals and Kavukcuoglu, 2017, arXiv:1711.00937.
        - Razavi, van den Oord and Vinyals, 2019, arXiv:1906.00446.
        - Dhariwal et al., Jukebox, 2020, arXiv:2005.00341 (restarts).

    Note:
        The paper averages |z - e_k|^2 over positions, beside a reconstruction error
        averaged over pixels; here it is a sum, as the log-likelihood beside it is.

    Example:
    ```python
    quantizer = VectorQuantizer(512, 64)
    found = quantizer(ops.zeros((4, 7, 7, 64)), training=True)
    codes = found["codes"]  # (4, 7, 7)
    vectors = quantizer.lookup(codes)  # (4, 7, 7, 64)
    ```
    """

    def __init__(
        self,
        num_codes: int,
        code_dim: int,
        commitment: float = 0.25,
        decay: float | None = 0.99,
        restart_threshold: float = 0.05,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_codes = checks.positive_int("num_codes", num_codes)
        self.code_dim = self.input_dim = checks.positive_int("code_dim", code_dim)
        checks.non_negative("commitment", commitment)
        if decay is not None:
            _below_one("decay", decay)
        _below_one("restart_threshold", restart_threshold)
        self.decay, self.restart_threshold = decay, restart_threshold
        self.seed = checks.seed("seed", seed)
        self.seed_generator = SeedGenerator(seed)
        self.commitment = self._weight(
            "commitment", (), keras.initializers.Constant(commitment)
        )
        limit = 1.0 / self.num_codes
        start = keras.initializers.RandomUniform(-limit, limit, seed)
        shape = self.num_codes, self.code_dim
        self.codebook = self._weight("codebook", shape, start, decay is None)
        if decay is not None:
            self.counts = self._weight("counts", shape[:1])
            self.sums = self._weight("sums", shape)
            self.num_steps = self._weight("num_steps", ())
        self.built = True

    def _weight(self, name, shape, initializer="zeros", trainable=False):
        return self.add_weight(
            shape=shape,
            initializer=initializer,
            dtype="float32",
            trainable=trainable,
            autocast=False,
            name=name,
        )

    def call(self, inputs, training=False):
        features = self.features(inputs)
        codebook = ops.convert_to_tensor(self.codebook)
        vectors = ops.reshape(features, (-1, self.code_dim))
        codes = nearest_codes(vectors, codebook)  # (n,)
        chosen = ops.reshape(ops.take(codebook, codes, axis=0), ops.shape(features))
        quantized = straight_through(features, chosen)
        squared = ops.square(features - ops.stop_gradient(chosen))
        loss = ops.convert_to_tensor(self.commitment) * sum_over_positions(squared)
        if self.decay is None:
            towards = ops.square(ops.stop_gradient(features) - chosen)
            loss = loss + sum_over_positions(towards)
        elif training and self.trainable:
            # Last: what was looked up comes from the codebook as it was.
            self._move(ops.stop_gradient(vectors), codes, self.decay)
        codes = ops.reshape(codes, ops.shape(features)[:-1])
        return {"quantized": quantized, "codes": codes, "loss": loss}

    def _move(self, vectors, codes, decay):
        """Moves the codebook by one step of its averages; restarts what is not used.

        A vector that is not finite would stay in the averages: then nothing moves.
        """
        variables = self.codebook, self.counts, self.sums, self.num_steps
        old, *averages, steps = before = [ops.convert_to_tensor(v) for v in variables]
        steps = steps + 1.0
        *totals, fresh = self._of_batch(vectors, codes)
        finite = ops.isfinite(ops.sum(totals[1]))
        counts, sums = (
            decay * average + (1.0 - decay) * total
            for average, total in zip(averages, totals, strict=True)
        )
        log_decay = math.log(decay) if decay > 0 else -math.inf
        debias = -ops.expm1(steps * log_decay)  # 1 - decay^t

        uses, total = counts / debias, ops.sum(counts) / debias
        smooth = (uses + _EPSILON) / (total + self.num_codes * _EPSILON) * total
        # No gradient passes here, so that the branch that is not taken does no harm.
        codebook = ops.where((uses > 0)[:, None], sums / debias / smooth[:, None], old)
        if fresh is not None:
            mean = total / self.num_codes
            unused = uses < self.restart_threshold * mean
            codebook = ops.where(unused[:, None], fresh, codebook)
            counts = ops.where(unused, mean * debias, counts)
            sums = ops.where(unused[:, None], fresh * mean * debias, sums)
        moved = codebook, counts, sums, steps
        for variable, value, kept in zip(variables, moved, before, strict=True):
            variable.assign(ops.where(finite, value, kept))

    def _of_batch(self, vectors, codes):
        """Returns counts, sums and vectors to restart from, of all processes' batch."""
        counts, sums = code_totals(codes, self.num_codes, vectors)
        fresh = None
        if self.restart_threshold > 0:
            fresh = self._random_vectors(vectors)  # (num_codes, code_dim)
        if num_apart() == 1:
            return counts, sums, fresh
        if fresh is not None:  # each from one process, so that a sum leaves it whole
            own = ops.arange(self.num_codes) % num_apart() == process_id()
            fresh = ops.where(own[:, None], fresh, 0.0)
        means = averaged([counts, sums, fresh])
        return [None if mean is None else num_apart() * mean for mean in means]

    def _random_vectors(self, vectors):
        """Returns a vector of the batch for each code, all others as far as there are.

        One from each of K equal parts of the batch, which starts anywhere.
        """
        num_vectors = ops.cast(ops.shape(vectors)[0], "float32")
        noise = uniform((self.num_codes + 1,), self.seed_generator)
        parts = ops.arange(self.num_codes, dtype="float32") + noise[:-1]
        places = ops.floor(parts / self.num_codes * num_vectors)
        places = places + ops.floor(noise[-1] * num_vectors)
        places = ops.cast(ops.mod(places, num_vectors), "int32")
        return ops.take(vectors, places, axis=0)

    def lookup(self, codes: Any) -> Any:
        return ops.take(ops.convert_to_tensor(self.codebook), codes, axis=0)

    def get_config(self):
        return {
            **super().get_config(),
            "num_codes": self.num_codes,
            "code_dim": self.code_dim,
            "commitment": float(self.commitment),
            "decay": self.decay,
            "restart_threshold": self.restart_threshold,
            "seed": self.seed,
        }


def _below_one(name, value):
    checks.fraction(name, value)
    if value == 1:
        raise ValueError(f"`{name}` must be below 1. Received: {name}={value!r}")
