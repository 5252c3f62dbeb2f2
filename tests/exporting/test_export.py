"""An exported file computes what the model does, at every size of batch."""

import importlib.util
import pathlib

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import (
    GAN,
    RBM,
    VAE,
    VQVAE,
    Autoencoder,
    DiffusionModel,
    EnergyModel,
    NormalizingFlow,
    bijectors,
    engine,
    export,
    from_preset,
    layers,
    networks,
)
from keras_genmod.engine import processes
from keras_genmod.exporting.formats import FORMATS
from tests.contracts import ON_TORCH, torch_param
from tests.exporting.readers import outputs_of
from tests.models.small_networks import small_network, small_time_network

BACKEND = keras.backend.backend()
SERVED = [name for name, each in FORMATS.items() if BACKEND in each.needs]
NATIVE = "torch" if ON_TORCH else "tf_saved_model"
# Converters warn of their own code.
pytestmark = pytest.mark.filterwarnings("ignore")

SHAPE = (4, 4, 1)


def vae(num_classes=None, **options):
    return VAE(
        small_network(SHAPE, (6,), num_classes=num_classes),
        small_network((2,), SHAPE, num_classes=num_classes),
        2,
        num_classes=num_classes,
        **options,
    )


def gan():
    return GAN(small_network((2,), SHAPE, "sigmoid"), small_network(SHAPE, (1,)), 2)


def flow():
    shape = (4,)
    members = [
        bijectors.AffineCoupling(shape, networks.coupling_mlp(4, (8,)), flip=flip)
        for flip in (False, True)
    ]
    return NormalizingFlow(bijectors.Chain(members))


def path_of(folder, format):
    return folder / f"model{FORMATS[format].suffix}"


def values(rng, spec, size):
    """Returns an array for one input of a file."""
    name, shape, dtype = spec
    shape = tuple(size if n is None else n for n in shape)
    if name in ("x", "v"):  # of images and of real numbers alike
        return rng.uniform(size=shape).astype("float32")
    integers = dtype.startswith("int")
    return rng.integers(2, size=shape).astype(dtype) if integers else normal(rng, shape)


def normal(rng, shape):
    return rng.normal(size=shape).astype("float32")


def skip_unless_installed(format):
    needed = FORMATS[format].needs[BACKEND]
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{format} on {BACKEND} needs `pip install {' '.join(needed)}`")


def check(model, what, format, folder, rng, sizes=(1, 5), **options):
    """Holds a file to the model."""
    path = path_of(folder, format)
    inputs = export(model, path, what, format, **options)
    for size in sizes:
        given = {spec[0]: values(rng, spec, size) for spec in inputs}
        expected = ops.convert_to_numpy(getattr(model, what)(**given, **options))
        found = outputs_of(path, format, given)
        np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)
    return inputs


@pytest.mark.every_backend
@pytest.mark.parametrize("format", SERVED)
def test_every_format_of_the_backend_computes_what_the_model_does(
    format, tmp_path, rng
):
    skip_unless_installed(format)
    inputs = check(vae(num_classes=3), "decode", format, tmp_path, rng)
    assert inputs == [("z", (None, 2), "float32"), ("condition", (None,), "int32")]


@pytest.mark.every_backend
@pytest.mark.parametrize("format", SERVED)
def test_every_format_serves_presets(format, tmp_path, rng):
    skip_unless_installed(format)
    model = from_preset("digits_vae")
    check(model, "decode", format, tmp_path, rng)


@pytest.mark.every_backend
def test_densities_are_served_as_onnx(tmp_path, rng):
    skip_unless_installed("onnx")
    check(flow(), "log_prob", "onnx", tmp_path, rng)


def test_the_first_of_several_processes_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "num_processes", lambda: 2)
    monkeypatch.setattr(processes, "gathered", lambda x: x)
    for rank in (1, 0):
        monkeypatch.setattr(processes, "process_id", lambda rank=rank: rank)
        path = path_of(tmp_path, NATIVE)
        export(vae(), path, "decode", NATIVE)
        assert path.exists() == (rank == 0)


def test_a_folder_that_nobody_may_write_to_says_so():
    with pytest.raises(OSError, match="proc"):
        export(vae(), path_of(pathlib.Path("/proc"), NATIVE), "decode", NATIVE)


