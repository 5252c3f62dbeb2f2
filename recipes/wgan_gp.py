"""Wasserstein GAN with gradient penalty (Gulrajani et al., 2017, arXiv:1704.00028)."""

import keras
import typer

from keras_genmod import WGANGP, callbacks, data, networks

LEARNING_RATE = 1e-4
BETAS = (0.0, 0.9)
CRITIC_STEPS = 5
PENALTY_WEIGHT = 10.0
NUM_COLUMNS = 8


def main(
    dataset: str = "digits",
    epochs: int = 200,
    batch_size: int = 160,
    latent_dim: int = 100,
    filters: int = 32,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/wgan_gp",
):
    """Trains a WGAN-GP on images.

    Args:
        dataset: "digits", "mnist", another TFDS name, or the path of a .npz file.
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step, a fifth of them for each step of the critic; 320
            for MNIST.
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
    model = WGANGP(
        networks.dcgan_generator(latent_dim, image_shape, filters),
        # Batch normalization would tie the examples' gradients together.
        networks.dcgan_discriminator(image_shape, filters, normalization="layer"),
        latent_dim=latent_dim,
        critic_steps=CRITIC_STEPS,
        penalty_weight=PENALTY_WEIGHT,
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE, *BETAS))

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
    callbacks.save_png(
        f"{log_dir}/wgan_gp.png", callbacks.image_grid(samples, NUM_COLUMNS)
    )
    model.save(f"{log_dir}/model.keras")

    logs = model.evaluate(x_test, batch_size=batch_size, verbose=0, return_dict=True)
    print(
        f"Held-out {dataset}, {len(x_test)} images: the critic's estimate of the "
        f"Wasserstein distance {logs['wasserstein_distance']:.3f}, gradient penalty "
        f"{logs['gradient_penalty']:.4f}."
    )
    print(
        f"Picture: {log_dir}/wgan_gp.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    typer.run(main)
