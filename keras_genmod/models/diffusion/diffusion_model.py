"""Denoising diffusion: a network that undoes noise of all levels."""

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import normal, uniform
from keras_genmod.models.diffusion.denoising_model import DenoisingModel
from keras_genmod.models.diffusion.loss_weights import (
    LOSS_WEIGHTS,
    loss_weight,
    vanishes_at_the_start,
)
from keras_genmod.models.diffusion.predictions import PREDICTIONS
from keras_genmod.models.valid_data import in_range, nan_unless


@keras.saving.register_keras_serializable("keras_genmod")
class DiffusionModel(DenoisingModel):
    """x_t = alpha(t) x_0 + sigma(t) noise, undone by a network.

    It is trained on

        weight(t) mean (target - network(x_t, t))^2,

    the mean over all values of an example, with t and the noise drawn anew in each
    step. The target is the noise, the data x_0, or v = alpha noise - sigma x_0.

    Args:
        network: Keras model or layer, called with `[x_t, t]`: float32 of shapes
            `(batch, *data_shape)` and `(batch,)`, with t in [0, 1]. With
            `num_classes`, one-hot labels are a third, zeros for any label. It returns
            the shape of `x_t`. No normalization over the batch.
        data_shape: Shape of one example. Images, `(height, width, channels)`, lie in
            [0, 1]; other data are taken as they are: scale them to deviations of
            about 1.
        schedule: "cosine" or "linear", both of 1,000 steps, or a `NoiseSchedule`:
            `CosineSchedule`, `LinearSchedule`, `DiscreteSchedule` or one's own.
        prediction: "v", "noise" or "data".
        loss_weight: "constant" is 1; "min_snr" is min(s, 5) on the error of the data,
            s = alpha^2 / sigma^2, and what is equal to it for the other targets;
            "likelihood" is that of the variational bound.
        num_classes: Int for a model conditional on class labels, or `None`.
        drop_rate: Number in [0, 1), how often the label of an example is left out in
            training, which `guidance` needs.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range, the network does not fit, or the
            weight of the loss is 0 or infinite at t = 1, where samplers begin.

    References:
        - Ho, Jain and Abbeel, Denoising diffusion probabilistic models, 2020,
          arXiv:2006.11239.
        - Song, Meng and Ermon, Denoising diffusion implicit models, 2021,
          arXiv:2010.02502.
        - Salimans and Ho, Progressive distillation, 2022, arXiv:2202.00512 (v).
        - Hang et al., Efficient diffusion training via min-SNR weighting, 2023,
          arXiv:2303.09556.
        - Ho and Salimans, Classifier-free diffusion guidance, 2022, arXiv:2207.12598
          (there w is one less than here).

    Note:
        t = i / T stands for step i of T = 1,000, also in what the network gets. The
        embedding of no label is what the network makes of a row of zeros.

    Example:
    ```python
    inputs = [keras.Input((2,)), keras.Input(())]
    x = keras.layers.Concatenate()([inputs[0], keras.ops.expand_dims(inputs[1], -1)])
    x = keras.layers.Dense(128, activation="swish")(x)
    x = keras.layers.Dense(128, activation="swish")(x)
    model = DiffusionModel(keras.Model(inputs, keras.layers.Dense(2)(x)), (2,))
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(points, epochs=50, batch_size=128)
    new_points = model.sample(100, sampler="heun", num_steps=20, seed=0)
    ```
    """

    def __init__(
        self,
        network,
        data_shape,
        schedule="cosine",
        prediction="v",
        loss_weight="constant",
        num_classes=None,
        drop_rate=0.1,
        **kwargs,
    ):
        checks.choice("prediction", prediction, ("v", "noise", "data"))
        checks.choice("loss_weight", loss_weight, LOSS_WEIGHTS)
        super().__init__(
            network, data_shape, schedule, prediction, num_classes, drop_rate, **kwargs
        )
        if vanishes_at_the_start(loss_weight, prediction, self.schedule):
            raise ValueError(
                f'`loss_weight` must not be "{loss_weight}" for this schedule: at '
                "t = 1, where samplers begin, the weight of the loss is 0, and nothing "
                'is learned there. Use "constant", or a schedule that leaves some of '
                f"the data. Received: loss_weight={loss_weight!r}, "
                f"prediction={prediction!r}, schedule={schedule!r}"
            )
        self.loss_weight = loss_weight
        self.finish_construction()

    # Training.

    def call(self, inputs, training=False):
        """Returns the loss of each example at a time and a noise drawn for it."""
        x, condition = self.data_and_condition(inputs)
        x = self._inside(x)
        t = self._draw_times(ops.shape(x)[0])
        noise = normal(ops.shape(x), self.seed_generator)
        condition = self._dropped(condition, self.seed_generator)
        losses = self._example_losses(x, t, noise, condition, training)
        if self.is_of_images:  # a stream's later batches come unseen
            losses = nan_unless(in_range(x, -1.0, 1.0), losses)
        return losses

    def _draw_times(self, number):
        """Draws times that training looks at, float32 `(number,)`."""
        coin, steps = uniform((number,), self.seed_generator), self.schedule.num_steps
        if steps is None:
            first = self.schedule.first_time
            return first + (1 - first) * coin
        return ops.minimum(ops.floor(coin * steps) + 1, steps) / steps

    def _example_losses(self, x, t, noise, condition, training):
        """Returns the weighted loss of each example, `(batch,)`."""
        alpha, sigma = self._levels(t)
        target = PREDICTIONS[self.prediction].target(x, noise, alpha, sigma)
        noisy = alpha * x + sigma * noise
        prediction, _ = self._split(self._predict(noisy, t, condition, training), x)
        error = ops.reshape(prediction - target, (-1, int(np.prod(self.data_shape))))
        weight = loss_weight(self.loss_weight, self.prediction, self.schedule, t)
        return weight * ops.mean(ops.square(error), axis=1)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        return self.mean_loss(y_pred, sample_weight)

    def get_config(self):
        return {**super().get_config(), "loss_weight": self.loss_weight}
