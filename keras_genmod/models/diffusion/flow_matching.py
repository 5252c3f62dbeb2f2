"""Flow matching: the velocity of straight ways between noise and data."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import normal, uniform
from keras_genmod.models.diffusion.denoising_model import DenoisingModel
from keras_genmod.models.diffusion.straight_schedule import StraightSchedule
from keras_genmod.models.valid_data import in_range, nan_unless


@keras.saving.register_keras_serializable("keras_genmod")
class FlowMatching(DenoisingModel):
    """dx / ds = network(x, t), which carries noise to data as s = 1 - t goes up.

    With x_t = (1 - t) data + t noise, it is trained on

        mean (data - noise - network(x_t, t))^2,

    the mean over all values of an example. The network's best answer is the mean
    velocity at a point, and its ways carry N(0, I) to the data (rectified flow). Where
    ways of different pairs cross, theirs bend, and solvers need more steps. They are
    straighter

    - with pairs of the optimal transport of each batch: train on
      `keras_genmod.data.TransportPairs(x, batch_size)`;
    - after reflow: train a second model on the first one's own pairs,
      `fit(z, model.decode(z))` with normal `z`.

    A conditional model trains on `TransportPairs(x, batch_size, labels=labels)`, and
    on its own pairs by `fit((z, model.decode(z, labels)), labels)`.

    Args:
        network: Keras model or layer, called with `[x_t, t]`: float32 of shapes
            `(batch, *data_shape)` and `(batch,)`, with t in [0, 1]. With
            `num_classes`, one-hot labels are a third, zeros for any label. It returns
            the shape of `x_t`. No normalization over the batch.
        data_shape: Shape of one example. Images, `(height, width, channels)`, lie in
            [0, 1]; other data are taken as they are: scale them to deviations of
            about 1.
        num_classes: Int for a model conditional on class labels, or `None`.
        drop_rate: Number in [0, 1), how often the label of an example is left out in
            training, which `guidance` needs; callbacks may set it, to a number above 0
            where samples are to be guided.
        num_levels: Int of at least 2, the levels k / (num_levels - 1) of images whose
            probability `log_prob` bounds, or `None` for a density. Other data have a
            density.
        **kwargs: `of_images`, whether data of three axes are images in [0, 1], which
            they are by default; `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range, or the network does not fit.

    References:
        - Lipman et al., Flow matching for generative modeling, 2022, arXiv:2210.02747.
        - Liu, Gong and Liu, Flow straight and fast, 2022, arXiv:2209.03003 (reflow).
        - Tong et al., Improving and generalizing flow-based generative models with
          minibatch optimal transport, 2023, arXiv:2302.00482.

    Note:
        Time runs as in all models here, from data at t = 0 to noise at t = 1; in these
        papers it runs from noise to data. No noise is left at the data: sigma_min is 0.
        `sampler="euler"`, or "ddim", is Euler's method in t; "heun" takes its mean of
        slopes in t / (1 - t).

    Example:
    ```python
    model = FlowMatching(keras_genmod.networks.time_mlp(2), (2,))
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(points, epochs=50, batch_size=128)
    new_points = model.sample(100, sampler="heun", num_steps=10, seed=0)
    ```
    """

    takes_targets = True
    takes_pairs = True

    def __init__(
        self,
        network: Any,
        data_shape: Sequence[int],
        num_classes: int | None = None,
        drop_rate: float = 0.1,
        num_levels: int | None = 256,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            network,
            data_shape,
            StraightSchedule(),
            "velocity",
            num_classes,
            drop_rate,
            num_levels,
            **kwargs,
        )
        self.finish_construction()

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Trains the model, as `GenerativeModel.fit`.

        Args:
            x: Data, or noise of the data's shape if `y` is the data paired with it. Of
                a conditional model data, or the pair `(noise, data)`.
            y: Labels of a conditional model; of another one `None`, or data.
            *args: As in Keras.
            **kwargs: As in Keras.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If the model does not take such data.
        """
        return super().fit(x, y, *args, **kwargs)

    def check_target(self, y: Any) -> None:
        """Raises a `ValueError` unless `y` are data, paired with noise."""
        self.check_examples(y)

    def check_data(self, x: Any, y: Any = None) -> None:
        if not isinstance(x, tuple):
            return super().check_data(x, y)
        noise, x = x
        self.check_training_examples(noise, x)
        if len(noise) != len(x):
            raise ValueError(
                "`x` must be a pair of as much noise as data. "
                f"Received: {len(noise)} and {len(x)} examples"
            )
        self.check_condition(y, len(x))

    def _check_static(self, x, condition=None):
        if self.is_conditional and isinstance(x, (tuple, list)) and len(x) == 2:
            noise, x = x
            checks.static_shape("x", noise, self.data_shape)
        super()._check_static(x, condition)

    def fold_condition(self, data: Any) -> Any:
        inputs, target, sample_weight = super().fold_condition(data)
        return (inputs if target is None else (inputs, target)), None, sample_weight

    def call(self, inputs, training=False):
        """Returns the loss of each example at a time drawn for it."""
        noise, inputs = self._given_noise(inputs)
        x, condition = self.data_and_condition(inputs)
        if noise is None:
            noise = normal(ops.shape(x), self.seed_generator)
        x = self._inside(x)
        t = uniform((ops.shape(x)[0],), self.seed_generator)
        condition = self._dropped(condition, self.seed_generator, training)
        losses = self._example_losses(x, t, noise, condition, training)
        if self.is_of_images:  # a stream's later batches come unseen
            losses = nan_unless(in_range(x, -1.0, 1.0), losses)
        return losses

    def _given_noise(self, inputs):
        """Returns the noise that is paired with the data, or `None`, and the rest."""
        pair = inputs[0] if self.is_conditional else inputs
        if not isinstance(pair, (tuple, list)):
            return None, inputs
        noise, x = pair
        noise = ops.cast(noise, "float32")
        return noise, (x, inputs[1]) if self.is_conditional else x

    def _example_losses(self, x, t, noise, condition, training):
        """Returns the loss of each example, `(batch,)`."""
        alpha, sigma = self._levels(t)
        velocity = self._predict(alpha * x + sigma * noise, t, condition, training)
        errors = ops.square(x - noise - velocity)
        return ops.mean(ops.reshape(errors, (-1, math.prod(self.data_shape))), axis=1)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        return self.mean_loss(y_pred, sample_weight)

    def get_config(self):
        config = super().get_config()
        for fixed in ("schedule", "prediction"):
            config.pop(fixed)
        return config
