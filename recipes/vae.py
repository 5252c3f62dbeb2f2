"""Variational autoencoder (Kingma and Welling, 2013, arXiv:1312.6114)."""

from typing import Literal

import keras
import numpy as np
from keras import ops

from keras_genmod import VAE, callbacks, data, evaluation, networks
from recipes._run import begin, check_held_out, command_line, fit

LEARNING_RATE = 1e-3
NUM_IMPORTANCE_SAMPLES = 500
METRICS = ("frechet_distance", "kernel_distance", "precision", "recall")
NUM_JUDGED = 1000  # samples, and held-out images, at most
EVERY = 15  # epochs from one picture or judgement to the next
NUM_COLUMNS = 10


def main(
    dataset: str = "digits",
    epochs: int = 150,
    batch_size: int = 32,
    hidden_dim: int = 400,
    latent_dim: int = 40,
    binarization: Literal["dynamic", "static"] = "dynamic",
    classifier: str | None = None,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/vae",
):
    """Trains a VAE on binary images and bounds their log-likelihood.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        hidden_dim: Units of the hidden layers.
        latent_dim: Number of latents.
        binarization: "dynamic" draws training pixels anew in each epoch, "static" once.
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
    x_train, _ = data.load(dataset, "train")
    x_test, y_test = data.load(dataset, "test")
    x_train, x_test = x_train[:limit], x_test[:limit]
    check_held_out(x_test)
    judged = x_test[:NUM_JUDGED]  # grey, as samples are: means of the pixels
    x_test = data.binarize(x_test, "static", seed)
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

    n, when = NUM_COLUMNS, {"every": EVERY}
    sweep, ends = np.linspace(-3, 3, n), (x_test[:4], x_test[4:8])
    pictures = [
        callbacks.SampleGrid(log_dir, 2 * n, seed=seed, num_columns=n, **when),
        callbacks.Reconstructions(log_dir, x_test[:n], **when),
        callbacks.LatentTraversal(log_dir, x_test, values=sweep, **when),
        callbacks.Interpolation(log_dir, *ends, num_steps=n, **when),
    ]
    quality = callbacks.EvaluateSamples(
        judged, METRICS, EVERY, len(judged), features, split="test", log_dir=log_dir
    )
    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        batches,
        shuffle=False,  # the batches are shuffled already
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test,),
        validation_batch_size=batch_size,
        callbacks=[
            # A run that resumes goes on with the draws of its epoch.
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
            ),
            quality,
            *pictures,
            board,
        ],
    )

    images = np.concatenate([ops.convert_to_numpy(p.draw(model)) for p in pictures])
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-2 samples; 3 held-out images; 4 "
        "their reconstructions; 5-14 the first held-out image with one of the "
        "ten busiest latents going from -3 to 3; 15-18 ways from one held-out "
        "image to another"
    )
    callbacks.save_png(
        f"{log_dir}/vae.png", callbacks.image_grid(images, NUM_COLUMNS), caption
    )
    model.save(f"{log_dir}/model.keras")
    shown = x_test[:NUM_JUDGED]
    labels = None if y_test is None else y_test[: len(shown)]
    board.writer.add_embedding("latents", model.encode(shown), labels, shown, epochs)

    logs = model.evaluate(x_test, batch_size=batch_size, verbose=0, return_dict=True)
    bound = evaluation.evaluate_likelihood(
        model,
        x_test,
        dataset=dataset,
        split="test",
        binarization=f"static({seed})",
        seed=seed,
        num_samples=NUM_IMPORTANCE_SAMPLES,
    )
    print(bound)
    print(
        f"Held-out {dataset}, {len(x_test)} images, {binarization} binarization "
        f"(tested on one draw, seed {seed}): log p(x) >= {-logs['loss']:.2f} nats "
        f"(ELBO), >= {bound.mean:.2f} nats (importance-weighted, "
        f"K={NUM_IMPORTANCE_SAMPLES}). {len(judged)} samples beside as many of them in "
        f"grey (features: {classifier or 'pixels'}): Frechet distance "
        f"{quality.judge()['frechet_distance']:.4g}."
    )
    print(
        f"Picture: {log_dir}/vae.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
