"""What a network may predict of noisy data, all with the same knowledge.

x = alpha data + sigma noise. Of what is predicted, and x, the data follow.
"""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a network predicts.

    Args:
        target: Function `(data, noise, alpha, sigma)` that returns it.
        data: Function `(prediction, x, alpha, sigma)` that returns the data it means.
        factor: Function `(alpha, sigma)`: an error of the prediction times this is
            one of the data.
    """

    target: Callable
    data: Callable
    factor: Callable


PREDICTIONS = {
    "data": Prediction(
        target=lambda data, noise, alpha, sigma: data,
        data=lambda prediction, x, alpha, sigma: prediction,
        factor=lambda alpha, sigma: 1.0 + 0.0 * alpha,
    ),
    "noise": Prediction(
        target=lambda data, noise, alpha, sigma: noise,
        data=lambda prediction, x, alpha, sigma: (x - sigma * prediction) / alpha,
        factor=lambda alpha, sigma: sigma / alpha,
    ),
    # v = alpha noise - sigma data, which is never 0 / 0
    "v": Prediction(
        target=lambda data, noise, alpha, sigma: alpha * noise - sigma * data,
        data=lambda prediction, x, alpha, sigma: (
            (alpha * x - sigma * prediction) / (alpha * alpha + sigma * sigma)
        ),
        factor=lambda alpha, sigma: sigma / (alpha * alpha + sigma * sigma),
    ),
    # The velocity from noise to data on a straight line.
    "velocity": Prediction(
        target=lambda data, noise, alpha, sigma: data - noise,
        data=lambda prediction, x, alpha, sigma: (
            (x + sigma * prediction) / (alpha + sigma)
        ),
        factor=lambda alpha, sigma: sigma / (alpha + sigma),
    ),
}
