"""What each network must do: shapes, ranges, conditions, reloading, errors."""

import functools

import keras
import numpy as np
import pytest

from keras_genmod import networks

IMAGE, BIG = (8, 8, 1), (24, 24, 1)
NETWORKS = {
    "made": (networks.made, (4, (7, 5), 3), (4, 3)),
    "mlp_encoder": (networks.mlp_encoder, (IMAGE, (7, 5)), (5,)),
    "mlp_encoder_2d": (networks.mlp_encoder, ((2,), (5,)), (5,)),
    "mlp_decoder": (networks.mlp_decoder, (3, IMAGE, (7,)), IMAGE),
    "mlp_decoder_2d": (networks.mlp_decoder, (3, (2,), ()), (2,)),
    "mlp_discriminator": (networks.mlp_discriminator, (IMAGE, (7,)), (1,)),
    "convolutional_encoder": (
        networks.convolutional_encoder,
        (IMAGE, (3, 4)),
        (2 * 2 * 4,),
    ),
    "convolutional_decoder": (
        networks.convolutional_decoder,
        (3, (8, 12, 2), (4,)),
        (8, 12, 2),
    ),
    "coupling_cnn": (networks.coupling_cnn, (IMAGE, 3, 1), (8, 8, 2)),
    "coupling_mlp": (networks.coupling_mlp, (4, (7, 5), 3), (12,)),
    "dcgan_generator": (networks.dcgan_generator, (3, IMAGE, 2), IMAGE),
    "dcgan_discriminator": (networks.dcgan_discriminator, (IMAGE, 2), (1,)),
    "grid_encoder": (networks.grid_encoder, ((8, 12, 1), 5, 3, 2, 1), (2, 3, 5)),
    "grid_decoder": (networks.grid_decoder, ((2, 3, 5), 4, 3, 2, 1), (8, 12, 4)),
    "patchgan_discriminator": (
        networks.patchgan_discriminator,
        ((12, 16, 1), 2, 2),
        (1, 2, 1),
    ),
    "resnet_generator": (networks.resnet_generator, ((8, 8, 3), 2, 1), (8, 8, 3)),
    "sngan_generator": (networks.sngan_generator, (3, IMAGE, 2), IMAGE),
    "sngan_discriminator": (networks.sngan_discriminator, (IMAGE, 2), (1,)),
    "srgan_discriminator": (networks.srgan_discriminator, ((9, 8, 3), 2, 2, 3), (1,)),
    "time_mlp": (networks.time_mlp, (2, (7, 5)), (2,)),
    "unet_generator": (networks.unet_generator, ((8, 12, 3), 2), (8, 12, 3)),
    "unet": (networks.unet, ((8, 12, 3), 4, (1, 2), 1, (6,)), (8, 12, 3)),
}
OF_FLOWS = ("coupling_cnn", "coupling_mlp", "made")
OF_TIME = ("time_mlp", "unet")
START_AT_ZERO = OF_FLOWS + OF_TIME
UNCONDITIONAL = ("grid", "patchgan", "resnet", "srgan", "unet_")
CONDITIONAL = [name for name in NETWORKS if not name.startswith(UNCONDITIONAL)]
# Their outputs follow the condition only once they have learnt.
START_UNCONDITIONAL = (*START_AT_ZERO, "sngan_generator")


@functools.cache
def make(name, num_classes=None):
    function, arguments, _ = NETWORKS[name]
    if name == "unet_generator":
        arguments = (*arguments, None, None, 0.0)  # its dropout is always on
    argument = "condition_dim" if name in OF_FLOWS else "num_classes"
    return function(*arguments, **({argument: num_classes} if num_classes else {}))


def make_widest(name):
    return make(name, 4 if name in CONDITIONAL else None)


def inputs_of(network, batch_size=3, seed=0):
    generator = np.random.default_rng(seed)
    shapes = [tensor.shape[1:] for tensor in network.inputs]
    arrays = [generator.random((batch_size, *s), dtype="float32") for s in shapes]
    return arrays if len(arrays) > 1 else arrays[0]


def run(network, inputs):
    return keras.ops.convert_to_numpy(network(inputs))


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_have_their_shape_and_are_finite(name):
    network = make_widest(name)
    outputs = run(network, inputs_of(network))
    assert outputs.shape == (3, *NETWORKS[name][2])
    assert np.all(np.isfinite(outputs))


@pytest.mark.parametrize("name", NETWORKS)
def test_without_condition_there_is_an_input_less_and_the_same_output(name):
    network = make(name)
    assert len(network.inputs) == (2 if name in OF_TIME else 1)
    assert network.output_shape == (None, *NETWORKS[name][2])


@pytest.mark.parametrize("name", CONDITIONAL)
def test_condition_changes_the_output(name):
    network = make(name, 4)
    if name in START_UNCONDITIONAL:
        network = keras.models.clone_model(network)
        rng = np.random.default_rng(1)
        weights = network.get_weights()
        network.set_weights([w + 0.1 * rng.random(w.shape) for w in weights])
    x = inputs_of(network)[:-1]
    first, second = np.eye(4, dtype="float32")[[[0, 0, 0], [3, 3, 3]]]
    difference = run(network, [*x, first]) - run(network, [*x, second])
    assert np.abs(difference).max() > 0


