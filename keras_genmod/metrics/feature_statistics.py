"""Mean and covariance of features that arrive in batches."""

import dataclasses
import json
import os
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import whole_files
from keras_genmod.metrics.features import check_features, check_same_width
from keras_genmod.metrics.protocol import SOURCE_FIELDS, Protocol, filled_in
from keras_genmod.npz_files import Header, NpzFile

_VERSION = 1
_ROWS = 2048  # samples taken to float64 at once
_GATHERED = 2**23  # numbers of all processes that are held at once
_TOLERANCE = 1e-9  # of the largest entry: how exact symmetry and eigenvalues are
# The arrays of a saved file: dtype, number of axes.
_SCHEMA = {
    "version": ("i8", 0),
    "count": ("i8", 0),
    "mean": ("f8", 1),
    "scatter": ("f8", 2),
    "protocol": ("U", 0),
}


class FeatureStatistics:
    r"""Count, mean and covariance of a stream of features, in float64.

    Sums are kept about the running mean, so that a large common offset costs no
    digits. For a batch of `m` samples with mean `b` and scatter `B`,

        scatter += B + n m / (n + m) (b - mean)(b - mean)^T,
        mean += m / (n + m) (b - mean).

    In whatever batches the samples arrive, the result is that of all at once up to
    rounding (about 1e-14 relative).

    Args:
        protocol: A `Protocol` that says which features these are. It is saved with
            them; statistics of other features refuse to be merged or compared.

    References:
        Chan, Golub and LeVeque, 1983, "Algorithms for computing the sample variance".

    Example:
        ```python
        statistics = FeatureStatistics(Protocol(features="digit_classifier/dense_1"))
        for batch in batches:
            statistics.update(network.predict_on_batch(batch))
        statistics.save("real.npz")
        frechet_distance(FeatureStatistics.load("real.npz"), fake_features)
        ```
    """

    def __init__(self, protocol: Protocol | None = None) -> None:
        self.protocol = filled_in(protocol)
        self.count = 0
        self._mean = np.zeros(0)
        self._scatter = np.zeros((0, 0))

    @property
    def num_features(self) -> int:
        """Integer, features a sample; 0 before the first `update`."""
        return len(self._mean)

    @property
    def mean(self) -> np.ndarray:
        """float64 array of shape `(num_features,)`."""
        return self._mean.copy()

    @property
    def covariance(self) -> np.ndarray:
        """float64 array `(num_features, num_features)`, with divisor count - 1.

        Raises:
            ValueError: If there are fewer than two samples.
        """
        if self.count < 2:
            raise ValueError(
                "`covariance` must be of at least 2 samples: call `update` first. "
                f"Received: count={self.count}"
            )
        return self._scatter / (self.count - 1)

    def update(self, features: ArrayLike) -> "FeatureStatistics":
        """Adds a batch.

        Args:
            features: Array of shape `(batch, num_features)`.

        Returns:
            These statistics.

        Raises:
            ValueError: If `features` is no matrix of finite numbers, or of another
                width than before. Nothing is added then.
        """
        features = check_features("features", features)
        if self.count:
            check_same_width("features", self.num_features, features.shape[1])
        for start in range(0, len(features), _ROWS):
            batch = features[start : start + _ROWS].astype(np.float64)
            mean = batch.mean(axis=0)
            batch -= mean
            self._add(len(batch), mean, batch.T @ batch)
        return self

    def merge(self, other: "FeatureStatistics") -> "FeatureStatistics":
        """Adds all samples of other statistics, as from another process.

        Args:
            other: `FeatureStatistics` of the same features.

        Returns:
            These statistics.

        Raises:
            ValueError: If the features differ in width or in protocol.
        """
        self.protocol.check_same("other", other.protocol)
        if self.count and other.count:
            check_same_width("other", self.num_features, other.num_features)
        if other.count:
            self._add(other.count, other._mean, other._scatter)
        return self

    def merge_processes(self, gathered: Callable) -> "FeatureStatistics":
        """Adds the samples that all other processes have seen; each has all then.

        Every process calls it, after it has seen its share of the samples. No more
        than a few rows of the covariances travel at once.

        Args:
            gathered: Function from an array to those of all processes, stacked:
                `keras_genmod.engine.gathered`.

        Returns:
            These statistics.

        Raises:
            ValueError: If the features differ in width or in protocol, in all
                processes alike.
        """
        text = json.dumps(dataclasses.asdict(self.protocol)).encode()
        heads = gathered(np.array([self.count, self.num_features, zlib.crc32(text)]))
        counts = heads[:, 0]
        seen = heads[counts > 0]
        if len(np.unique(heads[:, 2])) > 1 or len(np.unique(seen[:, 1])) > 1:
            raise ValueError(
                "All processes must have statistics of the same features. Received: "
                f"num_features={heads[:, 1].tolist()}, protocols "
                f"{heads[:, 2].tolist()}, this one {self.protocol}"
            )
        if not len(seen):
            return self
        width, total = int(seen[0, 1]), int(counts.sum())
        own_mean = self._mean if self.count else np.zeros(width)
        own_scatter = self._scatter if self.count else np.zeros((width, width))
        means = gathered(own_mean)
        mean = counts @ means / total
        offsets = means - mean
        scatter = (counts[:, None] * offsets).T @ offsets
        rows = max(1, _GATHERED // (len(heads) * width))
        for start in range(0, width, rows):
            block = gathered(own_scatter[start : start + rows])
            scatter[start : start + rows] += block.sum(axis=0)
        self.count, self._mean, self._scatter = total, mean, scatter
        return self

    def _add(self, count: int, mean: np.ndarray, scatter: np.ndarray) -> None:
        if not self.count:
            self.count, self._mean, self._scatter = count, mean.copy(), scatter.copy()
            return
        total = self.count + count
        offset = mean - self._mean
        self._scatter = self._scatter + scatter
        self._scatter += np.outer(offset * (self.count * (count / total)), offset)
        self._mean = self._mean + offset * (count / total)
        self.count = total

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a `.npz` file, whole or not at all, without pickle.

        Args:
            path: String or path of the file. Of several processes one writes: all give
                the place that the context `keras_genmod.engine.place_to_write(path)`
                gives them.

        Raises:
            OSError: If the file cannot be written.
        """
        with whole_files.writing(path, "wb") as file:
            np.savez(
                file,
                version=np.int64(_VERSION),
                count=np.int64(self.count),
                mean=self._mean,
                scatter=self._scatter,
                protocol=np.array(json.dumps(dataclasses.asdict(self.protocol))),
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "FeatureStatistics":
        """Reads what `save` wrote, and checks every array of it.

        Args:
            path: String or path of the file.

        Returns:
            `FeatureStatistics`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is another one, cut short, or inconsistent.
        """
        try:
            archive = NpzFile(path)
            _check_headers(archive.headers)
            arrays = {name: archive.read(name) for name in _SCHEMA}
            statistics = cls(_protocol(str(arrays["protocol"])))
            _check_sums(arrays)
        except ValueError as error:
            raise ValueError(
                "`path` must be a file written by FeatureStatistics.save. "
                f"Received: path={os.fspath(path)!r} with {error}"
            ) from error
        statistics.count = int(arrays["count"])
        statistics._mean = arrays["mean"].astype(np.float64, copy=False)
        statistics._scatter = arrays["scatter"].astype(np.float64, copy=False)
        return statistics

    def check_same_features(self, name: str, other: "FeatureStatistics") -> None:
        """Raises unless other statistics are of the same features.

        Args:
            name: String, what to call `other` in the message.
            other: `FeatureStatistics`.

        Raises:
            ValueError: If name, weights or resize of the features differ.
        """
        self.protocol.check_same(name, other.protocol, SOURCE_FIELDS)


def _protocol(text: str) -> Protocol:
    try:
        fields = json.loads(text)
        if fields.get("frequencies") is not None:
            fields["frequencies"] = tuple(fields["frequencies"])
        return Protocol(**fields)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"a protocol that cannot be read: {text[:200]!r}") from error


def _check_headers(headers: dict[str, Header]) -> None:
    """Raises a `ValueError` unless the arrays are those of `save`, none compressed.

    So a file cannot ask for more memory than it has bytes.
    """
    found = {
        name: (h.dtype.str[1:] if h.dtype.kind != "U" else "U", len(h.shape))
        for name, h in headers.items()
    }
    if found != _SCHEMA:
        raise ValueError(f"arrays {found}")
    size, square = headers["mean"].shape[0], headers["scatter"].shape
    if square != (size, size):
        raise ValueError(f"shapes {(size,)} and {square}")
    compressed = [name for name, header in headers.items() if header.is_compressed]
    if compressed:
        raise ValueError(f"compressed arrays {compressed}, which `save` never writes")


def _check_sums(arrays: dict[str, np.ndarray]) -> None:
    """Raises a `ValueError` unless version, count, mean and scatter can be."""
    version, count = int(arrays["version"]), int(arrays["count"])
    mean, scatter = arrays["mean"], arrays["scatter"]
    if version != _VERSION:
        raise ValueError(f"version {version}")
    if count < 0 or (count == 0) != (len(mean) == 0):
        raise ValueError(f"count {count} and {len(mean)} features")
    if not (np.isfinite(mean).all() and np.isfinite(scatter).all()):
        raise ValueError("NaN or infinite values")
    largest = float(np.diagonal(scatter).max(initial=0.0))
    for rows in range(0, len(mean), _ROWS):  # in blocks: a copy may not fit
        block = scatter[rows : rows + _ROWS]
        gap = np.abs(block - scatter[:, rows : rows + _ROWS].T)
        if gap.max() > _TOLERANCE * largest:
            raise ValueError("a scatter matrix that is not symmetric")
    if count < 2 and scatter.any():
        raise ValueError(f"a scatter matrix that is not zero of {count} samples")
    if len(mean) and not _is_positive(scatter, largest):
        raise ValueError("a scatter matrix with negative eigenvalues")


def _is_positive(scatter: np.ndarray, largest: float) -> bool:
    """Whether a symmetric matrix has no negative eigenvalue, up to rounding."""
    if np.diagonal(scatter).min() < 0:
        return False
    if largest == 0:
        return not scatter.any()
    shifted = scatter.astype(np.float64)
    shifted[np.diag_indices_from(shifted)] += _TOLERANCE * largest
    try:
        np.linalg.cholesky(shifted)
    except np.linalg.LinAlgError:
        return False
    return True
