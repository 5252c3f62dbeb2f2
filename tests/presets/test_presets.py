"""Presets come back as the model that was saved, and hostile ones are refused."""

import json
import os
import pathlib
import pickle
import resource
import shutil
import sys
import types

import h5py
import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import GAN, VAE, data, from_preset, presets
from keras_genmod.evaluation import evaluate_likelihood
from keras_genmod.presets import files, writing
from tests.models.small_networks import small_network

CODE = ["Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer"]
CODE += ["FlaxLayer"]
SHIPPED = pathlib.Path(presets.__file__).parent / "shipped"


def vae(**options):
    return VAE(small_network((3,), (4,)), small_network((2,), (3,)), 2, **options)


def arrays(model):
    # Copies: on torch an array would share the variable's memory.
    return [np.array(ops.convert_to_numpy(v)) for v in model.variables]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model that was trained a step, and its preset."""
    model = vae(seed=3)
    model.compile("adam")
    x = np.random.default_rng(0).integers(2, size=(8, 3)).astype("float32")
    model.fit(x, verbose=0)
    before = arrays(model)
    folder = tmp_path_factory.mktemp("presets") / "mine"
    model.save_to_preset(
        folder,
        description="Three values.",
        metadata={"dataset": "coins", "sizes": np.arange(2)},
        figures={
            "log_prob": evaluate_likelihood(
                model, x, dataset="coins", split="train", seed=0, num_samples=2
            )
        },
        samples=np.zeros((2, 4, 4)),
    )
    for own, other in zip(arrays(model), before, strict=True):
        np.testing.assert_array_equal(own, other)  # writing changes no model
    return model, folder


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of the preset, to be damaged."""
    return pathlib.Path(shutil.copytree(saved[1], tmp_path / "copy"))


def test_a_preset_is_the_model_with_its_seeds(saved):
    model, folder = saved
    loaded = from_preset(folder)
    for own, other in zip(arrays(loaded), arrays(model), strict=True):
        np.testing.assert_array_equal(own, other)
    drawn = [ops.convert_to_numpy(m.sample(3, seed=0)) for m in (model, loaded)]
    np.testing.assert_allclose(*drawn, atol=1e-6)
    assert not loaded.compiled


def test_a_preset_holds_no_optimizer(saved):
    with h5py.File(saved[1] / "model.weights.h5") as file:
        assert "optimizer" not in file
    assert "compile_config" not in json.loads((saved[1] / "config.json").read_text())


def test_weights_may_lie_in_several_files(tmp_path):
    shape = (150,)
    model = GAN(small_network((2,), shape), small_network(shape, (1,)), 2, seed=0)
    model.save_to_preset(tmp_path / "few", max_shard_size=6e-6)
    assert len(list((tmp_path / "few").glob("model_*.weights.h5"))) > 1
    drawn = [
        ops.convert_to_numpy(m.sample(3, seed=0))
        for m in (model, from_preset(tmp_path / "few"))
    ]
    np.testing.assert_array_equal(*drawn)
    # Of which none may lie elsewhere.
    path = tmp_path / "few" / "model.weights.json"
    content = path.read_text()
    name = next((tmp_path / "few").glob("model_*.weights.h5")).name
    path.write_text(content.replace(name, f"../{name}"))
    with pytest.raises(ValueError, match="must hold its files in its folder itself"):
        from_preset(tmp_path / "few")


@pytest.mark.parametrize("name", ["digits_rbm", "digits_vae"])
def test_shipped_presets_work_offline(name):
    model = from_preset(name)
    assert name in presets.shipped()
    x = data.binarize(data.load("digits", "test")[0], "static", seed=0)
    x = x.reshape(len(x), *model.data_shape)
    if name == "digits_vae":
        # The figure that its card gives; here with fewer draws.
        said = presets.metadata_of(name)["figures"]["log_prob"]["mean"]
        found = ops.mean(model.log_prob(x[:120], num_samples=50, seed=0))
        np.testing.assert_allclose(float(found), said, atol=1.0)
    else:
        # Data are likelier than noise of the same mean.
        noise = np.random.default_rng(0).permuted(x, axis=1)
        assert ops.mean(model.free_energy(x)) < ops.mean(model.free_energy(noise)) - 20


# What no backend takes part in.


@pytest.mark.any_backend
def test_shipped_presets_are_small():
    for name in presets.shipped():
        files = list((SHIPPED / name).iterdir())
        assert sum(path.stat().st_size for path in files) < 200_000
        assert {path.name for path in files} == {
            "README.md",
            "config.json",
            "metadata.json",
            "model.weights.h5",
            "samples.png",
        }


