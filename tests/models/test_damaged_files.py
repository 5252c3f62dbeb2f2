"""Files that are damaged, hostile, or another model's are errors that say so."""

import h5py
import keras
import numpy as np
import pytest

from keras_genmod import GAN, RBM, VAE
from keras_genmod.engine.backend import random_state
from tests.models.small_networks import small_network


def vae():
    return VAE(small_network((3,), (2,)), small_network((2,), (3,)), 2, seed=0)


def gan():
    model = GAN(small_network((2,), (3,)), small_network((3,), (1,)), 2, seed=0)
    model.compile("adam")
    return model


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.weights.h5"


def damaged(model, path, damage):
    """Returns the path of the model's weights after a function of the HDF5 file."""
    model.save_weights(path)
    with h5py.File(path, "r+") as file:
        damage(file)
    return path


def put(name, value, **options):
    def damage(file):
        del file[name]
        file.create_dataset(name, data=value, **options)

    return damage


@pytest.mark.parametrize(
    "seed",
    [
        [np.nan, 0.0],
        [-1, 0],
        [0.5, 0.0],
        [1.0, 0.0],
        [1 + 2j, 0],
        [2**32, 0],
        [1, 2, 3],
        7,
        b"seed",
    ],
    ids=str,
)
def test_an_absurd_seed_is_refused(seed, path):
    damaged(vae(), path, put("vars/seed_state_0", seed))
    with pytest.raises(ValueError, match="`seed_state_0` must be two integers"):
        vae().load_weights(path)


@pytest.mark.parametrize("seed", [0, 2**31 + 5, 2**32 - 1])
def test_all_seeds_of_32_bits_come_back(seed, path):
    model, loaded = vae(), vae()
    dtype = model.seed_generator.state.dtype
    model.seed_generator.state.assign(np.array([seed, 3], "uint32").astype(dtype))
    model.save_weights(path)
    loaded.load_weights(path)
    states = [m.seed_generator.state.numpy() for m in (loaded, model)]
    np.testing.assert_array_equal(*states)


@pytest.mark.parametrize("name", ["vars/seed_state_0", "vars/0", "vars"])
def test_what_the_model_owns_must_be_there(name, path):
    rbm = RBM(3, 2, seed=0)
    damaged(rbm, path, lambda file: file.pop(name))
    with pytest.raises(ValueError, match="must hold the model's own arrays.*Missing"):
        rbm.load_weights(path)


def test_further_numbers_are_refused(path):
    rbm = RBM(3, 2, seed=0)
    damaged(rbm, path, lambda file: file.create_dataset("vars/99", data=[1.0]))
    with pytest.raises(ValueError, match=r"unknown: \['99'\]"):
        rbm.load_weights(path)


def test_names_of_others_are_not_read(path, monkeypatch):
    rbm, read = RBM(3, 2, seed=0), []
    damaged(rbm, path, lambda file: file.create_dataset("vars/other", data=[1.0]))
    getitem = keras.src.saving.saving_lib.H5IOStore.__getitem__

    def reads(self, name):
        read.append(name)
        return getitem(self, name)

    monkeypatch.setattr("keras.src.saving.saving_lib.H5IOStore.__getitem__", reads)
    rbm.load_weights(path)
    assert read and "other" not in read


@pytest.mark.parametrize("name", ["vars/99", "encoder/layers/dense/vars/0"])
def test_an_array_beyond_the_model_is_not_read(name, path):
    def claim(file):
        file.pop(name, None)
        file.create_dataset(name, shape=(10**9,), dtype="f4", chunks=True, fillvalue=0)

    damaged(vae(), path, claim)
    assert path.stat().st_size < 10**6
    with pytest.raises(ValueError, match="larger than any variable"):
        vae().load_weights(path)


def test_weights_that_are_not_finite_are_named(tmp_path):
    model, path = vae(), tmp_path / "model.keras"
    model.encoder.layers[-2].kernel.assign(np.full((8, 2), np.nan))
    model.save(path)
    with pytest.warns(UserWarning, match=r"NaN or infinite .* 1 arrays: encoder/.*"):
        keras.saving.load_model(path)


def test_missing_slots_are_an_error(path):
    damaged(gan(), path, lambda file: file.pop("optimizer"))
    with pytest.raises(ValueError, match="slots of the optimizers of discriminator"):
        gan().load_weights(path)


def test_every_slot_is_in_the_file_once(path):
    model, sizes = gan(), []
    model.save_weights(path)
    with h5py.File(path) as file:
        file["optimizer"].visititems(
            lambda _, item: sizes.append(getattr(item, "size", 0))
        )
    assert sum(sizes) == sum(np.prod(v.shape) for v in model.optimizer.variables)


def test_loading_leaves_the_global_generator_alone(tmp_path):
    vae().save(tmp_path / "model.keras")
    keras.utils.set_random_seed(7)
    before = random_state()
    keras.saving.load_model(tmp_path / "model.keras")
    for name, state in random_state().items():
        np.testing.assert_array_equal(state, before[name])


@pytest.mark.parametrize("name", ["model.h5", "model.hdf5", "model.weights.h5"])
def test_hdf5_files_of_whole_models_are_refused(name, tmp_path):
    with pytest.raises(ValueError, match="`filepath` must end in '.keras'"):
        RBM(3, 2).save(tmp_path / name)
