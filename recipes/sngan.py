"""Spectrally normalized GAN, projection (Miyato et al., 2018, arXiv:1802.05957)."""

import keras
import numpy as np
import typer
from keras import ops
from sklearn.neighbors import KNeighborsClassifier

from keras_genmod import GAN, callbacks, data, networks
from recipes._run import begin, command_line, fit

LEARNING_RATE = 2e-4
BETAS = (0.0, 0.9)
EMA_MOMENTUM = 0.99  # an average of some hundred of some thousand steps
EVERY = 10  # epochs from one picture to the next
NUM_ROWS = 8
NUM_SCORED = 100  # generated images of each class that are classified


def main(
    dataset: str = "digits",
    epochs: int = 100,
    batch_size: int = 160,
    latent_dim: int = 128,
    filters: int = 32,
    discriminator_steps: int = 5,
    truncation: float | None = None,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/sngan",
):
    """Trains SNGAN, which draws the class it is asked for.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE";
            sides divisible by 4.
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step of the generator, of which each step of the
            discriminator takes its share; 320 for five times the paper's 64.
        latent_dim: Number of latents.
        filters: Feature maps of the discriminator, half of the generator's; 128 in the
            paper.
        discriminator_steps: Steps of the discriminator for one of the generator.
        truncation: Largest latent of the images drawn at the end.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals(), may_change=["truncation"])
    x_train, y_train = data.load(dataset, "train")
    x_test, y_test = data.load(dataset, "test")
    if y_train is None:
        raise typer.BadParameter(f"--dataset {dataset} has no labels")
    num_classes = int(y_train.max()) + 1
    x_train, y_train = x_train[:limit], y_train[:limit]
    x_test, y_test = x_test[:limit], y_test[:limit]

    shape = x_train.shape[1:]
    model = GAN(
        networks.sngan_generator(latent_dim, shape, 2 * filters, num_classes),
        networks.sngan_discriminator(shape, filters, num_classes),
        latent_dim=latent_dim,
        loss="hinge",
        discriminator_steps=discriminator_steps,
        num_classes=num_classes,
        ema_momentum=EMA_MOMENTUM,
        seed=seed,
    )
    # The paper's rate falls to zero linearly.
    num_steps = epochs * -(-len(x_train) // batch_size)
    rates = {
        name: keras.optimizers.schedules.PolynomialDecay(
            LEARNING_RATE, num_steps * steps, 0.0
        )
        for name, steps in (("discriminator", discriminator_steps), ("generator", 1))
    }
    model.compile(
        {name: keras.optimizers.Adam(rate, *BETAS) for name, rate in rates.items()}
    )

    samples = callbacks.SampleGrid(  # a column is a class
        log_dir,
        NUM_ROWS * num_classes,
        seed=seed,
        num_columns=num_classes,
        every=EVERY,
    )
    fit(
        model,
        x_train,
        y_train,
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test, y_test),
        callbacks=[
            callbacks.GanHealth(x_test, log_dir=log_dir),
            samples,
            callbacks.TensorBoard(log_dir),
        ],
    )

    # The averaged generator gets batch statistics of its own weights.
    model.standing_statistics(truncation=truncation, seed=seed)
    images = callbacks.image_grid(samples.draw(model), num_classes)
    caption = f"{dataset}, epoch {epochs}; samples; a column is the class asked for"
    callbacks.save_png(f"{log_dir}/sngan.png", images, caption)
    model.save(f"{log_dir}/model.keras")

    # Does it draw what it is asked for? The nearest training image is the judge.
    judge = KNeighborsClassifier(1).fit(x_train.reshape(len(x_train), -1), y_train)
    labels = np.repeat(np.arange(num_classes), NUM_SCORED)
    images = model.sample(len(labels), labels, seed=seed, truncation=truncation)
    images = ops.convert_to_numpy(images)
    generated = judge.score(images.reshape(len(images), -1), labels)
    held_out = judge.score(x_test.reshape(len(x_test), -1), y_test)
    print(
        f"{dataset}: nearest training image has the class asked for in {generated:.1%} "
        f"of {len(labels)} generated images ({held_out:.1%} of {len(x_test)} held-out "
        f"ones), of the averaged generator, truncation={truncation}."
    )
    print(
        f"Picture: {log_dir}/sngan.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
