"""Four VAEs on factors of variation that are known (Kim and Mnih, 1802.05983)."""

import pathlib

import keras
import numpy as np
import typer
from keras import ops

from keras_genmod import VAE, FactorVAE, callbacks, data, metrics, networks
from recipes._run import begin, command_line, fit

LEARNING_RATE = 1e-3
NUM_HELD_OUT = 8  # one image in so many
VALUES = np.linspace(-2.0, 2.0, 7)  # of a latent, in the sweeps
METHODS = ("vae", "beta_vae", "beta_tc_vae", "factor_vae")


def make(
    method: str,
    image_shape: tuple[int, ...],
    num_examples: int,
    hidden_dim: int,
    latent_dim: int,
    weight: float,
    seed: int,
) -> VAE | FactorVAE:
    """Returns a compiled model of one of `METHODS`.

    Args:
        method: Its name.
        image_shape: Shape of an image.
        num_examples: Images to train on.
        hidden_dim: Units of the hidden layers, the discriminator's too.
        latent_dim: Number of latents.
        weight: Of the KL or of the total correlation in it, 1 in a VAE.
        seed: Of the weights and the draws.
    """
    keras.utils.set_random_seed(seed)
    hidden = (hidden_dim,) * 2
    encoder = networks.mlp_encoder(image_shape, hidden)
    decoder = networks.mlp_decoder(latent_dim, image_shape, hidden)
    adam = keras.optimizers.Adam(LEARNING_RATE)
    if method == "factor_vae":
        critic = networks.mlp_decoder(latent_dim, (1,), hidden, activation="leaky_relu")
        model = FactorVAE(
            encoder, decoder, critic, latent_dim, gamma=weight - 1.0, seed=seed
        )
        model.compile(
            {"vae": adam, "discriminator": keras.optimizers.Adam(1e-4, beta_1=0.5)}
        )
        return model
    terms: dict = {"tc_weight": 1.0, "num_examples": num_examples}  # all watch it
    if method == "beta_vae":
        terms["beta"] = weight
    if method == "beta_tc_vae":
        terms["tc_weight"] = weight
    model = VAE(encoder, decoder, latent_dim, seed=seed, **terms)
    model.compile(adam)
    return model


