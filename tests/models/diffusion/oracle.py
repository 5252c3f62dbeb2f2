"""Networks that know the exact answer for normal data."""

import keras
import numpy as np
from keras import ops

from keras_genmod.models.diffusion.noise_schedule import NoiseSchedule
from keras_genmod.models.diffusion.predictions import PREDICTIONS


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

    def __init__(self, schedule, mean, covariance, prediction="noise", free=None):
        super().__init__(autocast=False)
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

    def call(self, inputs):
        x, t = inputs[:2]
        data, alpha, sigma = self.data(x, t)
        if len(inputs) == 3:
            known = ops.sum(inputs[2], axis=1, keepdims=True)
            data = ops.where(known > 0, data, self.data(x, t, 1)[0])
        noise = (x - alpha * data) / sigma
        return PREDICTIONS[self.prediction].target(data, noise, alpha, sigma)
