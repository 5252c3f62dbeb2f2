"""VQ-VAE-2: codes on two levels, coarse ones and what they leave out.

Razavi, van den Oord and Vinyals, Generating diverse high-fidelity images with VQ-VAE-2,
2019, arXiv:1906.00446.

Departure: the features that `top_decoder` makes of the coarse codes serve the fine
level's encoder and the decoder alike; the paper has a network for each.
"""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.layers.quantizer import Quantizer
from keras_genmod.models import network_checks
from keras_genmod.models.discrete import code_checks
from keras_genmod.models.discrete.code_usage import CodeUsage
from keras_genmod.models.discrete.coded_likelihood import CodedLikelihood
from keras_genmod.models.discrete.output_likelihood import OutputLikelihood
from keras_genmod.models.discrete.quantized_features import grid_of


@keras.saving.register_keras_serializable("keras_genmod")
class VQVAE2(CodedLikelihood):
    """Encodes to a coarse grid of codes and a fine one, which is told the coarse one.

    h = encoder(x);  z_top = quantized(top_encoder(h));  t = top_decoder(z_top)
    z_bottom = quantized(dense([h, t]));  p(x | z) = decoder([t, z_bottom])

    with the brackets along the channels, and a dense layer of each place. Both levels
    are trained at once: loss = -log p(x | z) + both quantizers' losses.

    An example's codes are one row, those of the top level first, each level in raster
    order: `split` makes grids of them. `TwoStage(model, prior)` with a
    `CausalTransformer((1, N, 1), num_codes)` thus learns p(top) p(bottom | top) as one
    prior, samples from both levels, and has a bound on log p(x). Until then the prior
    is uniform, as in `VQVAE`.

    Training reports the usage of each level over the epoch, as `VQVAE` does, under
    `top_...` and `bottom_...`. `fit` ignores labels.

    Args:
        encoder: Built Keras model from data to a map of features `(*bottom_grid, m)`.
        top_encoder: Built Keras model from these to features
            `(*top_grid, top_quantizer.input_dim)`.
        top_quantizer: `keras_genmod.layers.VectorQuantizer`, `FiniteScalarQuantizer` or
            `GumbelQuantizer`, of the top level.
        top_decoder: Built Keras model from vectors `(*top_grid,
            top_quantizer.code_dim)` to a map `(*bottom_grid, n)`.
        bottom_quantizer: Quantizer of the bottom level, of as many codes.
        decoder: Built Keras model from maps `(*bottom_grid, n +
            bottom_quantizer.code_dim)` to parameters of the likelihood, as in `VQVAE`.
        likelihood: "bernoulli", "normal" or "logistic_mixture", as in `VQVAE`.
        num_levels: Int of at least 2, of "logistic_mixture".
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If a network is not built, or an argument does not fit the others.

    References:
        - Razavi, van den Oord and Vinyals, 2019, arXiv:1906.00446.

    Example:
    ```python
    model = VQVAE2(
        networks.grid_encoder((32, 32, 3), 64),
        networks.grid_encoder((8, 8, 64), 64, num_downsamplings=1),
        layers.VectorQuantizer(512, 64),
        networks.grid_decoder((4, 4, 64), 64, num_upsamplings=1),
        layers.VectorQuantizer(512, 64),
        networks.grid_decoder((8, 8, 128), 3),
    )
    model.compile(keras.optimizers.Adam(3e-4))
    model.fit(x, epochs=20, batch_size=128)
    top, bottom = model.split(model.encode(x))  # (batch, 4, 4), (batch, 8, 8)
    ```
    """

    def __init__(
        self,
        encoder: keras.Model,
        top_encoder: keras.Model,
        top_quantizer: Quantizer,
        top_decoder: keras.Model,
        bottom_quantizer: Quantizer,
        decoder: keras.Model,
        likelihood: str = "bernoulli",
        num_levels: int = 256,
        **kwargs: Any,
    ) -> None:
        data_shape, features = network_checks.shapes("encoder", encoder)
        network_checks.known_shape("encoder", (*data_shape, *features))
        found, top_grid = grid_of(top_encoder, top_quantizer, "top_")
        if found != features:
            raise ValueError(
                f"`top_encoder` must take the features of the encoder, {features} "
                f"(without the batch). Received a network of {found}"
            )
        codes, joined = network_checks.shapes("top_decoder", top_decoder)
        vectors = (*top_grid, top_quantizer.code_dim)
        if codes != vectors or joined[:-1] != features[:-1]:
            raise ValueError(
                f"`top_decoder` must map shape {vectors} to a map of {features[:-1]} "
                "places (without the batch), those of the bottom level. Received a "
                f"network from {codes} to {joined}"
            )
        _check_bottom(bottom_quantizer, top_quantizer)
        output = OutputLikelihood(likelihood, num_levels, data_shape)
        channels = joined[-1] + bottom_quantizer.code_dim
        output.check_decoder(decoder, (*features[:-1], channels))
        super().__init__(data_shape=data_shape, **kwargs)
        self.encoder, self.top_encoder = encoder, top_encoder
        self.top_quantizer, self.bottom_quantizer = top_quantizer, bottom_quantizer
        self.top_decoder, self.decoder = top_decoder, decoder
        self.bottom_head = keras.layers.Dense(
            bottom_quantizer.input_dim, dtype="float32", name="bottom_head"
        )
        self.bottom_head.build((None, *features[:-1], features[-1] + joined[-1]))
        self._begin_likelihood(output, num_levels)
        self.top_grid, self.bottom_grid = top_grid, features[:-1]
        self.num_top = math.prod(top_grid)
        self.grid = (self.num_top + math.prod(self.bottom_grid),)
        self.num_codes = top_quantizer.num_codes
        self.top_usage = CodeUsage(self.num_codes, "top_")
        self.bottom_usage = CodeUsage(self.num_codes, "bottom_")
        self.finish_construction()

    def _quantized(self, x, training=False):
        features = ops.cast(self.encoder(x, training=training), "float32")
        top = self.top_quantizer(
            self.top_encoder(features, training=training), training=training
        )
        above = self._above(top["quantized"], training)
        both = self.bottom_head(ops.concatenate([features, above], axis=-1))
        bottom = self.bottom_quantizer(both, training=training)
        sizes = self.num_top, self.grid[0] - self.num_top
        rows = [
            ops.reshape(level["codes"], (-1, size))
            for level, size in zip((top, bottom), sizes, strict=True)
        ]
        return {
            "quantized": ops.concatenate([above, bottom["quantized"]], axis=-1),
            "codes": ops.concatenate(rows, axis=1),
            "loss": top["loss"] + bottom["loss"],
        }

    def _above(self, vectors, training=False):
        return ops.cast(self.top_decoder(vectors, training=training), "float32")

    def _grids(self, codes):
        top, bottom = codes[:, : self.num_top], codes[:, self.num_top :]
        return (
            ops.reshape(top, (-1, *self.top_grid)),
            ops.reshape(bottom, (-1, *self.bottom_grid)),
        )

    def _lookup(self, codes):
        top, bottom = self._grids(codes)
        above = self._above(self.top_quantizer.lookup(top))
        return ops.concatenate([above, self.bottom_quantizer.lookup(bottom)], axis=-1)

    def _decode_vectors(self, vectors, training=False):
        return ops.cast(self.decoder(vectors, training=training), "float32")

    def _track_usage(self, codes):
        self.top_usage.update_state(codes[:, : self.num_top])
        self.bottom_usage.update_state(codes[:, self.num_top :])

    def split(self, codes: Any) -> tuple[np.ndarray, np.ndarray]:
        """Returns the grids of both levels of rows of codes.

        Args:
            codes: Ints `(batch, N)`, as `encode` returns them.

        Returns:
            Int32 arrays `(batch, *top_grid)` and `(batch, *bottom_grid)`.

        Raises:
            ValueError: If the codes are not such.
        """
        codes = code_checks.codes(codes, self.grid, self.num_codes)
        top, bottom = (checks.as_numpy(grid) for grid in self._grids(codes))
        return top, bottom

    def join(self, top: Any, bottom: Any) -> np.ndarray:
        """Returns the rows of codes of grids of both levels, as `decode` takes them.

        Args:
            top: Ints `(batch, *top_grid)`.
            bottom: Ints `(batch, *bottom_grid)`.

        Raises:
            ValueError: If the codes are not such, or of two numbers of examples.
        """
        top = code_checks.codes(top, self.top_grid, self.num_codes, "top")
        bottom = code_checks.codes(bottom, self.bottom_grid, self.num_codes, "bottom")
        if len(top) != len(bottom):
            raise ValueError(
                "`bottom` must hold as many examples as `top`. Received: "
                f"{len(bottom)} beside {len(top)}"
            )
        rows = [grid.reshape(len(grid), -1) for grid in (top, bottom)]
        return np.concatenate(rows, axis=1)

    def get_config(self):
        networks = ("encoder", "top_encoder", "top_decoder", "decoder")
        names = (*networks, "top_quantizer", "bottom_quantizer")
        return {
            **super().get_config(),
            **{n: keras.saving.serialize_keras_object(getattr(self, n)) for n in names},
        }


def _check_bottom(bottom, top):
    """Raises a `ValueError` unless the bottom level's quantizer goes with the top's."""
    if not isinstance(bottom, Quantizer) or bottom is top:
        raise ValueError(
            "`bottom_quantizer` must be a quantizer of its own, such as a "
            f"`keras_genmod.layers.VectorQuantizer`. Received: {bottom!r}"
        )
    if bottom.num_codes != top.num_codes:
        raise ValueError(
            f"`bottom_quantizer` must have {top.num_codes} codes, as the top level "
            "has: both are one row for a prior. Received one of "
            f"num_codes={bottom.num_codes}"
        )