def energy_model():
    return EnergyModel(small_network(SHAPE, (1,)))


def autoencoder():
    return Autoencoder(small_network(SHAPE, (3,)), small_network((3,), SHAPE))


def vq_vae():
    encoder, decoder = small_network(SHAPE, (2, 2, 3)), small_network((2, 2, 3), SHAPE)
    return VQVAE(encoder, layers.VectorQuantizer(5, 3), decoder)


@pytest.mark.parametrize(
    "make, what",
    [
        (flow, "log_prob"),
        torch_param(flow, "decode"),
        torch_param(flow, "encode"),
        torch_param(gan, "decode"),
        torch_param(vae, "encode"),
        torch_param(autoencoder, "decode"),
        torch_param(vq_vae, "encode"),
        torch_param(vq_vae, "decode"),
        torch_param(energy_model, "energy"),
        torch_param(lambda: RBM(4, 2), "free_energy"),
    ],
)
def test_parts_of_every_family(make, what, tmp_path, rng):
    check(make(), what, NATIVE, tmp_path, rng)


def test_latents_of_diffusion_models(tmp_path, rng):
    # A loop, which torch writes out: few steps.
    model = DiffusionModel(small_time_network((3,)), (3,))
    check(model, "decode", NATIVE, tmp_path, rng, sizes=(3,), num_steps=2)


@pytest.mark.skipif(ON_TORCH, reason="torch follows no draws")
def test_samples_are_those_of_a_seed(tmp_path):
    model, path = vae(), tmp_path / "model"
    (spec,) = export(model, path, "sample", num_samples=3)
    assert spec[:2] == ("state", (2,))
    for seed in (0, 7):
        state = ops.convert_to_numpy(engine.seed_state(seed, model.seed_generator))
        found = outputs_of(path, "tf_saved_model", {"state": state})
        expected = ops.convert_to_numpy(model.sample(3, seed=seed))
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.every_backend
@pytest.mark.parametrize("what", ["sample", "log_prob"])
@pytest.mark.parametrize("format", [f for f in SERVED if f != "tf_saved_model"])
def test_no_other_format_holds_draws(format, what, tmp_path):
    skip_unless_installed(format)
    path = path_of(tmp_path, format)
    with pytest.raises(ValueError, match="'tf_saved_model' for VAE.*KERAS_BACKEND=ten"):
        export(vae(), path, what)
    assert not path.exists()


@pytest.mark.skipif(not ON_TORCH, reason="the others follow gradients")
@pytest.mark.parametrize("name", ["model.pt2", "model.onnx"])
def test_torch_says_which_backend_follows_gradients(name, tmp_path, capfd):
    if name == "model.onnx":
        skip_unless_installed("onnx")
    with pytest.raises(RuntimeError, match="follows neither gradients.*KERAS_BACKEND"):
        export(energy_model(), tmp_path / name, "score")
    assert not (tmp_path / name).exists()
    assert len(capfd.readouterr().out) < 200


@pytest.mark.skipif(ON_TORCH, reason="torch writes none")
def test_a_saved_model_replaces_none_but_its_like(tmp_path):
    path = tmp_path / "model"
    for _ in range(2):
        export(gan(), path)
    path = tmp_path / "notes"
    path.mkdir()
    (path / "notes.txt").write_text("mine")
    for taken in (path, path / "notes.txt"):
        with pytest.raises(ValueError, match="`path` must be a new or an empty folder"):
            export(gan(), taken, format="tf_saved_model")
    assert (path / "notes.txt").read_text() == "mine"


@pytest.mark.skipif(BACKEND != "tensorflow", reason="where draws and sizes meet")
def test_bounds_of_draws_need_a_size_of_batch(tmp_path, rng):
    model, path = vae(), tmp_path / "model"
    inputs = export(model, path, "log_prob", batch_size=4, num_samples=2)
    assert inputs[1] == ("x", (4, *SHAPE), "float32")
    x = values(rng, inputs[1], 4)
    # `log_prob` draws for its first batch from a state that follows from the seed's.
    state = engine.seed_state(3, model.seed_generator)
    first = ops.convert_to_numpy(engine.derived_state(state, 0))
    found = outputs_of(path, "tf_saved_model", {"state": first, "x": x})
    expected = model.log_prob(x, num_samples=2, seed=3)
    np.testing.assert_allclose(found, ops.convert_to_numpy(expected), rtol=1e-5)


