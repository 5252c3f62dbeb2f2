"""Makes the logs that the pictures `tensorboard_*.png` show.

`python -m recipes.pictures.log_digits` trains two VAEs of 8x8 digits, one for each
weight of the KL term, and logs a run of each with everything that TensorBoard shows.
The pictures are parts of its tabs in a browser.
"""

import keras
import typer

from keras_genmod import VAE, callbacks, data, networks

LATENT_DIM = 8


def main(epochs: int = 30, seed: int = 0, log_dir: str = "runs/digits"):
    """Trains and logs two models.

    Args:
        epochs: Passes over the data.
        seed: Of the weights, the batches and the draws.
        log_dir: Folder of both runs.
    """
    images, _ = data.load("digits", "train")
    x_test, y_test = data.load("digits", "test")
    x = data.binarize(images, "static", seed)
    x_test = data.binarize(x_test, "static", seed)
    for beta in (0.5, 1.0):
        keras.utils.clear_session()  # so that the layers of both have the same names
        keras.utils.set_random_seed(seed)
        model = VAE(
            networks.mlp_encoder(x.shape[1:], hidden_dims=(128,)),
            networks.mlp_decoder(LATENT_DIM, x.shape[1:], hidden_dims=(128,)),
            latent_dim=LATENT_DIM,
            beta=beta,
            seed=seed,
        )
        model.compile(keras.optimizers.Adam(1e-3))
        folder = f"{log_dir}/beta_{beta}"
        board = callbacks.TensorBoard(folder, every=10, histogram_freq=5)
        quality = callbacks.EvaluateSamples(
            x_test, every=5, num_samples=len(x_test), split="test", log_dir=folder
        )
        samples = callbacks.SampleGrid(folder, every=5)
        model.fit(
            x,
            epochs=epochs,
            validation_data=(x_test,),
            callbacks=[quality, board, samples],
            verbose=0,
        )
        latents = model.encode(x_test)
        board.writer.add_embedding("digits", latents, y_test, x_test, step=epochs)
        print(f"{folder}: {epochs} epochs")


if __name__ == "__main__":
    typer.run(main)
