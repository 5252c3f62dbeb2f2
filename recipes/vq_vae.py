"""VQ-VAE with a prior over its codes (van den Oord et al., 2017, arXiv:1711.00937)."""

import keras
import numpy as np
from keras import ops

from keras_genmod import (
    VQVAE,
    CausalTransformer,
    TwoStage,
    callbacks,
    data,
    evaluation,
    layers,
    networks,
)
from recipes._run import begin, command_line, fit, later_stage

LEARNING_RATE = 1e-3
NUM_COLUMNS = 10


def main(
    dataset: str = "digits",
    epochs: int = 20,
    prior_epochs: int | None = None,
    batch_size: int = 32,
    num_codes: int = 16,
    code_dim: int = 16,
    filters: int = 32,
    num_downsamplings: int = 1,
    model_dim: int = 32,
    num_blocks: int = 2,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/vq_vae",
):
    """Trains a VQ-VAE on binary images, then a transformer on its codes.

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
        model_dim: Width of the transformer, a multiple of 4.
        num_blocks: Blocks of the transformer.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run, the prior's below it in "prior".
    """
    begin(locals(), may_change=["prior_epochs"])
    x_train, _ = data.load(dataset, "train")
    x_test, _ = data.load(dataset, "test")
    x_train, x_test = (
        data.binarize(x[:limit], "static", seed) for x in (x_train, x_test)
    )

    image_shape = x_train.shape[1:]
    encoder = networks.grid_encoder(
        image_shape, code_dim, filters, num_downsamplings, num_blocks=1
    )
    grid = encoder.output_shape[1:3]
    vq_vae = VQVAE(
        encoder,
        layers.VectorQuantizer(num_codes, code_dim, seed=seed),
        networks.grid_decoder(
            (*grid, code_dim), image_shape[-1], filters, num_downsamplings, 1
        ),
        seed=seed,
    )
    vq_vae.compile(keras.optimizers.Adam(LEARNING_RATE))
    reconstructions = callbacks.Reconstructions(
        log_dir, x_test[:NUM_COLUMNS], every=max(1, epochs // 4)
    )
    fit(
        vq_vae,
        x_train,
        log_dir=log_dir,
        epochs=epochs,
        batch_size=batch_size,
        validation_data=(x_test,),
        callbacks=[reconstructions, callbacks.TensorBoard(log_dir)],
    )
    logs = vq_vae.evaluate(x_train, batch_size=batch_size, verbose=0, return_dict=True)

    prior = CausalTransformer((*grid, 1), num_codes, model_dim, 4, num_blocks, None)
    model = TwoStage(vq_vae, prior, seed=seed)
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

    shown = samples.draw(model), reconstructions.draw(vq_vae)
    images = np.concatenate([ops.convert_to_numpy(x) for x in shown])
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-2 samples; 3 held-out images; 4 their "
        "reconstructions"
    )
    callbacks.save_png(
        f"{log_dir}/vq_vae.png", callbacks.image_grid(images, NUM_COLUMNS), caption
    )
    protocol = {"dataset": dataset, "split": "test", "binarization": f"static({seed})"}
    uniform = evaluation.evaluate_likelihood(vq_vae, x_test, **protocol)
    bound = evaluation.evaluate_likelihood(model, x_test, **protocol)
    print(bound)
    print(
        f"Held-out {dataset}, {len(x_test)} images, static binarization (seed {seed}): "
        f"log p(x) >= {bound.mean:.2f} nats with the learned prior, >= "
        f"{uniform.mean:.2f} nats with a uniform one. Training images use "
        f"{100 * logs['code_usage']:.1f}% of {num_codes} codes, at a perplexity of "
        f"{logs['perplexity']:.1f}."
    )
    print(
        f"Picture: {log_dir}/vq_vae.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
