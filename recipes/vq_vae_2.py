"""VQ-VAE-2 with a prior over both levels (Razavi et al., 2019, arXiv:1906.00446)."""

import keras
import numpy as np
from keras import ops

from keras_genmod import (
    VQVAE2,
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
    log_dir: str = "runs/vq_vae_2",
):
    """Trains a VQ-VAE-2 on binary images, then a transformer on both levels' codes.

    The paper has a prior for each level, PixelCNNs with attention; here one row of
    codes, the coarse ones first, is a transformer's.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes of the autoencoder over the data.
        prior_epochs: Passes of the prior over the codes, once the first are done; as
            many as those where none is given.
        batch_size: Examples a step; 128 for MNIST.
        num_codes: Codes in each codebook; 512 for MNIST.
        code_dim: Channels of a code's vector.
        filters: Channels of the convolutions.
        num_downsamplings: Halvings of height and width before the fine codes; the
            coarse ones have one more, which must leave whole numbers.
        model_dim: Width of the transformer, a multiple of 4.
        num_blocks: Blocks of the transformer.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run, the prior's below it in "prior".
    """
    begin(locals(), may_change=["prior_epochs"])
    x_train, x_test = (
        data.binarize(data.load(dataset, split)[0][:limit], "static", seed)
        for split in ("train", "test")
    )

    image_shape = x_train.shape[1:]
    encoder = networks.grid_encoder(
        image_shape, filters, filters, num_downsamplings, num_blocks=1
    )
    features = encoder.output_shape[1:]
    top_encoder = networks.grid_encoder(features, code_dim, filters, 1, num_blocks=1)
    top_shape = top_encoder.output_shape[1:]
    vq_vae = VQVAE2(
        encoder,
        top_encoder,
        layers.VectorQuantizer(num_codes, code_dim, seed=seed),
        networks.grid_decoder(top_shape, filters, filters, 1, num_blocks=1),
        layers.VectorQuantizer(num_codes, code_dim, seed=seed + 1),
        networks.grid_decoder(
            (*features[:2], filters + code_dim),
            image_shape[-1],
            filters,
            num_downsamplings,
            num_blocks=1,
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

    prior = CausalTransformer(
        (1, *vq_vae.grid, 1), num_codes, model_dim, 4, num_blocks, None
    )
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

    # What does each level hold? Coarse codes of one image with fine ones of the next.
    top, bottom = vq_vae.split(vq_vae.encode(x_test[:NUM_COLUMNS]))
    mixed = vq_vae.decode(vq_vae.join(top, np.roll(bottom, -1, axis=0)))
    shown = samples.draw(model), reconstructions.draw(vq_vae), mixed
    images = np.concatenate([ops.convert_to_numpy(x) for x in shown])
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-2 samples; 3 held-out images; 4 their "
        "reconstructions; 5 of their coarse codes with the next one's fine codes"
    )
    callbacks.save_png(
        f"{log_dir}/vq_vae_2.png", callbacks.image_grid(images, NUM_COLUMNS), caption
    )
    protocol = {"dataset": dataset, "split": "test", "binarization": f"static({seed})"}
    uniform = evaluation.evaluate_likelihood(vq_vae, x_test, **protocol)
    bound = evaluation.evaluate_likelihood(model, x_test, **protocol)
    print(bound)
    usage = " and ".join(
        f"{100 * logs[f'{level}_code_usage']:.1f}% ({logs[f'{level}_perplexity']:.1f})"
        for level in ("top", "bottom")
    )
    print(
        f"Held-out {dataset}, {len(x_test)} images, static binarization (seed {seed}): "
        f"log p(x) >= {bound.mean:.2f} nats with the learned prior, >= "
        f"{uniform.mean:.2f} nats with a uniform one. Training images use so many of "
        f"{num_codes} coarse and of as many fine codes (perplexity): {usage}."
    )
    print(
        f"Picture: {log_dir}/vq_vae_2.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
