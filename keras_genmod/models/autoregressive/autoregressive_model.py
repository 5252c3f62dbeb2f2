"""What every autoregressive model of images is: densities and sampling."""

from collections.abc import Sequence
from typing import Any

from keras import ops

from keras_genmod import checks
from keras_genmod.distributions import Bernoulli, Categorical
from keras_genmod.engine import Seeds, compiled, seed_state, uniform, write
from keras_genmod.models import valid_data
from keras_genmod.models.autoregressive.raster_sampling import (
    RasterNetwork,
    WithoutCaches,
    draw_images,
)
from keras_genmod.models.autoregressive.truncation import Truncated
from keras_genmod.models.generative_model import GenerativeModel


class AutoregressiveModel(GenerativeModel):
    """An image as a product of conditionals, in raster order.

    log p(x) = sum_i log p(x_i | x_1, ..., x_(i-1)), inside a pixel red, then green,
    then blue. Conditionals are Bernoulli for 2 levels, categorical beyond.

    A subclass gives the parameters of all conditionals at once, `outputs`, and the
    same a pixel at a time, `incremental`; everything else is here. Sampling takes one
    compiled loop over the pixels either way: with caches, where each layer works on
    one pixel, or without, where the network runs on the whole image for each pixel.
    Both make the same of the same random numbers.

    Args:
        image_shape: `(height, width, channels)`.
        num_levels: Int of at least 2. Pixels take the values k / (num_levels - 1).
        **kwargs: `num_classes`, `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range.
    """

    likelihood_kind = "exact"
    num_levels: int
    #: Whether `outputs` are logits of levels, of which `sample` may leave some out.
    can_truncate = True

    def __init__(
        self, image_shape: Sequence[int], num_levels: int = 2, **kwargs: Any
    ) -> None:
        image_shape = checks.sizes("image_shape", image_shape, 3)
        num_levels = checks.integer("num_levels", num_levels, 2)
        super().__init__(data_shape=image_shape, **kwargs)
        self.image_shape = image_shape
        self.num_levels = num_levels

    # What a subclass gives.

    def outputs(self, x: Any, condition: Any, training: bool = False) -> Any:
        """Returns the parameters of all conditionals, one pass over whole images.

        Args:
            x: Float32 images `(batch, *image_shape)`.
            condition: As `data_and_condition` returns it.
            training: Whether layers such as `Dropout` are on.

        Returns:
            Tensor `(batch, height, width, num_outputs)`.
        """
        raise NotImplementedError

    def incremental(self, num_samples: int, condition: Any) -> RasterNetwork:
        """Returns the network in the form that takes one pixel at a time, with caches.

        Args:
            num_samples: Positive int.
            condition: As `data_and_condition` returns it.
        """
        raise NotImplementedError

    @property
    def raster_shape(self) -> tuple:
        """Height, width and channels that sampling goes through, `image_shape` or else.

        What it calls a pixel has that many channels; the values and their order are
        those of the image.
        """
        return self.image_shape

    # The conditionals: independent levels, unless a subclass says otherwise.

    @property
    def num_outputs(self) -> int:
        """How many parameters the conditionals of a pixel have."""
        return self.image_shape[-1] * (1 if self.num_levels == 2 else self.num_levels)

    @property
    def num_visits(self) -> int:
        """How often sampling visits a pixel: once for each value drawn by itself."""
        return self.raster_shape[-1]

    @property
    def num_draws(self) -> int:
        """How many random numbers a pixel takes."""
        return self.raster_shape[-1]

    def _conditionals(self, logits):
        return Bernoulli(logits) if self.num_levels == 2 else Categorical(logits)

    def _logits(self, outputs):
        """Returns logits `(..., channels)`, and `(..., num_levels)` beyond 2."""
        logits = ops.cast(outputs, "float32")
        if self.num_levels == 2:
            return logits
        channels = logits.shape[-1] // self.num_levels
        shape = (-1, *logits.shape[1:-1], channels, self.num_levels)
        return ops.reshape(logits, shape)  # (batch, ..., channels, num_levels)

    def log_prob_of_outputs(self, x: Any, outputs: Any) -> Any:
        """Returns log p(x) `(batch,)` in nats for the parameters of `outputs`."""
        levels = ops.round(x * (self.num_levels - 1))
        return self._conditionals(self._logits(outputs)).log_prob(levels)

    def draw(
        self,
        outputs: Any,
        pixel: Any,
        keep: Any,
        noise: Any,
        visit: int,
        temperature: Any,
    ) -> Any:
        """Draws values of one pixel.

        Args:
            outputs: Parameters of the conditionals there, `(batch, num_outputs)`.
            pixel: The values there, `(batch, channels)`, as far as they are known; may
                be written into.
            keep: True where a value is known, `(batch, channels)`, or `None`.
            noise: Numbers of U[0, 1), `(batch, num_draws)`.
            visit: Int, counts the visits to this pixel.
            temperature: Positive float tensor of shape `()`.

        Returns:
            `(pixel, log_prob)`: the pixel with the values drawn, and the
            log-probability of these, `(batch,)`.
        """
        logits = self._logits(outputs)[:, visit : visit + 1] / temperature
        conditional = self._conditionals(logits)
        levels = conditional.from_noise(noise[:, visit : visit + 1])  # (batch, 1)
        log_prob = conditional.log_prob(levels)
        values = levels / (self.num_levels - 1)
        if keep is not None:
            known = keep[:, visit : visit + 1]
            values = ops.where(known, pixel[:, visit : visit + 1], values)
            log_prob = ops.where(known[:, 0], 0.0, log_prob)
        return write(pixel, values, visit, axis=1), log_prob

    # Training and densities.

    def call(self, inputs, training=False):
        """Returns the parameters of all conditionals, as `outputs`, float32."""
        x, condition = self.data_and_condition(inputs)
        return ops.cast(self.outputs(x, condition, training), "float32")

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        data, _ = self.data_and_condition(x)
        return self.mean_loss(-self._log_prob_on_levels(data, y_pred), sample_weight)

    def _log_prob_on_levels(self, x, outputs):
        """Returns log p(x) `(batch,)`; NaN if a pixel is off the levels."""
        log_prob = self.log_prob_of_outputs(x, outputs)
        return valid_data.nan_unless(valid_data.on_levels(x, self.num_levels), log_prob)

    def log_prob(self, x: Any, condition: Any = None, batch_size: int = 128) -> Any:
        """Returns the exact log p(x) in nats, shape `(batch,)`.

        Args:
            x: Images of shape `(batch, *image_shape)`, values k / (num_levels - 1).
            condition: What the model is conditioned on, `(batch,)` class labels.
            batch_size: Positive int, images at a time: bounds the memory.

        Raises:
            ValueError: If an argument is out of range, or `x` has values between
                levels.
        """
        return self._in_batches(self._log_prob, x, condition, batch_size)

    @compiled()
    def _log_prob(self, state, x, condition):
        del state  # Nothing is drawn.
        data, condition = self.data_and_condition(self._join(x, condition))
        return self._log_prob_on_levels(data, self.outputs(data, condition))

    # Sampling.

    def sample(
        self,
        num_samples: int,
        condition: Any = None,
        seed: int | None = None,
        known: Any = None,
        mask: Any = None,
        temperature: float = 1.0,
        return_log_prob: bool = False,
        use_cache: bool = True,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> Any:
        """Draws images, or completes known ones, in one compiled loop over pixels.

        Args:
            num_samples: Positive int.
            condition: For a conditional model, one condition a sample, or one for all.
            seed: Int for repeatable samples, or `None`.
            known: Images to complete, `(num_samples, *image_shape)`, or one image of
                `image_shape` for all.
            mask: Of the shape of `known`; true where a value of `known` stays.
            temperature: Positive float; below 1 the likely values get likelier.
            return_log_prob: Whether to return the log-probabilities, too.
            use_cache: Whether each layer works on one pixel at a time, which is far
                faster, or on the whole image for each pixel.
            top_k: Positive int: each value is one of so many likeliest levels; `None`
                for all of them.
            top_p: Number in (0, 1]: each value is one of the fewest likeliest levels
                whose chances, at this temperature and after `top_k`, add up to this
                (nucleus sampling, Holtzman et al., 2019, arXiv:1904.09751).

        Returns:
            Float32 tensor `(num_samples, *image_shape)` of values k / (num_levels-1);
            with `return_log_prob` also the log-probability of the values drawn, in
            nats, `(num_samples,)`: at temperature 1, with nothing known or left out,
            that is `log_prob` of the images.

        Raises:
            ValueError: If an argument is out of range, or only one of `known` and
                `mask` is given.

        Note:
            A known value conditions those after it in raster order, not those
            before it: that is what the model can do exactly.
        """
        num_samples = checks.positive_int("num_samples", num_samples)
        checks.positive("temperature", temperature)
        if top_k is not None:
            top_k = checks.positive_int("top_k", top_k)
        if top_p is not None and checks.fraction("top_p", top_p) == 0:
            raise ValueError(f"`top_p` must be above 0. Received: top_p={top_p!r}")
        if not self.can_truncate and (top_k, top_p) != (None, None):
            raise ValueError(
                f"`top_k` and `top_p` must be None: {type(self).__name__} has no "
                f"chances of single levels. Received: top_k={top_k}, top_p={top_p}"
            )
        if (known is None) != (mask is None):
            raise ValueError(
                "`known` and `mask` go together: the images to complete, and where "
                "their pixels are kept. Received only one of them."
            )
        if known is not None:
            shape = (num_samples, *self.image_shape)
            known = ops.cast(checks.broadcast("known", known, shape), "float32")
            mask = ops.cast(checks.broadcast("mask", mask, shape), "bool")
            self.check_examples(ops.where(mask, known, ops.zeros_like(known)))
        images, *log_prob = self._sample(
            seed_state(seed, self.seed_generator),
            self.standardize_condition(condition, num_samples),
            known,
            mask,
            ops.cast(temperature, "float32"),
            None if top_p is None else ops.cast(top_p, "float32"),
            num_samples=num_samples,
            top_k=top_k,
            use_cache=bool(use_cache),
            scored=bool(return_log_prob),
        )
        return (images, *log_prob) if return_log_prob else images

    @compiled(xla=True)
    def _sample(
        self,
        state,
        condition,
        known,
        mask,
        temperature,
        top_p,
        *,
        num_samples,
        top_k,
        use_cache,
        scored,
    ):
        height, width, channels = self.raster_shape
        shape = (num_samples, height * width, channels)
        if self.num_classes is not None:
            condition = self.one_hot(condition)
        images = ops.zeros(shape, "float32")  # of its own: the loop may write into it
        if mask is not None:
            mask = ops.reshape(mask, shape)
            images = images + ops.where(mask, ops.reshape(known, shape), 0.0)
        noise = uniform((num_samples, height * width, self.num_draws), Seeds(state))
        if use_cache:
            network = self.incremental(num_samples, condition)
        else:
            network = WithoutCaches(self, num_samples, condition)
        if top_k is not None or top_p is not None:
            network = Truncated(self, network, temperature, top_k, top_p)
        return draw_images(self, network, images, mask, noise, temperature, scored)

    def check_examples(self, x: Any) -> None:
        super().check_examples(x)
        checks.levels("x", x, self.num_levels)

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "num_levels": self.num_levels,
        }
