import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util.tensor_util import make_ndarray

from keras_genmod.callbacks import EventWriter
from tests.several_processes import environment

# Writes all there is to write, by `EventWriter` and in training, where TensorFlow is
# not installed, and says whether it was asked for.
LATER = """
import sys

asked = []

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "tensorflow":
            asked.append(name)
            raise ModuleNotFoundError(name, name=name)

sys.modules["tensorflow"] = None  # Keras and torch may ask
import keras
import numpy as np

del sys.modules["tensorflow"]
sys.meta_path.insert(0, Nothing())
from keras_genmod.callbacks import EventWriter, TensorBoard

writer = EventWriter(sys.argv[1])
writer.add_scalars("train", {"loss": 1.0}, 1)
writer.add_images("train", "pictures", np.zeros((1, 8, 8)), 0)
writer.add_text("train", "protocol", "k = 5")
writer.add_histogram("train", "w", np.zeros(3), 0)
writer.add_hparams({"beta": 1.0}, {"loss": 1.0})
writer.add_embedding("z", np.eye(3), range(3), np.zeros((3, 8, 8)))
print(asked)  # Keras asks in `fit`

model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
x, y = np.ones((8, 2)), np.ones((8, 1))
board = TensorBoard(sys.argv[2])
model.fit(x, y, epochs=2, validation_data=(x, y), callbacks=[board], verbose=0)
board.add_images("pictures", np.zeros((4, 8, 8)), step=2)

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator(sys.argv[2] + "/train").Reload()
print(events.Tags()["scalars"], events.Tags()["images"])
"""


def read(folder):
    return EventAccumulator(str(folder)).Reload()


def test_scalars_come_back_and_nan_stays_nan(tmp_path):
    values = {"loss": ops.convert_to_tensor(2.5), "bound": float("nan"), "kl": np.inf}
    EventWriter(tmp_path).add_scalars("validation", values, step=3)
    events = read(tmp_path / "validation")
    found = {name: events.Scalars(name)[0] for name in values}
    assert {event.step for event in found.values()} == {3}
    assert found["loss"].value == 2.5
    assert np.isnan(found["bound"].value) and np.isposinf(found["kl"].value)


def test_a_grid_comes_back(tmp_path):
    images = np.zeros((4, 8, 8, 1))
    EventWriter(tmp_path).add_images("train", "digits", images, 3, num_columns=2)
    (picture,) = read(tmp_path / "train").Images("digits")
    assert (picture.step, picture.width, picture.height) == (3, 102, 102)


def test_a_picture_comes_back_pixel_by_pixel(tmp_path):
    picture = np.arange(4 * 5 * 3, dtype="uint8").reshape(4, 5, 3)
    EventWriter(tmp_path).add_image("train", "colours", picture, 0)
    (event,) = read(tmp_path / "train").Images("colours")
    (tmp_path / "found.png").write_bytes(event.encoded_image_string)
    with Image.open(tmp_path / "found.png") as found:
        assert np.array_equal(np.asarray(found), picture)


def test_text_comes_back(tmp_path):
    EventWriter(tmp_path).add_text("train", "protocol", "k = **5**, σ", step=2)
    (event,) = read(tmp_path / "train").Tensors("protocol")
    found = event.tensor_proto.string_val[0].decode()
    assert (event.step, found) == (2, "k = **5**, σ")


def test_a_histogram_counts_each_finite_value_once(tmp_path):
    values = np.r_[np.random.default_rng(0).normal(size=998), np.nan, -np.inf]
    writer = EventWriter(tmp_path)
    writer.add_histogram(
        "train", "w", ops.convert_to_tensor(values.reshape(10, 100)), 4
    )
    (event,) = read(tmp_path / "train").Tensors("w")
    left, right, counts = make_ndarray(event.tensor_proto).T
    assert event.step == 4 and counts.sum() == 998
    assert np.isclose(left[0], values[:998].min())
    assert np.isclose(right[-1], values[:998].max())
    inside = (values > left[9]) & (values < right[9])
    assert counts[9] == inside.sum()


@pytest.mark.parametrize("values", [[], [np.nan], [2.0, 2.0]])
def test_a_histogram_of_no_or_equal_values_is_no_error(values, tmp_path):
    EventWriter(tmp_path).add_histogram("train", "w", np.array(values), 0)
    (event,) = read(tmp_path / "train").Tensors("w")
    counts = make_ndarray(event.tensor_proto)[:, 2]
    assert counts.sum() == np.isfinite(values).sum()


