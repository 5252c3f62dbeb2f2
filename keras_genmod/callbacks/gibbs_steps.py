"""Contrastive divergence whose chains grow longer."""

from collections.abc import Mapping

import keras

from keras_genmod import checks


class GibbsSteps(keras.callbacks.Callback):
    """Sets the Gibbs steps k of a Boltzmann machine at the start of epochs.

    Short chains are cheap and good while weights are small; later on chains need more
    steps to leave the data, or CD-k learns modes apart from them that no chain visits.
    With a growing k most epochs cost as CD-1 does, and the last are those of CD-25.

    The step is compiled anew where k changes, in about the time that the first step
    takes. A run that resumes has the k of its epoch.

    Args:
        schedule: Dict of epochs, from 0, and the k from there on, positive ints; before
            the first of them k is that of the model.

    Raises:
        ValueError: If an epoch or a k is out of range; in `fit`, before training, if
            the model has no Gibbs steps.

    References:
        - Carreira-Perpinan and Hinton, On contrastive divergence learning, AISTATS
          2005 (the bias of short chains).
        - Salakhutdinov and Murray, On the quantitative analysis of deep belief
          networks, ICML 2008 (k that grows to 25).

    Example:
        ```python
        model = RBM(784, 500)
        model.compile(keras.optimizers.SGD(0.05))
        longer = keras_genmod.callbacks.GibbsSteps({0: 1, 10: 5, 20: 25})
        model.fit(x, epochs=30, batch_size=100, callbacks=[longer])
        ```
    """

    # Keras need not wait for each batch's losses: nobody looks at them here.
    async_safe = True

    def __init__(self, schedule: Mapping[int, int]) -> None:
        super().__init__()
        if not isinstance(schedule, Mapping) or not schedule:
            raise ValueError(
                "`schedule` must be a dict of epochs and Gibbs steps, such as "
                f"{{0: 1, 10: 25}}. Received: schedule={schedule!r}"
            )
        self.schedule = {
            checks.integer("schedule", epoch, 0): checks.positive_int(
                f"schedule[{epoch}]", steps
            )
            for epoch, steps in schedule.items()
        }

    def on_train_begin(self, logs=None):
        if not hasattr(self.model, "num_gibbs_steps"):
            raise ValueError(
                "`GibbsSteps` must be a callback of a Boltzmann machine. "
                f"Received a {type(self.model).__name__}"
            )

    def on_epoch_begin(self, epoch, logs=None):
        past = [start for start in self.schedule if start <= epoch]
        if past and self.schedule[max(past)] != self.model.num_gibbs_steps:
            self.model.num_gibbs_steps = self.schedule[max(past)]
            self.model.make_train_function(force=True)
