"""GAN with the networks of DCGAN (Radford et al., 2016, arXiv:1511.06434)."""

import keras
import numpy as np
from keras import ops

from keras_genmod import GAN, callbacks, data, evaluation, networks
from recipes._run import begin, check_held_out, command_line, fit

LEARNING_RATE = 2e-4
BETA_1 = 0.5
METRICS = ("frechet_distance", "kernel_distance", "precision", "recall")
NUM_JUDGED = 1000  # samples, and held-out images, at most
EVERY = 5  # epochs from one picture or judgement to the next
NUM_COLUMNS = 8


def main(
    dataset: str = "digits",
    epochs: int = 100,
    batch_size: int = 64,
    latent_dim: int = 100,
    filters: int = 32,
    classifier: str | None = None,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/gan",
):
    """Trains a DCGAN on images.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        latent_dim: Number of latents.
        filters: Feature maps next to the image; twice as many a layer
            further in; 64 for MNIST.
        classifier: A model.keras of recipes.feature_classifier, whose features judge
            the samples; pixels do without.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals(), may_change=["classifier"])
    features = None  # the pixels
    if classifier is not None:
        judge = keras.saving.load_model(classifier)
        features = evaluation.FeatureExtractor(judge, "features")
    keras.utils.set_random_seed(seed)
    x_train, x_test = (data.load(dataset, s)[0][:limit] for s in ("train", "test"))
    check_held_out(x_test)
    judged = x_test[:NUM_JUDGED]

    image_shape = x_train.shape[1:]
    model = GAN(
        networks.dcgan_generator(latent_dim, image_shape, filters),
        networks.dcgan_discriminator(image_shape, filters),
        latent_dim=latent_dim,
        seed=seed,
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE, beta_1=BETA_1))

    pictures = [
        # The same latents each time: one sees them learn.
        callbacks.SampleGrid(log_dir, seed=seed, num_columns=NUM_COLUMNS, every=EVERY),
        callbacks.Interpolation(log_dir, num_steps=NUM_COLUMNS, seed=seed, every=EVERY),
    ]
    quality = callbacks.EvaluateSamples(
        judged, METRICS, EVERY, len(judged), features, split="test", log_dir=log_dir
    )
    fit(
        model,
        x_train,
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test,),
        callbacks=[
            quality,
            callbacks.GanHealth(judged, log_dir=log_dir),
            *pictures,
            callbacks.TensorBoard(log_dir),
        ],
    )

    images = np.concatenate([ops.convert_to_numpy(p.draw(model)) for p in pictures])
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-8 samples; 9-16 ways from one "
        "latent to another"
    )
    callbacks.save_png(
        f"{log_dir}/gan.png", callbacks.image_grid(images, NUM_COLUMNS), caption
    )
    model.save(f"{log_dir}/model.keras")

    logs = model.evaluate(x_test, batch_size=batch_size, verbose=0, return_dict=True)
    scores = quality.judge()
    print(
        f"Held-out {dataset}, {len(x_test)} images: discriminator loss "
        f"{logs['discriminator_loss']:.3f} (1.386 where it cannot tell), generator "
        f"loss {logs['generator_loss']:.3f}. {len(judged)} samples beside as many of "
        f"them (features: {classifier or 'pixels'}): Frechet distance "
        f"{scores['frechet_distance']:.4g}, precision {scores['precision']:.3f}, "
        f"recall {scores['recall']:.3f}."
    )
    print(
        f"Picture: {log_dir}/gan.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
