"""Deep energy model (Du and Mordatch, 2019, arXiv:1903.08689) of points or images."""

import keras
import numpy as np
import scipy.special
from keras import layers, ops

from keras_genmod import EnergyModel, callbacks, data, evaluation, metrics, networks
from recipes._run import begin, command_line, fit

NUM_CHAINS = 10_000
SAMPLE_STEPS = 1000
# Points: Langevin dynamics at temperature 1, on the square that the pictures show.
SIDE = 4.5
POINTS = {"step_size": 0.02, "regularization": 0.01, "data_range": (-SIDE, SIDE)}
NUM_BINS = 64
# Images: large steps with little noise, as in the paper; a temperature far below 1.
IMAGES = {
    "step_size": 20.0,
    "noise": 0.005,
    "regularization": 0.1,
    "data_range": (0.0, 1.0),
}
NUM_COLUMNS = 10


def point_energy(hidden_dim):
    """Returns a network from points of the plane to energies."""
    features = networks.mlp_encoder((2,), (hidden_dim,) * 3, activation="swish")
    return keras.Model(features.input, layers.Dense(1)(features.output))


def image_energy(image_shape, filters):
    """Returns a convolutional network from images to energies."""
    x = images = keras.Input(image_shape)
    for width, strides in ((filters, 1), (2 * filters, 2), (4 * filters, 2)):
        x = layers.Conv2D(
            width,
            3,
            strides,
            padding="same",
            activation="swish",
            data_format="channels_last",
        )(x)
    return keras.Model(images, layers.Dense(1)(layers.Flatten()(x)))


def grid_densities(model, x_train, samples):
    """Returns pictures of data, density and samples; and the estimate of log Z.

    The integral of exp(-E) over the square is a sum over the cells of a grid.
    """
    edges = np.linspace(-SIDE, SIDE, NUM_BINS + 1)
    centres = ((edges[1:] + edges[:-1]) / 2).astype("float32")
    grid = np.stack(np.meshgrid(centres, centres, indexing="ij"), axis=-1)
    energies = ops.convert_to_numpy(model.energy(grid.reshape(-1, 2)))
    cell = 2 * np.log(edges[1] - edges[0])
    log_partition = scipy.special.logsumexp(-energies.astype("float64")) + cell
    pictures = np.stack(
        [
            np.histogram2d(*x_train.T, bins=edges)[0],
            np.exp(-energies - log_partition).reshape(NUM_BINS, NUM_BINS),
            np.histogram2d(*samples.T, bins=edges)[0],
        ]
    )  # (3, x, y)
    pictures = pictures / np.quantile(pictures, 0.99, axis=(1, 2), keepdims=True)
    return pictures.swapaxes(1, 2)[:, ::-1], log_partition  # y upwards


def main(
    dataset: str = "two_moons",
    epochs: int = 40,
    batch_size: int = 256,
    hidden_dim: int = 64,
    filters: int = 16,
    num_langevin_steps: int = 30,
    learning_rate: float = 3e-3,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/energy_model",
):
    """Trains an energy model and draws its density or its samples.

    Args:
        dataset: "two_moons", "pinwheel", "checkerboard", "eight_gaussians"; or images:
            "digits", "mnist", a TFDS name, a .npz file, or "folder:PATH@SIZE".
        epochs: Passes over the data; more than last time goes on with that run.
        batch_size: Examples a step, and chains; 64 for images.
        hidden_dim: Units of the hidden layers, for points.
        filters: Feature maps next to the image, for images; twice as many a layer
            further in; 32 for MNIST.
        num_langevin_steps: Steps of the chains in each step of training; 60 for MNIST.
        learning_rate: Of Adam, at the start; 1e-3 for images.
        seed: Of the weights, the batches and the chains.
        limit: Use at most so many training and so many held-out examples.
        log_dir: Folder of this run.
    """
    begin(locals())
    x_train, x_test = (data.load(dataset, s)[0][:limit] for s in ("train", "test"))
    in_plane = x_train.shape[1:] == (2,)

    if in_plane:
        network, options = point_energy(hidden_dim), POINTS
    else:
        network, options = image_energy(x_train.shape[1:], filters), IMAGES
    model = EnergyModel(
        network,
        num_langevin_steps=num_langevin_steps,
        buffer_size=NUM_CHAINS,
        seed=seed,
        **options,
    )
    num_steps = epochs * -(-len(x_train) // batch_size)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, num_steps)
    model.compile(keras.optimizers.Adam(rate))

    board = callbacks.TensorBoard(log_dir)
    fit(
        model,
        x_train,
        batch_size=batch_size,
        log_dir=log_dir,
        epochs=epochs,
        validation_data=(x_test,),
        callbacks=[board],
    )

    num_samples = len(x_train) if in_plane else 2 * NUM_COLUMNS
    samples = model.sample(num_samples, seed=seed, num_steps=SAMPLE_STEPS)
    samples = ops.convert_to_numpy(samples)
    energies = evaluation.anomaly_score(model, x_test).scores
    if in_plane:
        caption = "from the left: training points, the density, samples"
        pictures, log_partition = grid_densities(model, x_train, samples)
        num_columns, scale = 3, 4
        figure = (
            f"{len(x_test)} points: log p(x) = {-energies.mean() - log_partition:.3f} "
            f"nats (estimate: normalised on a grid of {NUM_BINS}x{NUM_BINS} cells)"
        )
    else:
        caption = (
            "rows: 1-2 samples from noise; 3-4 chains of the buffer; 5 held-out images"
        )
        chains = ops.convert_to_numpy(model.buffer.chains)[: 2 * NUM_COLUMNS]
        pictures = np.concatenate([samples, chains, x_test[:NUM_COLUMNS]])
        num_columns, scale = NUM_COLUMNS, None
        rng = np.random.default_rng(seed)
        shuffled = rng.permuted(x_test.reshape(len(x_test), -1), axis=1)
        outside = evaluation.anomaly_score(model, shuffled.reshape(x_test.shape)).scores
        auroc = metrics.outlier_auroc(energies, outside).auroc
        figure = (
            f"{len(x_test)} images: mean energy {energies.mean():.3f}, AUROC of as "
            f"many with shuffled pixels, by energy: {auroc:.3f}"
        )
    board.add_images("energy_model", pictures, step=epochs, num_columns=num_columns)
    picture = callbacks.image_grid(pictures, num_columns, scale=scale)
    caption = f"{dataset}, epoch {epochs}; {caption}"
    callbacks.save_png(f"{log_dir}/energy_model.png", picture, caption)
    model.save(f"{log_dir}/model.keras")
    print(f"Held-out {dataset}, {figure}.")
    print(
        f"Picture: {log_dir}/energy_model.png. Model: {log_dir}/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


if __name__ == "__main__":
    command_line(main)()
