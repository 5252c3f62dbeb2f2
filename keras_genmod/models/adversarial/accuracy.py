"""How often a discriminator is right."""

import keras
from keras import ops


def accuracy_trackers(name):
    """Returns what records a discriminator's accuracy on real and on fake data.

    Args:
        name: String, the discriminator's objective: `<name>_real_accuracy` and
            `<name>_fake_accuracy` are reported.
    """
    return {
        kind: keras.metrics.Mean(name=f"{name}_{kind}_accuracy")
        for kind in ("real", "fake")
    }


def track_accuracy(trackers, real, fake, least_squares=False):
    """Records the share of scores on the right side.

    Args:
        trackers: As `accuracy_trackers` returns them.
        real: Float tensor `(batch, ...)`, scores of real data.
        fake: The same of generated data.
        least_squares: Whether scores are trained towards 1 and 0, rather than being
            logits, whose sign decides.
    """
    boundary = 0.5 if least_squares else 0.0
    trackers["real"].update_state(ops.cast(real > boundary, "float32"))
    trackers["fake"].update_state(ops.cast(fake < boundary, "float32"))
