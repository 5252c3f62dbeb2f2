"""Trains models as one of several processes, and leaves what came of it in a folder.

Run as a process of its own, once for each rank.
"""

import importlib.util
import os
import random
import sys

import keras
import numpy as np
from keras import ops
from PIL import Image

from keras_genmod import (
    VAE,
    VQVAE,
    WGANGP,
    Autoencoder,
    callbacks,
    data,
    evaluation,
    export,
)
from keras_genmod.engine import gathered, num_processes, process_id
from keras_genmod.engine.own_of_process import is_own
from keras_genmod.layers import VectorQuantizer
from keras_genmod.metrics import FeatureStatistics
from tests.engine.two_players import TwoPlayers
from tests.models.small_networks import small_network

IMAGE = (4, 4, 1)
BATCH = 8  # of all processes together
IMAGES = np.random.default_rng(0).random((2 * BATCH, *IMAGE)).astype("float32")
POINTS = np.random.default_rng(1).normal(size=(2 * BATCH, 3)).astype("float32")


def vae():
    return VAE(small_network(IMAGE, (4,)), small_network((2,), IMAGE), 2, seed=1)


def wgan_gp():
    networks = small_network((2,), IMAGE), small_network(IMAGE, (1,), use_bias=False)
    return WGANGP(*networks, 2, critic_steps=2, seed=1)


def autoencoder():
    return Autoencoder(small_network(IMAGE, (4,)), small_network((4,), IMAGE))


def vqvae():
    return VQVAE(
        small_network(IMAGE, (2, 2, 3)),
        VectorQuantizer(6, 3, decay=0.9),
        small_network((2, 2, 3), IMAGE),
    )


#: Models, and their data. On torch those without draws equal one process.
CASES = {
    "tensorflow": {},
    "jax": {"vae": (vae, IMAGES), "wgan_gp": (wgan_gp, IMAGES)},
    "torch": {
        "autoencoder": (autoencoder, IMAGES),
        "two_players": (lambda: TwoPlayers(3, seed=1), POINTS),
        "wgan_gp": (wgan_gp, IMAGES),
        "vqvae": (vqvae, IMAGES),
    },
}[keras.backend.backend()]

#: Files that other runtimes read, by model. The extra `export-all` brings jax2onnx.
DECODERS = {"autoencoder": "decoder.pt2"}
if importlib.util.find_spec("jax2onnx") is not None:
    DECODERS["vae"] = "decoder.onnx"
# Which writes from several processes on JAX. Flax brings it, of the extra `export-all`.
HAS_ORBAX = (
    keras.backend.backend() == "jax" and importlib.util.find_spec("orbax") is not None
)


def save_images(folder):
    """Puts the images into a folder of a folder."""
    os.makedirs(os.path.join(folder, "images"))
    for i, image in enumerate((255 * IMAGES[..., 0]).astype("uint8")):
        Image.fromarray(image).save(os.path.join(folder, "images", f"{i:02}.png"))


def join(rank, count, port):
    if keras.backend.backend() == "torch":
        import torch

        torch.distributed.init_process_group(
            "gloo", f"tcp://localhost:{port}", rank=rank, world_size=count
        )
        return
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    keras.distribution.initialize(f"localhost:{port}", count, rank)
    parallel = keras.distribution.DataParallel(auto_shard_dataset=False)
    keras.distribution.set_distribution(parallel)