@pytest.mark.any_backend
def test_cards_say_what_a_preset_is(saved):
    model, folder = saved
    card = (folder / "README.md").read_text()
    for part in ("Three values.", "samples.png", "dataset: coins", "kind=lower_bound"):
        assert part in card
    said = presets.metadata_of(folder)
    assert said["sizes"] == [0, 1]
    assert said["figures"]["log_prob"]["protocol"]["dataset"] == "coins"
    assert said["num_parameters"] == model.count_params()


@pytest.mark.any_backend
def test_figures_that_are_no_numbers_are_null(tmp_path):
    figures = {"mean": float("nan"), "draws": np.array([1.0, -np.inf])}
    vae().save_to_preset(tmp_path / "preset", figures=figures)
    assert presets.metadata_of(tmp_path / "preset")["figures"] == {
        "mean": None,
        "draws": [1.0, None],
    }


@pytest.mark.any_backend
@pytest.mark.parametrize("name", ["layout", "figures"])
def test_metadata_are_none_of_what_every_preset_says(name, tmp_path):
    with pytest.raises(ValueError, match=f"`metadata` must.*with {name}"):
        vae().save_to_preset(tmp_path / "preset", metadata={name: 7})
    assert not (tmp_path / "preset").exists()


@pytest.mark.any_backend
def test_a_folder_that_holds_something_is_left_alone(saved):
    model, folder = saved
    with pytest.raises(ValueError, match="`folder` must be empty or not there"):
        model.save_to_preset(folder)


@pytest.mark.any_backend
@pytest.mark.parametrize("is_there", [False, True])
def test_a_writing_that_breaks_leaves_nothing(is_there, tmp_path, monkeypatch):
    place = tmp_path / "rooms" / "mine"
    (place if is_there else place.parent).mkdir(parents=True)
    before = set(tmp_path.rglob("*"))

    def broken(path, images):
        raise KeyboardInterrupt  # the weights are written

    with monkeypatch.context() as patches:
        patches.setattr(writing, "save_png", broken)
        with pytest.raises(KeyboardInterrupt):
            vae().save_to_preset(place, samples=np.zeros((2, 4, 4)))
    assert set(tmp_path.rglob("*")) == before
    vae().save_to_preset(place)
    assert list(place.parent.iterdir()) == [place]
    assert from_preset(place).latent_dim == 2


@pytest.mark.any_backend
def test_a_folder_of_a_preset_is_as_any_other(tmp_path):
    (tmp_path / "other").mkdir()
    vae().save_to_preset(f"{tmp_path}/new/preset/")
    assert (tmp_path / "new" / "preset").stat().st_mode == (
        (tmp_path / "other").stat().st_mode
    )


@pytest.mark.any_backend
def test_an_empty_folder_stays_itself(tmp_path, monkeypatch):
    """Which may be where the program works, a link, or all that can be written to."""
    places = [tmp_path / name for name in ("here", "there", "alone")]
    for place in places:
        place.mkdir()
    before = [place.stat().st_ino for place in places]
    monkeypatch.chdir(places[0])
    vae().save_to_preset(".")
    assert from_preset(".").latent_dim == 2
    (tmp_path / "link").symlink_to(places[1])
    vae().save_to_preset(tmp_path / "link")
    monkeypatch.setattr(os, "access", lambda path, mode: path != str(tmp_path))
    vae().save_to_preset(places[2])
    assert [place.stat().st_ino for place in places] == before
    for place in places:
        assert sorted(path.name for path in place.iterdir()) == [
            "README.md",
            "config.json",
            "metadata.json",
            "model.weights.h5",
        ]


@pytest.mark.any_backend
def test_a_file_is_no_folder_to_write_to(tmp_path):
    path = tmp_path / "mine"
    path.write_text("kept")
    with pytest.raises(ValueError, match="`folder` must be a folder, or not.*mine"):
        vae().save_to_preset(path)
    assert path.read_text() == "kept" and list(tmp_path.iterdir()) == [path]


@pytest.mark.any_backend
@pytest.mark.parametrize("name", ["none", "../mine", "hf://user", "hf://a/../b"])
def test_names_that_are_no_preset_are_refused(name):
    with pytest.raises(ValueError, match="`preset` must be"):
        from_preset(name)


