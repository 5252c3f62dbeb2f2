"""Conditional VAE (Sohn, Lee and Yan, NeurIPS 2015)."""

import keras
import numpy as np
import typer

from keras_genmod import VAE, callbacks, data, evaluation, networks
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
NUM_IMPORTANCE_SAMPLES = 500
NUM_ROWS = 8


def main(
    dataset: str = "digits",
    epochs: int = 150,
    batch_size: int = 32,
    hidden_dim: int = 400,
    latent_dim: int = 40,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/conditional_vae",
):
    """Trains a VAE that is told the class, on dynamically binarized images.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        hidden_dim: Units of the hidden layers.
        latent_dim: Number of latents.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    x_train, y_train = data.load(dataset, "train")
    x_test, y_test = data.load(dataset, "test")
    if y_train is None:
        raise typer.BadParameter(f"--dataset {dataset} has no labels")
    num_classes = int(y_train.max()) + 1
    x_train, y_train = x_train[:limit], y_train[:limit]
    x_test, y_test = data.binarize(x_test[:limit], "static", seed), y_test[:limit]
    batches = data.DynamicBinarization(x_train, y_train, batch_size, seed)

    shape, hidden_dims = x_train.shape[1:], (hidden_dim,)
    model = VAE(
        networks.mlp_encoder(shape, hidden_dims, num_classes=num_classes),
        networks.mlp_decoder(latent_dim, shape, hidden_dims, num_classes=num_classes),
        latent_dim=latent_dim,
        num_classes=num_classes,
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE))

    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        batches,
        shuffle=False,  # the batches are shuffled already
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test, y_test),
        validation_batch_size=batch_size,
        callbacks=[
            # A run that resumes goes on with the draws of its epoch.
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
            ),
            board,
        ],
    )

    z = np.random.default_rng(seed).standard_normal((NUM_ROWS, latent_dim))
    z = z.astype("float32").repeat(num_classes, axis=0)
    images = model.decode(z, np.tile(np.arange(num_classes), NUM_ROWS))
    board.add_images("classes", images, step=epochs, num_columns=num_classes)
    caption = (
        f"{dataset}, epoch {epochs}; a column a class; the latents stay the same "
        "along a row"
    )
    callbacks.save_png(
        f"{log_dir}/conditional_vae.png",
        callbacks.image_grid(images, num_classes),
        caption,
    )
    model.save(f"{log_dir}/model.keras")

    logs = model.evaluate(x_test, y_test, batch_size, verbose=0, return_dict=True)
    bound = evaluation.evaluate_likelihood(
        model,
        x_test,
        y_test,
        dataset=dataset,
        split="test",
        binarization=f"static({seed})",
        seed=seed,
        num_samples=NUM_IMPORTANCE_SAMPLES,
    )
    print(bound)
    print(
        f"Held-out {dataset}, {len(x_test)} images, dynamic binarization (tested on "
        f"one draw, seed {seed}): log p(x | y) >= {-logs['loss']:.2f} nats (ELBO), >= "
        f"{bound.mean:.2f} nats (importance-weighted, "
        f"K={NUM_IMPORTANCE_SAMPLES})."
    )
    print(
        f"Picture: {log_dir}/conditional_vae.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