def test_points_labels_and_sprites_stand_in_the_files(tmp_path):
    rng = np.random.default_rng(0)
    vectors, images = rng.normal(size=(5, 3)), rng.integers(0, 2, (5, 6, 4, 1))
    labels = np.array(["a", "b\tc", "", "d\n", "e"])
    writer = EventWriter(tmp_path)
    writer.add_embedding("latents", ops.convert_to_tensor(vectors), labels, images, 7)
    folder = tmp_path / "train" / "latents-7"
    assert np.allclose(np.loadtxt(folder / "tensors.tsv"), vectors, rtol=1e-5)
    lines = (folder / "metadata.tsv").read_text().splitlines()
    assert lines == ["a", "b c", "-", "d", "e"]
    with Image.open(folder / "sprite.png") as sprite:
        sheet = np.asarray(sprite)
    assert sheet.shape == (12, 12)  # two rows of three images of 6 x 4
    for i in range(5):
        row, column = divmod(i, 3)
        cell = sheet[6 * row : 6 * row + 6, 4 * column : 4 * column + 4]
        assert np.array_equal(cell, 255 * images[i, ..., 0])


def test_points_of_each_step_are_listed_once(tmp_path):
    writer = EventWriter(tmp_path)
    for step in (0, 1, 1):
        writer.add_embedding("latents/prior", np.eye(3), step=step)
    config = (tmp_path / "train" / "projector_config.pbtxt").read_text()
    assert config.count('"latents/prior, step 0"') == 1
    assert config.count('"latents/prior, step 1"') == 1


def test_all_writers_of_a_process_share_a_file(tmp_path):
    first, second = EventWriter(tmp_path), EventWriter(tmp_path)
    for step, writer in enumerate((first, second, first)):
        writer.add_scalars("train", {"loss": step}, step)
    (path,) = (tmp_path / "train").iterdir()
    versions = [e.file_version for e in EventFileLoader(str(path)).Load()]
    assert versions == ["brain.Event:2", "", "", ""]
    assert [e.value for e in read(tmp_path / "train").Scalars("loss")] == [0, 1, 2]


def without_tensorflow(test):
    """Marks a test of what a process does to which TensorFlow is not installed."""
    on_tensorflow = keras.backend.backend() == "tensorflow"
    skip = pytest.mark.skipif(on_tensorflow, reason="the backend is TensorFlow")
    return pytest.mark.any_backend(skip(test))


@pytest.fixture(scope="module")
def later(tmp_path_factory):
    """Returns a folder that a later process has written to, and what that printed."""
    folder, other = (str(tmp_path_factory.mktemp(name)) for name in ("later", "board"))
    EventWriter(folder).add_scalars("train", {"loss": 0.0}, 0)
    done = subprocess.run(
        [sys.executable, "-c", LATER, folder, other],
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout.splitlines()


@without_tensorflow
def test_a_later_process_adds_a_file_that_is_read_after(later):
    folder = pathlib.Path(later[0])
    assert len(list((folder / "train").glob("events*"))) == 2
    assert [e.step for e in read(folder / "train").Scalars("loss")] == [0, 1]


@without_tensorflow
def test_logs_are_written_and_read_without_tensorflow(later):
    asked, found = later[1]
    assert asked == "[]"  # nor is it imported where it is installed
    assert found == "['epoch_loss', 'epoch_learning_rate'] ['pictures']"


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("add_scalars", ("test", {"loss": 1.0}, 0), "`run` must be one of"),
        ("add_scalars", ("train", {"loss": "high"}, 0), "`values` must be numbers"),
        ("add_scalars", ("train", {"loss": None}, 0), "Received: loss=None"),
        ("add_scalars", ("train", {"loss": [1.0, 2.0]}, 0), "`values` must be numbers"),
        ("add_scalars", ("train", {"loss": 1.0}, 0.5), "`step` must be an int"),
        ("add_images", ("train", "a", np.zeros((4, 2)), 0), "`images` must have shape"),
        ("add_image", ("train", "a", np.zeros((8, 8)), 0), "`picture` must be a uint8"),
        ("add_text", ("train", "a", b"bytes"), "`text` must be a string"),
        ("add_hparams", ({"beta": None}, {}), "`hparams` must be bools, ints"),
        ("add_hparams", ({}, {"loss": "high"}), "`values` must be numbers"),
        ("add_embedding", ("z", np.ones(3)), "`vectors` must be finite numbers of"),
        ("add_embedding", ("z", np.full((2, 2), np.nan)), "`vectors` must be finite"),
        ("add_embedding", ("z", np.eye(3), [0, 1]), "`labels` must be as many as"),
        (
            "add_embedding",
            ("z", np.eye(2), None, np.ones((3, 8, 8))),
            "`images` must be",
        ),
        (
            "add_embedding",
            ("z", np.eye(2), None, np.ones((2, 8))),
            "`images` must have",
        ),
        (
            "add_embedding",
            ("z", np.ones((10, 1)), None, np.ones((10, 1, 2049))),
            "`images` must fit into 8192 x 8192 pixels",
        ),
    ],
)
def test_bad_input_is_a_named_error(method, arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        getattr(EventWriter(tmp_path), method)(*arguments)
