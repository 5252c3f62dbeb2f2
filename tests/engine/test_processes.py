"""Processes that train together do what one does; others say so before they train."""

import json
import os
import sys
import tempfile
import types

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image

import keras_genmod
from keras_genmod import Autoencoder, data, evaluation
from keras_genmod.engine import backend
from tests.engine import run_processes
from tests.engine.run_processes import state
from tests.exporting.readers import outputs_of
from tests.models.small_networks import small_network
from tests.several_processes import environment, free_port, run_together

BACKEND = keras.backend.backend()
X = np.zeros((4, 3), "float32")
on_several = pytest.mark.skipif(
    BACKEND == "tensorflow", reason="TensorFlow has one process"
)


def compiled():
    model = Autoencoder(small_network((3,), (2,)), small_network((2,), (3,)))
    model.compile("sgd")
    return model


@pytest.fixture(scope="module")
def folder(jax_options):
    """Where two processes have left what they trained."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        run_processes.save_images(folder)
        command = [sys.executable, "-m", "tests.engine.run_processes"]
        each = [[rank, "2", port, folder] for rank in "01"]
        run_together(command, each, 2 * [environment(**jax_options)])
        yield folder


def numbers(folder, name, rank):
    return dict(np.load(os.path.join(folder, f"{name}_{rank}.npz")))


@on_several
@pytest.mark.parametrize("name", run_processes.CASES)
def test_two_processes_equal_one(folder, name, tmp_path):
    first, second = (numbers(folder, name, rank) for rank in (0, 1))
    shared = [key for key in first if not key.startswith("own_")]
    for key in shared:
        np.testing.assert_array_equal(first[key], second[key], err_msg=key)
    own = [key for key in first if key.startswith("own_")]
    for key in own:
        assert (first[key] != second[key]).any(), key
    assert np.isfinite(first["losses"]).all()
    covariance = np.cov(run_processes.POINTS.astype("float64"), rowvar=False)
    np.testing.assert_allclose(first["covariance"], covariance, rtol=1e-12)
    if BACKEND == "jax" or name in ("autoencoder", "two_players"):  # no draws
        model, single = run_processes.train(name, str(tmp_path))
        if "samples" in first:
            single["samples"] = np.array(model.sample(4, seed=0))
        if name != "two_players":  # of no images
            single |= run_processes.from_folder(model, folder)
        for key in single:
            np.testing.assert_allclose(first[key], single[key], atol=1e-5, err_msg=key)


@pytest.mark.skipif(BACKEND != "torch", reason="the others see to it themselves")
def test_moving_statistics_change_by_the_mean_over_processes(monkeypatch):
    from keras_genmod.engine import torch_processes

    monkeypatch.setattr(torch_processes, "num_processes", lambda: 2)

    def averaged(changes):  # with those of a process whose data change nothing
        return [change / 2 for change in changes]

    monkeypatch.setattr(torch_processes, "averaged", averaged)
    layer = keras.layers.BatchNormalization()
    layer.build((None, 3))
    layer.moving_mean.assign([1.0, 1.0, 1.0])
    with torch_processes.shared_changes(layer):
        layer.moving_mean.assign([3.0, 5.0, 1.0])
    found = ops.convert_to_numpy(layer.moving_mean)
    np.testing.assert_array_equal(found, [2.0, 3.0, 1.0])


@pytest.mark.skipif(BACKEND != "jax", reason="keras.distribution splits on JAX")
def test_kernels_split_between_processes_train_alike(folder):
    whole = numbers(folder, "vae", 0)
    for rank in (0, 1):
        for key, value in numbers(folder, "split", rank).items():
            np.testing.assert_allclose(value, whole[key], atol=1e-5, err_msg=key)
    # Files hold them whole.
    model = keras.saving.load_model(os.path.join(folder, "split.keras"))
    for i, value in enumerate(state(model)):
        np.testing.assert_allclose(value, whole[f"weight_{i}"], atol=1e-5)
    preset = keras_genmod.from_preset(os.path.join(folder, "split_preset"))
    for value, other in zip(state(preset), state(model), strict=True):
        np.testing.assert_array_equal(value, other)
    model.load_weights(os.path.join(folder, "split.weights.h5"))
    for value, other in zip(state(preset), state(model), strict=True):
        np.testing.assert_array_equal(value, other)


@on_several
@pytest.mark.parametrize("name", run_processes.CASES)
def test_one_process_writes(folder, name):
    place = os.path.join(folder, name)
    with open(os.path.join(place, "log.csv")) as file:
        assert [line.split(",")[0] for line in file] == ["epoch", "0"]
    assert len(os.listdir(os.path.join(place, "board", "train"))) == 1
    if name == "wgan_gp":
        assert os.listdir(os.path.join(place, "pictures")) == ["samples_epoch_0001.png"]
        with open(os.path.join(place, "evaluation.json")) as file:
            logged = json.load(file)["epochs"]["0"]["kernel_distance"]
        assert logged == pytest.approx(numbers(folder, name, 0)["kernel_distance"][0])
    else:
        assert "val_loss" in numbers(folder, name, 0)
    left = [f for _, _, files in os.walk(place) for f in files if ".part" in f]
    assert not left
    if name != "two_players":
        found = numbers(folder, name, 0)
        model = keras.saving.load_model(os.path.join(place, "whole.keras"))
        if "many" in found:
            many = evaluation.draw_samples(model, 10, batch_size=4, seed=2)
            np.testing.assert_allclose(found["many"], many, atol=1e-5)
        for i, value in enumerate(state(model)):
            np.testing.assert_array_equal(value, found[f"weight_{i}"])
        preset = keras_genmod.from_preset(os.path.join(place, "preset"))
        for value, other in zip(state(preset), state(model), strict=True):
            np.testing.assert_array_equal(value, other)


@on_several
def test_one_process_exports(folder):
    for name in run_processes.CASES.keys() & run_processes.DECODERS:
        file = os.path.join(folder, name, run_processes.DECODERS[name])
        model = keras.saving.load_model(os.path.join(folder, name, "whole.keras"))
        z = run_processes.POINTS.reshape(-1, model.decoder.input_shape[-1])
        found = outputs_of(file, {"jax": "onnx"}.get(BACKEND, BACKEND), {"z": z})
        expected = np.array(ops.convert_to_numpy(model.decode(z)))
        np.testing.assert_allclose(found, expected, atol=1e-5)


def refuses(model, message):
    weights = [w.copy() for w in model.get_weights()]
    for train in (model.fit, model.train_on_batch):
        with pytest.raises(RuntimeError, match=message):
            train(X)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.skipif(BACKEND != "torch", reason="there is none of torch's so far")
def test_a_distribution_of_keras_is_refused(monkeypatch):
    model = compiled()
    monkeypatch.setattr(keras.distribution, "distribution", types.SimpleNamespace)
    refuses(model, "not train under `keras.distribution`.*init_process_group")


@pytest.mark.skipif(BACKEND != "jax", reason="processes of JAX need a distribution")
def test_processes_without_a_distribution_are_refused(monkeypatch):
    import jax

    monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    refuses(compiled(), "other weights in each of 2 processes")


@pytest.mark.skipif(BACKEND != "tensorflow", reason="strategies are TensorFlow's")
def test_a_strategy_of_several_hosts_is_refused():
    import tensorflow as tf

    with tf.distribute.MultiWorkerMirroredStrategy().scope():
        model = compiled()
    refuses(model, "MirroredStrategy.*keras.distribution")


@pytest.mark.any_backend
@pytest.mark.parametrize("part", ["x", "batch_size"])
def test_parts_of_other_lengths_are_refused(monkeypatch, part):
    from keras_genmod.engine import processes

    def gathered(numbers):
        other = numbers.copy()
        other[{"x": 2, "batch_size": 0}[part]] += 1
        return np.stack([numbers, other])

    monkeypatch.setattr(processes, "num_processes", lambda: 2)
    monkeypatch.setattr(processes, "gathered", gathered)
    with pytest.raises(ValueError, match=r"`x\[i::n\]`.*Received.*4 examples"):
        compiled().fit(X)


@pytest.mark.any_backend
def test_a_whole_folder_in_each_process_is_refused(monkeypatch, tmp_path):
    from keras_genmod.models import processes

    for i in range(2):
        Image.fromarray(np.full((4, 4), i, "uint8")).save(tmp_path / f"{i}.png")
    monkeypatch.setattr(processes, "num_processes", lambda: 2)
    model = Autoencoder(small_network((4, 4, 1), (2,)), small_network((2,), (4, 4, 1)))
    model.compile("sgd")
    message = r"`part=\(process_id\(\), num_processes\(\)\)`.*Received: part=None"
    whole, part = (data.image_folder(tmp_path, None, part=p) for p in (None, (0, 2)))
    for method in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=message):
            method(whole)
    with pytest.raises(ValueError, match=message):
        model.fit(part, validation_data=whole)
    model.fit(part, shuffle=False, verbose=0)


@pytest.mark.any_backend
@pytest.mark.parametrize("name", ["BackupAndRestore", "TensorBoard"])
def test_a_callback_of_keras_that_writes_everywhere_is_refused(
    monkeypatch, tmp_path, name
):
    from keras_genmod.models import processes, saving

    for module in (processes, saving):
        monkeypatch.setattr(module, "num_processes", lambda: 2)
    one = getattr(keras.callbacks, name)(str(tmp_path))
    ours = {"BackupAndRestore": "Backup"}.get(name, name)
    model = compiled()
    weights = [w.copy() for w in model.get_weights()]
    message = rf"`keras_genmod.callbacks.{ours}` in place.*Received: {name} in one of 2"
    with pytest.raises(ValueError, match=message):
        model.fit(X, callbacks=[keras.callbacks.CSVLogger(tmp_path / "log.csv"), one])
    assert not list(tmp_path.iterdir()) and model.callbacks_in_fit is None
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    loggers = [
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras_genmod.callbacks.TensorBoard(tmp_path / "board"),
        keras.callbacks.TerminateOnNaN(),
    ]
    assert processes.writing_once(loggers) == tuple(loggers)
    monkeypatch.setattr(processes, "is_writer", lambda: False)
    assert processes.writing_once(loggers) == tuple(loggers[1:])


def test_one_process_is_the_writer():
    assert (backend.num_processes(), backend.process_id()) == (1, 0)
    np.testing.assert_array_equal(backend.gathered(X), X[None])
