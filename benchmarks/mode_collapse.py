"""How many modes of a mixture GANs find, with intervals over seeds.

`KERAS_BACKEND=jax python -m benchmarks.mode_collapse --seeds 10 --write` trains the
GANs of `recipes.mode_collapse`, and writes modes, shares and KL beside what an ideal
sampler gets to a table of QUALITY.md (`make results`). The published rows stand apart:
networks, numbers of steps and of points are not the same.
"""

import numpy as np
import scipy.stats
import typer

from benchmarks import loops, quality_runs
from recipes import mode_collapse

_BATCH_SIZE = 100
COLUMNS = ("method", "modes found", "share within 3 deviations, %", "KL, nats")
# Lin et al., 2018, arXiv:1712.04086: 10 runs, 100,000 points, 400 epochs, maxout.
PUBLISHED = {
    "ring": [
        ("GAN", "6.3 ± 0.5", "98.2", "0.45"),
        ("PacGAN2", "7.9 ± 0.1", "95.6", "0.07"),
        ("PacGAN4", "7.8", "95.9", "0.07"),
    ],
    "grid": [
        ("GAN", "17.3 ± 0.8", "94.8", "0.70"),
        ("ALI", "24.1", "95.7", "0.14"),
        ("PacGAN2", "23.8", "91.3", "0.13"),
        ("PacGAN4", "24.8", "93.6", "0.04"),
    ],
}


def interval(values: list[float]) -> str:
    """Returns a mean and half of its 95% interval by Student's t."""
    if len(values) < 2:
        return f"{np.mean(values):.3g}"
    half = scipy.stats.t.ppf(0.975, len(values) - 1) * scipy.stats.sem(values)
    return f"{np.mean(values):.3g} ± {half:.2g}"


def main(
    dataset: str = "ring",
    methods: str = "gan,minimax,wgan_gp,pac_gan_2,pac_gan_4,spectral_norm,"
    "spectral_norm@0,r1",
    seeds: int = 10,
    epochs: int = 100,
    beta_1: float = 0.8,
    write: bool = False,
):
    """Trains each method from several seeds.

    Args:
        dataset: "ring" or "grid".
        methods: Of `recipes.mode_collapse`, with commas between; "r1@0.5" is one with
            a momentum of its own.
        seeds: Runs of each, of weights and of points.
        epochs: Of 10,000 points.
        beta_1: Momentum of Adam, of all others.
        write: Whether the file of the table is replaced.
    """
    draw, *_ = mode_collapse.SETS[dataset]
    num_steps = epochs * mode_collapse.NUM_POINTS // _BATCH_SIZE
    rows = []
    for word in methods.split(","):
        method, _, own = word.partition("@")
        found = []
        for seed in range(seeds):
            x, _ = draw(seed, mode_collapse.NUM_POINTS)
            model = mode_collapse.make(method, num_steps, float(own or beta_1), seed)
            model.fit(x, batch_size=_BATCH_SIZE, epochs=epochs, verbose=0)
            found.append(mode_collapse.judge(model, dataset, seed))
            print(word, seed, found[-1], flush=True)
        # Where no sample is in a mode, there is no KL.
        kl = [result.kl for result in found if result.num_modes_found]
        none = len(found) - len(kl)
        rows.append(
            (
                f"{method}, beta_1={own}" if own else method,
                interval([result.num_modes_found for result in found]),
                interval([100 * result.high_quality_share for result in found]),
                (interval(kl) if kl else "none")
                + (f" (no mode in {none} runs)" if none else ""),
            )
        )
    ideal = found[0]
    rows.append(
        (
            "an ideal sampler",
            f"{ideal.ideal_num_modes:.2f}",
            f"{100 * ideal.ideal_share:.1f}",
            f"{ideal.ideal_kl:.4f}",
        )
    )
    text = (
        f"{seeds} seeds, {epochs} epochs of {mode_collapse.NUM_POINTS:,} points in "
        f"batches of {_BATCH_SIZE}, Adam with beta_1={beta_1:g} and a rate from "
        f"{mode_collapse.LEARNING_RATE:g} to 0, "
        f"{mode_collapse.NUM_JUDGED:,} samples of the last step; means with 95% "
        "intervals. The critic of wgan_gp takes five steps a batch, of 20 points each."
    )
    tables = [
        {"caption": "", "columns": COLUMNS, "rows": rows},
        {
            "caption": "Published (Lin et al., 2018: other networks, 100,000 points, "
            "400 epochs, 10 runs), not to be compared row by row:",
            "columns": COLUMNS,
            "rows": PUBLISHED[dataset],
        },
    ]
    print(*rows, sep="\n")
    if write:
        path = quality_runs.FOLDER / f"modes_{dataset}-{loops.BACKEND}.json"
        quality_runs.write_table(path, f"Modes of the {dataset}", text, tables)


if __name__ == "__main__":
    typer.run(main)
