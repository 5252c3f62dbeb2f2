"""Ladder VAE on binary images (Sonderby et al., 2016, arXiv:1602.02282)."""

import keras
import numpy as np
from keras import ops

from keras_genmod import LadderVAE, callbacks, data, evaluation, networks
from recipes._run import begin, command_line, fit, integers

LEARNING_RATE = 1e-3
NUM_IMPORTANCE_SAMPLES = 500  # of the last lines; the paper: 5,000
EVERY = 15  # epochs from one picture to the next
NUM_COLUMNS = 10


def main(
    dataset: str = "digits",
    epochs: int = 100,
    batch_size: int = 32,
    hidden_dims: str = "256,128",
    latent_dims: str = "32,16",
    warm_up_epochs: int = 40,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/ladder_vae",
):
    """Trains a VAE with levels of latents, and says what each level carries.

    The paper has five levels of 64 to 4 latents, two layers between them with batch
    normalization, and 200 epochs of warm-up; here a level has one layer.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        hidden_dims: A number of units for each level, with commas between, from the
            data up.
        latent_dims: As many numbers of latents.
        warm_up_epochs: Epochs in which the weight of the KL rises from 0 to 1; 0 for
            none.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    widths = integers("hidden_dims", hidden_dims)
    dims = integers("latent_dims", latent_dims)
    if len(widths) != len(dims):
        raise ValueError(
            "`hidden_dims` must be as many numbers as `latent_dims`. Received: "
            f"hidden_dims={hidden_dims!r}, latent_dims={latent_dims!r}"
        )
    x_train, x_test = (data.load(dataset, s)[0][:limit] for s in ("train", "test"))
    x_test = data.binarize(x_test, "static", seed)
    batches = data.DynamicBinarization(x_train, batch_size=batch_size, seed=seed)

    image_shape = x_train.shape[1:]
    below = [image_shape, *((width,) for width in widths[:-1])]
    # Up from the data; down from the latents of a level to what those below are.
    encoders = [
        networks.mlp_encoder(shape, (width,))
        for shape, width in zip(below, widths, strict=True)
    ]
    decoders = [networks.mlp_decoder(dims[0], image_shape, (widths[0],))] + [
        networks.mlp_encoder((dim,), (width,))
        for dim, width in zip(dims[1:], widths[1:], strict=True)
    ]
    model = LadderVAE(
        encoders, decoders, dims, kl_warm_up=warm_up_epochs * len(batches), seed=seed
    )
    model.compile(keras.optimizers.Adam(LEARNING_RATE))

    n = NUM_COLUMNS
    pictures = [
        callbacks.SampleGrid(log_dir, 2 * n, seed=seed, num_columns=n, every=EVERY),
        callbacks.Reconstructions(log_dir, x_test[:n], every=EVERY),
    ]
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
            *pictures,
            board,
        ],
    )

    # What do the levels above know by themselves?
    z = ops.convert_to_numpy(model.encode(x_test[:n]))
    starts = np.cumsum([0, *dims])
    above = [
        model.decode_from(z[:, starts[i] : starts[i + 1]], i)
        for i in range(1, len(dims))
    ]
    shown = [picture.draw(model) for picture in pictures] + above
    images = np.concatenate([ops.convert_to_numpy(x) for x in shown])
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-2 samples; 3 held-out images; 4 their "
        "reconstructions; below from the latents of each higher level alone"
    )
    grid = callbacks.image_grid(images, n)
    callbacks.save_png(f"{log_dir}/ladder_vae.png", grid, caption)
    model.save(f"{log_dir}/model.keras")

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
    elbo = -logs["reconstruction"] - logs["kl"]
    levels = ", ".join(f"{logs[f'kl_{i + 1}']:.2f}" for i in range(len(dims)))
    print(
        f"Held-out {dataset}, {len(x_test)} images, dynamic binarization (tested on "
        f"one draw, seed {seed}): log p(x) >= {elbo:.2f} nats (ELBO), >= "
        f"{bound.mean:.2f} nats (importance-weighted, K={NUM_IMPORTANCE_SAMPLES}); KL "
        f"of the levels, from the lowest: {levels} nats."
    )
    print(
        f"Picture: {log_dir}/ladder_vae.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
