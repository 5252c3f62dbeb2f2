"""Progress of long work that is not `fit`, by Keras' own bar."""

from collections.abc import Iterable, Iterator, Sized
from typing import Any, TypeVar

from keras_genmod import checks

_T = TypeVar("_T")


def shown(items: Iterable[_T], verbose: Any, total: int | None = None) -> Iterator[_T]:
    """Yields items, and shows how many of them are done.

    Args:
        items: Iterable, such as batches.
        verbose: 0 shows nothing, 1 a bar, 2 a line at the end, as in `keras`.
        total: How many items there are; `None` asks them.

    Raises:
        ValueError: At once, if `verbose` is none of these.
    """
    verbose = checks.choice("verbose", verbose, (0, 1, 2))
    if not verbose:
        return iter(items)
    if total is None and isinstance(items, Sized):
        total = len(items)
    return _with_bar(items, int(verbose), total)


def _with_bar(items: Iterable[_T], verbose: int, total: int | None) -> Iterator[_T]:
    from keras.utils import Progbar  # metrics run without Keras

    bar, done = Progbar(total, verbose=verbose, unit_name="batch"), 0
    for item in items:
        yield item
        done += 1
        bar.update(done, finalize=done == total)
    if done and done != total:
        bar.update(done, finalize=True)
