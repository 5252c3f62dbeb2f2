"""When a progressive GAN grows."""

import keras
from keras import ops


class GrowNetworks(keras.callbacks.Callback):
    """Moves the level and the fade of a `ProgressiveGAN` by its schedule.

    Before each step they become `model.schedule(n)`, with n the images that the model
    has trained on, which its files keep: a run that resumes goes on inside a fade.

    Raises:
        ValueError: In `fit`, before training, if the model does not grow.

    Note:
        With `steps_per_execution` above 1 the fade moves once an execution.

    References:
        Karras et al., Progressive growing of GANs, 2018, arXiv:1710.10196.

    Example:
        ```python
        model.fit(images, epochs=10, callbacks=[keras_genmod.callbacks.GrowNetworks()])
        ```
    """

    def on_train_begin(self, logs=None):
        if not hasattr(self.model, "grow"):
            raise ValueError(
                "`GrowNetworks` must be a callback of a `ProgressiveGAN`. "
                f"Received a {type(self.model).__name__}"
            )

    def on_train_batch_begin(self, batch, logs=None):
        model = self.model
        if hasattr(model, "jax_state_sync"):  # JAX keeps weights apart in `fit`
            model.jax_state_sync()
        seen = int(ops.convert_to_numpy(model.images_seen.value))
        model.grow(*model.schedule(seen))
