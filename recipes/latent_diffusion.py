"""Diffusion in an autoencoder's latents (Rombach et al., 2022, arXiv:2112.10752)."""

from typing import Literal

import keras
import numpy as np
from keras import ops

from keras_genmod import (
    VAE,
    DiffusionModel,
    KLAutoencoder,
    TwoStage,
    callbacks,
    data,
    metrics,
    networks,
)
from recipes._run import begin, command_line, fit, integers, later_stage

LEARNING_RATE = 1e-3
EMA_MOMENTUM = 0.995
NUM_COLUMNS = 10
NUM_JUDGED = 1_000  # held-out images beside as many samples, at most


def main(
    dataset: str = "digits",
    epochs: int = 40,
    prior_epochs: int | None = None,
    batch_size: int = 64,
    autoencoder: Literal["vae", "kl"] = "vae",
    latent_channels: int = 3,
    beta: float = 0.1,
    discriminator_start: int = 450,
    filters: int = 32,
    num_downsamplings: int = 1,
    prior_filters: int = 32,
    multipliers: str = "1",
    num_blocks: int = 1,
    num_steps: int = 50,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/latent_diffusion",
):
    """Trains an autoencoder of few, small latents, then a diffusion model of them.

    The autoencoder is a VAE of little `beta`: its latents keep what they can of an
    image, on about the scale of N(0, I). With "kl" it is the paper's, whose images a
    discriminator judges, here without a perceptual loss.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes of the autoencoder over the data.
        prior_epochs: Passes of the diffusion model over the latents, once the first are
            done; twice as many as those where none is given.
        batch_size: Examples a step; 128 for MNIST.
        autoencoder: "vae", or "kl" for the KL-autoencoder.
        latent_channels: Latents at each place of the grid.
        beta: Weight of the KL in the VAE.
        discriminator_start: Steps of the KL-autoencoder before its discriminator takes
            part.
        filters: Channels of the autoencoder's convolutions.
        num_downsamplings: Halvings of height and width before the latents; 2 for MNIST.
        prior_filters: Channels of the U-Net's first level; 64 for MNIST.
        multipliers: A number for each of its levels, how many times as many it has.
        num_blocks: Residual blocks of a level.
        num_steps: Steps of a sample, DDIM.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run, the prior's below it in "prior".
    """
    begin(locals(), may_change=["prior_epochs", "num_steps"])
    x_train, x_test = (data.load(dataset, s)[0][:limit] for s in ("train", "test"))

    image_shape, factors = x_train.shape[1:], integers("multipliers", multipliers)
    encoder = networks.grid_encoder(
        image_shape, filters, filters, num_downsamplings, num_blocks=1
    )
    latent_shape = (*encoder.output_shape[1:3], latent_channels)
    decoder = networks.grid_decoder(
        latent_shape,
        image_shape[-1],
        filters,
        num_downsamplings,
        num_blocks=1,
        output_activation="sigmoid" if autoencoder == "kl" else None,
    )
    if autoencoder == "kl":
        first = KLAutoencoder(
            encoder,
            decoder,
            networks.patchgan_discriminator(image_shape, filters, num_layers=1),
            latent_shape,
            discriminator_start=discriminator_start,
            seed=seed,
        )
        first.compile(keras.optimizers.Adam(5e-4, beta_1=0.5, beta_2=0.9))
    else:
        first = VAE(encoder, decoder, latent_shape, beta=beta, seed=seed)
        first.compile(keras.optimizers.Adam(LEARNING_RATE))
    reconstructions = callbacks.Reconstructions(
        log_dir, x_test[:NUM_COLUMNS], every=max(1, epochs // 4)
    )
    fit(
        first,
        x_train,
        log_dir=log_dir,
        epochs=epochs,
        batch_size=batch_size,
        validation_data=(x_test,),
        callbacks=[reconstructions, callbacks.TensorBoard(log_dir)],
    )

    smallest = max(latent_shape[:2]) // 2 ** (len(factors) - 1)  # the lowest level
    network = networks.unet(
        latent_shape, prior_filters, tuple(factors), num_blocks, (smallest,)
    )
    prior = DiffusionModel(
        network, latent_shape, loss_weight="min_snr", of_images=False, seed=seed
    )
    model = TwoStage(first, prior, seed=seed)
    optimizer = keras.optimizers.Adam(
        LEARNING_RATE, clipnorm=1.0, use_ema=True, ema_momentum=EMA_MOMENTUM
    )
    model.compile(optimizer)
    folder = later_stage(log_dir, "prior", epochs)
    prior_epochs = prior_epochs or 2 * epochs
    samples = callbacks.SampleGrid(
        log_dir,
        4 * NUM_COLUMNS,
        seed=seed,
        num_columns=NUM_COLUMNS,
        every=max(1, prior_epochs // 4),
    )
    fit(
        model,
        x_train,
        log_dir=folder,
        epochs=prior_epochs,
        batch_size=batch_size,
        validation_data=(x_test,),
        callbacks=[
            callbacks.ExponentialMovingAverage(),
            samples,
            callbacks.TensorBoard(folder),
        ],
    )
    model.save(f"{log_dir}/model.keras")

    shown = samples.draw(model), reconstructions.draw(first)
    images = np.concatenate([ops.convert_to_numpy(x) for x in shown])
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-4 samples; 5 held-out images; 6 their "
        "reconstructions"
    )
    grid = callbacks.image_grid(images, NUM_COLUMNS)
    callbacks.save_png(f"{log_dir}/latent_diffusion.png", grid, caption)

    judged = x_test[:NUM_JUDGED]
    made = model.sample(len(judged), seed=seed, num_steps=num_steps)
    distances = [
        metrics.frechet_distance(_flat(judged), _flat(found)).value
        for found in (
            made,
            first.reconstruct(judged),
            first.sample(len(judged), seed=seed),
        )
    ]
    print(
        f"Held-out {dataset}, {len(judged)} images of {np.prod(image_shape)} values "
        f"beside as many samples from {np.prod(latent_shape)} latents, DDIM of "
        f"{num_steps} steps (features: pixels): Frechet distance {distances[0]:.4g}; "
        f"of their reconstructions {distances[1]:.4g}, of latents from N(0, I) "
        f"{distances[2]:.4g}."
    )
    print(
        f"Picture: {log_dir}/latent_diffusion.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


def _flat(images):
    images = ops.convert_to_numpy(images)
    return images.reshape(len(images), -1)


if __name__ == "__main__":
    command_line(main)()
