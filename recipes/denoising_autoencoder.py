"""Denoising autoencoder (Vincent et al., 2008; its score: arXiv:1211.4246)."""

from typing import Literal

import keras
import numpy as np
from keras import ops

from keras_genmod import DenoisingAutoencoder, callbacks, data, networks
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
EVERY = 10  # epochs from one picture to the next
NUM_COLUMNS = 10


def main(
    dataset: str = "digits",
    epochs: int = 100,
    batch_size: int = 32,
    hidden_dim: int = 400,
    latent_dim: int = 32,
    noise: Literal["normal", "masking"] = "normal",
    noise_level: float = 0.3,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/denoising_autoencoder",
):
    """Trains an autoencoder to take noise off images.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        hidden_dim: Units of the hidden layers.
        latent_dim: Size of the bottleneck.
        noise: "normal" adds it, "masking" blackens pixels.
        noise_level: Its standard deviation, or the share of black pixels.
        seed: Of the weights and the batches.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    x_train, x_test = (data.load(dataset, s)[0][:limit] for s in ("train", "test"))

    image_shape = x_train.shape[1:]
    features = networks.mlp_encoder(image_shape, hidden_dims=(hidden_dim,))
    latents = keras.layers.Dense(latent_dim)(features.output)
    model = DenoisingAutoencoder(
        keras.Model(features.input, latents, name="encoder"),
        networks.mlp_decoder(
            latent_dim,
            image_shape,
            hidden_dims=(hidden_dim,),
            output_activation="sigmoid",
        ),
        noise=noise,
        noise_level=noise_level,
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE))

    shown = x_test[: 3 * NUM_COLUMNS]
    generator = np.random.default_rng(seed)
    if noise == "normal":
        noisy = shown + noise_level * generator.normal(size=shown.shape)
    else:
        noisy = shown * (generator.random(shown.shape) >= noise_level)
    noisy = noisy.astype("float32")
    pairs = callbacks.Reconstructions(
        log_dir, noisy, num_columns=NUM_COLUMNS, every=EVERY
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
        f"{dataset}, epoch {epochs}; noisy held-out images and, below each row, what "
        "is made of them"
    )
    callbacks.save_png(f"{log_dir}/denoising_autoencoder.png", images, caption)
    model.save(f"{log_dir}/model.keras")

    logs = model.evaluate(x_test, batch_size=batch_size, verbose=0, return_dict=True)
    added = np.mean(np.square(noisy - shown))
    left = np.mean(np.square(ops.convert_to_numpy(model.reconstruct(noisy)) - shown))
    print(
        f"Held-out {dataset}, {len(x_test)} images, {noise} noise of {noise_level}: "
        f"mean squared error {logs['loss']:.5f} a pixel; of {len(shown)} noisy images "
        f"{left:.5f} is left of {added:.5f}."
    )
    print(
        f"Picture: {log_dir}/denoising_autoencoder.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
