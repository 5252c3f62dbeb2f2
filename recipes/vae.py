"""Variational autoencoder (Kingma and Welling, 2013, arXiv:1312.6114)."""

from typing import Literal

import keras
import numpy as np
import typer
from keras import ops

from keras_genmod import VAE, callbacks, data, networks

LEARNING_RATE = 1e-3
NUM_IMPORTANCE_SAMPLES = 500
NUM_COLUMNS = 10


def main(
    dataset: str = "digits",
    epochs: int = 150,
    batch_size: int = 32,
    hidden_dim: int = 400,
    latent_dim: int = 40,
    binarization: Literal["dynamic", "static"] = "dynamic",
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/vae",
):
    """Trains a VAE on binary images and bounds their log-likelihood.

    Args:
        dataset: "digits", "mnist", another TFDS name, or the path of a .npz file.
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        hidden_dim: Units of the hidden layers.
        latent_dim: Number of latents.
        binarization: "dynamic" draws training pixels anew in each epoch, "static" once.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    keras.utils.set_random_seed(seed)
    x_train, _ = data.load(dataset, "train")
    x_test, _ = data.load(dataset, "test")
    x_train, x_test = x_train[:limit], data.binarize(x_test[:limit], "static", seed)
    if binarization == "static":  # then each later draw gives the same pixels
        x_train = data.binarize(x_train, "static", seed)
    batches = data.DynamicBinarization(x_train, batch_size=batch_size, seed=seed)

    image_shape = x_train.shape[1:]
    model = VAE(
        networks.mlp_encoder(image_shape, hidden_dims=(hidden_dim,)),
        networks.mlp_decoder(latent_dim, image_shape, hidden_dims=(hidden_dim,)),
        latent_dim=latent_dim,
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE))

    board = callbacks.TensorBoard(log_dir)
    history = model.fit(
        batches,
        shuffle=False,  # the batches are shuffled already
        epochs=epochs,
        validation_data=(x_test,),
        validation_batch_size=batch_size,
        callbacks=[
            # A run that resumes goes on with the draws of its epoch.
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
            ),
            board,
            callbacks.Backup(f"{log_dir}/backup"),
        ],
    )
    if not history.epoch:
        print(f"{log_dir} has its {epochs} epochs already: give more to go on.")

    # Rows: samples; held-out images and their reconstructions; four latents, one a
    # row, swept from -3 to 3 around the first image.
    samples = ops.convert_to_numpy(model.sample(2 * NUM_COLUMNS, seed=seed))
    shown = x_test[:NUM_COLUMNS]
    reconstructions = ops.convert_to_numpy(model.reconstruct(shown))
    means = ops.convert_to_numpy(model.encode(x_test))
    sweep = np.repeat(means[:1], 4 * NUM_COLUMNS, axis=0)
    for row, unit in enumerate(np.argsort(-means.var(axis=0))[:4]):
        rows = slice(row * NUM_COLUMNS, (row + 1) * NUM_COLUMNS)
        sweep[rows, unit] = np.linspace(-3, 3, NUM_COLUMNS)
    sweep = ops.convert_to_numpy(model.decode(sweep))
    images = np.concatenate([samples, shown, reconstructions, sweep])
    board.add_images("vae", images, step=epochs, num_columns=NUM_COLUMNS)
    callbacks.save_png(f"{log_dir}/vae.png", callbacks.image_grid(images, NUM_COLUMNS))
    model.save(f"{log_dir}/model.keras")

    logs = model.evaluate(x_test, batch_size=batch_size, verbose=0, return_dict=True)
    log_prob = [
        ops.convert_to_numpy(
            model.log_prob(x_test[i : i + 100], num_samples=NUM_IMPORTANCE_SAMPLES)
        )
        for i in range(0, len(x_test), 100)
    ]
    print(
        f"Held-out {dataset}, {len(x_test)} images, {binarization} binarization "
        f"(tested on one draw, seed {seed}): log p(x) >= {-logs['loss']:.2f} nats "
        f"(ELBO), >= {np.concatenate(log_prob).mean():.2f} nats (importance-weighted, "
        f"K={NUM_IMPORTANCE_SAMPLES})."
    )
    print(
        f"Picture: {log_dir}/vae.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    typer.run(main)
