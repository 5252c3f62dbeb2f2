"""Conditional GAN (Mirza and Osindero, 2014, arXiv:1411.1784), networks of DCGAN."""

import keras
import numpy as np
import typer
from keras import ops
from sklearn.neighbors import KNeighborsClassifier

from keras_genmod import GAN, callbacks, data, networks
from recipes._run import begin, command_line, fit

LEARNING_RATE = 2e-4
BETA_1 = 0.5
EVERY = 5  # epochs from one picture to the next
NUM_ROWS = 8
NUM_SCORED = 100  # generated images of each class that are classified


def main(
    dataset: str = "digits",
    epochs: int = 100,
    batch_size: int = 64,
    latent_dim: int = 100,
    filters: int = 32,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/conditional_gan",
):
    """Trains a DCGAN that draws the class it is asked for.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        latent_dim: Number of latents.
        filters: Feature maps next to the image; twice as many a layer
            further in; 64 for MNIST.
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
    x_test, y_test = x_test[:limit], y_test[:limit]

    shape = x_train.shape[1:]
    model = GAN(
        networks.dcgan_generator(latent_dim, shape, filters, num_classes),
        networks.dcgan_discriminator(shape, filters, num_classes),
        latent_dim=latent_dim,
        num_classes=num_classes,
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE, beta_1=BETA_1))

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

    images = callbacks.image_grid(samples.draw(model), num_classes)
    caption = f"{dataset}, epoch {epochs}; samples; a column is the class asked for"
    callbacks.save_png(f"{log_dir}/conditional_gan.png", images, caption)
    model.save(f"{log_dir}/model.keras")

    # Does it draw what it is asked for? The nearest training image is the judge.
    judge = KNeighborsClassifier(1).fit(x_train.reshape(len(x_train), -1), y_train)
    labels = np.repeat(np.arange(num_classes), NUM_SCORED)
    images = ops.convert_to_numpy(model.sample(len(labels), labels, seed=seed))
    generated = judge.score(images.reshape(len(images), -1), labels)
    held_out = judge.score(x_test.reshape(len(x_test), -1), y_test)
    logs = model.evaluate(x_test, y_test, batch_size, verbose=0, return_dict=True)
    print(
        f"{dataset}: nearest training image has the class asked for in {generated:.1%} "
        f"of {len(labels)} generated images ({held_out:.1%} of {len(x_test)} held-out "
        f"ones); held-out discriminator loss {logs['discriminator_loss']:.3f}."
    )
    print(
        f"Picture: {log_dir}/conditional_gan.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
