import os

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata
from tensorboard.util.tensor_util import make_ndarray

from keras_genmod import GAN, VAE, networks
from keras_genmod.callbacks import TensorBoard


# Run with TensorFlow out of reach; prints the scalars and pictures it read back.
@pytest.fixture
def model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def fit(model, callbacks, epochs=2, initial_epoch=0, validation=True):
    x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
    return model.fit(
        x,
        y,
        batch_size=2,
        epochs=epochs,
        initial_epoch=initial_epoch,
        validation_data=(x, y) if validation else None,
        callbacks=callbacks,
        verbose=0,
    )


def scalars(folder, tag):
    events = EventAccumulator(str(folder)).Reload().Scalars(tag)
    return [(event.step, event.value) for event in events]


def test_epochs_are_written_as_two_runs(model, tmp_path):
    history = fit(model, [TensorBoard(tmp_path)]).history
    for run, name in (("train", "loss"), ("validation", "val_loss")):
        steps, values = zip(*scalars(tmp_path / run, "epoch_loss"), strict=True)
        assert steps == (0, 1)
        assert np.allclose(values, history[name])


def test_without_validation_there_is_one_run(model, tmp_path):
    fit(model, [TensorBoard(tmp_path, hparams=False)], validation=False)
    assert [folder.name for folder in tmp_path.iterdir()] == ["train"]


def test_a_second_start_goes_on_at_its_epoch(model, tmp_path):
    fit(model, [TensorBoard(tmp_path)], epochs=2)
    fit(model, [TensorBoard(tmp_path)], epochs=4, initial_epoch=2)
    written = scalars(tmp_path / "train", "epoch_loss")
    assert [step for step, _ in written] == [0, 1, 2, 3]


def test_batches_are_counted_over_epochs(model, tmp_path):
    fit(model, [TensorBoard(tmp_path, every=2)])  # 4 batches an epoch
    written = scalars(tmp_path / "train", "batch_loss")
    assert [step for step, _ in written] == [1, 3, 5, 7]


def test_pictures_come_back(tmp_path):
    board = TensorBoard(tmp_path)
    board.add_images("digits", np.zeros((4, 8, 8, 1)), step=3, num_columns=2)
    events = EventAccumulator(str(tmp_path / "train")).Reload()
    (picture,) = events.Images("digits")
    assert (picture.step, picture.width, picture.height) == (3, 102, 102)
    assert picture.encoded_image_string.startswith(b"\x89PNG")


@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="Keras takes single steps on torch"
)
@pytest.mark.parametrize(("every", "expected"), [(2, [1, 3, 5, 7]), (3, [3, 7])])
def test_several_steps_an_execution_skip_no_interval(every, expected, model, tmp_path):
    model.compile("sgd", "mse", steps_per_execution=2)  # 2 executions of 2 an epoch
    fit(model, [TensorBoard(tmp_path, every=every)])
    assert [step for step, _ in scalars(tmp_path / "train", "batch_loss")] == expected


def test_losses_of_batches_are_those_that_other_callbacks_see(model, tmp_path):
    seen = {}
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.update({batch: logs["loss"]})
    )
    fit(model, [TensorBoard(tmp_path, every=1), watch], epochs=1)
    assert dict(scalars(tmp_path / "train", "batch_loss")) == pytest.approx(seen)


def test_the_learning_rate_in_force_is_written(model, tmp_path):
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [3, 7], [0.4, 0.2, 0.1]
    )
    model.compile(keras.optimizers.SGD(schedule), "mse")
    fit(model, [TensorBoard(tmp_path)], epochs=3)
    rates = [value for _, value in scalars(tmp_path / "train", "epoch_learning_rate")]
    assert rates == pytest.approx([0.2, 0.1, 0.1])  # after 4, 8 and 12 batches


def test_each_of_several_optimizers_has_its_learning_rate(tmp_path):
    generator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    discriminator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model = GAN(generator, discriminator, latent_dim=2)
    rates = {"discriminator": 0.25, "generator": 0.5}
    model.compile({name: keras.optimizers.SGD(rate) for name, rate in rates.items()})
    x = np.zeros((4, 2), "float32")
    model.fit(x, callbacks=[TensorBoard(tmp_path, histogram_freq=1)], verbose=0)
    for name, rate in rates.items():
        tag = f"epoch_learning_rate_{name}"
        assert scalars(tmp_path / "train", tag) == [(0, pytest.approx(rate))]
    tags = EventAccumulator(str(tmp_path / "train")).Reload().Tags()["tensors"]
    assert len(tags) == len(model.weights) + 1  # the text


