"""Samples whose latents lack the tails of the normal distribution."""

from typing import Any

import numpy as np

from keras_genmod import checks
from keras_genmod.engine import Seeds, compiled, derived_state, seed_state
from keras_genmod.models.adversarial.averaging import standing_statistics
from keras_genmod.models.adversarial.latent_generator import LatentGenerator
from keras_genmod.models.adversarial.truncation import truncated_normal


class TruncatedLatents(LatentGenerator):
    """A `LatentGenerator` whose latents may be truncated where it samples."""

    truncation_kind = "largest latent"

    def sample(
        self,
        num_samples: int,
        condition: Any = None,
        seed: int | None = None,
        truncation: float | None = None,
    ) -> Any:
        """Draws samples from the model, in one call that is compiled once.

        Args:
            num_samples: Positive int.
            condition: For a conditional model, int class labels of shape
                `(num_samples,)`, or one label for all.
            seed: Int for repeatable samples; `None` draws new ones each call.
            truncation: Number above 0 or `None`: each latent is drawn anew until it
                lies in [-truncation, truncation] (Brock et al., 2019,
                arXiv:1809.11096). Smaller: better samples that vary less.

        Returns:
            Float32 tensor of shape `(num_samples, *data_shape)` in the range of the
            data.

        Raises:
            ValueError: If an argument is out of range, or the condition is missing.
        """
        num_samples = checks.positive_int("num_samples", num_samples)
        if truncation is not None:
            truncation = float(checks.positive("truncation", truncation))
        return self._sample(
            seed_state(seed, self.seed_generator),
            self.standardize_condition(condition, num_samples),
            truncation,
            num_samples=num_samples,
        )

    def standing_statistics(
        self,
        condition: Any = None,
        num_batches: int = 16,
        batch_size: int = 128,
        truncation: float | None = None,
        seed: int = 0,
    ) -> None:
        """Gives the network of samples batch statistics of its own weights.

        The moving statistics of batch normalization lag behind the weights, belong to
        other ones where these are averages, and to latents that are not truncated. Here
        they become the means over batches of samples (Brock et al., 2019). Training
        goes on as it would have.

        Args:
            condition: Labels `(batch_size,)` of a conditional model; `None` takes the
                classes in turn.
            num_batches: Positive int.
            batch_size: Int of at least 2, samples a batch.
            truncation: As in `sample`: that of the samples to come.
            seed: Int of the latents.

        Raises:
            ValueError: If an argument is out of its range.
        """
        num_batches = checks.positive_int("num_batches", num_batches)
        batch_size = checks.integer("batch_size", batch_size, 2)
        if truncation is not None:
            truncation = checks.positive("truncation", truncation)
        state = seed_state(checks.required_seed("seed", seed), self.seed_generator)
        if condition is None and self.num_classes is not None:
            condition = np.arange(batch_size) % self.num_classes
        condition = self.standardize_condition(condition, batch_size)
        one_hot = None if condition is None else self.one_hot(condition)
        latents = (
            self._latents(Seeds(derived_state(state, i)), batch_size, truncation)
            for i in range(num_batches)
        )
        batches = (z if one_hot is None else [z, one_hot] for z in latents)
        standing_statistics(self.sampling_generator, batches)

    @compiled()
    def _sample(self, state, condition, truncation, *, num_samples):
        z = self._latents(Seeds(state), num_samples, truncation)
        condition = None if condition is None else self.one_hot(condition)
        return self._generate(z, condition)

    def _latents(self, seeds, num_samples, truncation):
        if truncation is None:
            return self.prior.sample(num_samples, seeds)
        return truncated_normal((num_samples, self.latent_dim), truncation, seeds)
