"""Adapters alone train, and files, copies and samples hold them."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import CausalTransformer, DiffusionModel, from_preset, networks
from keras_genmod.layers import MaskedDense, SelfAttention2D, SpectralNormalization

X = np.random.default_rng(0).integers(0, 2, (8, 4, 4, 1)).astype("float32")
Y = np.arange(8) % 2


def transformer():
    return CausalTransformer(
        (4, 4, 1), model_dim=4, num_heads=2, num_blocks=1, num_classes=2, seed=0
    )


def diffusion(inner=None):
    inputs = [keras.Input((4, 4, 1)), keras.Input(()), keras.Input((2,))]
    told = keras.layers.Concatenate()([ops.expand_dims(inputs[1], -1), inputs[2]])
    told = keras.layers.Reshape((1, 1, 4))(keras.layers.Dense(4)(told))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="tanh")(inputs[0])
    x = SelfAttention2D(groups=2)(keras.layers.Add()([x, told]))
    if inner is not None:
        x = inner(x)
    x = keras.layers.Conv2D(1, 3, padding="same")(x)
    return DiffusionModel(
        keras.Model(inputs, x), (4, 4, 1), num_classes=2, num_levels=2, seed=0
    )


def arrays(variables):
    # Copies: on torch an array would share the variable's memory.
    return {i: np.array(ops.convert_to_numpy(v)) for i, v in enumerate(variables)}


def epoch(model):
    model.fit(X, Y, batch_size=4, shuffle=False, verbose=0)


@pytest.fixture(
    scope="module", params=[transformer, diffusion], ids=lambda f: f.__name__
)
def run(request, tmp_path_factory):
    """A model with adapters: before, after an epoch, loaded, and both after another."""
    folder = tmp_path_factory.mktemp("lora")
    keras.utils.set_random_seed(0)
    model = request.param()
    plain = model.predict((X, Y), verbose=0) if request.param is transformer else None
    model.save_weights(folder / "plain.weights.h5")
    given = {"at_first": arrays(model.weights), "plain": plain, "folder": folder}
    model.enable_lora(2, lora_alpha=3.0)
    if plain is not None:
        given["adapted"] = model.predict((X, Y), verbose=0)
    trained = {id(v) for v in model.trainable_variables}
    frozen = [v for v in model.weights if id(v) not in trained]
    before = arrays(frozen), arrays(model.trainable_variables)
    model.compile(keras.optimizers.Adam(0.1))
    epoch(model)
    epoch(model)
    model.save(folder / "model.keras")
    loaded = keras.saving.load_model(folder / "model.keras")
    given["as_loaded"] = arrays(loaded.variables), arrays(model.variables)
    epoch(model)
    epoch(loaded)
    after = arrays(frozen), arrays(model.trainable_variables)
    return {**given, "before": before, "after": after, "model": model, "loaded": loaded}


def test_new_adapters_change_nothing(run):
    if run["plain"] is not None:
        np.testing.assert_array_equal(run["plain"], run["adapted"])
    assert len(run["before"][0]) == len(run["at_first"])


def test_adapters_alone_train(run):
    model = run["model"]
    names = {v.name for v in model.trainable_variables}
    assert names == {"lora_kernel_a", "lora_kernel_b"}
    for i, value in run["before"][0].items():
        np.testing.assert_array_equal(value, run["after"][0][i])
    for i, value in run["before"][1].items():
        assert np.abs(value - run["after"][1][i]).max() > 0, i


def test_a_file_keeps_kernels_and_adapters_apart(run):
    loaded, model = run["as_loaded"]
    assert loaded.keys() == model.keys()
    for i, value in model.items():
        np.testing.assert_array_equal(value, loaded[i])


def test_a_loaded_model_goes_on_exactly(run):
    models = run["model"], run["loaded"]
    own, other = (arrays(m.variables) for m in models)
    for i, value in own.items():
        np.testing.assert_array_equal(value, other[i])
    own, other = (arrays(m.optimizer.variables) for m in models)
    for i, value in own.items():
        np.testing.assert_array_equal(value, other[i])


def test_a_merged_model_draws_the_same_without_adapters(run):
    model = run["model"]
    merged = model.merge_lora()
    assert [v.shape for v in merged.weights] == [v.shape for v in _plain(model).weights]
    assert len(merged.trainable_weights) == len(merged.weights) - _not_learned(merged)
    few = {} if isinstance(model, CausalTransformer) else {"num_steps": 3}
    draws = [ops.convert_to_numpy(m.sample(6, 1, 3, **few)) for m in (model, merged)]
    np.testing.assert_allclose(*draws, atol=2e-4)
    before = _plain(model)
    before.load_weights(run["folder"] / "plain.weights.h5")
    other = ops.convert_to_numpy(before.sample(6, 1, 3, **few))
    assert np.abs(other - draws[0]).max() > 1e-2  # adapters count in samples


@pytest.mark.any_backend
def test_merged_kernels_are_float32_under_half_precision():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = transformer()
        model.enable_lora(2, "qkv", lora_alpha=6)
        layer = model.blocks[0][1]
        for matrix in (layer.lora_kernel_a, layer.lora_kernel_b):
            matrix.assign(np.random.default_rng(0).normal(size=matrix.shape))
        merged = model.merge_lora().blocks[0][1]
    finally:
        keras.config.set_dtype_policy(policy)
    parts = layer._kernel, layer.lora_kernel_a, layer.lora_kernel_b, merged._kernel
    kernel, a, b, found = map(ops.convert_to_numpy, parts)
    np.testing.assert_allclose(found, kernel + 3 * a @ b, rtol=1e-5, atol=1e-6)


@pytest.mark.every_backend
def test_a_file_of_adapters_makes_of_the_model_before_the_one_it_was(run, tmp_path):
    model = run["model"]
    model.save_adapters(tmp_path / "task.npz")
    before, adapted = _plain(model), _plain(model)
    for each in (before, adapted):
        each.load_weights(run["folder"] / "plain.weights.h5")
    before.load_adapters(tmp_path / "task.npz")
    adapted.enable_lora(2, lora_alpha=3.0)
    adapted.load_adapters(tmp_path / "task.npz")
    own = arrays(model.weights)
    for loaded in (before, adapted):
        assert loaded.get_config()["lora"] == model.get_config()["lora"]
        assert not loaded.compiled
        other = arrays(loaded.weights)
        for i, value in own.items():
            np.testing.assert_array_equal(value, other[i])
    before.save(tmp_path / "whole.keras")
    sizes = [(tmp_path / name).stat().st_size for name in ("task.npz", "whole.keras")]
    assert sizes[0] < sizes[1]


def _plain(model):
    return transformer() if isinstance(model, CausalTransformer) else diffusion()


def _not_learned(model):
    return len(_plain(model).non_trainable_weights)


# Of files and arguments alone.


@pytest.mark.any_backend
def test_weights_from_before_start_adapters_anew(run):
    model = _plain(run["model"])
    model.enable_lora(2)
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape, "float32"))
    model.load_weights(run["folder"] / "plain.weights.h5")
    for variable in model.trainable_variables:
        expected = 1.0 if variable.name == "lora_kernel_a" else 0.0
        assert (ops.convert_to_numpy(variable) == expected).all()
    trained = {id(v) for v in model.trainable_variables}
    frozen = arrays(v for v in model.weights if id(v) not in trained)
    for i, value in run["at_first"].items():
        np.testing.assert_array_equal(value, frozen[i])


def adapted_transformer(rank=2, names=None, seed=0):
    model = CausalTransformer(
        (4, 4, 1), model_dim=4, num_heads=2, num_blocks=1, num_classes=2, seed=seed
    )
    model.enable_lora(rank, names)
    return model


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: adapted_transformer(rank=1), "beside {'rank': 1"),
        (lambda: adapted_transformer(names="qkv"), "as this model has"),
        (diffusion, "of other places or shapes"),
        (lambda: CausalTransformer((4, 4, 1), model_dim=8, num_heads=2), "or shapes"),
        (lambda: adapted_transformer(seed=1), "the kernels are others"),
    ],
)
def test_adapters_of_another_model_are_refused(tmp_path, make, message):
    adapted_transformer().save_adapters(tmp_path / "a.npz")
    model = make()
    before = arrays(model.weights)
    with pytest.raises(ValueError, match=f"`filepath` must hold adapters.*{message}"):
        model.load_adapters(tmp_path / "a.npz")
    after = arrays(model.weights)
    assert before.keys() == after.keys()
    for i, value in before.items():
        np.testing.assert_array_equal(value, after[i])


def changed(**arrays):
    def change(path):
        with np.load(path) as file:
            found = {**file, **arrays}
        np.savez(path, **{k: v for k, v in found.items() if v is not None})

    return change


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def compressed(path):
    with np.load(path) as file:
        np.savez_compressed(path, **file)


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "change",
    [
        cut,
        compressed,
        lambda path: path.write_text("no archive"),
        changed(rank=np.array(0)),
        changed(rank=np.array([2])),
        changed(lora_alpha=np.array(np.nan)),
        changed(positions=np.array(1)),
        changed(positions=np.array([[1]])),
        changed(positions=np.array([-1])),
        changed(base=np.array("x")),
        changed(base=None),
        changed(more=np.zeros(1)),
        changed(**{"0": np.zeros(1)}),
        changed(**{"0": np.array([{}])}),
    ],
)
def test_a_file_that_holds_no_adapters_is_refused(tmp_path, change):
    model, path = adapted_transformer(), tmp_path / "a.npz"
    model.save_adapters(path)
    change(path)
    with pytest.raises(ValueError, match="must be a file that `save_adapters` wrote"):
        model.load_adapters(path)


@pytest.mark.any_backend
def test_adapters_are_written_whole_and_where_there_are_some(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="`save_adapters` must follow"):
        transformer().save_adapters(tmp_path / "a.npz")
    model = adapted_transformer()
    with pytest.raises(ValueError, match="`filepath` must end in '.npz'"):
        model.save_adapters(tmp_path / "a.keras")
    with pytest.raises(OSError):
        model.load_adapters(tmp_path / "none.npz")

    def full(file, **arrays):
        raise OSError("no space")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space"):
        model.save_adapters(tmp_path / "a.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.any_backend
def test_a_preset_has_its_adapters(run, tmp_path):
    model = run["model"]
    model.save_to_preset(tmp_path / "mine")
    own, other = (arrays(m.variables) for m in (model, from_preset(tmp_path / "mine")))
    for i, value in own.items():
        np.testing.assert_array_equal(value, other[i])


@pytest.mark.any_backend
def test_names_say_which_layers_get_adapters():
    model = transformer()
    model.enable_lora(1, ["qkv", "out"])
    paths = {v.path.split("/")[0] for v in model.trainable_variables}
    assert paths == {"qkv_0", "out_0"}


@pytest.mark.any_backend
def test_a_model_with_adapters_is_compiled_again():
    model = transformer()
    model.compile("adam")
    model.enable_lora(1)
    with pytest.raises(ValueError, match="compile"):
        epoch(model)


@pytest.mark.any_backend
def test_every_layer_of_the_unet_can_have_adapters():
    network = networks.unet((4, 4, 1), 4, (1, 1), 1, (4,))
    model = DiffusionModel(network, (4, 4, 1))
    kernels = [v for v in model.weights if v.name == "kernel"]
    model.enable_lora(1)
    assert len(model.trainable_variables) == 2 * len(kernels)


@pytest.mark.any_backend
def test_masked_weights_stay_zero_under_adapters():
    model = diffusion(MaskedDense([1, 2, 3, 4], [0, 1, 2, 3]))
    model.enable_lora(2)
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape, "float32"))
    merged = model.merge_lora()
    layer = next(x for x in merged.network.layers if isinstance(x, MaskedDense))
    kernel = ops.convert_to_numpy(layer.weights[0])
    assert (kernel[np.tril_indices(4)] == 0).all() and (kernel != 0).any()


@pytest.mark.any_backend
def test_layers_that_cannot_are_named():
    model = diffusion(SpectralNormalization(keras.layers.Dense(4, name="odd")))
    with pytest.raises(ValueError, match=r"these cannot: \['.*odd \(Dense\)'\]"):
        model.enable_lora(2)
    assert len(model.trainable_variables) > 2
    model.enable_lora(2, ["conv2d"])
    assert len(model.trainable_variables) == 4


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "arguments",
    [
        {"rank": 0},
        {"rank": 1, "lora_alpha": 0.0},
        {"rank": 1, "target_layer_names": ["no_such_layer"]},
        {"rank": 1, "target_layer_names": []},
    ],
)
def test_bad_arguments_are_named(arguments):
    with pytest.raises(ValueError, match=f"`{list(arguments)[-1]}` must"):
        transformer().enable_lora(**arguments)


@pytest.mark.any_backend
def test_adapters_come_once():
    model = transformer()
    with pytest.raises(ValueError, match="`merge_lora` must follow"):
        model.merge_lora()
    model.enable_lora(1)
    with pytest.raises(ValueError, match="must be called once"):
        model.enable_lora(1)
