"""Weights of presets as safetensors, whose hostile files are refused."""

import os
import pickle
import sys

import numpy as np
import pytest

from keras_genmod import VAE, from_preset
from tests.models.small_networks import small_network
from tests.presets.test_presets import _Bomb, arrays


@pytest.fixture(scope="module")
def model():
    made = VAE(small_network((3,), (4,)), small_network((2,), (3,)), 2, seed=3)
    made.compile("adam")
    return made


def test_weights_may_be_safetensors(model, tmp_path):
    numpy_files = pytest.importorskip("safetensors.numpy")
    folder = tmp_path / "safe"
    model.save_to_preset(folder, weights_format="safetensors")
    assert not (folder / "model.weights.h5").exists()
    loaded = from_preset(folder)
    for own, other in zip(arrays(loaded), arrays(model), strict=True):
        np.testing.assert_array_equal(own, other)
    # Hostile ones change nothing and are refused.
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    tensors = numpy_files.load(whole)
    first = sorted(tensors)[0]
    absurd = {**tensors, first: np.zeros((1, 10**6), "float32")}
    more = {**tensors, "999999/more": np.zeros(3, "float32")}
    shapes = "must have the shapes of its model's variables"
    for content, message in (
        (numpy_files.save(absurd), shapes),
        (numpy_files.save(more), shapes),
        (whole[:-8], "must be a safetensors file"),
        ((2**60).to_bytes(8, "little") + whole[8:], "must be a safetensors file"),
        (pickle.dumps(_Bomb()) + bytes(4096), "must be a safetensors file"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            from_preset(folder)
    path.unlink()
    os.symlink(folder / "config.json", path)
    with pytest.raises(ValueError, match="must hold no links"):
        from_preset(folder)


@pytest.mark.any_backend
def test_safetensors_are_an_extra(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match="pip install safetensors"):
        model.save_to_preset(tmp_path / "safe", weights_format="safetensors")
    assert not (tmp_path / "safe").exists()  # for another try
    for options, name in (
        ({"weights_format": "pickle"}, "weights_format"),
        ({"weights_format": "safetensors", "max_shard_size": 1.0}, "max_shard_size"),
    ):
        with pytest.raises(ValueError, match=f"`{name}` must"):
            model.save_to_preset(tmp_path / "other", **options)
