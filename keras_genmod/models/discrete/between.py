"""What passes between an autoencoder and the prior of its latents."""

from typing import Any

import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions.distribution import flat_events
from keras_genmod.models import valid_data
from keras_genmod.models.autoregressive.autoregressive_model import AutoregressiveModel
from keras_genmod.models.generative_model import GenerativeModel

_BATCH = 128  # examples encoded at a time


class _Codes:
    """Grids of codes; code k of K is the value k / (K - 1), as a prior has it.

    Args:
        autoencoder: Model with `encode`, `decode`, `grid` and `num_codes`.
        prior: `AutoregressiveModel`.

    Raises:
        ValueError: If the prior is of another grid or another number of codes.
    """

    def __init__(self, autoencoder: Any, prior: Any) -> None:
        grid = getattr(autoencoder, "grid", None)
        if grid is None or len(grid) > 2:
            raise ValueError(
                "`autoencoder` must have codes in one or two dimensions, as a VQVAE, "
                "for a prior over levels such as a CausalTransformer. "
                f"Received: autoencoder={autoencoder!r}"
            )
        self.num_codes = autoencoder.num_codes
        shape = (*(1,) * (2 - len(grid)), *grid, 1)
        if (prior.data_shape, prior.num_levels) != (shape, self.num_codes):
            raise ValueError(
                f"`prior` must be of image_shape={shape} and num_levels="
                f"{self.num_codes}, grid and codes of the autoencoder. Received one of "
                f"image_shape={prior.data_shape}, num_levels={prior.num_levels}"
            )
        self._autoencoder, self._grid, self._shape = autoencoder, grid, shape

    def encode(self, x: Any) -> np.ndarray:
        """Returns the prior's data of what the autoencoder takes, float32."""
        return self.from_codes(in_batches(self._autoencoder.encode, x))

    def from_codes(self, codes: np.ndarray) -> np.ndarray:
        """Returns the prior's data of int codes `(batch, *grid)`."""
        # Of a single code, 0 / 1.
        values = codes.astype("float32") / max(1, self.num_codes - 1)
        return values.reshape(-1, *self._shape)

    def decode(self, samples: Any) -> Any:
        """Returns the autoencoder's data of samples of the prior."""
        drawn = ops.isfinite(flat_events(samples))
        codes = ops.round(ops.nan_to_num(samples) * (self.num_codes - 1))
        codes = ops.reshape(ops.cast(codes, "int32"), (-1, *self._grid))
        data = self._autoencoder.decode(codes)
        # A prior that draws NaN has no codes to decode.
        drawn = ops.reshape(ops.all(drawn, axis=1), (-1, *(1,) * (len(data.shape) - 1)))
        return valid_data.nan_unless(drawn, data)


class _Latents:
    """Real latents, as the autoencoder has them.

    Args:
        autoencoder: Model with latents of the prior's `data_shape`: a VQVAE's features
            before they are quantized, what `encode` returns of others.
        prior: Model of real data.

    Raises:
        ValueError: If the prior is of data of another shape.
    """

    def __init__(self, autoencoder: Any, prior: Any) -> None:
        discrete = hasattr(autoencoder, "encode_features")
        if not discrete and hasattr(autoencoder, "grid"):
            raise ValueError(
                f"`prior` must be one over codes for a {type(autoencoder).__name__}, "
                f"such as a CausalTransformer. Received: prior={prior!r}"
            )
        names = "encode_features decode_features" if discrete else "encode decode"
        self._encode, self._decode = (getattr(autoencoder, n) for n in names.split())
        network = autoencoder.encoder
        shape = network.output_shape[1:]
        if hasattr(autoencoder, "latent_shape"):
            shape = autoencoder.latent_shape
        if getattr(prior, "is_of_images", False):
            raise ValueError(
                "`prior` must take latents as they are, not as images in [0, 1]: make "
                f"it with of_images=False. Received: prior={prior!r}"
            )
        if prior.data_shape != shape:
            raise ValueError(
                f"`prior` must be of data_shape={shape}, that of the autoencoder's "
                f"latents. Received one of data_shape={prior.data_shape}"
            )

    def encode(self, x: Any) -> np.ndarray:
        """Returns the latents of what the autoencoder takes, float32."""
        return in_batches(self._encode, x)

    def decode(self, samples: Any) -> Any:
        """Returns the autoencoder's data of latents."""
        return self._decode(samples)


def make_between(autoencoder: Any, prior: Any) -> Any:
    """Returns what turns data into those of the prior (`encode`), and back (`decode`).

    Args:
        autoencoder: Model with `encoder`, `encode` and `decode`.
        prior: `AutoregressiveModel` of codes, or a model of real latents.

    Raises:
        ValueError: If they do not fit.
    """
    check_models(autoencoder, prior)
    is_of_codes = isinstance(prior, AutoregressiveModel)
    return (_Codes if is_of_codes else _Latents)(autoencoder, prior)


def in_batches(function: Any, x: Any) -> np.ndarray:
    """Returns what a function of a batch makes of all examples, joined on the host.

    All batches have one size, so that the function is compiled once.

    Args:
        function: Function of an array `(batch, ...)`.
        x: Array `(n, ...)` of at least one example.
    """
    x = checks.as_numpy(x)
    size, found = min(_BATCH, len(x)), []
    for start in range(0, len(x), size):
        # The last batch is filled up with the last example.
        rows = np.minimum(np.arange(start, start + size), len(x) - 1)
        found.append(checks.as_numpy(function(x[rows]))[: len(x) - start])
    return np.concatenate(found)


def check_models(autoencoder: Any, prior: Any) -> None:
    """Raises a `ValueError` unless both are models that `TwoStage` can take."""
    for name, model in (("autoencoder", autoencoder), ("prior", prior)):
        if not isinstance(model, GenerativeModel):
            raise ValueError(
                f"`{name}` must be a model of this package. Received: {name}={model!r}"
            )
    needed = ("encoder", "encode", "decode")
    if autoencoder.is_conditional or not all(hasattr(autoencoder, n) for n in needed):
        raise ValueError(
            "`autoencoder` must have one `encoder`, `encode` and `decode`, without a "
            "condition: VQVAE, VQVAE2, VQGAN, KLAutoencoder, VAE, FactorVAE, "
            "Autoencoder, DenoisingAutoencoder. "
            f"Received: autoencoder={autoencoder!r}"
        )
    if hasattr(prior, "objectives"):
        raise ValueError(
            "`prior` must be trained by one loss: an autoregressive model, a flow, a "
            f"diffusion model. Received: prior={prior!r}"
        )
