"""Files of feature statistics: they keep everything, and bad ones are refused."""

import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from keras_genmod import metrics

pytestmark = pytest.mark.any_backend


def features(count, dim):
    return np.random.default_rng(0).normal(size=(count, dim)) + 3.0


def test_files_keep_everything(tmp_path):
    path = tmp_path / "real.npz"
    protocol = metrics.Protocol(
        features="digits/dense", weights_hash="ab", split="test"
    )
    x = features(30, 4)
    metrics.FeatureStatistics(protocol).update(x).save(path)
    loaded = metrics.FeatureStatistics.load(path)
    assert loaded.protocol == protocol
    assert metrics.frechet_distance(loaded, x).value == pytest.approx(0, abs=1e-10)
    assert metrics.frechet_distance(loaded, x).protocol.features == "digits/dense"
    np.testing.assert_array_equal(
        loaded.update(x).covariance,
        metrics.FeatureStatistics(protocol).update(x).update(x).covariance,
    )


def arrays():
    return {
        "version": np.int64(1),
        "count": np.int64(3),
        "mean": np.zeros(2),
        "scatter": np.eye(2),
        "protocol": np.array("{}"),
    }


BAD_FILES = {
    "no count": {"count": None},
    "another version": {"version": np.int64(9)},
    "more arrays": {"extra": np.zeros(1)},
    "an object": {"mean": np.array([{}, 1], dtype=object)},
    "shapes": {"scatter": np.eye(3)},
    "a negative count": {"count": np.int64(-1)},
    "NaN": {"mean": np.array([0.0, np.nan])},
    "asymmetry": {"scatter": np.array([[1.0, 0.5], [0.0, 1.0]])},
    "an indefinite scatter": {"scatter": np.array([[1.0, 2.0], [2.0, 1.0]])},
    "a negative variance": {"scatter": np.diag([1.0, -1e-12])},
    "a scatter of one sample": {"count": np.int64(1)},
    "more than float64": {"mean": np.full(2, "1e400", np.longdouble)},
    "text": {"protocol": np.array("{")},
    "an unknown field": {"protocol": np.array('{"colour": "red"}')},
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_are_refused(case, tmp_path):
    path = tmp_path / "bad.npz"
    contents = {**arrays(), **BAD_FILES[case]}
    np.savez(path, **{k: v for k, v in contents.items() if v is not None})
    with pytest.raises(ValueError, match="`path` must be a file written by"):
        metrics.FeatureStatistics.load(path)


def test_a_scatter_of_fewer_samples_than_features_comes_back(tmp_path):
    # Its smallest eigenvalues are zero, or a rounding error below.
    x = features(5, 40) @ np.diag(np.logspace(-6, 3, 40))
    for part in (x, x[:1]):
        statistics = metrics.FeatureStatistics().update(part)
        statistics.save(tmp_path / "few.npz")
        loaded = metrics.FeatureStatistics.load(tmp_path / "few.npz")
        np.testing.assert_array_equal(loaded.mean, statistics.mean)


def test_no_file_asks_for_more_memory_than_it_has_bytes(tmp_path):
    size = 3000  # 72 MB of zeros compress to 70 kB
    large = {"mean": np.zeros(size), "scatter": np.zeros((size, size))}
    np.savez_compressed(tmp_path / "packed.npz", **{**arrays(), **large})
    header = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (size, size)}
    np.lib.format.write_array_header_1_0(header, shape)
    np.savez(tmp_path / "claimed.npz", **{**arrays(), "mean": np.zeros(size)})
    with zipfile.ZipFile(tmp_path / "claimed.npz") as old:
        members = {name: old.read(name) for name in old.namelist()}
    members["scatter.npy"] = header.getvalue() + bytes(64)
    with zipfile.ZipFile(tmp_path / "claimed.npz", "w") as new:
        for name, content in members.items():
            new.writestr(name, content)
    for name, message in (("packed", "compressed arrays"), ("claimed", "in 64 bytes")):
        tracemalloc.start()
        with pytest.raises(ValueError, match=f"`path` must be a file.*{message}"):
            metrics.FeatureStatistics.load(tmp_path / f"{name}.npz")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 10e6


def test_a_damaged_file_is_refused_or_the_same(tmp_path):
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays())
    whole = path.read_bytes()
    for i in range(0, len(whole), 11):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 0xFF]) + whole[i + 1 :])
        try:
            loaded = metrics.FeatureStatistics.load(path)
        except ValueError as error:
            assert "`path` must be a file written by" in str(error)
        else:
            np.testing.assert_array_equal(loaded.covariance, np.eye(2) / 2)


@pytest.mark.parametrize("kept", [0, 10, 400, 700])
def test_cut_files_are_refused(kept, tmp_path):
    path = tmp_path / "cut.npz"
    np.savez(path, **arrays())
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match="`path` must be a file written by"):
        metrics.FeatureStatistics.load(path)
