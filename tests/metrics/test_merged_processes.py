"""Statistics of processes that have each seen a part of the samples."""

import concurrent.futures
import threading

import numpy as np
import pytest

from keras_genmod.engine import place_to_write, processes
from keras_genmod.metrics import FeatureStatistics, Protocol, feature_statistics

pytestmark = pytest.mark.any_backend


def in_processes(function, count):
    """Returns what a function of rank and `gathered` returns in each thread."""
    barrier, given = threading.Barrier(count), [None] * count

    def run(rank):
        def gathered(array):
            given[rank] = array
            barrier.wait()
            found = np.stack(given)
            barrier.wait()
            return found

        return function(rank, gathered)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_parts_are_merged_as_all_at_once(rng, monkeypatch):
    monkeypatch.setattr(feature_statistics, "_GATHERED", 3 * 4 * 2)  # rows at a time
    features = rng.normal(size=(30, 4)) @ rng.normal(size=(4, 4)) + 1e4
    parts = [features[:7], features[:0], features[7:]]  # one has seen nothing

    def merged(rank, gathered):
        statistics = FeatureStatistics()
        if len(parts[rank]):
            statistics.update(parts[rank])
        return statistics.merge_processes(gathered)

    for statistics in in_processes(merged, 3):
        assert statistics.count == 30
        np.testing.assert_allclose(statistics.mean, features.mean(0), rtol=1e-13)
        np.testing.assert_allclose(
            statistics.covariance, np.cov(features, rowvar=False), rtol=1e-9
        )


def test_one_process_writes(rng, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "num_processes", lambda: 2)
    monkeypatch.setattr(processes, "gathered", lambda array: array)
    path = tmp_path / "real.npz"
    for rank in (1, 0):
        monkeypatch.setattr(processes, "process_id", lambda rank=rank: rank)
        statistics = FeatureStatistics().update(rng.normal(size=(4 + rank, 2)))
        with place_to_write(str(path)) as place:
            statistics.save(place)
        assert path.exists() == (rank == 0)
    assert FeatureStatistics.load(path).count == 4


@pytest.mark.parametrize("differs", ["width", "protocol"])
def test_other_features_are_refused_in_all(differs):
    def merged(rank, gathered):
        name = "b" if differs == "protocol" and rank else "a"
        width = 3 if differs == "width" and rank else 2
        statistics = FeatureStatistics(Protocol(features=name))
        statistics.update(np.eye(width))
        with pytest.raises(ValueError, match="same features.*Received: num_features="):
            statistics.merge_processes(gathered)
        return statistics.count

    assert in_processes(merged, 2) == [2, 2 + (differs == "width")]


def test_nothing_merged_is_nothing():
    def merged(rank, gathered):
        return FeatureStatistics().merge_processes(gathered).count

    assert in_processes(merged, 2) == [0, 0]