@pytest.mark.any_backend
def test_presets_of_the_hub_are_fetched_without_links(saved, monkeypatch, tmp_path):
    """And without what an earlier commit had, which here has damaged weights more."""
    commits = [tmp_path / "hub" / name for name in ("earlier", "later")]
    for commit in commits:
        commit.mkdir(parents=True)
        for name in ("config.json", "metadata.json", "model.weights.h5"):
            os.symlink(saved[1] / name, commit / name)
    (commits[0] / "model.safetensors").write_bytes(b"damaged" * 1000)
    calls = []

    def snapshot_download(repository, **options):
        calls.append((repository, options))
        return str(commits[len(calls) - 1])

    module = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    with pytest.raises((ImportError, ValueError), match="safetensors"):
        from_preset("hf://user/some.name")
    assert from_preset("hf://user/some.name").latent_dim == 2
    repository, options = calls[0]
    assert repository == "user/some.name"
    assert not any(name.endswith((".py", ".pkl")) for name in options["allow_patterns"])
    kept = tmp_path / "home" / "keras_genmod" / "user" / "some.name"
    assert sorted(path.name for path in kept.iterdir()) == ["earlier", "later"]


@pytest.mark.any_backend
def test_a_hub_out_of_reach_is_named(monkeypatch):
    def snapshot_download(repository, **options):
        raise ConnectionError("no way there")

    module = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    with pytest.raises(OSError, match="`preset` must be .*hf://a/b' .no way there"):
        from_preset("hf://a/b")


@pytest.mark.any_backend
@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5"])
def test_links_are_refused(name, folder, saved):
    (folder / name).unlink()
    os.symlink(saved[1] / name, folder / name)
    with pytest.raises(ValueError, match="must hold no links"):
        from_preset(folder)


@pytest.mark.any_backend
@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5"])
def test_every_file_must_be_there(name, folder):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"must hold the file '{name}'"):
        from_preset(folder)


