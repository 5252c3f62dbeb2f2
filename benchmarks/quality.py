"""Trains the package's models on images by the clock, one file of figures a run.

`TFDS_DATA_DIR=... python -m benchmarks.quality --models "RBM 784x500 CD-1" --minutes 8`
trains a model of `quality_models.ENTRIES` for eight minutes, going on where it was
stopped, and writes `results/*.json`: log-likelihoods of the test images, and with
`--classifier benchmarks/mnist_classifier.keras` (of `recipes.feature_classifier`)
distances of samples to them in its features. Both are of the last state, and of the one
that a validation split of the training images likes best. `--cifar cifar10_jpeg.npz
--classifier benchmarks/cifar10_jpeg_classifier.keras` trains those of
`quality_cifar.ENTRIES` on coloured images. `python -m benchmarks.quality_page` makes
the page of all runs.
"""

import pathlib
import warnings

import keras
import typer

from benchmarks import quality_cifar, quality_judge, quality_models, quality_runs
from benchmarks.quality_clock import Batches, Best, Clock
from keras_genmod import callbacks, data, metrics

_NUM_VALIDATION = 5_000  # the last training images
_LOOKS = 10  # at the validation images, in a run
_ENDLESS = 1_000_000  # epochs: the clock ends them


class Run:
    """One training run of an entry.

    Args:
        entry: `Entry`.
        x_train: Images `(n, height, width, channels)`.
        minutes: Float.
        seed: Int.
        folder: Path where states are kept.
    """

    def __init__(self, entry, x_train, minutes, seed, folder):
        self.entry = entry
        self._seed, self._minutes, self._folder = seed, minutes, folder
        keras.utils.clear_session()
        keras.utils.set_random_seed(seed)
        self.model = self.entry.make(seed)
        if self.entry.is_flat:
            x_train = x_train.reshape(len(x_train), -1)
        held_out = min(_NUM_VALIDATION, len(x_train) // 10)
        self._x, self._x_val = x_train[:-held_out], x_train[-held_out:]
        if self.entry.is_binary:
            self._x_val = data.binarize(self._x_val, "static", 1)
        self._stages = []

    def _clock(self, stage, share, batches=None):
        path = self._folder / stage
        clock = Clock(share * self._minutes, path / "clock.json", batches)
        self._stages.append(clock)
        return clock, callbacks.Backup(path / "backup")

    def train(self):
        """Trains the model; returns the callback `Best`, or `None`."""
        entry = self.entry
        if entry.pretrain is not None:
            entry.pretrain(
                self.model,
                self._x,
                lambda i, share: [*self._clock(f"layer_{i}", share)],
                _ENDLESS,
            )
        batches = Batches(
            self._x, entry.batch_size, entry.round_steps, entry.is_binary, self._seed
        )
        clock, backup = self._clock("fit", 1.0 - entry.pretrain_share, batches)
        kept = [clock, *entry.callbacks()]
        if entry.is_averaged:
            kept.append(callbacks.ExponentialMovingAverage())
        best = None
        if entry.score is not None:
            best = Best(
                clock,
                lambda model: entry.score(model, self._x_val),
                self._minutes / _LOOKS,
                self._folder / "best.weights.h5",
            )
            kept.append(best)
        self.model.fit(
            batches,
            epochs=_ENDLESS,
            verbose=0,
            shuffle=False,
            callbacks=[*kept, backup],
        )
        if best is not None:
            best.look()
        return best

    def facts(self, best, x_test):
        """Returns what is known of the training."""
        entry, steps = self.entry, [clock.steps for clock in self._stages]
        epochs = [f"{entry.batch_size * n / len(self._x):.1f}" for n in steps]
        return {
            "minutes": round(sum(clock.minutes for clock in self._stages), 2),
            "epochs": " + ".join(epochs),
            "images": len(self._x),
            "batch_size": entry.batch_size,
            "seed": self._seed,
            "parameters": self.model.count_params(),
            "remark": entry.remark and entry.remark(self.model, x_test),
            "validation": best
            and {
                "images": len(self._x_val),
                "score": entry.score_name,
                "minutes and scores": [
                    f"{minutes:.2f}: {score:.5g}" for minutes, score in best.history
                ],
            },
        }


def judge(run, x_test, dataset, samples):
    """Returns the figures of the model as it is."""
    entry = run.entry
    found = {"likelihood": None, "samples": None}
    if entry.has_log_prob:
        likelihood = quality_judge.likelihood(entry, run.model, x_test, dataset)
        typer.echo(str(likelihood), err=True)
        found["likelihood"] = likelihood
    if entry.has_samples and samples is not None:
        found["samples"] = samples(run.model, entry.sample_options)
        typer.echo(str(found["samples"]), err=True)
    return found


def main(
    models: str = "all",
    minutes: float = 8.0,
    seeds: str = "0",
    classifier: str = "",
    cifar: str = "",
    limit: int | None = None,
    folder: str = "runs/quality",
    results: str = str(quality_runs.FOLDER),
):
    """Trains models on MNIST and writes a file of figures for each run.

    Args:
        models: Names of `quality_models.ENTRIES`, or of those of `--cifar`, with commas
            between them, or "all".
        minutes: Minutes of training, each model and seed: CPU time of the process, or
            wall time on a GPU; the first step and all judging come on top.
        seeds: Integers with commas between them.
        classifier: The file of a classifier of the images with a layer `features`; ""
            leaves samples out.
        cifar: The archive of `quality_cifar.load`, in place of MNIST.
        limit: Use at most so many training and test images.
        folder: Where states are kept: a run that was stopped goes on.
        results: Where the files of figures go.
    """
    entries = quality_cifar.ENTRIES if cifar else quality_models.ENTRIES
    dataset = quality_cifar.DATASET if cifar else "mnist"
    x_train, x_test = (
        quality_cifar.load(cifar, split, limit)
        if cifar
        else data.load("mnist", split)[0][:limit]
        for split in ("train", "test")
    )
    budget = f"{dataset}-{minutes:g}min" if cifar else f"{minutes:g}min"
    judges: dict = {}
    for name in entries if models == "all" else models.split(","):
        for seed in map(int, seeds.split(",")):
            path = quality_runs.path(name, budget, seed, pathlib.Path(results))
            states = pathlib.Path(folder, path.stem)
            run = Run(entries[name], x_train, minutes, seed, states)
            best = run.train()
            facts = run.facts(best, x_test)
            typer.echo(f"{name}: {facts}", err=True)
            binary = run.entry.is_binary
            if classifier and binary not in judges:
                judges[binary] = quality_judge.Judge(
                    classifier, x_train, x_test, binary
                )
            rows = {"last": judge(run, x_test, dataset, judges.get(binary))}
            if best is not None and best.best() is not best.history[-1]:
                run.model.load_weights(best.path)
                rows["best"] = judge(run, x_test, dataset, judges.get(binary))
            quality_runs.write_run(path, name, run.entry.family, facts, rows, dataset)


if __name__ == "__main__":
    warnings.simplefilter("ignore", metrics.RankDeficientWarning)  # --limit
    typer.run(main)