def main(
    epochs: int = 60,
    batch_size: int = 64,
    methods: str = "vae,beta_vae,beta_tc_vae,factor_vae",
    weight: float = 4.0,
    size: int = 16,
    num_scales: int = 4,
    num_angles: int = 1,
    num_positions: int = 16,
    hidden_dim: int = 256,
    latent_dim: int = 6,
    seed: int = 0,
    limit: int | None = None,
    log_dir: str = "runs/disentanglement",
):
    """Trains VAEs on sprites, and scores their codes by the factors behind them.

    Args:
        epochs: Passes over the images; more than last time goes on with that run.
        batch_size: Images a step.
        methods: Some of vae, beta_vae, beta_tc_vae, factor_vae, with commas between.
        weight: Of the KL (beta_vae) or of the total correlation in it (beta_tc_vae,
            and factor_vae, whose gamma is one less); at least 1.
        size: Height and width of the images; 64 in the papers.
        num_scales: Scales of the shapes; 6 in the papers.
        num_angles: Angles of a whole turn; 40 in the papers, which take far longer.
        num_positions: Places along each axis; 32 in the papers.
        hidden_dim: Units of the hidden layers; 1,000 in the paper's discriminator.
        latent_dim: Number of latents; 10 in the papers.
        seed: Of the weights, the batches and the draws.
        limit: Use so many random images; else each combination of factors once.
        log_dir: Folder of this run; each method has one in it.
    """
    begin(locals())
    names = methods.split(",")
    if not set(names) <= set(METHODS) or not weight >= 1:
        raise typer.BadParameter(
            f"--methods must be some of {', '.join(METHODS)}, and --weight at least 1"
        )
    x, factors = data.sprites(limit, size, num_scales, num_angles, num_positions, seed)
    order = np.random.RandomState(seed).permutation(len(x))
    x, factors = x[order], factors[order]
    x_test, x_train = x[: len(x) // NUM_HELD_OUT], x[len(x) // NUM_HELD_OUT :]

    sweeps, rows, protocol = [], [], ""
    for name in names:
        folder = f"{log_dir}/{name}"
        model = make(
            name, x.shape[1:], len(x_train), hidden_dim, latent_dim, weight, seed
        )
        sweep = callbacks.LatentTraversal(
            folder, x_test[:200], values=VALUES, every=max(1, epochs // 3)
        )
        board = callbacks.TensorBoard(folder)
        fit(
            model,
            x_train,
            log_dir=folder,
            epochs=epochs,
            batch_size=batch_size,
            validation_data=(x_test,),
            callbacks=[sweep, board],
        )
        model.save(f"{folder}/model.keras")
        sweeps.append(ops.convert_to_numpy(sweep.draw(model)))
        logs = model.evaluate(
            x_test, batch_size=batch_size, verbose=0, return_dict=True
        )
        row, protocol = _scores(model, x, factors, seed)
        rows.append((name, f"{logs['reconstruction'] + logs['kl']:.1f}", *row))

    table = _table(rows)
    text = (
        f"{table}\n\nsprites, {len(x)} images of {size}x{size}, all of them scored by "
        f"posterior means; the bound is of {len(x_test)} held-out ones. {protocol}\n"
    )
    pathlib.Path(log_dir, "disentanglement.md").write_text(text)
    caption = (
        f"sprites, epoch {epochs}; for each method, in the order of the table, the "
        "first held-out image with each of the busiest latents going from -2 to 2"
    )
    grid = callbacks.image_grid(np.concatenate(sweeps), len(VALUES))
    callbacks.save_png(f"{log_dir}/disentanglement.png", grid, caption)
    print(text)
    print(
        "Mutual information gap: "
        + "; ".join(f"{name} {row[0].split(' ')[0]}" for name, _, *row in rows)
        + "."
    )
    print(
        f"Picture: {log_dir}/disentanglement.png. Table: {log_dir}/disentanglement.md. "
        f"Models: {log_dir}/*/model.keras. Curves: tensorboard --logdir {log_dir}"
    )


def _scores(model, x, factors, seed):
    """Returns the cells of a model's row, and the protocol of its scores."""
    parts = [x[i : i + 1000] for i in range(0, len(x), 1000)]
    codes = np.concatenate([ops.convert_to_numpy(model.encode(part)) for part in parts])
    kinds = [i for i, column in enumerate(factors.T) if np.any(column != column[0])]
    # A shape, the first one, has no order, for which this gap is.
    ordered = factors[:, [i for i in kinds if i > 0]]
    factors = factors[:, kinds]
    gap = metrics.mutual_information_gap(codes, factors)
    parted = metrics.dci(codes, factors, seed=seed)
    sap = metrics.separated_predictability(codes, ordered)
    vote = metrics.factor_vae_score(codes, factors, seed=seed)
    pairs = metrics.beta_vae_score(codes, factors, seed=seed)
    cells = (
        f"{gap.value:.3f} (of {gap.ceiling:.3f})",
        f"{parted.disentanglement:.3f}",
        f"{parted.completeness:.3f}",
        f"{parted.informativeness:.3f}",
        f"{sap.value:.3f}",
        f"{vote.value:.3f}",
        f"{pairs.value:.3f}",
    )
    scores = gap, parted, sap, vote, pairs
    return cells, "; ".join(f"[{score.protocol}]" for score in scores)


def _table(rows):
    header = (
        "method",
        "bound in nats, negative",
        "MIG",
        "DCI disentanglement",
        "completeness",
        "informativeness",
        "SAP without shape",
        "FactorVAE score",
        "beta-VAE score",
    )
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    command_line(main)()
