"""An autoencoder, and then a model of what it encodes to."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import keras_internals
from keras_genmod.models.autoregressive.autoregressive_model import AutoregressiveModel
from keras_genmod.models.discrete import code_checks
from keras_genmod.models.discrete.between import (
    in_batches,
    make_between,
)
from keras_genmod.models.discrete.encoded import (
    SameWeights,
    encoded,
    encoded_batches,
)
from keras_genmod.models.first_batch import is_stream
from keras_genmod.models.generative_model import GenerativeModel


@keras.saving.register_keras_serializable("keras_genmod")
class TwoStage(GenerativeModel):
    """Learns the prior of a trained autoencoder's latents, and samples through both.

    With k(x) the codes of x and p(k) the prior, which may have a condition,

    log p(x) >= log p(x | k(x)) + log p(k(x)),  x ~ p(x | k) with k ~ p(k).

    Train the autoencoder by its own `fit`; then `fit` of this model encodes the data
    once, keeps the codes, and trains the prior on them. The autoencoder does not
    change. All that takes data takes those of the autoencoder.

    The prior is a `CausalTransformer`, a `GatedPixelCNN` or another autoregressive
    model over the codes, as an image of one channel whose levels they are; or a model
    of real data, such as `DiffusionModel(..., of_images=False)`, over the features of a
    VQVAE or VQGAN before they are quantized or the latents of another autoencoder:
    latent diffusion. It then sees them multiplied by `latent_scale`, a weight: one over
    their standard deviation in the first batch, of examples from all over where `fit`
    gets arrays.

    Args:
        autoencoder: `VQVAE`, `VQVAE2`, `VQGAN`, `KLAutoencoder`, `VAE`, `FactorVAE`,
            `Autoencoder` or `DenoisingAutoencoder`, without conditions.
        prior: `AutoregressiveModel` of `image_shape` `(*grid, 1)` and `num_levels` the
            number of codes; or a model with one loss of the latents' shape. Its
            conditions become those of this model.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If the prior does not fit the autoencoder.

    References:
        - van den Oord, Vinyals and Kavukcuoglu, 2017, arXiv:1711.00937.
        - Esser, Rombach and Ommer, 2021, arXiv:2012.09841 (transformers).
        - Rombach et al., High-resolution image synthesis with latent diffusion models,
          2022, arXiv:2112.10752.

    Note:
        Streams that cannot begin again, such as generators, are encoded batch by batch;
        other data sets are read once, before the first epoch, and their codes kept:
        batches that change from epoch to epoch then do so no more.

    Example:
    ```python
    vq_vae.fit(images, epochs=20)
    prior = CausalTransformer((7, 7, 1), num_levels=512, num_classes=10)
    model = TwoStage(vq_vae, prior)
    model.compile("adam")
    model.fit(images, labels, epochs=20)
    images = model.sample(16, condition=3, top_k=100, seed=0)
    nats = model.log_prob(images, condition=3)  # a lower bound
    ```
    """

    def __init__(
        self, autoencoder: GenerativeModel, prior: GenerativeModel, **kwargs: Any
    ) -> None:
        between = make_between(autoencoder, prior)
        is_of_codes = isinstance(prior, AutoregressiveModel)
        super().__init__(
            data_shape=autoencoder.data_shape, num_classes=prior.num_classes, **kwargs
        )
        self._between: Any = between
        self.autoencoder, self.prior = autoencoder, prior
        self.latent_scale: Any = None
        if not is_of_codes:  # 0 until there are data
            self.latent_scale = self.add_weight(
                (), "zeros", "float32", trainable=False, name="latent_scale"
            )
        has_bound = is_of_codes and autoencoder.likelihood_kind is not None
        self.likelihood_kind = "lower_bound" if has_bound else None
        self.num_levels = autoencoder.num_levels
        self.takes_sample_weight = prior.takes_sample_weight
        self.finish_construction()

    def finish_construction(self) -> None:
        self.built = True
        shapes = (None, *self.prior.data_shape), (None, *self.condition_shape)
        keras_internals.set_input_shapes(self, self._join(*shapes))

    # The prior is what is trained, on codes that are known before.

    @property
    def trainable_variables(self) -> Any:
        return self.prior.trainable_variables

    @property
    def trainable_weights(self) -> Any:
        return self.prior.trainable_weights

    @property
    def non_trainable_variables(self) -> Any:
        trained = {id(v) for v in self.prior.trainable_variables}
        return [v for v in self.variables if id(v) not in trained]

    @property
    def metrics(self) -> Any:
        # Keras leaves out those of models inside a model.
        own = super().metrics
        return [*own, *(m for m in self.prior.metrics if m.name != "loss")]

    def fold_condition(self, data: Any) -> Any:
        return self.prior.fold_condition(data)

    def call(self, inputs, training=False):
        return self.prior(self._scaled(inputs), training=training)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        return self.prior.compute_loss(
            x=self._scaled(x),
            y=y,
            y_pred=y_pred,
            sample_weight=sample_weight,
            training=training,
        )

    def _scale(self):
        scale = ops.convert_to_tensor(self.latent_scale)
        return ops.where(scale == 0, 1.0, scale)

    def _scaled(self, inputs):
        if self.latent_scale is None:
            return inputs
        x, condition = inputs if self.is_conditional else (inputs, None)
        return self._join(ops.cast(x, "float32") * self._scale(), condition)

    @property
    def is_initialized(self) -> bool:
        scale = self.latent_scale
        is_scaled = scale is None or bool(ops.convert_to_numpy(scale) != 0)
        return is_scaled and self.prior.is_initialized

    def _start(self, inputs):
        if self.latent_scale is not None:
            latents = inputs[0] if self.is_conditional else inputs
            self._set_scale(checks.as_numpy(latents))
        if not self.prior.is_initialized:
            self.prior._start(self._scaled(inputs))

    def _set_scale(self, latents):
        deviation = float(np.std(latents.astype("float64")))
        if not np.isfinite(deviation) or deviation == 0:
            raise ValueError(
                "The autoencoder's latents must be finite and vary: train it before "
                f"the prior. Received latents of standard deviation {deviation}"
            )
        self.latent_scale.assign(1.0 / deviation)

    # Data of the autoencoder become those of the prior before any step.

    def fit(self, *args: Any, callbacks: Any = None, **kwargs: Any) -> Any:
        guard = SameWeights(self.autoencoder)
        if isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks.append(guard)
        else:
            callbacks = [*keras.tree.flatten(callbacks or ()), guard]
        return super().fit(*args, callbacks=callbacks, **kwargs)

    def _standardize(self, given):
        batch, encode = super()._standardize(given), self._between.encode
        steps = next((n for n in ("steps_per_epoch", "steps") if n in given), None)
        x, y = given["x"], given.get("y")
        if isinstance(x, tuple):  # of `predict`
            x, y = x
        x, y, sample_weight = encoded(self, encode, x, y, given.get(steps or ""))
        given["x"] = x if "y" in given or y is None else (x, y)
        if "y" in given:
            given["y"] = y
        if sample_weight is not None:
            given["sample_weight"] = sample_weight
        if is_stream(x):
            batches = [] if batch is None else [batch]
            return next(encoded_batches(self, encode, batches), None)
        if batch is not None and steps is not None:
            given[steps] = None  # all that were asked for are read
        return None

    def _standardize_validation(self, data):
        x, y, sample_weight = super()._standardize_validation(data)
        x, y, read = encoded(self, self._between.encode, x, y)
        return x, y, sample_weight if read is None else read

    def check_examples(self, x: Any) -> None:
        self.autoencoder.check_examples(x)

    # Conditions are the prior's.

    @property
    def is_conditional(self) -> bool:
        return self.prior.is_conditional

    @property
    def condition_shape(self) -> tuple[int, ...]:
        return self.prior.condition_shape

    def check_condition(self, condition: Any, num_examples: int) -> Any:
        return self.prior.check_condition(condition, num_examples)

    def standardize_condition(self, condition: Any, num_examples: int) -> Any:
        return self.prior.standardize_condition(condition, num_examples)

    def sample(
        self,
        num_samples: int,
        condition: Any = None,
        seed: int | None = None,
        **options: Any,
    ) -> Any:
        """Draws latents from the prior, and decodes them.

        Args:
            num_samples: Positive int.
            condition: What the prior is conditioned on, one a sample or one for all.
            seed: Int for repeatable samples, or `None`.
            **options: As the prior's `sample` takes them: `temperature`, `top_k`,
                `top_p` of a transformer, `num_steps`, `sampler`, `guidance` of a
                diffusion model.

        Returns:
            Float32 tensor `(num_samples, *data_shape)`.

        Raises:
            ValueError: If an argument is out of range.
        """
        latents = self.prior.sample(num_samples, condition, seed=seed, **options)
        if self.latent_scale is not None:
            latents = latents / self._scale()
        return self._between.decode(latents)

    def log_prob(self, x: Any, condition: Any = None, batch_size: int = 128) -> Any:
        """Returns a lower bound on log p(x) in nats, `(batch,)`.

        log p(x | k(x)) + log p(k(x)), the latter by the prior, given a condition.

        Args:
            x: Data of shape `(batch, *data_shape)`.
            condition: What the prior is conditioned on, one an example or one for all.
            batch_size: Positive int, examples at a time.

        Raises:
            ValueError: If an argument is out of range.
            NotImplementedError: Without a prior over codes, or a likelihood of the
                autoencoder: there is no bound then.
        """
        if self.likelihood_kind is None:
            raise NotImplementedError(
                "There is no bound on log p(x): that takes a prior over codes, and an "
                "autoencoder with a likelihood, such as a VQVAE."
            )
        batch_size = checks.positive_int("batch_size", batch_size)
        uniform = self.autoencoder.log_prob(x, batch_size=batch_size)
        codes = in_batches(self.autoencoder.encode, x)
        prior = self.log_prob_of_codes(codes, condition, batch_size)
        return uniform - self.autoencoder.log_uniform_prior + prior

    def log_prob_of_codes(
        self, codes: Any, condition: Any = None, batch_size: int = 128
    ) -> Any:
        """Returns log p(codes) in nats under the prior, exact, `(batch,)`.

        Args:
            codes: Ints `(batch, *grid)`, as the autoencoder's `encode` returns them.
            condition: What the prior is conditioned on, one a row or one for all.
            batch_size: Positive int, rows at a time.

        Raises:
            ValueError: If an argument is out of range.
        """
        grid, num_codes = self.autoencoder.grid, self.autoencoder.num_codes
        values = self._between.from_codes(code_checks.codes(codes, grid, num_codes))
        return self.prior.log_prob(values, condition, batch_size=batch_size)

    def likelihood_protocol(self) -> dict[str, Any]:
        """Returns what a ledger names beside the data: the prior over codes."""
        prior = type(self.prior).__name__
        return {"prior": prior, "num_codes": self.autoencoder.num_codes}

    def get_config(self):
        config = super().get_config()
        del config["num_classes"]
        return {
            **config,
            "autoencoder": keras.saving.serialize_keras_object(self.autoencoder),
            "prior": keras.saving.serialize_keras_object(self.prior),
        }
