"""Figures of models and of folders, each with its protocol, as JSON."""

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

import keras_genmod
from keras_genmod import checks, data, evaluation, metrics

SCHEMA = "keras_genmod.figures/1"
_OF_BALLS = ("precision", "recall", "density", "coverage")


def features_of(name: str, batch_size: int) -> evaluation.FeatureExtractor | None:
    """Returns what makes features of images; `None` for their pixels.

    Args:
        name: "pixels", "inception", "inception:WEIGHTS.h5", "MODEL.keras" or
            "MODEL.keras:LAYER".
        batch_size: Positive int.

    Raises:
        OSError: If a file is not there.
        ValueError: If it is none of these, or there is no such layer.
    """
    kind, _, rest = name.partition(":")
    if name == "pixels":
        return None
    if kind == "inception":
        return evaluation.inception_v3(rest or "imagenet", batch_size=batch_size)
    if not kind.endswith(".keras"):
        raise ValueError(
            "`features` must be pixels, inception, inception:WEIGHTS.h5, MODEL.keras "
            f"or MODEL.keras:LAYER. Received: features={name!r}"
        )
    if not os.path.isfile(kind):
        raise FileNotFoundError(f"`features` must be a file. Received: {kind!r}")
    try:
        model = keras.saving.load_model(kind)
    except Exception as error:  # of a file that anyone may have made
        raise ValueError(
            f"`features` must be a .keras file, undamaged. Received: {kind!r} ({error})"
        ) from error
    return evaluation.FeatureExtractor(model, rest or None, batch_size=batch_size)


def sample_figures(
    real: np.ndarray,
    fake: np.ndarray,
    extractor: evaluation.FeatureExtractor | None,
    k: int,
    split: str | None = None,
) -> dict[str, dict]:
    """Returns distances and shares of balls of two sets of images, by name.

    Args:
        real: Array of shape `(n, height, width, channels)`.
        fake: Array of shape `(m, height, width, channels)`.
        extractor: What makes features; `None` for the values themselves.
        k: The neighbour that balls reach to.
        split: The split that the real images are from.

    Raises:
        ValueError: If the sets differ in shape, or are too few.
    """
    _check_shapes(real.shape[1:], fake.shape[1:])
    if extractor is None:
        x, y = (images.reshape(len(images), -1) for images in (real, fake))
    else:
        x, y = (extractor(images, verbose=1) for images in (real, fake))
    return _figures(x, y, extractor, k, split)


def _check_shapes(real: tuple[int, ...], fake: tuple[int, ...]) -> None:
    if real != fake:
        raise ValueError(
            f"Images must be of one shape to be compared. Received: {real} and {fake}"
        )


def _check_neighbour(k: int, num_images: int) -> None:
    checks.integer("--k", k, 1, num_images - 1, "the number of images but one")


def _figures(
    x: np.ndarray,
    y: np.ndarray,
    extractor: evaluation.FeatureExtractor | None,
    k: int,
    split: str | None = None,
    resize: str | None = None,
) -> dict[str, dict]:
    """Returns figures of features; `resize` says how images were resized before."""
    source = metrics.Protocol(features="data", split=split)
    if extractor is not None:
        source = extractor.protocol(split)
    if resize is not None:
        both = resize if source.resize is None else f"{resize}, {source.resize}"
        source = dataclasses.replace(source, resize=both)
    found: dict[str, Any] = {
        "frechet_distance": metrics.frechet_distance(x, y, source),
        "kernel_distance": metrics.kernel_distance(
            x, y, num_subsets=None, protocol=source
        ),
    }
    balls = metrics.precision_recall_density_coverage(x, y, k, source, verbose=1)
    for name in _OF_BALLS:
        found[name] = metrics.Score(value=getattr(balls, name), protocol=balls.protocol)
    return {name: _plain(score) for name, score in found.items()}


def _plain(score: metrics.Score) -> dict:
    fields = dataclasses.asdict(score)
    protocol = fields.pop("protocol")
    kept = {name: value for name, value in fields.items() if value is not None}
    stated = {name: value for name, value in protocol.items() if value is not None}
    return {**kept, "protocol": stated}


