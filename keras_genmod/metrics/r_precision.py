"""How often an image finds its own caption among others."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import checks
from keras_genmod.metrics.features import check_pair
from keras_genmod.metrics.protocol import Protocol, filled_in
from keras_genmod.metrics.results import Score


def r_precision(
    images: ArrayLike,
    captions: ArrayLike,
    texts: Any = None,
    num_candidates: int = 100,
    seed: int = 0,
    protocol: Protocol | None = None,
) -> Score:
    """Share of images that are closest to their own caption, R-precision of one.

    Each image is compared, by the cosine of embeddings, with the caption that it was
    made of, or belongs to, and with `num_candidates - 1` other texts drawn for it.
    Where the own one ties with others, it counts the share that guessing would find:
    embeddings that say nothing score 1 / num_candidates.

    Args:
        images: Array of shape `(num, embedding_dim)`, embeddings of images.
        captions: Array of the same shape; row i is the own caption of image i.
        texts: What the captions are, a sequence of `num` strings, or rows of tokens
            `(num, length)`: equal ones are no candidates beside each other. `None`
            takes captions of equal embeddings for equal.
        num_candidates: Int of at least 2.
        seed: Int of the draws.
        protocol: A `Protocol`; its `features` is the encoder that judges.

    Returns:
        A `Score` in [0, 1], higher is better, with the standard error over images.

    Raises:
        ValueError: If an argument is out of range, or an image has too few others.

    References:
        Xu et al., "AttnGAN", 2018, arXiv:1711.10485 (100 candidates).

    Example:
        ```python
        fake = model.sample(1000, condition=captions)
        score = r_precision(
            judge.encode_images(fake), judge.encode_captions(captions), captions
        )
        ```
    """
    images, captions = check_pair(images, captions, 2, ("images", "captions"))
    if len(images) != len(captions):
        raise ValueError(
            "`captions` must be as many as `images`, in the same order. "
            f"Received: {len(captions)} captions and {len(images)} images"
        )
    num_candidates = checks.integer("num_candidates", num_candidates, 2)
    seed = checks.required_seed("seed", seed)
    kinds, firsts = _kinds(captions if texts is None else texts, len(captions))
    images, captions = _unit("images", images), _unit("captions", captions)
    rng = np.random.RandomState(seed)
    credits = np.zeros(len(images))
    for i, image in enumerate(images):
        others = np.delete(firsts, kinds[i])
        if len(others) < num_candidates - 1:
            raise ValueError(
                "`num_candidates` must be at most the number of captions that differ "
                f"from one, and that one: {len(others) + 1} for row {i}. "
                f"Received: num_candidates={num_candidates}"
            )
        chosen = rng.choice(others, num_candidates - 1, replace=False)
        # Summed alike, so that equal ones tie.
        own, *rest = np.sum(captions[[i, *chosen]] * image, axis=1)
        if own >= max(rest):
            credits[i] = 1 / (1 + rest.count(own))
    return Score(
        value=float(credits.mean()),
        standard_error=float(credits.std(ddof=1) / np.sqrt(len(credits))),
        protocol=filled_in(
            protocol,
            metric="r_precision",
            num_fake=len(images),
            num_candidates=num_candidates,
            seed=seed,
        ),
    )


def _kinds(texts: Any, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the number of each caption's text, and a row where each text stands."""
    try:
        array = np.asarray(texts)
    except ValueError:  # rows of several lengths
        array = np.empty(0, object)
    if array.ndim not in (1, 2) or len(array) != number or array.dtype.kind == "O":
        raise ValueError(
            f"`texts` must be {number} strings, or as many rows of tokens. "
            f"Received: an array of shape {array.shape} and dtype {array.dtype}"
        )
    _, firsts, kinds = np.unique(array, return_index=True, return_inverse=True, axis=0)
    return kinds.reshape(-1), firsts


def _unit(name: str, x: np.ndarray) -> np.ndarray:
    x = x.astype("float64")
    length = np.linalg.norm(x, axis=1, keepdims=True)
    if not length.all():
        raise ValueError(
            f"`{name}` must have a direction. Received: {name} with a row of zeros, "
            f"row {int(np.argmin(length))}"
        )
    return x / length
