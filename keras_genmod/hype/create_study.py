"""Makes a study from arrays of images."""

import dataclasses
import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from keras_genmod import checks
from keras_genmod.hype import plan
from keras_genmod.hype.database import Database
from keras_genmod.hype.images import pixels_sha256, to_pixels, to_png
from keras_genmod.hype.masks import phase_scrambled
from keras_genmod.hype.protocol import StudyProtocol
from keras_genmod.hype.study import Study


def create_study(
    path: str | os.PathLike[str],
    real: Any,
    fakes: Mapping[str, Any],
    protocol: StudyProtocol | None = None,
    *,
    title: str = "Which images are real?",
    seed: int | None = None,
    clock: Callable[[], float] = time.time,
) -> Study:
    """Makes a study: one file with all images, in which people's answers collect.

    Each evaluator judges one model against the real images; models take turns.

    Args:
        path: String or path of the new file.
        real: Array `(num, height, width, channels)` in [0, 1], 1 or 3 channels: real
            images, of the training set in the paper. `load_images` reads a folder.
        fakes: Dict from a model's name to an array of its samples, of the same shape.
        protocol: `StudyProtocol`; `None` means `StudyProtocol.of("infinity")`.
        title: String, what evaluators read first.
        seed: Integer; the same one gives the same order of the same images. `None`
            draws one.
        clock: Function that returns seconds since 1970, for what a row was added.

    Returns:
        A `Study`, open.

    Raises:
        OSError: If the file exists.
        ValueError: If there are too few images, of different sizes, or the generated
            ones are the real ones.

    Example:
        ```python
        # Not run by the tests: it serves until Ctrl-C.
        study = keras_genmod.hype.create_study(
            "digits.study", real, {"vae": vae.sample(500), "gan": gan.sample(500)}
        )
        keras_genmod.hype.serve(study)  # until Ctrl-C
        ```
    """
    protocol = StudyProtocol.of("infinity") if protocol is None else protocol
    if not isinstance(protocol, StudyProtocol):
        raise ValueError(
            f"`protocol` must be a StudyProtocol. Received: protocol={protocol!r}"
        )
    path, title = checks.path("path", path), checks.text("title", title)
    checks.function("clock", clock)
    seed = checks.seed("seed", seed)
    seed = secrets.randbits(32) if seed is None else seed
    pixels = to_pixels("real", real)
    models = _models(fakes, pixels)
    protocol = dataclasses.replace(
        protocol,
        image_shape=tuple(int(size) for size in pixels.shape[1:]),
        num_real=len(pixels),
        num_fake=min(len(samples) for samples in models.values()),
        real_sha256=pixels_sha256(pixels),
    )
    _check_enough(protocol, models)
    database = Database(path, create=True)
    with database.transaction():
        database.add(
            "study",
            protocol=protocol.to_json(),
            seed=seed,
            title=title,
            models=json.dumps(list(models)),
            created=clock(),
        )
        _add(database, seed, "real", None, pixels)
        for name, samples in models.items():
            _add(database, seed, "fake", name, samples[: protocol.num_fake])
        if protocol.is_timed:
            _add(database, seed, "mask", None, _masks(pixels, models, seed))
    database.close()
    return Study(path, clock)


def _models(fakes: Mapping[str, Any], real: np.ndarray) -> dict[str, np.ndarray]:
    """Returns each model's samples as pixels."""
    if not isinstance(fakes, Mapping) or not fakes:
        raise ValueError(
            "`fakes` must be a dict from each model's name to its samples. "
            f"Received: fakes of type {type(fakes).__name__}"
        )
    models, known = {}, {image.tobytes() for image in real}
    for name, samples in fakes.items():
        if not isinstance(name, str) or not name:
            raise ValueError(f"`fakes` must have names as keys. Received: {name!r}")
        pixels = to_pixels(f"fakes[{name!r}]", samples)
        if pixels.shape[1:] != real.shape[1:]:
            raise ValueError(
                "`fakes` must have images of the shape of the real ones, or their "
                f"sizes would tell them apart. Received: {name!r} of shape "
                f"{pixels.shape[1:]}, real ones of {real.shape[1:]}"
            )
        if all(image.tobytes() in known for image in pixels):
            raise ValueError(
                "`fakes` must not be real images. Received: every one of "
                f"{name!r} is one of `real`, pixel for pixel"
            )
        models[name] = pixels
    return models


def _check_enough(protocol: StudyProtocol, models: dict[str, np.ndarray]) -> None:
    way_out = (
        "bring more, or ask for less by `protocol`, StudyProtocol.of(variant, "
        "num_trials=..., num_blocks=..., qualification_trials=...)"
    )
    needed = plan.num_real_needed(protocol)
    if (protocol.num_real or 0) < needed:
        raise ValueError(
            f"`real` must hold at least {needed} images, for nobody sees one twice; "
            f"{way_out}. Received: {protocol.num_real}"
        )
    needed = plan.num_fake_needed(protocol, len(models))
    for name, samples in models.items():
        if len(samples) < needed:
            raise ValueError(
                f"`fakes` must hold at least {needed} images of each model, for nobody "
                f"sees one twice; {way_out}. Received: {len(samples)} of {name!r}"
            )


def _add(
    database: Database, seed: int, kind: str, model: str | None, pixels: np.ndarray
) -> None:
    for number, image in enumerate(pixels):
        database.add(
            "image",
            id=plan.opaque(seed, kind, model, number),
            kind=kind,
            model=model,
            number=number,
            sha256=pixels_sha256(image),
            png=to_png(image),
        )


def _masks(real: np.ndarray, models: dict[str, np.ndarray], seed: int) -> np.ndarray:
    """Returns the masks of a study: half of real images, half of all models' ones."""
    rng = np.random.default_rng([seed, 0, plan.MASKS])
    fake = np.concatenate(list(models.values()))
    chosen = np.concatenate(
        [
            images[rng.integers(len(images), size=plan.NUM_MASKS // 2)]
            for images in (real, fake)
        ]
    )
    seeds = int(rng.integers(2**32))
    masks = phase_scrambled(chosen.astype("float32") / 255, seeds)
    return to_pixels("masks", masks)
