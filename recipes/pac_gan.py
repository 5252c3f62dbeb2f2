"""PacGAN: several samples are judged at once (Lin et al., 2018, arXiv:1712.04086)."""

import keras
import numpy as np
import typer
from keras import ops

from keras_genmod import GAN, callbacks, data, metrics, networks
from recipes._run import begin, command_line, fit, integers

LEARNING_RATE = 1e-3  # at the start; it falls to 0
NUM_POINTS = 10_000  # of an epoch; 100,000 in the paper
NUM_JUDGED = 2_500  # samples, as in the paper
HIDDEN_DIMS = (128, 128)
LATENT_DIM = 2
# Density, its centres, standard deviation, and half the side of the pictures
SETS = {
    "ring": (data.ring, data.ring_centres(), 0.01, 1.5),
    "grid": (data.grid, data.grid_centres(), 0.05, 5.5),
}


def main(
    dataset: str = "ring",
    epochs: int = 100,
    batch_size: int = 100,
    packings: str = "1,2,4",
    beta_1: float = 0.8,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/pac_gan",
):
    """Trains GANs whose discriminator sees packs of points, and counts modes.

    The generator makes each point of latents of its own; a discriminator of packs sees
    that a forgetful one repeats itself. `recipes.mode_collapse` has other remedies, and
    `benchmarks.mode_collapse` intervals over seeds.

    Args:
        dataset: "ring" of 8 Gaussians, or "grid" of 25.
        epochs: Of 10,000 points each; more than last time goes on with that run.
        batch_size: Points a step, a multiple of each packing.
        packings: Points a pack, with commas between.
        beta_1: Momentum of Adam, the paper's.
        seed: Of the weights, the points and the draws.
        limit: Use at most so many points.
        log_dir: Folder of this run; each packing has one in it.
    """
    begin(locals())
    if dataset not in SETS:
        raise typer.BadParameter(f"--dataset must be one of {', '.join(SETS)}")
    draw, centres, deviation, side = SETS[dataset]
    x, _ = draw(seed, min(NUM_POINTS, limit or NUM_POINTS))
    num_steps = epochs * -(-len(x) // batch_size)
    pictures, figures = [_picture(x, side)], []
    for packing in integers("packings", packings):
        folder = f"{log_dir}/packs_of_{packing}"
        keras.utils.set_random_seed(seed)
        model = GAN(
            networks.mlp_decoder(LATENT_DIM, (2,), HIDDEN_DIMS),
            networks.mlp_discriminator((2 * packing,), HIDDEN_DIMS),
            latent_dim=LATENT_DIM,
            packing=packing,
            seed=seed,
        )
        falling = keras.optimizers.schedules.PolynomialDecay
        rate = falling(LEARNING_RATE, num_steps, 0.0)
        model.compile(keras.optimizers.Adam(rate, beta_1=beta_1))
        board = callbacks.TensorBoard(folder)
        fit(
            model,
            x,
            batch_size=batch_size,
            log_dir=folder,
            epochs=epochs,
            validation_data=(x[: 10 * batch_size],),
            validation_batch_size=batch_size,
            callbacks=[board],
        )
        model.save(f"{folder}/model.keras")
        samples = ops.convert_to_numpy(model.sample(NUM_JUDGED, seed=seed))
        pictures.append(_picture(samples, side))
        board.add_images("samples", pictures[-1][None], step=epochs, num_columns=1)
        found = metrics.mode_coverage(
            samples, centres, 3 * deviation, deviation=deviation
        )
        kl = f"{found.kl:.3f}" if found.num_modes_found else "no mode"
        share = f"{found.high_quality_share:.1%}"
        figures.append(f"packs of {packing} {found.num_modes_found}, {share}, {kl}")

    callbacks.save_png(
        f"{log_dir}/pac_gan.png",
        callbacks.image_grid(np.stack(pictures), len(pictures), scale=1),
        f"{dataset}, epoch {epochs}; the data, then the samples of each packing",
    )
    print(
        f"Modes found of {found.protocol.num_modes}, share of {NUM_JUDGED} samples "
        f"within 3 standard deviations, KL in nats (an ideal sampler: "
        f"{found.ideal_num_modes:.1f}, {found.ideal_share:.1%}, {found.ideal_kl:.4f}): "
        f"{'; '.join(figures)}."
    )
    print(
        f"Picture: {log_dir}/pac_gan.png. Models: {log_dir}/*/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


def _picture(points, side):
    """Returns how many points fall into each pixel, the second axis upwards."""
    edges = np.linspace(-side, side, 129)
    counts, *_ = np.histogram2d(points[:, 1], points[:, 0], bins=(edges, edges))
    bright = np.quantile(counts[counts > 0], 0.9) if counts.any() else 1.0
    return np.minimum(counts[::-1] / bright, 1.0)[..., None].astype("float32")


if __name__ == "__main__":
    command_line(main)()
