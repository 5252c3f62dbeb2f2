"""Modes that a GAN forgets, how one sees it, and what mends it (Lin et al., 2018)."""

import keras
import numpy as np
import typer
from keras import ops

from keras_genmod import GAN, WGANGP, callbacks, data, metrics, networks
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3  # at the start; it falls to 0
NUM_POINTS = 10_000  # of an epoch; 100,000 in the paper
NUM_JUDGED = 2_500  # samples, as in the paper
HIDDEN_DIMS = (128, 128)
LATENT_DIM = 2
NUM_BINS = 128
# Density, its centres, standard deviation, and half the side of the pictures
SETS = {
    "ring": (data.ring, data.ring_centres(), 0.01, 1.5),
    "grid": (data.grid, data.grid_centres(), 0.05, 5.5),
}
# Arguments of the model, and the discriminator's normalization
METHODS: dict[str, dict] = {
    "gan": {},
    "minimax": {"loss": "minimax"},
    "wgan_gp": {"penalty_weight": 0.1},  # the authors' for points
    "pac_gan_2": {"packing": 2},
    "pac_gan_4": {"packing": 4},
    "spectral_norm": {"normalization": "spectral"},
    "r1": {"r1_weight": 0.1},
    "gradient_penalty": {"gradient_penalty_weight": 1.0},
    "instance_noise": {"instance_noise": 0.1},
}


def make(method: str, num_steps: int, beta_1: float, seed: int) -> GAN:
    """Returns a compiled GAN, or WGAN-GP, of points of the plane.

    Args:
        method: One of `METHODS`: the arguments in which it differs from the GAN.
        num_steps: Steps until the learning rate is 0.
        beta_1: Momentum of Adam.
        seed: Of the weights and the draws.
    """
    arguments = dict(METHODS[method])
    keras.utils.set_random_seed(seed)
    width = 2 * arguments.get("packing", 1)
    model = (WGANGP if method == "wgan_gp" else GAN)(
        networks.mlp_decoder(LATENT_DIM, (2,), HIDDEN_DIMS),
        networks.mlp_discriminator(
            (width,), HIDDEN_DIMS, normalization=arguments.pop("normalization", None)
        ),
        latent_dim=LATENT_DIM,
        seed=seed,
        **arguments,
    )
    # A schedule counts the updates of its network: a critic takes several a batch.
    rates = {
        objective.name: keras.optimizers.schedules.PolynomialDecay(
            LEARNING_RATE, num_steps * objective.steps, 0.0
        )
        for objective in model.objectives()
    }
    model.compile(
        {name: keras.optimizers.Adam(rate, beta_1) for name, rate in rates.items()}
    )
    return model


def judge(model: GAN, dataset: str, seed: int = 0) -> metrics.ModeCoverage:
    """Returns which modes samples of a model find, as in the paper."""
    _, centres, deviation, _ = SETS[dataset]
    samples = ops.convert_to_numpy(model.sample(NUM_JUDGED, seed=seed))
    return metrics.mode_coverage(samples, centres, 3 * deviation, deviation=deviation)


def main(
    dataset: str = "ring",
    epochs: int = 60,
    batch_size: int = 100,
    methods: str = "gan,pac_gan_4,r1",
    beta_1: float = 0.9,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/mode_collapse",
):
    """Trains GANs on a mixture and counts the modes that each draws.

    Args:
        dataset: "ring" of 8 Gaussians, or "grid" of 25.
        epochs: Of 10,000 points each; more than last time goes on with that run.
        batch_size: Points a step, a multiple of what is packed.
        methods: Some of gan, minimax, wgan_gp, pac_gan_2, pac_gan_4, spectral_norm, r1,
            gradient_penalty, instance_noise, with commas between.
        beta_1: Momentum of Adam; at the paper's 0.8, and more so at 0.5, the GAN
            collapses less.
        seed: Of the weights, the points and the draws.
        limit: Use at most so many points.
        log_dir: Folder of this run; each method has one in it.
    """
    begin(locals())
    names = methods.split(",")
    if dataset not in SETS or not set(names) <= set(METHODS):
        raise typer.BadParameter(
            f"--dataset must be one of {', '.join(SETS)}, and --methods some of "
            f"{', '.join(METHODS)}"
        )
    draw, _, _, side = SETS[dataset]
    x, _ = draw(seed, min(NUM_POINTS, limit or NUM_POINTS))
    pictures, figures = [_picture(x, side)], []
    for name in names:
        folder = f"{log_dir}/{name}"
        model = make(name, epochs * -(-len(x) // batch_size), beta_1, seed)
        health = callbacks.GanHealth(x[:500], num_samples=500, log_dir=folder)
        board = callbacks.TensorBoard(folder)
        fit(
            model,
            x,
            batch_size=batch_size,
            log_dir=folder,
            epochs=epochs,
            validation_data=(x[: 10 * batch_size],),
            validation_batch_size=batch_size,
            callbacks=[health, board],
        )
        model.save(f"{folder}/model.keras")
        samples = ops.convert_to_numpy(model.sample(NUM_JUDGED, seed=seed))
        pictures.append(_picture(samples, side))
        board.add_images("samples", pictures[-1][None], step=epochs, num_columns=1)
        found = judge(model, dataset, seed)
        kl = f"{found.kl:.3f}" if found.num_modes_found else "no mode"
        share = f"{found.high_quality_share:.1%}"
        figures.append(f"{name} {found.num_modes_found}, {share}, {kl}")

    caption = f"{dataset}, epoch {epochs}; the data, then the samples of each method"
    callbacks.save_png(
        f"{log_dir}/mode_collapse.png",
        callbacks.image_grid(np.stack(pictures), len(pictures), scale=1),
        caption,
    )
    print(
        f"Modes found of {found.protocol.num_modes}, share of {NUM_JUDGED} samples "
        f"within 3 standard deviations, KL in nats (an ideal sampler: "
        f"{found.ideal_num_modes:.1f}, {found.ideal_share:.1%}, {found.ideal_kl:.4f}): "
        f"{'; '.join(figures)}."
    )
    print(
        f"Picture: {log_dir}/mode_collapse.png. Models: {log_dir}/*/model.keras. "
        f"Curves: tensorboard --logdir {log_dir}"
    )


def _picture(points, side):
    """Returns how many points fall into each pixel, the second axis upwards."""
    edges = np.linspace(-side, side, NUM_BINS + 1)
    counts, *_ = np.histogram2d(points[:, 1], points[:, 0], bins=(edges, edges))
    bright = np.quantile(counts[counts > 0], 0.9) if counts.any() else 1.0
    return np.minimum(counts[::-1] / bright, 1.0)[..., None].astype("float32")


if __name__ == "__main__":
    command_line(main)()
