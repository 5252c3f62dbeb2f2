"""Autoencoder (Hinton and Salakhutdinov, Science 313, 2006)."""

import keras
import numpy as np

from keras_genmod import Autoencoder, callbacks, data, networks
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
EVERY = 10  # epochs from one picture to the next
NUM_COLUMNS = 10


def main(
    dataset: str = "digits",
    epochs: int = 100,
    batch_size: int = 32,
    hidden_dim: int = 400,
    latent_dim: int = 10,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/autoencoder",
):
    """Trains an autoencoder on images.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        hidden_dim: Units of the hidden layers.
        latent_dim: Size of the bottleneck.
        seed: Of the weights and the batches.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    x_train, x_test = (data.load(dataset, s)[0][:limit] for s in ("train", "test"))

    image_shape = x_train.shape[1:]
    features = networks.mlp_encoder(image_shape, hidden_dims=(hidden_dim,))
    latents = keras.layers.Dense(latent_dim)(features.output)
    model = Autoencoder(
        keras.Model(features.input, latents, name="encoder"),
        networks.mlp_decoder(
            latent_dim,
            image_shape,
            hidden_dims=(hidden_dim,),
            output_activation="sigmoid",
        ),
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE))

    pairs = callbacks.Reconstructions(
        log_dir, x_test[: 3 * NUM_COLUMNS], num_columns=NUM_COLUMNS, every=EVERY
    )
    fit(
        model,
        x_train,
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test,),
        callbacks=[
            pairs,
            callbacks.TensorBoard(log_dir),
        ],
    )

    images = callbacks.image_grid(pairs.draw(model), NUM_COLUMNS)
    caption = (
        f"{dataset}, epoch {epochs}; held-out images and, below each row, their "
        "reconstructions"
    )
    callbacks.save_png(f"{log_dir}/autoencoder.png", images, caption)
    model.save(f"{log_dir}/model.keras")

    logs = model.evaluate(x_test, batch_size=batch_size, verbose=0, return_dict=True)
    spread = np.mean(np.square(x_test - x_train.mean(axis=0)))
    print(
        f"Held-out {dataset}, {len(x_test)} images, {latent_dim} latents: mean squared "
        f"error {logs['loss']:.5f} a pixel ({spread:.5f} for the mean image)."
    )
    print(
        f"Picture: {log_dir}/autoencoder.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
