"""Consistency models: from noise to data in one step."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import call_with, normal, uniform
from keras_genmod.models.adjustable import Adjustable
from keras_genmod.models.diffusion import consistency_teacher
from keras_genmod.models.diffusion.consistency_function import ConsistencyFunction
from keras_genmod.models.valid_data import in_range, nan_unless

_MOMENTUM = 0.95  # of the target's average, where a teacher leads


def _at_least_two(name, value):
    return checks.integer(name, value, 2)


def _below_one(name, value):
    if checks.fraction(name, value) == 1:
        raise ValueError(
            f"`{name}` must be below 1, or the target never moves. "
            f"Received: {name}={value}"
        )
    return value


@keras.saving.register_keras_serializable("keras_genmod")
class ConsistencyModel(ConsistencyFunction):
    """f(x, t), the data at the end of the probability-flow way that x lies on.

    With x = x_0 + sigma(t) noise, sigma even in its 7th root from `sigma_min` at t = 0
    to `sigma_max` at t = 1,

        f(x, t) = c_skip x + c_out network(c_in x, t),
        c_skip = d^2 / ((sigma - sigma_min)^2 + d^2),
        c_out = d (sigma - sigma_min) / sqrt(sigma^2 + d^2),
        c_in = 1 / sqrt(sigma^2 + d^2),

    d being `data_std`: f(x, 0) = x for any weights. Of two neighbours of `num_scales`
    levels it is trained on

        weight (sqrt(|f(x_high) - f'(x_low)|^2 + c^2) - c),

    c = 0.00054 sqrt(values of an example). x_low follows from x_high by Heun's step of
    the teacher's equation (distillation); levels are drawn evenly, and the weight is 1.
    Without a teacher both have the same noise, log sigma is drawn from N(-1.1, 2^2),
    and the weight is 1 / (sigma_high - sigma_low). f' is f with averages of the
    weights, w' = `target_momentum` w' + (1 - `target_momentum`) w before each step,
    and gets no gradient.

    Args:
        network: Keras model or layer, called with `[c_in x, t]`: float32 of shapes
            `(batch, *data_shape)` and `(batch,)`, with t in [0, 1]. With
            `num_classes`, one-hot labels are a third. It returns the shape of `x`. No
            normalization over the batch. The average starts from the weights that it
            has when the model is made.
        data_shape: Shape of one example. Images, `(height, width, channels)`, lie in
            [0, 1]; other data are taken as they are.
        teacher: `DiffusionModel`, `FlowMatching` or `ScoreModel` of the same data and
            labels, which this model does not train; `None` to learn from data alone.
        num_scales: Int of at least 2, the levels; more leave less error and more
            noise in the gradients. It may be set while the model trains.
        target_momentum: Number in [0, 1), see above; `None` is 0.95 with a teacher
            and 0 without. It may be set while the model trains.
        sigma_min: Positive float, noise that does not matter to the data; `None` is
            0.002, or the least that the teacher knows.
        sigma_max: Float above it, the noise that samples start from; `None` is 80, or
            the most that the teacher knows, in units of the data.
        data_std: Positive float, the standard deviation of the data, about 0.5 for
            images on [-1, 1].
        num_classes: Int for a model conditional on class labels, or `None`.
        guidance: Number of at least 0, with which a conditional teacher leads (see
            `DiffusionModel.sample`); samples have it without its cost.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range, the network does not fit, or the
            teacher is of other data or knows no such noise.

    References:
        - Song et al., Consistency models, 2023, arXiv:2303.01469.
        - Song and Dhariwal, Improved techniques for training consistency models, 2023,
          arXiv:2310.14189 (the distance, and how models train alone).

    Note:
        The first paper takes LPIPS as distance of images, which needs a trained
        network. The network gets the level's place t, not log sigma / 4. In
        training, target and network have the same dropout, where its layers have a
        `seed` (on torch others draw from torch's own generator).

    Example:
    ```python
    model = ConsistencyModel(keras_genmod.networks.time_mlp(2), (2,), data_std=1.0)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(points, epochs=50, batch_size=128)
    new_points = model.sample(100, num_steps=2, seed=0)
    ```
    """

    num_scales = Adjustable(_at_least_two)
    target_momentum = Adjustable(_below_one)

    def __init__(
        self,
        network: Any,
        data_shape: Sequence[int],
        teacher: Any = None,
        num_scales: int = 18,
        target_momentum: float | None = None,
        sigma_min: float | None = None,
        sigma_max: float | None = None,
        data_std: float = 0.5,
        num_classes: int | None = None,
        guidance: float = 1.0,
        **kwargs: Any,
    ) -> None:
        ends = consistency_teacher.noise_levels(sigma_min, sigma_max, teacher)
        super().__init__(
            network,
            data_shape,
            *ends,
            data_std,
            num_classes,
            **kwargs,
        )
        self.guidance = checks.non_negative("guidance", guidance)
        self.teacher = teacher
        consistency_teacher.check(self, teacher)
        self._step = None
        if teacher is not None:
            teacher.trainable = False
            self._step = consistency_teacher.ProbabilityFlowStep(
                teacher, self.schedule, self.guidance
            )
        if target_momentum is None:
            target_momentum = 0.0 if teacher is None else _MOMENTUM
        self.num_scales = num_scales
        self.target_momentum = target_momentum
        # Past Keras' attribute tracking: these variables are the network's.
        self.__dict__["_pairs"] = [
            (variable, self._add_average(variable, i))
            for i, variable in enumerate(self.network.trainable_variables)
        ]
        self.finish_construction()

    def _add_average(self, variable, i):
        average = self.add_weight(
            shape=variable.shape,
            initializer="zeros",
            dtype="float32",
            trainable=False,
            autocast=False,
            name=f"target_{i}",
        )
        average.assign(ops.convert_to_numpy(variable))
        return average

    # Training.

    def _target(self, x, t, condition, training):
        """Returns f' of data, which changes no random state."""

        def predict(x, t):
            inputs = [x, t] if condition is None else [x, t, condition]
            return call_with(self.network, self._pairs, inputs, training)

        return ops.stop_gradient(self._function(x, t, predict))

    def call(self, inputs, training=False):
        """Returns the loss of each example at two levels and a noise drawn for it."""
        x, condition = self.data_and_condition(inputs)
        x = self._inside(x)
        if training:
            self._follow()
        last = ops.convert_to_tensor(self.num_scales) - 1
        place = uniform((ops.shape(x)[0],), self.seed_generator)
        if self.teacher is None:
            place = self.schedule.draw(place)
        index = ops.minimum(ops.floor(place * last), last - 1)
        noise = normal(ops.shape(x), self.seed_generator)
        levels = index / last, (index + 1) / last
        losses = self._example_losses(x, *levels, noise, condition, training)
        if self.is_of_images:  # a stream's later batches come unseen
            losses = nan_unless(in_range(x, -1.0, 1.0), losses)
        return losses

    def _follow(self):
        """Moves the averages towards the weights that the last step has left."""
        momentum = ops.convert_to_tensor(self.target_momentum)
        for variable, average in self._pairs:
            new = ops.stop_gradient(ops.cast(variable, "float32"))
            average.assign(momentum * average + (1 - momentum) * new)

    def _example_losses(self, x, low, high, noise, condition, training):
        """Returns the loss of each example between two times, `(batch,)`."""
        _, sigma = self._levels(high)
        noisy = x + sigma * noise
        if self._step is None:
            before = x + self._levels(low)[1] * noise
        else:
            before = ops.stop_gradient(self._step(noisy, high, low, condition))
        # The target comes first: the network then draws the same dropout.
        target = self._target(before, low, condition, training)
        errors = self._online(noisy, high, condition, training) - target
        size = math.prod(self.data_shape)
        squares = ops.sum(ops.square(ops.reshape(errors, (-1, size))), axis=1)
        small = 0.00054 * math.sqrt(size)
        distance = ops.sqrt(squares + small**2) - small
        if self.teacher is not None:
            return distance
        return distance / (self.schedule.sigma(high) - self.schedule.sigma(low))

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        return self.mean_loss(y_pred, sample_weight)

    def get_config(self):
        config = super().get_config()
        teacher = None
        if self.teacher is not None:
            teacher = keras.saving.serialize_keras_object(self.teacher)
            teacher.pop("compile_config", None)
        return {
            **config,
            "teacher": teacher,
            "num_scales": int(self.num_scales),
            "target_momentum": float(self.target_momentum),
            "guidance": self.guidance,
        }