def part(x):
    """Returns this process' share of each batch."""
    batches = x.reshape(-1, num_processes(), BATCH // num_processes(), *x.shape[1:])
    return batches[:, process_id()].reshape(-1, *x.shape[1:])


def compiled(make, **options):
    random.seed(1)  # what weights without a seed start from
    model = make()
    model.compile(keras.optimizers.Adam(0.01), **options)
    return model


def fit(model, x, **options):
    options = {"batch_size": BATCH // num_processes(), "shuffle": False, **options}
    return model.fit(part(x), verbose=0, **options).history


def state(model):
    """Returns the weights that all processes share, codebooks among them."""
    shared = [
        v for v in model.variables if not is_own(v) and v.name != "seed_generator_state"
    ]
    return [np.array(ops.convert_to_numpy(v)) for v in shared]


def judged(name, x, place):
    """Returns arguments of `fit` for what looks at a model after an epoch."""
    if name != "wgan_gp":
        return [], {"validation_data": (part(x),)}
    return [
        callbacks.SampleGrid(place, num_samples=4),
        callbacks.EvaluateSamples(x, ["kernel_distance"], num_samples=8, log_dir=place),
    ], {}


def train(name, folder, **options):
    """Returns weights and losses by name, of two epochs with a stop between them."""
    make, x = CASES[name]
    place = os.path.join(folder, name)
    os.makedirs(place, exist_ok=True)
    model = compiled(make, **options)
    judges, validation = judged(name, x, place)
    if HAS_ORBAX and name == "wgan_gp" and num_processes() > 1:
        judges.append(keras.callbacks.OrbaxCheckpoint(os.path.join(place, "orbax")))
    first = fit(
        model,
        x,
        **validation,
        callbacks=[
            *judges,
            callbacks.TensorBoard(os.path.join(place, "board")),
            keras.callbacks.CSVLogger(os.path.join(place, "log.csv"), append=True),
            keras.callbacks.ModelCheckpoint(os.path.join(place, "latest.keras")),
            callbacks.Backup(os.path.join(place, "backup")),
        ],
    )
    second = fit(model, x, initial_epoch=1, epochs=2)
    losses = np.concatenate([first["loss"], second["loss"]])
    weights = {f"weight_{i}": value for i, value in enumerate(state(model))}
    figures = {key: first[key] for key in first if key.startswith(("val_", "kernel_"))}
    own = BATCH // num_processes()
    figures["evaluated"] = model.evaluate(part(x), batch_size=own, verbose=0)
    return model, {"losses": losses, **figures, **weights}


def resumed(name, folder, **options):
    """Returns the weights of a run that goes on after one epoch."""
    make, x = CASES[name]
    model = compiled(make, **options)
    fit(model, x, epochs=2, callbacks=[callbacks.Backup(f"{folder}/{name}/backup")])
    return state(model)


def resumed_by_orbax(name, folder):
    """Returns the weights of a run that goes on from Orbax' checkpoint."""
    model = keras.saving.load_model(os.path.join(folder, name, "orbax"))
    fit(model, CASES[name][1], initial_epoch=1, epochs=2)
    return state(model)


def from_folder(model, folder):
    """Returns the weights by name, after an epoch more on what the folder holds."""
    images = data.image_folder(
        os.path.join(folder, "images"),
        None,
        BATCH // num_processes(),
        flip=True,
        part=(process_id(), num_processes()),
    )
    model.fit(images, shuffle=False, verbose=0)
    return {f"of_folder_{i}": value for i, value in enumerate(state(model))}


def split_kernels(folder):
    """Trains as `train`, half of each kernel in each process; each sees all images."""
    keras.utils.clear_session()  # weights of the same names
    mesh = keras.distribution.DeviceMesh((1, num_processes()), ("batch", "model"))
    layout = keras.distribution.LayoutMap(mesh)
    layout[".*dense.*/kernel"] = (None, "model")
    parallel = keras.distribution.ModelParallel(
        layout_map=layout, batch_dim_name="batch", auto_shard_dataset=False
    )
    keras.distribution.set_distribution(parallel)
    model = compiled(vae)
    options = {"batch_size": BATCH, "epochs": 2, "shuffle": False, "verbose": 0}
    # Validation draws too, as there.
    latest = os.path.join(folder, "split.weights.h5")
    orbax = os.path.join(folder, "split_orbax")
    history = model.fit(
        IMAGES,
        validation_data=(IMAGES,),
        callbacks=[
            keras.callbacks.ModelCheckpoint(latest, save_weights_only=True),
            callbacks.Backup(os.path.join(folder, "split_backup")),
            *[keras.callbacks.OrbaxCheckpoint(orbax)] * HAS_ORBAX,
        ],
        **options,
    ).history
    kernels = [w for w in model.trainable_weights if w.path == "dense/kernel"]
    assert kernels and not kernels[0].value.is_fully_replicated
    samples = ops.convert_to_numpy(model.sample(4, seed=0))
    place = os.path.join(folder, "split.keras")
    model.save(place)
    for file in (place, *[orbax] * HAS_ORBAX):
        loaded = keras.saving.load_model(file)
        np.testing.assert_array_equal(
            ops.convert_to_numpy(loaded.sample(4, seed=0)), samples
        )
        kernels = [w for w in loaded.trainable_weights if w.path == "dense/kernel"]
        assert kernels and not kernels[0].value.is_fully_replicated
    model.save_to_preset(os.path.join(folder, "split_preset"))
    np.savez(
        os.path.join(folder, f"split_{process_id()}.npz"),
        losses=history["loss"],
        samples=samples,
    )


def check(name, folder):
    """Trains, resumes, draws and saves; leaves the numbers."""
    model, found = train(name, folder)
    for value, other in zip(state(model), resumed(name, folder), strict=True):
        np.testing.assert_array_equal(value, other)
    if HAS_ORBAX and name == "wgan_gp":
        for value, other in zip(
            state(model), resumed_by_orbax(name, folder), strict=True
        ):
            np.testing.assert_array_equal(value, other)
    if name in ("vae", "wgan_gp"):
        found["samples"] = ops.convert_to_numpy(model.sample(4, seed=0))
        found["many"] = evaluation.draw_samples(model, 10, batch_size=4, seed=2)
    if keras.backend.backend() == "torch":
        found["own_seed"] = ops.convert_to_numpy(model.seed_generator.state)
    statistics = FeatureStatistics().update(part(POINTS)).merge_processes(gathered)
    found["covariance"] = statistics.covariance
    place = os.path.join(folder, name, "whole.keras")
    model.save(place)
    if name != "two_players":  # which is in no registry
        loaded = keras.saving.load_model(place)
        for value, other in zip(state(model), state(loaded), strict=True):
            np.testing.assert_array_equal(value, other)
        model.save_to_preset(os.path.join(folder, name, "preset"))
        if name in DECODERS:
            export(model, os.path.join(folder, name, DECODERS[name]), "decode")
        found |= from_folder(model, folder)
    np.savez(os.path.join(folder, f"{name}_{process_id()}.npz"), **found)


def main(rank, count, port, folder):
    sys.modules["tensorflow"] = None  # Keras would import it to seed it
    join(int(rank), int(count), port)
    for name in CASES:
        check(name, folder)
    if keras.backend.backend() == "jax":
        split_kernels(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
