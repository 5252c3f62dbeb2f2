"""PacGAN: several samples are judged at once (Lin et al., 2018, arXiv:1712.04086)."""

import typer

from recipes import _run, mode_collapse

METHODS = {1: "gan", 2: "pac_gan_2", 4: "pac_gan_4"}


def main(
    dataset: str = "ring",
    epochs: int = 30,
    batch_size: int = 100,
    packings: str = "1,2,4",
    beta_1: float = 0.9,
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
        packings: Some of 1, 2 and 4, points a pack, with commas between.
        beta_1: Momentum of Adam.
        seed: Of the weights, the points and the draws.
        limit: Use at most so many points.
        log_dir: Folder of this run; each packing has one in it.
    """
    _run.begin(locals())
    numbers = _run.integers("packings", packings)
    if dataset not in mode_collapse.SETS or not set(numbers) <= set(METHODS):
        raise typer.BadParameter(
            f"--dataset must be one of {', '.join(mode_collapse.SETS)}, and --packings "
            f"some of {', '.join(map(str, METHODS))}"
        )
    names = [METHODS[number] for number in numbers]
    mode_collapse.run(
        "pac_gan", dataset, names, epochs, batch_size, beta_1, seed, limit, log_dir
    )


if __name__ == "__main__":
    _run.command_line(main)()
