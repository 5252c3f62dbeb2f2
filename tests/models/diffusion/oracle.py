"""Networks that know the exact answer for normal data."""

import keras
import numpy as np
from keras import ops

from keras_genmod.models.diffusion import samplers
from keras_genmod.models.diffusion.noise_schedule import NoiseSchedule
from keras_genmod.models.diffusion.predictions import PREDICTIONS
from keras_genmod.models.diffusion.time_grid import make_grid


@keras.saving.register_keras_serializable("tests")
class VarianceExploding(NoiseSchedule):
    """alpha = 1 and sigma = 80 t, the schedule of Karras et al."""

    first_time = 0.002 / 80

    def alpha(self, t):
        return 1.0 + 0.0 * t

    def sigma(self, t):
        return 80.0 * t


class Oracle(keras.layers.Layer):
    """E[prediction | x_t] for data from N(mean, covariance).

    The data are x_t = alpha x_0 + sigma noise, so that E[x_0 | x_t] = mean +
    alpha C (alpha^2 C + sigma^2 I)^-1 (x_t - alpha mean). With a second mean and
    covariance those are of data without the condition.
    """

    def __init__(
        self,
        schedule,
        mean,
        covariance,
        prediction="noise",
        free=None,
        outputs_per_value=1,
    ):
        super().__init__(autocast=False)
        self.outputs_per_value = outputs_per_value
        self.schedule, self.prediction = schedule, prediction
        self.normals = [self.prepared(mean, covariance)]
        if free is not None:
            self.normals.append(self.prepared(*free))
        self.built = True

    @staticmethod
    def prepared(mean, covariance):
        values, vectors = np.linalg.eigh(np.atleast_2d(covariance))
        return [np.asarray(p, "float32") for p in (mean, values, vectors)]

    def data(self, x, t, which=0):
        mean, values, vectors = map(ops.convert_to_tensor, self.normals[which])
        alpha = ops.expand_dims(self.schedule.alpha(t), 1)
        sigma = ops.expand_dims(self.schedule.sigma(t), 1)
        gain = alpha * values / (alpha**2 * values + sigma**2)
        rotated = ops.matmul(x - alpha * mean, vectors)
        return mean + ops.matmul(gain * rotated, ops.transpose(vectors)), alpha, sigma

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:-1], self.outputs_per_value * input_shape[0][-1])

    def variance_fraction(self, x, t):
        """How the variance posterior's + c^2 Var(x_0 | x_t) lies between its bounds."""
        steps = self.schedule.num_steps
        grid = make_grid(self.schedule, steps)
        small, large = samplers.log_variances(grid)
        alpha, sigma = grid.alphas[:-1], grid.sigmas[:-1]
        prior = self.normals[0][1][0]
        unknown = 1 / (1 / prior + alpha**2 / sigma**2)
        of_data = samplers.coefficients(grid, "ddpm", 1.0)[:, samplers.OF_DATA]
        best = np.log(samplers.transition(grid)[1] + of_data**2 * unknown)
        table = ((best - small) / (large - small))[::-1].astype("float32")
        step = ops.cast(ops.round(t * steps), "int32") - 1
        taken = ops.take(ops.convert_to_tensor(table), step)
        return ops.reshape(taken, (-1, 1)) + 0.0 * x

    def call(self, inputs):
        x, t = inputs[:2]
        data, alpha, sigma = self.data(x, t)
        if len(inputs) == 3:
            known = ops.sum(inputs[2], axis=1, keepdims=True)
            data = ops.where(known > 0, data, self.data(x, t, 1)[0])
        noise = (x - alpha * data) / sigma
        target = PREDICTIONS[self.prediction].target(data, noise, alpha, sigma)
        if self.outputs_per_value == 1:
            return target
        fraction = self.variance_fraction(x, t)
        return ops.concatenate([target, 2 * fraction - 1], axis=-1)
