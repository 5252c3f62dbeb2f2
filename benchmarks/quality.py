"""Trains the package's models on MNIST, and judges them in one table.

`TFDS_DATA_DIR=... python -m benchmarks.quality --classifier model.keras --write` trains
each model for its budget (`quality_models.ENTRIES`, times `--budget`), going on where
it was stopped, and puts two kinds of numbers into RESULTS.md: log-likelihoods of the
test images by kind and protocol, and distances of samples to the test images in the
features of a digit classifier, as `recipes.feature_classifier` trains it. Training
images in place of samples give the floor. Figures are kept beside the models' states:
the tables hold those of earlier runs too, so that models can be run one by one.
"""

import json
import pathlib
import time
import warnings

import keras
import numpy as np
import typer
from keras import ops

from benchmarks import loops, quality_models, results
from benchmarks.step_time import hardware
from keras_genmod import callbacks, data, evaluation, metrics

COLUMNS = (
    "samples of",
    "epochs",
    "of images",
    "Frechet",
    "over the floor",
    "KID x 1000",
    "precision",
    "recall",
    "classifier score",
)
_FLOOR = "training images: the floor"
_CHUNK = 500  # images drawn in one call


class Judge:
    """Scores images against the test images, in a classifier's features.

    Args:
        classifier: Keras model with a layer `features`, its output probabilities.
        x_test: Images, grey or binary as the samples are.
        split: String, what `x_test` is.
    """

    def __init__(self, classifier, x_test, split):
        self._features = evaluation.FeatureExtractor(classifier, "features")
        self._classes = evaluation.FeatureExtractor(classifier)
        self._real = self._features(x_test)
        self.protocol = self._features.protocol(split=split)
        self._floor = None

    def row(self, name, budget, images) -> list[str]:
        """Returns a row of the table; the first one is the floor."""
        fake, real, protocol = self._features(images), self._real, self.protocol
        frechet = metrics.frechet_distance(real, fake, protocol).value
        self._floor = self._floor or frechet
        # The full-sample estimator: no subsets, no seed.
        kernel = metrics.kernel_distance(
            real, fake, num_subsets=None, protocol=protocol
        )
        neighbours = metrics.precision_recall_density_coverage(
            real, fake, protocol=protocol
        )
        score = metrics.classifier_score(self._classes(images), num_splits=1)
        return [
            name,
            *budget,
            f"{frechet:.3g}",
            f"{frechet / self._floor:.1f}",
            f"{1e3 * kernel.value:.3g}",
            f"{neighbours.precision:.3f}",
            f"{neighbours.recall:.3f}",
            f"{score.value:.2f}",
        ]


def train(name, entry, x_train, folder, budget):
    """Returns the trained model, and its epochs and their images as strings."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    model = entry.make()
    epochs = max(1, round(entry.epochs * budget))
    x = x_train[: entry.num_images]
    if entry.is_flat:
        x = x.reshape(len(x), -1)
    seen = str(epochs)
    if entry.pretrain is not None:
        layers = {
            **entry.pretrain,
            "epochs": max(1, round(entry.pretrain["epochs"] * budget)),
        }
        model.pretrain(data.binarize(x, "static", 0), verbose=0, **layers)
        seen = f"{layers['epochs']} a layer + {epochs}"
    backup = callbacks.Backup(folder / name.replace(" ", "_") / "backup")
    kept = [callbacks.ExponentialMovingAverage()] if entry.is_averaged else []
    kept.append(backup)
    num_images = len(x)
    if entry.is_binary:
        x = data.DynamicBinarization(x, batch_size=entry.batch_size, seed=0)
        follow = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: setattr(x, "epoch", epoch)
        )
        options = {"shuffle": False, "callbacks": [follow, *kept]}
    else:
        options = {"batch_size": entry.batch_size, "callbacks": kept}
    model.fit(x, epochs=epochs, verbose=0, **options)
    return model, (seen, f"{num_images:,}")


def draw(model, num_images, options):
    """Returns images `(num_images, 28, 28, 1)`."""
    parts = []
    for seed in range(0, num_images, _CHUNK):
        drawn = model.sample(_CHUNK, seed=1 + seed, **options)
        parts.append(ops.convert_to_numpy(drawn))
    images = np.concatenate(parts)[:num_images].reshape(-1, 28, 28, 1)
    return np.clip(images, 0, 1)


class Figures:
    """The figures of all models that were judged, in a file.

    Args:
        path: Path of a JSON file, there or not.
        protocol: Dict, what must be the same for figures to stand in one table;
            figures of another one are an error.

    Raises:
        ValueError: If the file holds figures of another protocol.
    """

    def __init__(self, path, protocol):
        self._path = path
        self._content = {"protocol": protocol, "likelihoods": None, "rows": {}}
        if path.exists():
            self._content = json.loads(path.read_text())
        if self._content["protocol"] != protocol:
            raise ValueError(
                f"{path} holds figures of {self._content['protocol']}; these are of "
                f"{protocol}. Give another --folder."
            )

    def put(self, name, budget, likelihood, row, is_binary):
        """Keeps a model's figures, in place of its last ones."""
        rows = [other for other in self.likelihoods() if other[0].split(",")[0] != name]
        if likelihood is not None:
            epochs, images = budget
            rows.append((f"{name}, {epochs} epochs of {images} images", likelihood))
        table = evaluation.LikelihoodTable(rows)
        self._content["likelihoods"] = table.to_json()
        self._content["rows"][name] = [is_binary, row]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(self._content))

    def likelihoods(self) -> evaluation.LikelihoodTable:
        """Returns the table of likelihoods."""
        text = self._content["likelihoods"]
        return (
            evaluation.LikelihoodTable.from_json(text)
            if text
            else evaluation.LikelihoodTable()
        )

    def rows(self, is_binary) -> list[list[str]]:
        """Returns the rows of one table of samples, in the order of the entries."""
        kept = self._content["rows"]
        found = [kept[name] for name in quality_models.ENTRIES if name in kept]
        return [row for binary, row in found if row and binary == is_binary]