@pytest.mark.parametrize("name", NETWORKS)
def test_file_round_trip_keeps_the_outputs(name, tmp_path):
    network = make_widest(name)
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    inputs = inputs_of(network)
    np.testing.assert_allclose(run(loaded, inputs), run(network, inputs), atol=1e-6)


@pytest.mark.parametrize("name", START_AT_ZERO)
def test_networks_of_flows_and_times_start_at_zero(name):
    network = make(name, 4)
    assert not np.any(run(network, inputs_of(network)))


@pytest.mark.parametrize("name", NETWORKS)
def test_no_two_layers_start_alike(name):
    weights = [w for w in make(name).trainable_variables if len(w.shape) > 1]
    weights = [w for w in weights if np.any(keras.ops.convert_to_numpy(w.value))]
    firsts = [np.ravel(keras.ops.convert_to_numpy(w.value))[:4] for w in weights]
    assert len({tuple(values) for values in firsts}) == len(firsts)


@pytest.mark.parametrize("name", NETWORKS)
def test_data_format_is_channels_last_by_itself(name):
    layers = make(name).layers
    formats = {getattr(layer, "data_format", "channels_last") for layer in layers}
    assert formats == {"channels_last"}


@pytest.mark.parametrize(
    "name",
    ["dcgan_generator", "resnet_generator", "sngan_generator", "unet_generator"],
)
def test_generated_images_are_in_the_public_range(name):
    function, arguments, _ = NETWORKS[name]
    network = function(*arguments)
    for weight in network.trainable_variables:
        weight.assign(10 * weight)
    images = run(network, inputs_of(network))
    assert images.min() >= 0 and images.max() <= 1 and np.ptp(images) > 0.5


@pytest.mark.parametrize(
    "function,arguments,name",
    [
        (networks.mlp_encoder, ((8, 0, 1),), "image_shape"),
        (networks.mlp_encoder, ((2,), ()), "hidden_dims"),
        (networks.mlp_encoder, ((2,), (3,), 0), "num_classes"),
        (networks.mlp_decoder, (0, (2,)), "latent_dim"),
        (networks.mlp_discriminator, (8,), "image_shape"),
        (networks.mlp_discriminator, ((2,), (3,), None, "batch"), "normalization"),
        (networks.mlp_discriminator, ((2,), (3,), None, True), "normalization"),
        (networks.convolutional_encoder, ((8, 8),), "image_shape"),
        (networks.convolutional_encoder, ((10, 8, 1),), "image_shape"),
        (networks.convolutional_decoder, (2, (8, 8, 1), ()), "filters"),
        (networks.coupling_mlp, (0,), "event_dim"),
        (networks.coupling_mlp, (2, (0,)), "hidden_dims"),
        (networks.coupling_mlp, (2, (3,), 0), "outputs_per_dim"),
        (networks.coupling_mlp, (2, (3,), 2, 0), "condition_dim"),
        (networks.coupling_cnn, ((8, 8),), "image_shape"),
        (networks.coupling_cnn, (IMAGE, 0), "filters"),
        (networks.coupling_cnn, (IMAGE, 2, -1), "num_blocks"),
        (networks.coupling_cnn, (IMAGE, 2, 1, 0), "outputs_per_channel"),
        (networks.coupling_cnn, (IMAGE, 2, 1, 2, 0), "condition_dim"),
        (networks.dcgan_generator, (2, (7, 7, 1)), "image_shape"),
        (networks.dcgan_discriminator, (IMAGE, 0), "filters"),
        (networks.dcgan_discriminator, (IMAGE, 2, None, "group"), "normalization"),
        (networks.dcgan_discriminator, (IMAGE, 2, None, "Spectral"), "normalization"),
        (networks.made, (1.5,), "event_dim"),
        (networks.made, (2, ()), "hidden_dims"),
        (networks.made, (2, (3,), 0), "outputs_per_dim"),
        (networks.made, (2, (3,), 2, 0), "condition_dim"),
        (networks.made, (2, (3,), 2, None, "relu", -1), "seed"),
        (networks.patchgan_discriminator, ((16, 32, 1),), "image_shape"),
        (networks.patchgan_discriminator, (BIG, 2, 1, "layer"), "normalization"),
        (networks.unet_generator, (IMAGE, 2, 4), "image_shape"),
        (networks.unet_generator, (IMAGE, 2, 1, 0), "output_channels"),
        (networks.unet_generator, (IMAGE, 2, 1, 1, 1.0), "dropout"),
        (networks.resnet_generator, ((10, 8, 1),), "image_shape"),
        (networks.resnet_generator, (IMAGE, 2, -1), "num_blocks"),
        (networks.sngan_generator, (2, (7, 8, 1)), "image_shape"),
        (networks.sngan_discriminator, ((8, 6, 1),), "image_shape"),
        (networks.sngan_discriminator, (IMAGE, 0), "filters"),
        (networks.time_mlp, (2, ()), "hidden_dims"),
        (networks.unet, ((6, 8, 1), 4), "image_shape"),
        (networks.unet, ((8, 8, 1), 4, ()), "multipliers"),
        (networks.unet, ((8, 8, 1), 4, (1,), 1, (8, 3)), "attention_resolutions"),
        (networks.unet, ((8, 8, 1), 4, (1,), 1, (), None, 1.0), "dropout"),
    ],
)
def test_bad_argument_is_named(function, arguments, name):
    with pytest.raises(ValueError, match=f"`{name}` must .*Received: "):
        function(*arguments)
