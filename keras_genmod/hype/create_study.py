"""Makes a study from arrays of images."""

import contextlib
import dataclasses
import json
import os
import re
import secrets
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from keras_genmod import checks
from keras_genmod.hype import plan
from keras_genmod.hype.database import BESIDE, Database, check_folder, check_new
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
    salt: str | None = None,
    clock: Callable[[], float] = time.time,
) -> Study:
    """Makes a study: one file with all images, in which people's answers collect.

    Each evaluator judges one model against the real images; models take turns. Of
    images that are equal, pixel for pixel, the study takes one.

    Args:
        path: String or path of the new file.
        real: Array `(num, height, width, channels)` in [0, 1], 1 or 3 channels: real
            images, of the training set in the paper. `load_images` reads a folder.
        fakes: Dict from a model's name to an array of its samples, of the same shape.
        protocol: `StudyProtocol`; `None` means `StudyProtocol.of("infinity")`.
        title: String, what evaluators read first.
        seed: Integer; the same one gives the same order of the same images. `None`
            draws one.
        salt: String, 32 digits and letters from a to f, of which evaluators' codes and
            images' names are made. `None` draws one; only a test gives it, for whoever
            knows it knows the codes.
        clock: Function that returns seconds since 1970, for what a row was added.

    Returns:
        A `Study`, open.

    Raises:
        OSError: If the file exists, or its folder does not.
        ValueError: If there are too few images, of different sizes, or the generated
            ones are the real ones.

    Warns:
        UserWarning: If some of the generated images are real ones, or too few of a
            model are different for nobody to see one twice. All stay then, for what a
            model has learnt by heart, or repeats, is part of what people judge.

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
    salt = secrets.token_hex(16) if salt is None else _salt(salt)
    given = to_pixels("real", real)
    pixels = _different(given)
    models = _without_repeats(protocol, _models(fakes, pixels))
    protocol = dataclasses.replace(
        protocol,
        image_shape=tuple(int(size) for size in pixels.shape[1:]),
        num_real=len(pixels),
        num_fake=min(len(samples) for samples in models.values()),
        real_sha256=pixels_sha256(pixels),
    )
    _check_enough(protocol, models, len(given))
    with _new_database(path) as database, database.transaction():
        database.add(
            "study",
            protocol=protocol.to_json(),
            seed=seed,
            salt=salt,
            title=title,
            models=json.dumps(list(models)),
            created=clock(),
        )
        _add(database, salt, "real", None, pixels)
        for name, samples in models.items():
            _add(database, salt, "fake", name, samples[: protocol.num_fake])
        if protocol.is_timed:
            _add(database, salt, "mask", None, _masks(pixels, models, seed))
    return Study(path, clock)


def _salt(value: str) -> str:
    if not re.fullmatch("[0-9a-f]{32}", checks.text("salt", value)):
        raise ValueError(
            "`salt` must be 32 digits and letters from a to f. "
            f"Received: salt={value!r}"
        )
    return value


@contextlib.contextmanager
def _new_database(path: str) -> Iterator[Database]:
    """Makes a file beside a path, which takes the path's place once it is whole."""
    check_new(path)
    check_folder(path)
    scratch = f"{path}.part"
    _remove(scratch)  # of a program that was killed
    try:
        database = Database(scratch, create=True)
        try:
            yield database
        finally:
            database.close()
        check_new(path)
        os.replace(scratch, path)
    finally:
        _remove(scratch)


def _remove(path: str) -> None:
    for ending in ("", *BESIDE):
        with contextlib.suppress(FileNotFoundError):
            os.remove(path + ending)


def _different(pixels: np.ndarray) -> np.ndarray:
    """Returns images without those that came before, pixel for pixel."""
    first = {image.tobytes(): i for i, image in reversed(list(enumerate(pixels)))}
    return pixels[sorted(first.values())]


def _models(fakes: Mapping[str, Any], real: np.ndarray) -> dict[str, np.ndarray]:
    """Returns each model's samples as pixels."""
    if not isinstance(fakes, Mapping) or not fakes:
        raise ValueError(
            "`fakes` must be a dict from each model's name to its samples. "
            f"Received: fakes of type {type(fakes).__name__}"
        )
    known = {image.tobytes() for image in real}
    models: dict[str, np.ndarray] = {}
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
        num_real = sum(image.tobytes() in known for image in pixels)
        if num_real == len(pixels):
            raise ValueError(
                "`fakes` must not be real images. Received: every one of "
                f"{name!r} is one of `real`, pixel for pixel"
            )
        if num_real:
            warnings.warn(
                "`fakes` should not be real images, for which no answer is right. "
                f"Received: {num_real} of {len(pixels)} of {name!r} "
                "are among `real`, pixel for pixel",
                stacklevel=3,
            )
        models[name] = pixels
    return models


def _without_repeats(
    protocol: StudyProtocol, models: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Returns each model's different samples, or all where those are too few."""
    needed, taken = plan.num_fake_needed(protocol, len(models)), {}
    for name, samples in models.items():
        different = _different(samples)
        taken[name] = different if len(different) >= needed else samples
        if len(different) < needed <= len(samples):
            warnings.warn(
                f"`fakes` should hold at least {needed} different images of each "
                "model, or people see some twice. Received: "
                f"{len(different)} different ones of {len(samples)} of {name!r}",
                stacklevel=3,
            )
    return taken


def _check_enough(
    protocol: StudyProtocol, models: dict[str, np.ndarray], num_given: int
) -> None:
    way_out = (
        "bring more, or ask for less by `protocol`, StudyProtocol.of(variant, "
        "num_trials=..., num_blocks=..., qualification_trials=...)"
    )
    needed = plan.num_real_needed(protocol)
    if (protocol.num_real or 0) < needed:
        raise ValueError(
            f"`real` must hold at least {needed} images, all different, for nobody "
            f"sees one twice; {way_out}. Received: {protocol.num_real} different ones "
            f"of {num_given}"
        )
    needed = plan.num_fake_needed(protocol, len(models))
    for name, samples in models.items():
        if len(samples) < needed:
            raise ValueError(
                f"`fakes` must hold at least {needed} images of each model, for nobody "
                f"sees one twice; {way_out}. Received: {len(samples)} of {name!r}"
            )


def _add(
    database: Database, salt: str, kind: str, model: str | None, pixels: np.ndarray
) -> None:
    for number, image in enumerate(pixels):
        database.add(
            "image",
            id=plan.opaque(salt, kind, model, number),
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