def changed(folder, change):
    """Changes the configuration of a preset."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


@pytest.mark.any_backend
@pytest.mark.parametrize("name", CODE)
def test_code_is_refused(name, folder):
    code = {"class_name": name, "module": "keras.layers", "config": {}}
    changed(folder, lambda config: config["config"].update(encoder=code))
    with pytest.raises(ValueError, match="must hold no code"):
        from_preset(folder)


@pytest.mark.any_backend
def test_a_model_of_code_is_not_written(tmp_path):
    inputs = keras.Input((3,))
    x = keras.layers.Lambda(lambda x: x, output_shape=(3,))(inputs)
    encoder = keras.Model(inputs, keras.layers.Dense(4)(x))
    model = VAE(encoder, small_network((2,), (3,)), 2)
    with pytest.raises(ValueError, match="must hold no code"):
        model.save_to_preset(tmp_path / "preset")
    assert not (tmp_path / "preset").exists()


@pytest.mark.any_backend
@pytest.mark.parametrize("module", ["os", "subprocess", "keras_hub.layers"])
def test_modules_beyond_the_package_are_refused(module, folder):
    other = {"class_name": "system", "module": module, "config": {}}
    changed(folder, lambda config: config["config"].update(encoder=other))
    with pytest.raises(ValueError, match="must be of Keras, of keras_genmod, or"):
        from_preset(folder)


@pytest.mark.any_backend
def test_files_that_are_not_loaded_raise_no_limit(folder):
    size = files.num_weight_bytes(str(folder))
    with (folder / "other.weights.h5").open("wb") as file:
        file.truncate(2**40)  # takes no room
    os.symlink(folder / "other.weights.h5", folder / "link.weights.h5")
    assert files.num_weight_bytes(str(folder)) == size
    assert size == (folder / "model.weights.h5").stat().st_size


@pytest.mark.any_backend
def test_absurd_sizes_are_refused_before_anything_is_made(folder):
    changed(folder, lambda config: config["config"].update(latent_dim=10**13))
    with pytest.raises(ValueError, match="sizes must be at most.*latent_dim=1"):
        from_preset(folder)


@pytest.mark.any_backend
def test_tables_have_a_largest_length(folder):
    schedule = {"class_name": "CosineSchedule", "config": {"num_steps": 2**24}}
    changed(folder, lambda config: config["config"].update(schedule=schedule))
    with pytest.raises(ValueError, match="at most 65536. Received: num_steps=16777"):
        from_preset(folder)


def wider(units):
    """Returns a change that makes two layers of the encoder so wide."""

    def change(config):
        encoder = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
        encoder.add(keras.layers.Dense(4))
        encoder = json.loads(json.dumps(keras.saving.serialize_keras_object(encoder)))
        for layer in encoder["config"]["layers"][1:]:
            layer["config"]["units"] = units
            layer.pop("build_config")
        config["config"]["encoder"] = encoder

    return change


@pytest.mark.parametrize("units", [2 * 10**9, 10**5, 15_000])
def test_no_memory_is_taken_that_the_weights_cannot_fill(units, folder):
    changed(folder, wider(units))
    before = peak_kilobytes()
    with pytest.raises(ValueError, match="weights (can|must) fill"):
        from_preset(folder)
    with keras.StatelessScope():  # where Keras makes what it has put off
        pass
    assert peak_kilobytes() < before + 2**19  # half a GiB


def peak_kilobytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.any_backend
@pytest.mark.parametrize("error", [RuntimeError, MemoryError, IndexError])
def test_what_fails_while_it_is_made_is_no_preset(error, folder, monkeypatch):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(VAE, "from_config", fail)
    with pytest.raises(ValueError, match="must describe a model"):
        from_preset(folder)


@pytest.mark.any_backend
def test_sizes_that_are_of_no_weight_are_taken(tmp_path):
    vae(tc_weight=1.0, num_examples=10**6).save_to_preset(tmp_path / "preset")
    assert from_preset(tmp_path / "preset").num_examples == 10**6


def test_a_preset_trains_on(saved):
    model = from_preset(saved[1])
    before = arrays(model)
    model.compile("adam")
    model.fit(np.ones((8, 3), "float32"), verbose=0)
    assert any((a != b).any() for a, b in zip(arrays(model), before, strict=True))


@pytest.mark.any_backend
def test_absurd_texts_are_refused(folder, monkeypatch):
    (folder / "config.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="must be JSON"):
        from_preset(folder)
    monkeypatch.setattr(presets.loading.files, "_LARGEST_TEXT", 10)
    with pytest.raises(ValueError, match="must have at most 10 bytes"):
        from_preset(folder)


@pytest.mark.any_backend
def test_a_layer_is_no_preset(folder):
    layer = keras.saving.serialize_keras_object(keras.layers.Dense(2))
    (folder / "config.json").write_text(json.dumps(layer))
    with pytest.raises(ValueError, match="must describe a model of keras_genmod"):
        from_preset(folder)


@pytest.mark.any_backend
@pytest.mark.parametrize("layout", [None, 2, "1"])
def test_other_layouts_are_refused(layout, folder):
    (folder / "metadata.json").write_text(json.dumps({"layout": layout}))
    with pytest.raises(ValueError, match="`layout` of a preset must be 1 to 1"):
        from_preset(folder)


class _Bomb:
    def __reduce__(self):
        return os.abort, ()


@pytest.mark.any_backend
def test_a_pickle_is_not_read(folder):
    (folder / "model.weights.h5").write_bytes(pickle.dumps(_Bomb()) + bytes(4096))
    with pytest.raises(ValueError, match="must be an HDF5 file of its model"):
        from_preset(folder)


@pytest.mark.any_backend
def test_damaged_weights_are_refused(folder):
    path = folder / "model.weights.h5"
    path.write_bytes(path.read_bytes().replace(b"SNOD", b"DONS"))  # RuntimeError
    with pytest.raises(ValueError, match="must be an HDF5 file of its model"):
        from_preset(folder)


@pytest.mark.any_backend
def test_arrays_larger_than_the_model_are_not_read(folder):
    with h5py.File(folder / "model.weights.h5", "r+") as file:
        file.create_dataset("vars/99", shape=(10**9,), dtype="f4", chunks=True)
    with pytest.raises(ValueError, match="larger than any variable"):
        from_preset(folder)


@pytest.mark.any_backend
@pytest.mark.filterwarnings("ignore:Skipping nested container")  # of Keras, before
@pytest.mark.parametrize("kind", ["storage", "link"])
def test_weights_that_lie_in_another_file_are_not_read(kind, folder, monkeypatch):
    name, other = "encoder/layers/dense/vars/0", folder.parent / "other"
    with h5py.File(folder / "model.weights.h5", "r+") as file:
        values = np.full(file[name].shape, 7.0, "float32")
        del file[name]
        file[name] = values
    given, assign = [], keras.Variable.assign

    def noting(self, value):
        given.append(np.array(ops.convert_to_numpy(value)))
        return assign(self, value)

    monkeypatch.setattr(keras.Variable, "assign", noting)
    from_preset(folder)
    assert any((value == 7.0).any() for value in given)
    given.clear()
    with h5py.File(folder / "model.weights.h5", "r+") as file:
        del file[name]
        if kind == "storage":
            other.write_bytes(values.tobytes())
            places = [(str(other), 0, h5py.h5f.UNLIMITED)]
            file.create_dataset(name, values.shape, "f4", external=places)
        else:
            with h5py.File(other, "w") as elsewhere:
                elsewhere["values"] = values
            file[name] = h5py.ExternalLink(str(other), "/values")
        assert (file[name][...] == 7.0).all()
    with pytest.raises(ValueError, match="could not be loaded"):
        from_preset(folder)
    assert not any((value == 7.0).any() for value in given)
