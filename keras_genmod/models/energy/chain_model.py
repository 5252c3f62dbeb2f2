"""What models without conditions are whose samples are states of Markov chains."""

from typing import Any

from keras_genmod import checks
from keras_genmod.engine import seed_state
from keras_genmod.models.generative_model import GenerativeModel


class ChainModel(GenerativeModel):
    """Base of models that are sampled by chains of many steps; overrides `_sample`."""

    def sample(
        self,
        num_samples: int,
        condition: None = None,
        seed: int | None = None,
        num_steps: int = 1000,
    ) -> Any:
        """Draws from chains of `num_steps` steps, in one compiled loop.

        Draws have the model's distribution as `num_steps` grows; how fast depends on
        the energy. Energy models' chains start from noise and take Langevin steps with
        the `step_size` and `noise` of training; chains of binary units start from units
        with the means of the data trained on, and take Gibbs steps, each of which
        draws every unit once.

        Args:
            num_samples: Positive int, number of chains.
            condition: Must be `None`.
            seed: Int for repeatable samples, or `None`.
            num_steps: Positive int.

        Returns:
            Float32 tensor `(num_samples, *data_shape)` in the range of the data: zeros
            and ones of binary visible units, one-hot vectors of categorical ones. NaN
            where a weight is NaN.

        Raises:
            ValueError: If an argument is out of range.
        """
        num_samples = checks.positive_int("num_samples", num_samples)
        num_steps = checks.positive_int("num_steps", num_steps)
        self.standardize_condition(condition, num_samples)
        return self._sample(
            seed_state(seed, self.seed_generator),
            self._start_biases(),
            num_samples=num_samples,
            num_steps=num_steps,
        )

    def _start_biases(self):
        """Returns what chains start from, as NumPy, or `None`."""
        return None

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("num_classes", None)
        return config
