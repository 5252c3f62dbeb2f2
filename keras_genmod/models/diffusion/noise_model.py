"""A network of noisy data and time, and how samplers use it."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import Seeds, clip, compiled, normal, seed_state
from keras_genmod.models.diffusion import samplers
from keras_genmod.models.diffusion.cosine_schedule import CosineSchedule
from keras_genmod.models.diffusion.linear_schedule import LinearSchedule
from keras_genmod.models.diffusion.network_of_time import check_network
from keras_genmod.models.diffusion.noise_schedule import (
    serialized,
    standardize_schedule,
)
from keras_genmod.models.diffusion.predictions import PREDICTIONS
from keras_genmod.models.diffusion.time_grid import SPACINGS, check_num_steps, make_grid
from keras_genmod.models.diffusion.way import Way
from keras_genmod.models.embedding_conditional import EmbeddingConditional

NAMED_SCHEDULES = {"cosine": CosineSchedule, "linear": LinearSchedule}


def check_drop_rate(name: str, value: Any) -> float:
    """Returns a number; raises a `ValueError` unless it lies in [0, 1)."""
    if checks.fraction(name, value) == 1:
        raise ValueError(
            f"`{name}` must be below 1, or no condition is ever learned. "
            f"Received: {name}={value}"
        )
    return value


class NoiseModel(EmbeddingConditional):
    """x_t = alpha(t) x_0 + sigma(t) noise, and a network that undoes it.

    The network is called with `[x_t, t]`, or `[x_t, t, condition]`, and predicts what
    `prediction` says; a subclass trains it. Images, data of shape
    `(height, width, channels)`, lie in [0, 1] outside and in [-1, 1] inside, where the
    noise is added; all other data are taken as they are.

    Conditions are one-hot labels or embeddings. A row of zeros stands for "any", which
    guidance needs: in training a subclass leaves out each example's with the
    probability `drop_rate`. A dense layer with a bias makes of it a learned embedding,
    the bias.

    Args:
        network: Keras model or layer, called with `[x_t, t]`: float32 of shapes
            `(batch, *data_shape)` and `(batch,)`, t in [0, 1]. With `num_classes`, and
            one-hot labels as a third. It returns the shape of `x_t`.
        data_shape: Shape of one example.
        schedule: "cosine" or "linear", of 1,000 steps, or a `NoiseSchedule`.
        prediction: "noise", "data", "v" or "velocity".
        num_classes: Int, or `None`.
        drop_rate: Number in [0, 1), see above; 0 trains without.
        num_levels: Int of at least 2, the levels of images' values k / (num_levels - 1)
            that `log_prob` gives the probability of, or `None` for a density. Other
            data have a density.
        outputs_per_value: Numbers that the network returns for a value of the data.
        of_images: Whether the data are images in [0, 1]: `None` where they have three
            axes. `False` takes such data as they are, as the features of an encoder.
        embedding_dim: Int, the length of vectors that are conditions, or `None`. Not
            together with `num_classes`.
        caption_encoder: `layers.CaptionEncoder` to vectors of this length, of which a
            copy is kept: conditions of `sample` may be strings; or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range, or the network does not fit.
    """

    drop_rate: Any  # where a subclass drops conditions, a weight

    def __init__(
        self,
        network: Any,
        data_shape: Sequence[int],
        schedule: Any = "cosine",
        prediction: str = "v",
        num_classes: int | None = None,
        drop_rate: float = 0.1,
        num_levels: int | None = 256,
        outputs_per_value: int = 1,
        of_images: bool | None = None,
        embedding_dim: int | None = None,
        caption_encoder: Any = None,
        **kwargs: Any,
    ) -> None:
        schedule = standardize_schedule(schedule, NAMED_SCHEDULES)
        checks.choice("prediction", prediction, PREDICTIONS)
        check_drop_rate("drop_rate", drop_rate)
        if prediction == "noise" and schedule.has_zero_snr:
            raise ValueError(
                '`prediction` must not be "noise" for a schedule that leaves nothing '
                "of the data at t = 1: there noise says nothing of them (0 / 0). "
                'Use "v" or "data". '
                f"Received: prediction={prediction!r}, schedule={schedule!r}"
            )
        if num_levels is not None:
            num_levels = checks.integer("num_levels", num_levels, 2)
        super().__init__(data_shape, num_classes=num_classes, **kwargs)
        self._take_embeddings(embedding_dim, caption_encoder)
        told = (num_classes, "one_hot")
        told = told if embedding_dim is None else (embedding_dim, "embedding")
        check_network(network, self.data_shape, outputs_per_value, *told)
        self.network = network
        self.schedule = schedule
        self.prediction = prediction
        self.drop_rate = drop_rate
        checks.choice("of_images", of_images, (None, False, True))
        self.of_images = of_images
        has_three_axes = len(self.data_shape) == 3
        self.is_of_images = has_three_axes if of_images is None else bool(of_images)
        self.num_levels = num_levels if self.is_of_images else None

    # Inside and outside.

    def _inside(self, x):
        return 2 * x - 1 if self.is_of_images else x

    def _outside(self, x):
        return (x + 1) / 2 if self.is_of_images else x

    def check_examples(self, x: Any) -> None:
        super().check_examples(x)
        if self.is_of_images:
            checks.unit_range("x", x)

    # The network.

    def _predict(self, x, t, condition, training=False):
        """Returns what the network says, float32, of data inside at times `(batch,)`.

        The parts of several outputs a value follow one another on the last axis.
        """
        inputs = [x, t] if condition is None else [x, t, condition]
        return ops.cast(self.network(inputs, training=training), "float32")

    def _levels(self, t):
        """Returns alpha and sigma at times `(batch,)`, to be multiplied with data."""
        per_example = (-1, *(1,) * len(self.data_shape))
        alpha = ops.reshape(self.schedule.alpha(t), per_example)
        return alpha, ops.reshape(self.schedule.sigma(t), per_example)

    def _split(self, outputs, like):
        """Returns the prediction, and what the network says beside it, or `None`."""
        size = like.shape[-1]
        if outputs.shape[-1] == size:
            return outputs, None
        return outputs[..., :size], outputs[..., size:]

    def _denoise(self, x, row, condition, guidance=None, clipped=False):
        """Returns the data that noisy ones come from, as the network sees it.

        Args:
            x: Float32 tensor, noisy data inside.
            row: Starts with the time, alpha and sigma, each a number or, to multiply
                with data, one an example.
            condition: One-hot labels or `None`.
            guidance: Scalar tensor, or `None` for the condition alone.
            clipped: Whether to clip the data to [-1, 1].

        Returns:
            `(data, beside)`; `beside` is what else the network says, or `None`.
        """
        time, alpha, sigma = row[0], row[1], row[2]
        times = time * ops.ones((ops.shape(x)[0],), "float32")
        if guidance is None:
            outputs = self._predict(x, times, condition)
        else:
            # One doubled batch: with the condition, and with that of any label.
            labels = ops.concatenate([condition, ops.zeros_like(condition)])
            both = self._predict(
                ops.concatenate([x, x]), ops.concatenate([times, times]), labels
            )
            given, free = ops.split(both, 2)
            outputs = free + guidance * (given - free)
        prediction, beside = self._split(outputs, x)
        data = PREDICTIONS[self.prediction].data(prediction, x, alpha, sigma)
        return (clip(data, -1.0, 1.0) if clipped else data), beside

    def _variance_fraction(self, beside):
        """Returns how much of the larger variance a step takes; `None` for none."""
        return None

    # Samples.

    def _way(
        self, sampler, num_steps, eta, spacing, clip, guidance, start=1.0
    ) -> tuple[Way, Any]:
        """Returns a checked `Way`, and the guidance as a tensor."""
        eta = samplers.standardize_eta(sampler, eta)
        num_steps = check_num_steps(self.schedule, num_steps, start=start)
        checks.choice("spacing", spacing, SPACINGS)
        if clip is None:
            clip = self.is_of_images
        elif not isinstance(clip, bool):
            raise ValueError(
                f"`clip` must be True, False or None. Received: clip={clip!r}"
            )
        checks.non_negative("guidance", guidance)
        if guidance != 1 and (not self.is_conditional or float(self.drop_rate) == 0):
            raise ValueError(
                "`guidance` must be 1: it needs a model of `num_classes` or "
                "`embedding_dim` that has learned without conditions, too: train with "
                f"`drop_rate=0.1`. Received: guidance={guidance}, "
                f"num_classes={self.num_classes}, embedding_dim={self.embedding_dim}, "
                f"drop_rate={float(self.drop_rate):g}"
            )
        way = Way(sampler, num_steps, eta, spacing, clip, guidance != 1, start)
        make_grid(self.schedule, num_steps, spacing, start)  # or says what is wrong
        return way, ops.cast(guidance, "float32")

    def sample(
        self,
        num_samples: int,
        condition: Any = None,
        seed: int | None = None,
        sampler: str = "ddim",
        num_steps: int | None = None,
        eta: float | None = None,
        guidance: float = 1.0,
        spacing: str = "uniform",
        clip: bool | None = None,
    ) -> Any:
        """Draws samples from noise, in one loop that is compiled once.

        Args:
            num_samples: Positive int.
            condition: For a conditional model, int class labels `(num_samples,)`,
                vectors, or captions, as it takes them; or one for all.
            seed: Int for repeatable samples; `None` draws new ones each call.
            sampler: "ddpm" (each step adds noise), "ddim", or solvers of the
                probability-flow equation: "euler" (which is "ddim" without noise),
                "heun" (second order, two looks at the network a step but the last)
                and "dpm_solver_2m" (second order, one look).
            num_steps: Positive int; `None` takes 50, or all that a schedule has if
                fewer. A schedule of T steps serves at most T.
            eta: Number in [0, 1] for "ddim": 0, the default, adds no noise, 1 is
                "ddpm".
            guidance: Number w of at least 0: predictions are
                without + w (with - without the condition). 1 is the condition alone,
                0 none; above 1 samples fit their labels better and differ less.
            spacing: "uniform", "quadratic", "karras" or "leading", the times of the
                steps. "leading", of older code, leaves out the noisiest ones, and needs
                `num_steps` that divide those of the schedule.
            clip: Whether what the network says of the data is clipped to [-1, 1];
                `None` does so for images.

        Returns:
            Float32 tensor of shape `(num_samples, *data_shape)` in the range of the
            data.

        Raises:
            ValueError: If an argument is out of range, the schedule cannot serve
                `num_steps`, or the model has not learned what guidance needs.

        Note:
            Guided samples are of no distribution that has a simple density: for normal
            data of equal means and deviations s_c and s_u, with and without the
            condition, they have the deviation s_c^w / s_u^(w-1), and not that of the
            density p_c^w / p_u^(w-1).
        """
        num_samples = checks.positive_int("num_samples", num_samples)
        way, guidance = self._way(sampler, num_steps, eta, spacing, clip, guidance)
        return self._sample(
            seed_state(seed, self.seed_generator),
            self.standardize_condition(condition, num_samples),
            guidance,
            num_samples=num_samples,
            way=way,
        )

    @compiled(xla=True)
    def _sample(self, state, condition, guidance, *, num_samples, way):
        seeds = Seeds(state)
        start = self._start_noise(num_samples, seeds)
        return self._finished(self._solve(start, condition, guidance, seeds, way))

    def _start_noise(self, num_samples, seeds):
        shape = (num_samples, *self.data_shape)
        return self.schedule.prior_std * normal(shape, seeds)

    def _solve(self, x, condition, guidance, seeds, way, backwards=False, path=False):
        grid = make_grid(self.schedule, way.num_steps, way.spacing, way.start)
        grid = grid.reversed() if backwards else grid
        predict = self._predictor(condition, guidance, way)
        return samplers.solve(predict, x, grid, way.sampler, way.eta, seeds, path)

    def _predictor(self, condition, guidance, way):
        """Returns what `samplers.solve` asks at each step."""
        labels = None if condition is None else self.one_hot(condition)

        def predict(x, row):
            scale = guidance if way.guided else None
            data, beside = self._denoise(x, row, labels, scale, way.clip)
            return data, self._variance_fraction(beside)

        return predict

    def _finished(self, x):
        """Returns data outside, images clipped to [0, 1]."""
        x = self._outside(x)
        return clip(x, 0.0, 1.0) if self.is_of_images else x

    def get_config(self):
        return {
            **super().get_config(),
            "network": keras.saving.serialize_keras_object(self.network),
            "data_shape": self.data_shape,
            "schedule": serialized(self.schedule),
            "prediction": self.prediction,
            "drop_rate": float(self.drop_rate),
            "num_levels": self.num_levels,
            "of_images": self.of_images,
            **self._embedding_config(),
        }