# What is refused, on torch.


@pytest.mark.any_backend
def test_parts_that_a_model_has_not_are_refused(tmp_path):
    with pytest.raises(ValueError, match="`what` must be one of what GAN has: decode"):
        export(gan(), tmp_path / "model.pt2", "encode")
    with pytest.raises(ValueError, match="nothing that is exported"):
        export(gan().generator, tmp_path / "model.pt2")
    with pytest.raises(ValueError, match="`model` must be a model; .*from_preset"):
        export("digits_vae", tmp_path / "model.pt2")
    with pytest.raises(ValueError, match="those of GAN.decode: z. Received: steps"):
        export(gan(), tmp_path / "model.pt2", steps=3)
    with pytest.raises(NotImplementedError, match="cannot draw samples"):
        export(autoencoder(), tmp_path / "model.pt2", "sample")


@pytest.mark.any_backend
def test_methods_of_several_programs_are_refused(tmp_path):
    # -F(x) - log Z: two programs, of which one alone would be the wrong number.
    with pytest.raises(ValueError, match="`what` must be one program: RBM.log_prob"):
        export(RBM(4, 2), tmp_path / "model.pt2", "log_prob")


@pytest.mark.any_backend
@pytest.mark.parametrize("format", ["litert", "openvino", "tf_saved_model"])
def test_formats_of_other_backends_are_refused(format, tmp_path):
    path = path_of(tmp_path, format)
    with pytest.raises(ValueError, match="torch writes: onnx, torch.*BACKEND=tensorf"):
        export(gan(), path, format=format)


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "name, format, message",
    [
        ("model", "torch", "`path` must end in '.pt2'"),
        ("model", "pickle", "`format` must be one of"),
        ("model.tflite", None, "torch writes: onnx, torch"),
        ("model.h5", None, "`path` must end in .onnx, .tflite, .xml, .pt2, or have no"),
    ],
)
def test_formats_and_endings_are_checked(name, format, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export(gan(), tmp_path / name, format=format)


@pytest.mark.any_backend
@pytest.mark.parametrize("name, value", [("path", 3), ("what", []), ("format", {})])
def test_arguments_of_other_types_are_named(name, value, tmp_path):
    arguments = {"path": tmp_path / "model.pt2", name: value}
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: {name}="):
        export(gan(), **arguments)


@pytest.mark.any_backend
def test_the_folder_is_made(tmp_path):
    path = tmp_path / "new" / "other" / "model.pt2"
    export(gan(), path)
    assert path.exists()
    with pytest.raises(OSError, match="model.pt2"):  # a file, and no folder
        export(gan(), path / "model.pt2")


@pytest.mark.any_backend
def test_missing_packages_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install onnx onnxscript"):
        export(gan(), tmp_path / "model.onnx")


@pytest.mark.any_backend
def test_an_example_says_what_no_model_does(tmp_path, rng):
    class Halved(GAN):
        def energy(self, pair):
            return self._half(pair)

        @engine.compiled()
        def _half(self, pair):
            return ops.sum(pair, axis=1) / 2

    model = Halved(small_network((2,), SHAPE, "sigmoid"), small_network(SHAPE, (1,)), 2)
    path = tmp_path / "model.pt2"
    with pytest.raises(
        ValueError, match="one example of the `pair` that Halved.energy takes"
    ):
        export(model, path, "energy")
    assert export(model, path, "energy", example=np.zeros(3, "float32")) == [
        ("pair", (None, 3), "float32")
    ]
    x = normal(rng, (2, 3))
    found = outputs_of(path, "torch", {"pair": x})
    np.testing.assert_allclose(found, x.sum(axis=1) / 2, rtol=1e-6)


@pytest.mark.any_backend
def test_a_size_of_batch_may_be_fixed(tmp_path):
    path = tmp_path / "model.pt2"
    assert export(gan(), path, batch_size=3) == [("z", (3, 2), "float32")]
    with pytest.raises(ValueError, match="`batch_size` must be"):
        export(gan(), path, batch_size=0)
