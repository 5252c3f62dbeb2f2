"""How many of the 1,000 modes of stacked MNIST GANs find, each in minutes of a clock.

`TFDS_DATA_DIR=... python -m benchmarks.stacked_modes --write` trains a DCGAN and what
is to mend its forgetting, reads three digits off each sample by a classifier, and
writes modes and KL to a table of QUALITY.md (`make results`). The published rows stand
apart: budgets and networks are not the same.
"""

import pathlib
import tempfile

import keras
import numpy as np
import typer

from benchmarks import loops, quality_runs
from benchmarks.quality_clock import Batches, Clock
from keras_genmod import GAN, WGANGP, data, evaluation, metrics, networks

CLASSIFIER = pathlib.Path(__file__).parent / "mnist_classifier.keras"
_SHAPE, _LATENTS, _FILTERS, _BATCH_SIZE = (28, 28, 3), 100, 32, 64
_NUM_MODES, _NUM_JUDGED, _CHUNK = 1_000, 26_000, 500
_ROUND, _ENDLESS = 50, 1_000_000  # steps between two looks at the clock; rounds
# Of the model, and the discriminator's normalization
METHODS: dict[str, dict] = {
    "DCGAN": {},
    "minimax": {"loss": "minimax"},
    "PacDCGAN2": {"packing": 2},
    "PacDCGAN4": {"packing": 4},
    "spectral norm": {"normalization": "spectral"},
    "R1": {"normalization": None, "r1_weight": 1.0},
    "WGAN-GP": {"normalization": "layer"},
}
COLUMNS = ("method", "steps", "modes found", "KL, nats")
PUBLISHED = [
    ("DCGAN (Lin et al., 2018, arXiv:1712.04086)", "", "99.0", "3.40"),
    ("VEEGAN (Srivastava et al., 2017, arXiv:1705.07761)", "", "150", "2.95"),
    ("Unrolled GAN (the same)", "", "48.7", "4.32"),
    ("ALI (the same)", "", "16", "5.40"),
    *(
        (
            f"Unrolled GAN, {steps} steps, discriminator half as large (Metz et al., "
            "2017, arXiv:1611.02163, 25,600 samples)",
            "",
            modes,
            kl,
        )
        for steps, modes, kl in (
            (0, "628", "2.58"),
            (1, "524", "2.44"),
            (5, "732", "1.66"),
            (10, "817", "1.43"),
        )
    ),
    ("PacDCGAN2 (Lin et al., 2018)", "", "1000.0", "0.06"),
    ("PacDCGAN4 (Lin et al., 2018)", "", "1000.0", "0.07"),
]


def make(method: str, seed: int):
    """Returns a compiled model.

    Args:
        method: One of `METHODS`.
        seed: Of the weights and the draws.
    """
    arguments = {"normalization": "batch", **METHODS[method]}
    packing = arguments.get("packing", 1)
    keras.utils.set_random_seed(seed)
    discriminator = networks.dcgan_discriminator(
        (*_SHAPE[:2], packing * _SHAPE[2]),
        _FILTERS,
        normalization=arguments.pop("normalization"),
    )
    is_critic = method == "WGAN-GP"
    model = (WGANGP if is_critic else GAN)(
        networks.dcgan_generator(_LATENTS, _SHAPE, _FILTERS),
        discriminator,
        latent_dim=_LATENTS,
        seed=seed,
        **arguments,
    )
    model.compile()  # the optimizers of the papers
    return model


def labels(classifier, images: np.ndarray) -> np.ndarray:
    """Returns the modes of images: the digits of the three channels, as one number.

    Args:
        classifier: `FeatureExtractor` of digits' probabilities.
        images: Array `(n, 28, 28, 3)`.
    """
    digits = [
        classifier(images[..., i : i + 1]).argmax(axis=-1) for i in range(_SHAPE[2])
    ]
    return np.stack(digits, axis=-1) @ [100, 10, 1]


def judge(model, classifier, seed: int) -> metrics.ModeCoverage:
    """Returns which modes samples of a model are of."""
    drawn = (
        keras.ops.convert_to_numpy(model.sample(_CHUNK, seed=seed + i))
        for i in range(_NUM_JUDGED // _CHUNK)
    )
    found = [labels(classifier, images) for images in drawn]
    return metrics.mode_coverage(
        np.concatenate(found), _NUM_MODES, protocol=classifier.protocol()
    )


def trained(method: str, images: np.ndarray, minutes: float, seed: int):
    """Returns a model after its minutes, and the number of its steps."""
    model = make(method, seed)
    size = _BATCH_SIZE * (model.critic_steps if method == "WGAN-GP" else 1)
    batches = Batches(images, size, _ROUND, False, seed)
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock(minutes, pathlib.Path(folder) / "clock.json", batches)
        model.fit(batches, epochs=_ENDLESS, verbose=0, shuffle=False, callbacks=[clock])
    return model, clock.steps


def main(
    methods: str = ",".join(METHODS),
    minutes: float = 4.0,
    seed: int = 0,
    num_images: int = 128_000,
    classifier: str = str(CLASSIFIER),
    write: bool = False,
):
    """Trains each method.

    Args:
        methods: Of `METHODS`, with commas between.
        minutes: Of training, each method: CPU time, or wall time on a GPU.
        seed: Of the images, the weights and the draws.
        num_images: Of training.
        classifier: File of a classifier of digits.
        write: Whether the file of the table is replaced.
    """
    images, modes = data.stacked_mnist(seed, num_images)
    judging = evaluation.FeatureExtractor(keras.saving.load_model(classifier))
    read = labels(judging, images[:_NUM_JUDGED])
    right = np.mean(read == modes[:_NUM_JUDGED])
    rows = []
    for method in methods.split(","):
        model, steps = trained(method, images, minutes, seed)
        found = judge(model, judging, seed)
        print(method, steps, found, flush=True)
        kl = f"{found.kl:.3f}"
        rows.append((method, f"{steps:,}", f"{found.num_modes_found}", kl))
    real = metrics.mode_coverage(read, _NUM_MODES)
    rows += [
        ("training images", "", f"{real.num_modes_found}", f"{real.kl:.4f}"),
        ("an ideal sampler", "", f"{real.ideal_num_modes:.1f}", f"{real.ideal_kl:.4f}"),
    ]
    text = (
        f"{num_images:,} training images, {minutes:g} minutes of one core each, batches"
        f" of {_BATCH_SIZE} (five of them a step of the WGAN-GP's generator), networks "
        f"of DCGAN with {_FILTERS} filters, the package's default optimizers with rates"
        f" that fall to 0, seed {seed}, {_NUM_JUDGED:,} samples of the last step. "
        "Spectral norm, R1 (weight 1) and WGAN-GP have no batch normalization in the "
        f"discriminator. Digits are read by {judging.protocol()}, which finds all three"
        f" of {right:.2%} of the training images."
    )
    tables = [
        {"caption": "", "columns": COLUMNS, "rows": rows},
        {
            "caption": "Published, other networks and budgets, not to be compared row "
            "by row:",
            "columns": COLUMNS,
            "rows": PUBLISHED,
        },
    ]
    print(*rows, sep="\n")
    if write:
        path = quality_runs.FOLDER / f"modes_stacked_mnist-{loops.BACKEND}.json"
        quality_runs.write_table(path, "Modes of stacked MNIST", text, tables)


if __name__ == "__main__":
    typer.run(main)
