"""VAE with a planar posterior (Rezende and Mohamed, 2015, arXiv:1505.05770)."""

import keras
import numpy as np
from keras import ops

from keras_genmod import VAE, callbacks, data, evaluation, networks
from keras_genmod.bijectors import Chain, Planar
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
NUM_IMPORTANCE_SAMPLES = 500
EVERY = 15  # epochs from one picture to the next
NUM_COLUMNS = 10


def main(
    dataset: str = "digits",
    epochs: int = 150,
    batch_size: int = 32,
    hidden_dim: int = 400,
    latent_dim: int = 40,
    num_flows: int = 10,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/vae_planar_posterior",
):
    """Trains a VAE whose posterior passes through planar flows, on binary images.

    The encoder gives the parameters of the flows, as in the paper. There the bound is
    annealed and layers are maxout; here neither.

    Args:
        dataset: "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step; 128 for MNIST.
        hidden_dim: Units of the hidden layers.
        latent_dim: Number of latents.
        num_flows: Planar layers: 10, 20, 40 and 80 in the paper; 0 is the plain VAE.
        seed: Of the weights, the batches and the draws.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    x_train, x_test = (data.load(dataset, s)[0][:limit] for s in ("train", "test"))
    x_test = data.binarize(x_test, "static", seed)
    batches = data.DynamicBinarization(x_train, batch_size=batch_size, seed=seed)

    image_shape = x_train.shape[1:]
    flows = [Planar(latent_dim, condition_dim=hidden_dim) for _ in range(num_flows)]
    model = VAE(
        networks.mlp_encoder(image_shape, hidden_dims=(hidden_dim,)),
        networks.mlp_decoder(latent_dim, image_shape, hidden_dims=(hidden_dim,)),
        latent_dim=latent_dim,
        posterior_flow=Chain(flows) if flows else None,
        seed=seed,
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

    images = np.concatenate([ops.convert_to_numpy(p.draw(model)) for p in pictures])
    caption = (
        f"{dataset}, epoch {epochs}; rows: 1-2 samples; 3 held-out images; 4 "
        "their reconstructions"
    )
    callbacks.save_png(
        f"{log_dir}/vae_planar_posterior.png", callbacks.image_grid(images, n), caption
    )
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
    print(
        f"Held-out {dataset}, {len(x_test)} images, {num_flows} planar flows, dynamic "
        f"binarization (tested on one draw, seed {seed}): log p(x) >= "
        f"{-logs['loss']:.2f} nats (ELBO), >= {bound.mean:.2f} nats "
        f"(importance-weighted, K={NUM_IMPORTANCE_SAMPLES})."
    )
    print(
        f"Picture: {log_dir}/vae_planar_posterior.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
