import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_genmod.callbacks import TensorBoard

# Run with TensorFlow out of reach; prints the scalars and pictures it read back.
WITHOUT_TENSORFLOW = """
import sys

sys.modules["tensorflow"] = None  # each import of it fails
import keras
import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_genmod.callbacks import TensorBoard

model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
x, y = np.ones((8, 2)), np.ones((8, 1))
board = TensorBoard(sys.argv[1])
model.fit(x, y, epochs=2, validation_data=(x, y), callbacks=[board], verbose=0)
board.add_images("pictures", np.zeros((4, 8, 8)), step=2)
events = EventAccumulator(sys.argv[1] + "/train").Reload()
print(events.Tags()["scalars"], events.Tags()["images"])
"""


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
    fit(model, [TensorBoard(tmp_path)], validation=False)
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


@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow", reason="the backend is TensorFlow"
)
def test_logs_are_written_and_read_where_tensorflow_is_not_installed(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['epoch_loss'] ['pictures']"


@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow", reason="the backend is TensorFlow"
)
def test_it_imports_no_tensorflow_where_that_is_installed(tmp_path):
    code = (
        "import sys, numpy as np; from keras_genmod.callbacks import TensorBoard;"
        "board = TensorBoard(sys.argv[1]); board.on_epoch_end(0, {'loss': 1.0});"
        "board.add_images('pictures', np.zeros((1, 8, 8)), 0);"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True
    )
    assert done.stdout.strip() == "False", done.stderr