def evaluate(
    model: Any,
    name: str,
    dataset: str,
    split: str,
    binarization: str | None,
    limit: int | None,
    num_samples: int | None,
    features: str,
    k: int,
    batch_size: int,
    seed: int,
    given: dict[str, Any],
) -> dict:
    """Returns the likelihood of a data set and figures of samples, as they are defined.

    Args:
        model: A model of the package.
        name: What to call it in the ledger.
        dataset: As `data.load` takes it. A model of flat vectors takes images
            flattened; its samples are judged as images.
        split: "train" or "test".
        binarization: "static", "threshold" or `None`.
        limit: Use at most so many examples.
        num_samples: Samples drawn, and real images beside them; 0 for none, `None`
            for as many as there are, up to 1,000.
        features: As `features_of` takes it.
        k: The neighbour that balls reach to.
        batch_size: Positive int.
        seed: Integer of at least 0.
        given: Options of `log_prob`.

    Raises:
        ValueError: If an argument is out of range, or the model has neither a
            likelihood nor samples.
    """
    if limit is not None:
        limit = checks.positive_int("limit", limit)
    x, y = data.load(dataset, split)
    x = x[:limit]
    num_samples = min(len(x), 1000) if num_samples is None else num_samples
    if num_samples:  # what they are judged by is checked before any work
        extractor = features_of(features, batch_size)
        _check_neighbour(k, min(len(x), num_samples))
    condition = None if model.num_classes is None or y is None else y[:limit]
    binary = x
    if binarization is not None:
        drawn = seed if binarization == "static" else None
        binary = data.binarize(x, binarization, drawn)
    result: dict[str, Any] = {"schema": SCHEMA, "name": name, "likelihood": None}
    result["versions"] = {
        "keras_genmod": keras_genmod.__version__,
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
    }
    is_estimate = given.get("method", "exact") != "exact"
    if model.likelihood_kind or (is_estimate and hasattr(model, "log_partition")):
        likelihood = evaluation.evaluate_likelihood(
            model,
            binary.reshape(len(x), -1) if _is_flattened(model, x) else binary,
            condition,
            dataset=dataset,
            split=split,
            binarization=_stated(binarization, seed),
            batch_size=batch_size,
            seed=seed,
            verbose=1,
            **given,
        )
        table = evaluation.LikelihoodTable([(name, likelihood)])
        result["likelihood"] = json.loads(table.to_json())
    elif given:
        raise ValueError(
            f"`option` must be left out: this {type(model).__name__} has no "
            f"likelihood. Received: {sorted(given)}"
        )
    if num_samples:
        judged = _samples(model, num_samples, condition, batch_size, seed)
        if judged is not None:
            # Samples of some models are binary, of others means of pixels.
            is_binary = bool(np.isin(judged, (0, 1)).all())
            if _is_flattened(model, x):
                judged = judged.reshape(-1, *x.shape[1:])
            real = (binary if is_binary else x)[:num_samples]
            result["samples"] = sample_figures(real, judged, extractor, k, split)
            result["real"] = {"data": dataset, "sha256": _hash(real), "seed": seed}
    if result["likelihood"] is None and "samples" not in result:
        way_out = "; `--option method=ais` estimates the likelihood"
        raise ValueError(
            f"`model` must have a likelihood or samples; this {type(model).__name__} "
            "has none that can be had here"
            f"{way_out if hasattr(model, 'log_partition') else ''}"
        )
    return result


def _is_flattened(model: Any, x: np.ndarray) -> bool:
    """Returns whether a model's vectors are these images, flattened."""
    return x.ndim > 2 and model.data_shape == (math.prod(x.shape[1:]),)


def _stated(binarization: str | None, seed: int) -> str | None:
    return f"static({seed})" if binarization == "static" else binarization


def _samples(
    model: Any, num_samples: int, labels: Any, batch_size: int, seed: int
) -> np.ndarray | None:
    """Returns samples, under the labels of the data in turn; `None` without them."""
    if labels is not None:
        labels = labels[np.arange(num_samples) % len(labels)]
    try:
        return evaluation.draw_samples(
            model, num_samples, labels, batch_size, seed, verbose=1
        )
    except NotImplementedError:
        return None


def compare_folders(
    real: str,
    fake: str,
    image_size: int | None,
    channels: int | None,
    features: str,
    k: int,
    batch_size: int,
) -> dict:
    """Returns figures of the images of one folder beside those of another.

    Args:
        real: Folder, as `data.image_folder` takes it.
        fake: Folder.
        image_size: Sides that images are cropped and resized to; `None` leaves them.
        channels: 1, 3 or `None`.
        features: As `features_of` takes it.
        k: The neighbour that balls reach to.
        batch_size: Positive int.

    Raises:
        OSError: If a folder has no images.
        ValueError: If a file is none that `data.image_folder` takes.
    """
    folders = [
        data.image_folder(
            folder, image_size, batch_size, channels=channels, shuffle=False
        )
        for folder in (real, fake)
    ]
    _check_neighbour(k, min(len(folder.files) for folder in folders))
    extractor = features_of(features, batch_size)  # which may take a download
    _check_shapes(folders[0].image_shape, folders[1].image_shape)
    shape = (len(folders[0].files), *folders[0].image_shape)
    digest = hashlib.sha256(repr(shape).encode())
    x, y = (
        _folder_features(folder, extractor, seen)
        for folder, seen in zip(folders, (digest, hashlib.sha256()), strict=True)
    )
    resize = None
    if image_size is not None:
        resize = f"centre, bilinear antialiased float32 {image_size}x{image_size}"
    return {
        "schema": SCHEMA,
        "name": fake,
        "likelihood": None,
        "samples": _figures(x, y, extractor, k, resize=resize),
        "real": {"data": real, "sha256": digest.hexdigest()[:16]},
    }


def _folder_features(folder: Any, extractor: Any, digest: Any) -> np.ndarray:
    """Returns features of a folder's images, read a batch at a time into a digest."""

    def batches() -> Iterator[np.ndarray]:
        for i in range(len(folder)):
            images = folder[i][0]
            digest.update(np.ascontiguousarray(images, "<f4").tobytes())
            yield images

    if extractor is None:  # pixels are the features
        images = folder.arrays(verbose=1)[0]
        digest.update(np.ascontiguousarray(images, "<f4").tobytes())
        return images.reshape(len(images), -1)
    return extractor(batches(), verbose=1)


def _hash(images: np.ndarray) -> str:
    digest = hashlib.sha256(repr(images.shape).encode())
    digest.update(np.ascontiguousarray(images, "<f4").tobytes())
    return digest.hexdigest()[:16]
