"""Normalizing flow: an exact density from an invertible map."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.models.flows.flow_model import FlowModel


@keras.saving.register_keras_serializable("keras_genmod")
class NormalizingFlow(FlowModel):
    """x = f(z) with z from a base distribution and f a bijector.

    log p(x) = log p(z) - log|det df/dz|, exact. It trains in two ways:

    - by maximum likelihood on data, the usual `compile` and `fit(x)`;
    - by the reverse KL divergence to an unnormalised density p, with
      `compile(target_log_prob=...)`: minimises E_z[log q(f(z)) - log p(f(z))]. Then
      `fit(x)` reads nothing of `x` but the number of examples; its batches say how
      many z are drawn a step, so `fit(np.zeros((100 * 256, 2)), batch_size=256)`
      makes 100 steps of 256 draws. The loss falls to -log of the integral of p.
      Weights that start from data (`ActNorm`) start from draws of the base instead.
      `inverse_temperature`, a weight that starts at 1, multiplies log p: raised from
      near 0 to 1 in the course of training, by a callback, it keeps the flow from
      settling on one of several modes.

    With a dequantization the data are levels k / (num_levels - 1), such as pixels; f
    makes values v in [0, 1), and what is trained and reported is a lower bound,
    log P(x) >= E[log p(v) - log q(v | x)]. Preprocessing is a bijector, too: with
    `Sigmoid(event_shape, margin)` as the last of a `Chain` the flow works on logits,
    and its log-determinant counts.

    Args:
        bijector: `keras_genmod.bijectors.Bijector` from latents to data.
        base: Distribution with `event_shape`, `log_prob(z)` and
            `sample(num_samples, seed)`; `None` is N(0, I).
        dequantization: `UniformDequantization`, `VariationalDequantization`, or `None`
            for a density of continuous data.
        num_classes: Int for a flow conditional on class labels, whose `bijector` takes
            them one-hot: its `condition_dim` is `num_classes`. A bijector with a
            condition and no `num_classes` is conditional on vectors
            `(batch, condition_dim)`, such as another network's embeddings.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is of another kind, or the shapes do not fit.

    References:
        - Dinh, Krueger and Bengio, NICE, 2014, arXiv:1410.8516.
        - Rezende and Mohamed, Variational inference with normalizing flows, 2015,
          arXiv:1505.05770 (reverse KL, annealing).
        - Ho et al., Flow++, 2019, arXiv:1902.00275 (the bound with a dequantization).

    Example:
    ```python
    model = NormalizingFlow(Chain([Planar(2) for _ in range(16)]))
    model.compile(keras.optimizers.Adam(1e-2))
    model.fit(points, epochs=20, batch_size=256)
    nats = model.log_prob(points)
    new_points = model.sample(100, seed=0)
    ```
    """

    def __init__(
        self,
        bijector: Any,
        base: Any = None,
        dequantization: Any = None,
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(bijector, base, dequantization, num_classes, **kwargs)
        self.target_log_prob = None
        self.inverse_temperature = self.add_weight(
            shape=(),
            initializer="ones",
            dtype="float32",
            autocast=False,
            trainable=False,
            name="inverse_temperature",
        )
        self.finish_construction()

    def compile(
        self,
        optimizer: str | keras.optimizers.Optimizer = "adam",
        target_log_prob: Any = None,
        **kwargs: Any,
    ) -> None:
        """Configures the model for training by maximum likelihood or reverse KL.

        Args:
            optimizer: String or `keras.optimizers.Optimizer`.
            target_log_prob: `None` for maximum likelihood, or a function of
                `(batch, *event)` that returns the log of an unnormalised density,
                `(batch,)`, written with `keras.ops`; of a conditional flow, a function
                of these and the condition. Register it with
                `keras.saving.register_keras_serializable` to load the model compiled.
            **kwargs: `run_eagerly`, `steps_per_execution`, `jit_compile` as in Keras.

        Raises:
            ValueError: If a target is given with a dequantization, or as in Keras.
        """
        if target_log_prob is not None and self.dequantization is not None:
            raise ValueError(
                "`target_log_prob` must be None with a dequantization: it is the "
                "density of continuous data. Received: "
                f"target_log_prob={target_log_prob!r}"
            )
        super().compile(optimizer, **kwargs)
        self.target_log_prob = target_log_prob

    def get_compile_config(self):
        return {
            **super().get_compile_config(),
            "target_log_prob": keras.saving.serialize_keras_object(
                self.target_log_prob
            ),
        }

    def call(self, inputs, training=False):
        """Returns what training maximises, `(batch,)` in nats.

        log p(x) of the inputs, or one draw of its bound; with a target density
        inverse_temperature target_log_prob(x) - log q(x) of as many draws x of the
        model.
        """
        if self.target_log_prob is None:
            return super().call(inputs, training)
        x, condition = self.data_and_condition(inputs)
        z = self.base.sample(ops.shape(x)[0], self.seed_generator)
        drawn, log_det = self.bijector.forward_and_log_det(z, condition)
        given = (drawn,) if condition is None else (drawn, condition)
        target = self.inverse_temperature * self.target_log_prob(*given)
        return target - (self.base.log_prob(z) - log_det)

    # With a target density `x` is a number of draws, and its values mean nothing.

    def _start(self, inputs):
        if self.target_log_prob is None:
            return super()._start(inputs)
        x, condition = self.data_and_condition(inputs)
        z = self.base.sample(ops.shape(x)[0], self.seed_generator)
        self.bijector.initialize_forward(z, condition)

    def check_training_examples(self, x: Any, target: Any) -> Any:
        if self.target_log_prob is None:
            return super().check_training_examples(x, target)
        checks.shape("x", x, self.data_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "bijector": keras.saving.serialize_keras_object(self.bijector),
            "base": keras.saving.serialize_keras_object(self.base),
            "dequantization": keras.saving.serialize_keras_object(self.dequantization),
        }