def markdown(rows) -> str:
    """Returns the Markdown table of samples."""
    lines = [COLUMNS, ["---"] * len(COLUMNS), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(
    classifier: str = "runs/mnist_classifier/model.keras",
    models: str = "all",
    budget: float = 1.0,
    limit: int | None = None,
    folder: str = "runs/quality",
    write: bool = False,
):
    """Trains models on MNIST and prints their figures as Markdown.

    Args:
        classifier: The file of a digit classifier with a layer `features`.
        models: "all", or names of `quality_models.ENTRIES` with commas between them;
            "" makes the tables of what was run before.
        budget: Factor on the epochs.
        limit: Use at most so many training and test images.
        folder: Where the models' states and figures are kept.
        write: Put the tables into RESULTS.md.
    """
    (x_train, _), (x_test, _) = (data.load("mnist", s) for s in ("train", "test"))
    x_train, x_test = x_train[:limit], x_test[:limit]
    digits = keras.saving.load_model(classifier)
    binary_train, binary_test = (
        data.binarize(x, "static", 0) for x in (x_train, x_test)
    )
    judges = {
        False: Judge(digits, x_test, "test"),
        True: Judge(digits, binary_test, "test, binarized static(0)"),
    }
    n = len(x_test)
    floors = {
        False: judges[False].row(_FLOOR, ("", ""), x_train[:n]),
        True: judges[True].row(_FLOOR, ("", ""), binary_train[:n]),
    }
    protocol = {"images": [len(x_train), n], "features": str(judges[False].protocol)}
    figures = Figures(pathlib.Path(folder) / "figures.json", protocol)
    for name, entry in quality_models.ENTRIES.items():
        if models != "all" and name not in models.split(","):
            continue
        start = time.perf_counter()
        model, seen = train(name, entry, x_train, pathlib.Path(folder), budget)
        typer.echo(f"{name}: trained in {time.perf_counter() - start:.0f} s", err=True)
        likelihood, binary = None, entry.is_binary
        if entry.has_log_prob:
            images = binary_test if binary else x_test
            likelihood = evaluation.evaluate_likelihood(
                model,
                images.reshape((n, -1)) if entry.is_flat else images,
                dataset="mnist",
                split="test",
                binarization="static(0)" if binary else None,
                **entry.options,
            )
            typer.echo(str(likelihood), err=True)
        row = None
        if entry.has_samples:
            images = draw(model, n, entry.sample_options)
            if binary and not np.isin(images, (0, 1)).all():
                # Means of pixels: drawn once, as the test images are.
                images = data.binarize(images, "static", 0)
            row = judges[binary].row(name, seen, images)
            typer.echo(" ".join(row), err=True)
        figures.put(name, seen, likelihood, row, binary)
    kind, device = hardware()
    text = [
        f"## Quality on MNIST: {loops.BACKEND}, {kind.upper()}",
        "",
        f"{len(x_train):,} training and {n:,} test images, seed 0, last state, one run "
        "of the budgets in `benchmarks/quality_models.py`, which the second table "
        "names. Binary models were trained on dynamic binarization unless it says "
        "otherwise. The rows were made by several calls of the command.",
        "",
        *results.circumstances(loops.BACKEND, device),
        "",
        "### Log-likelihood",
        "",
        str(figures.likelihoods()),
    ]
    for binary, title in ((False, "grey images"), (True, "binary images")):
        text += [
            "",
            f"### Samples against test images: {title}",
            "",
            f"{n:,} samples each, drawn {_CHUNK} at a time; Frechet and kernel "
            "distance, precision and recall (k = 5) in features, the classifier score "
            f"of probabilities. {judges[binary].protocol}.",
            "",
            markdown([floors[binary], *figures.rows(binary)]),
        ]
    print("\n".join(text))
    if write:
        results.write_section(f"quality:{loops.BACKEND}:{kind}", "\n".join(text))


if __name__ == "__main__":
    warnings.simplefilter("ignore", metrics.RankDeficientWarning)  # --limit
    typer.run(main)