def test_histograms_are_of_the_weights_after_the_epoch(model, tmp_path):
    fit(model, [TensorBoard(tmp_path, histogram_freq=2)], epochs=3)
    events = EventAccumulator(str(tmp_path / "train")).Reload()
    kernel, bias = model.weights
    for weight in (kernel, bias):
        written = events.Tensors(weight.path)
        assert [event.step for event in written] == [0, 2]
        left, right, counts = make_ndarray(written[-1].tensor_proto).T
        values = keras.ops.convert_to_numpy(weight)
        assert counts.sum() == values.size
        assert left[0] <= values.min() and values.max() <= right[-1]


def test_hyper_parameters_are_written_before_and_figures_after(tmp_path):
    encoder = networks.mlp_encoder((4,), hidden_dims=(4,))
    decoder = networks.mlp_decoder(2, (4,), hidden_dims=(4,))
    model = VAE(encoder, decoder, latent_dim=2, beta=0.5)
    model.compile(keras.optimizers.Adam(0.01))
    x = np.zeros((4, 4), "float32")
    judge = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(frechet_distance=3.0)
    )
    board = TensorBoard(tmp_path)
    history = model.fit(x, callbacks=[judge, board], verbose=0).history
    events = EventAccumulator(str(tmp_path / "hparams")).Reload()
    content = events.SummaryMetadata(
        metadata.SESSION_START_INFO_TAG
    ).plugin_data.content
    start = metadata.parse_session_start_info_plugin_data(content).hparams
    assert start["model"].string_value == "VAE"
    assert start["optimizer"].string_value == "Adam"
    assert (start["beta"].number_value, start["latent_dim"].number_value) == (0.5, 2)
    assert start["learning_rate"].number_value == 0.01
    assert "encoder" not in start
    (loss,) = events.Scalars("final_loss")
    assert loss.value == pytest.approx(history["loss"][-1])
    assert events.Scalars("final_frechet_distance")[0].value == 3.0
    assert metadata.SESSION_END_INFO_TAG in events.Tags()["tensors"]


def test_the_protocol_is_written_once_a_start(model, tmp_path):
    fit(model, [TensorBoard(tmp_path)], epochs=2)
    fit(model, [TensorBoard(tmp_path)], epochs=4, initial_epoch=2)
    events = EventAccumulator(str(tmp_path / "train")).Reload().Tensors("protocol")
    assert [event.step for event in events] == [0, 2]
    text = events[0].tensor_proto.string_val[0].decode()
    assert f"| Keras | {keras.version()} on {keras.backend.backend()} |" in text
    assert "| optimizer | SGD |" in text


def test_a_loss_that_is_not_a_number_is_written_as_such(model, tmp_path):
    model.compile(keras.optimizers.SGD(float("nan")), "mse")
    fit(model, [TensorBoard(tmp_path, every=1, histogram_freq=1)], epochs=1)
    assert np.isnan(scalars(tmp_path / "train", "epoch_loss")[-1][1])


def test_no_file_stays_open(model, tmp_path):
    fit(model, [TensorBoard(tmp_path)])
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc to list open files")
    links = (os.path.join("/proc/self/fd", fd) for fd in os.listdir("/proc/self/fd"))
    names = [os.readlink(link) for link in links if os.path.islink(link)]
    assert not [name for name in names if name.startswith(str(tmp_path))]


def test_a_folder_that_cannot_be_written_is_an_error_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="`log_dir` must be a folder that can be written"):
        TensorBoard(tmp_path / "file" / "run")


@pytest.mark.parametrize("every", [0, -1, 1.5, True, "batch"])
def test_other_intervals_are_refused(every, tmp_path):
    with pytest.raises(ValueError, match='`every` must be "epoch" or a positive int'):
        TensorBoard(tmp_path, every=every)


@pytest.mark.parametrize("histogram_freq", [-1, 1.5, True, None])
def test_other_histogram_intervals_are_refused(histogram_freq, tmp_path):
    with pytest.raises(ValueError, match="`histogram_freq` must be an int of at least"):
        TensorBoard(tmp_path, histogram_freq=histogram_freq)
