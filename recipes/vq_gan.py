"""VQGAN with a prior over its codes (Esser et al., 2021, arXiv:2012.09841)."""

import keras
import numpy as np
from keras import ops

from keras_genmod import (
    VQGAN,
    CausalTransformer,
    TwoStage,
    callbacks,
    data,
    layers,
    losses,
    networks,
)
from recipes._run import begin, command_line, fit, later_stage

LEARNING_RATE = 1e-3  # of the prior
NUM_COLUMNS = 10


def perceptual_loss(classifier):
    """Returns the distance in what ReLUs after convolutions make of images."""
    rectified = [
        x.name
        for x in classifier.layers
        if isinstance(x, keras.layers.ReLU) and len(x.output.shape) == 4
    ]
    return losses.PerceptualLoss(classifier, rectified)


def main(
    dataset: str = "digits",
    epochs: int = 20,
    prior_epochs: int | None = None,
    batch_size: int = 32,
    num_codes: int = 64,
    code_dim: int = 16,
    filters: int = 32,
    num_downsamplings: int = 1,
    discriminator_start: int = 450,
    model_dim: int = 32,
    classifier: str | None = None,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/vq_gan",
):
    """Trains a VQGAN, then a transformer on its codes.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes of the autoencoder over the data.
        prior_epochs: Passes of the prior over the codes, once the first are done; as
            many as those where none is given.
        batch_size: Examples a step; 128 for MNIST.
        num_codes: Codes in the codebook; 512 for MNIST.
        code_dim: Channels of a code's vector.
        filters: Channels of the convolutions.
        num_downsamplings: Halvings of height and width before the codes; 2 for MNIST.
        discriminator_start: Steps before the discriminator takes part.
        model_dim: Width of the transformer, a multiple of 4.
        classifier: A model.keras of recipes.feature_classifier, whose ReLUs of
            images give the perceptual loss; none without.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run, the prior's below it in "prior".
    """
    begin(locals(), may_change=["prior_epochs"])
    perceptual = None
    if classifier is not None:
        perceptual = perceptual_loss(keras.saving.load_model(classifier))
    x_train, _ = data.load(dataset, "train")
    x_test, _ = data.load(dataset, "test")
    x_train, x_test = x_train[:limit], x_test[:limit]

    image_shape = x_train.shape[1:]
    encoder = networks.grid_encoder(
        image_shape, code_dim, filters, num_downsamplings, num_blocks=1
    )
    grid = encoder.output_shape[1:3]
    vq_gan = VQGAN(
        encoder,
        layers.VectorQuantizer(num_codes, code_dim, seed=seed),
        networks.grid_decoder(
            (*grid, code_dim),
            image_shape[-1],
            filters,
            num_downsamplings,
            num_blocks=1,
            output_activation="sigmoid",
        ),
        networks.patchgan_discriminator(image_shape, filters, num_layers=1),
        perceptual,
        discriminator_start=discriminator_start,
        seed=seed,
    )
    vq_gan.compile(keras.optimizers.Adam(5e-4, beta_1=0.5, beta_2=0.9))
    reconstructions = callbacks.Reconstructions(
        log_dir, x_test[:NUM_COLUMNS], every=max(1, epochs // 4)
    )
    fit(
        vq_gan,
        x_train,
        log_dir=log_dir,
        epochs=epochs,
        batch_size=batch_size,
        validation_data=(x_test,),
        callbacks=[reconstructions, callbacks.TensorBoard(log_dir)],
    )
    logs = vq_gan.evaluate(x_test, batch_size=batch_size, verbose=0, return_dict=True)

    prior = CausalTransformer((*grid, 1), num_codes, model_dim, 4, 2)
    model = TwoStage(vq_gan, prior, seed=seed)
    model.compile(keras.optimizers.Adam(LEARNING_RATE))
    folder = later_stage(log_dir, "prior", epochs)
    prior_epochs = prior_epochs or epochs
    samples = callbacks.SampleGrid(
        log_dir,
        2 * NUM_COLUMNS,
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
        callbacks=[samples, callbacks.TensorBoard(folder)],
    )
    model.save(f"{log_dir}/model.keras")

    shown = samples.draw(model), reconstructions.draw(vq_gan)
    images = np.concatenate([ops.convert_to_numpy(x) for x in shown])
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-2 samples; 3 held-out images; 4 their "
        "reconstructions"
    )
    callbacks.save_png(
        f"{log_dir}/vq_gan.png", callbacks.image_grid(images, NUM_COLUMNS), caption
    )
    print(
        f"Held-out {dataset}, {len(x_test)} images: mean absolute error of "
        f"reconstructions {logs['reconstruction'] / 2:.4f}; they use "
        f"{100 * logs['code_usage']:.1f}% of {num_codes} codes, at a perplexity of "
        f"{logs['perplexity']:.1f}."
    )
    print(
        f"Picture: {log_dir}/vq_gan.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
