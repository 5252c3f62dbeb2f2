"""Trains the package's models on MNIST by the clock, one file of figures a run.

`TFDS_DATA_DIR=... python -m benchmarks.quality --models "RBM 784x500 CD-1" --minutes 8`
trains a model of `quality_models.ENTRIES` for eight minutes, going on where it was
stopped, and writes `results/*.json`: log-likelihoods of the test images, and with
`--classifier benchmarks/mnist_classifier.keras` (of `recipes.feature_classifier`)
distances of samples to them in its features. Both are of the last state, and of the one
that a validation split of the training images likes best. `python -m
benchmarks.quality_page` makes the page of all runs.
"""

import pathlib
import warnings

import keras
import typer

from benchmarks import quality_judge, quality_models, quality_runs
from benchmarks.quality_clock import Batches, Best, Clock
from keras_genmod import callbacks, data, metrics

_NUM_VALIDATION = 5_000  # the last training images
_LOOKS = 10  # at the validation images, in a run
_ENDLESS = 1_000_000  # epochs: the clock ends them


class Run:
    """One training run of an entry of `quality_models`.

    Args:
        name: Name of the entry.
        x_train: Grey images `(n, 28, 28, 1)`.
        minutes: Float.
        seed: Int.
        folder: Path where states are kept.
    """

    def __init__(self, name, x_train, minutes, seed, folder):
        self.entry = quality_models.ENTRIES[name]
        self._seed, self._minutes = seed, minutes
        self._folder = folder / quality_runs.file_name(name, f"{minutes:g}min", seed)
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

    def facts(self, best):
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
            "validation": best
            and {
                "images": len(self._x_val),
                "score": entry.score_name,
                "minutes and scores": [
                    f"{minutes:.2f}: {score:.5g}" for minutes, score in best.history
                ],
            },
        }


def judge(run, x_test, samples):
    """Returns the figures of the model as it is."""
    entry = run.entry
    found = {"likelihood": None, "samples": None}
    if entry.has_log_prob:
        likelihood = quality_judge.likelihood(entry, run.model, x_test)
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
    limit: int | None = None,
    folder: str = "runs/quality",
    results: str = str(quality_runs.FOLDER),
):
    """Trains models on MNIST and writes a file of figures for each run.

    Args:
        models: Names of `quality_models.ENTRIES` with commas between them, or "all".
        minutes: Minutes of training, each model and seed: CPU time of the process, or
            wall time on a GPU; the first step and all judging come on top.
        seeds: Integers with commas between them.
        classifier: The file of a digit classifier with a layer `features`; "" leaves
            samples out.
        limit: Use at most so many training and test images.
        folder: Where states are kept: a run that was stopped goes on.
        results: Where the files of figures go.
    """
    x_train, x_test = (data.load("mnist", s)[0][:limit] for s in ("train", "test"))
    judges: dict = {}
    for name in quality_models.ENTRIES if models == "all" else models.split(","):
        for seed in map(int, seeds.split(",")):
            run = Run(name, x_train, minutes, seed, pathlib.Path(folder))
            best = run.train()
            facts = run.facts(best)
            typer.echo(f"{name}: {facts}", err=True)
            binary = run.entry.is_binary
            if classifier and binary not in judges:
                judges[binary] = quality_judge.Judge(
                    classifier, x_train, x_test, binary
                )
            rows = {"last": judge(run, x_test, judges.get(binary))}
            if best is not None and best.best() is not best.history[-1]:
                run.model.load_weights(best.path)
                rows["best"] = judge(run, x_test, judges.get(binary))
            path = quality_runs.path(
                name, f"{minutes:g}min", seed, pathlib.Path(results)
            )
            quality_runs.write_run(path, name, run.entry.family, facts, rows)


if __name__ == "__main__":
    warnings.simplefilter("ignore", metrics.RankDeficientWarning)  # --limit
    typer.run(main)
