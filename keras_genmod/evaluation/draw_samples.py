"""Many samples of a model, in batches of one size."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
from keras import tree

from keras_genmod import checks
from keras_genmod.engine import gathered, num_apart, process_id
from keras_genmod.evaluation.batches import one_each, rows_of
from keras_genmod.progress import shown


def sample_batches(
    model: Any,
    num_samples: int,
    condition: Any = None,
    batch_size: int = 128,
    seed: int = 0,
    verbose: int = 0,
    **options: Any,
) -> Iterator[np.ndarray]:
    """Yields the batches that `draw_samples` joins, given what it takes."""
    size = min(batch_size, num_samples)

    def drawn(start):
        rows = np.arange(start, start + size) % num_samples
        mixed = np.random.SeedSequence([seed, start]).generate_state(1)
        given = tree.map_structure(functools.partial(rows_of, rows), condition)
        samples = model.sample(size, condition=given, seed=int(mixed[0]), **options)
        return checks.as_numpy(samples)

    apart = num_apart()
    for first in shown(range(0, num_samples, size * apart), verbose):
        starts = range(first, min(first + size * apart, num_samples), size)
        # Processes take turns; at the end some draw what another draws, too.
        samples = drawn(starts[process_id() % len(starts)])
        found = samples[None] if apart == 1 else gathered(samples)
        for start, batch in zip(starts, found, strict=False):
            yield batch[: num_samples - start]


def draw_samples(
    model: Any,
    num_samples: int,
    condition: Any = None,
    batch_size: int = 128,
    seed: int = 0,
    verbose: int = 0,
    **options: Any,
) -> np.ndarray:
    """Draws any number of samples, in batches of one size: sampling is compiled once.

    Of several processes that train together each calls it, draws its share, and gets
    all samples: those that one process would draw.

    Args:
        model: A model with `sample`.
        num_samples: Positive int.
        condition: Array of `num_samples` conditions, a dict of them, one class label
            for all, or `None`.
        batch_size: Positive int.
        seed: Integer of at least 0. Batches draw from seeds that follow from it, so
            `batch_size` changes the draws, though not their distribution.
        verbose: 0 shows nothing, 1 a bar, 2 a line at the end.
        **options: What `model.sample` takes beside these.

    Returns:
        float32 array of shape `(num_samples, *data_shape)`.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        ```python
        samples = evaluation.draw_samples(model, 10_000, seed=0, verbose=1)
        ```
    """
    if not hasattr(model, "sample"):
        raise ValueError(
            f"`model` must have `sample`. Received: {type(model).__name__}"
        )
    num_samples = checks.positive_int("num_samples", num_samples)
    batch_size = checks.positive_int("batch_size", batch_size)
    seed = checks.required_seed("seed", seed)
    if isinstance(condition, (list, tuple)):
        condition = checks.as_numpy(condition, "condition")
    if condition is not None:
        condition = tree.map_structure(lambda c: one_each(c, num_samples), condition)
    batches = sample_batches(
        model, num_samples, condition, batch_size, seed, verbose, **options
    )
    return np.concatenate(list(batches))
