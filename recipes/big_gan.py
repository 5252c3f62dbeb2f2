"""BigGAN (Brock, Donahue and Simonyan, 2019, arXiv:1809.11096)."""

import keras
import numpy as np
import typer
from keras import ops
from sklearn.neighbors import KNeighborsClassifier

from keras_genmod import GAN, callbacks, data, layers, networks
from recipes._run import begin, command_line, fit

BETAS = (0.0, 0.999)
EMA_MOMENTUM = 0.99  # an average of some hundred of some thousand steps
ORTHOGONAL_WEIGHT = 1e-4
EVERY = 10  # epochs from one picture to the next
TRUNCATIONS = (None, 1.0, 0.5, 0.1)
NUM_SCORED = 100  # generated images of each class that are classified


def main(
    dataset: str = "digits",
    image_size: int = 8,
    epochs: int = 60,
    batch_size: int = 64,
    latent_dim: int = 32,
    filters: int = 8,
    embedding_dim: int = 32,
    discriminator_steps: int = 2,
    learning_rate: float = 8e-4,
    augment: bool = False,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/big_gan",
):
    """Trains BigGAN, and shows how truncation trades variety for fidelity.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        image_size: Pixels a side to which images are resized: 8, 16, 32, ..., 256.
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step of the generator, of which each step of the
            discriminator takes its share.
        latent_dim: Number of latents; for 32x32 a multiple of 4, 128 in the paper.
        filters: The number that all feature maps are multiples of; 64 for CIFAR-10.
        embedding_dim: Size of the classes' shared embedding; 128 in the paper.
        discriminator_steps: Steps of the discriminator for one of the generator.
        learning_rate: Of the discriminator, 2e-4 in the paper, and four times the
            generator's there; here twice.
        augment: Whether the discriminator sees images moved and cut out (DiffAugment).
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
    x_train, x_test = (data.resize(x[:limit], image_size) for x in (x_train, x_test))
    y_train, y_test = y_train[:limit], y_test[:limit]

    shape = x_train.shape[1:]
    model = GAN(
        networks.big_gan_generator(
            latent_dim,
            shape,
            num_classes,
            filters,
            embedding_dim,
            orthogonal_weight=ORTHOGONAL_WEIGHT,
        ),
        networks.big_gan_discriminator(shape, num_classes, filters),
        latent_dim=latent_dim,
        loss="hinge",
        discriminator_steps=discriminator_steps,
        num_classes=num_classes,
        augmentation=layers.DiffAugment(seed=seed) if augment else None,
        ema_momentum=EMA_MOMENTUM,
        seed=seed,
    )
    rates = {"discriminator": learning_rate, "generator": learning_rate / 2}
    model.compile(
        {name: keras.optimizers.Adam(rate, *BETAS) for name, rate in rates.items()}
    )

    samples = callbacks.SampleGrid(  # a column is a class
        log_dir, 4 * num_classes, seed=seed, num_columns=num_classes, every=EVERY
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
            callbacks.GanHealth(x_test, log_dir=log_dir, singular_values=True),
            samples,
            callbacks.TensorBoard(log_dir),
        ],
    )

    # What does it draw where asked for a class, and how much do such images vary? The
    # nearest training image is the judge of the former.
    judge = KNeighborsClassifier(1).fit(x_train.reshape(len(x_train), -1), y_train)
    rows, figures = [], []
    labels = np.repeat(np.arange(num_classes), NUM_SCORED)
    for truncation in TRUNCATIONS:
        # Batch statistics of the averaged weights, and of these latents
        model.standing_statistics(truncation=truncation, seed=seed)
        images = model.sample(len(labels), labels, seed=seed, truncation=truncation)
        images = ops.convert_to_numpy(images)
        right = judge.score(images.reshape(len(images), -1), labels)
        each = images.reshape(num_classes, NUM_SCORED, -1)
        figures.append(f"{truncation} {right:.1%}, {each.std(axis=1).mean():.3f}")
        each = images.reshape(num_classes, NUM_SCORED, *shape)
        rows += [each[:, i] for i in range(2)]
    caption = (
        f"{dataset}, epoch {epochs}; samples; a column is the class asked for; two "
        f"rows each of truncation {', '.join(map(str, TRUNCATIONS))}"
    )
    grid = callbacks.image_grid(np.concatenate(rows), num_classes)
    callbacks.save_png(f"{log_dir}/big_gan.png", grid, caption)
    model.standing_statistics(seed=seed)
    model.save(f"{log_dir}/model.keras")
    held_out = judge.score(x_test.reshape(len(x_test), -1), y_test)
    print(
        f"{dataset}: nearest training image has the class asked for in so many of "
        f"{len(labels)} generated images ({held_out:.1%} of {len(x_test)} held-out "
        "ones), and mean standard deviation of a pixel within a class, by truncation: "
        f"{'; '.join(figures)}."
    )
    print(
        f"Picture: {log_dir}/big_gan.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
