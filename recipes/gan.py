"""GAN with the networks of DCGAN (Radford et al., 2016, arXiv:1511.06434)."""

import keras
import typer

from keras_genmod import GAN, callbacks, data, networks

LEARNING_RATE = 2e-4
BETA_1 = 0.5
NUM_COLUMNS = 8


def main(
    dataset: str = "digits",
    epochs: int = 100,
    batch_size: int = 64,
    latent_dim: int = 100,
    filters: int = 32,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/gan",
):
    """Trains a DCGAN on images.

    Args:
        dataset: "digits", "mnist", another TFDS name, or the path of a .npz file.
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        latent_dim: Number of latents.
        filters: Feature maps next to the image; twice as many a layer
            further in; 64 for MNIST.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    keras.utils.set_random_seed(seed)
    x_train, x_test = (data.load(dataset, s)[0][:limit] for s in ("train", "test"))

    image_shape = x_train.shape[1:]
    model = GAN(
        networks.dcgan_generator(latent_dim, image_shape, filters),
        networks.dcgan_discriminator(image_shape, filters),
        latent_dim=latent_dim,
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE, beta_1=BETA_1))

    def draw(epoch, logs):
        # The same latents each time: one sees them learn.
        board.add_images("samples", model.sample(NUM_COLUMNS**2, seed=seed), epoch)

    board = callbacks.TensorBoard(log_dir)
    history = model.fit(
        x_train,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=(x_test,),
        callbacks=[
            board,
            keras.callbacks.LambdaCallback(on_epoch_end=draw),
            callbacks.Backup(f"{log_dir}/backup"),
        ],
    )
    if not history.epoch:
        print(f"{log_dir} has its {epochs} epochs already: give more to go on.")

    samples = model.sample(NUM_COLUMNS**2, seed=seed)
    callbacks.save_png(f"{log_dir}/gan.png", callbacks.image_grid(samples, NUM_COLUMNS))
    model.save(f"{log_dir}/model.keras")

    logs = model.evaluate(x_test, batch_size=batch_size, verbose=0, return_dict=True)
    print(
        f"Held-out {dataset}, {len(x_test)} images: discriminator loss "
        f"{logs['discriminator_loss']:.3f} (1.386 where it cannot tell), generator "
        f"loss {logs['generator_loss']:.3f}. Losses of a game are no score of quality: "
        "look at the picture."
    )
    print(
        f"Picture: {log_dir}/gan.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    typer.run(main)
