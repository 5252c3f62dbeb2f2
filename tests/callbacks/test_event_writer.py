import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_genmod.callbacks import EventWriter


def read(folder):
    return EventAccumulator(str(folder)).Reload()


def test_scalars_come_back_and_nan_stays_nan(tmp_path):
    writer = EventWriter(tmp_path)
    writer.add_scalars("validation", {"loss": 2.5, "bound": np.float32("nan")}, step=3)
    (loss,) = read(tmp_path / "validation").Scalars("loss")
    (bound,) = read(tmp_path / "validation").Scalars("bound")
    assert (loss.step, loss.value) == (3, 2.5)
    assert np.isnan(bound.value)


def test_pictures_come_back(tmp_path):
    images = np.zeros((4, 8, 8, 1))
    EventWriter(tmp_path).add_images("train", "digits", images, 3, num_columns=2)
    (picture,) = read(tmp_path / "train").Images("digits")
    assert (picture.step, picture.width, picture.height) == (3, 102, 102)
    assert picture.encoded_image_string.startswith(b"\x89PNG")


def test_text_comes_back(tmp_path):
    EventWriter(tmp_path).add_text("train", "protocol", "k = **5**", step=2)
    (event,) = read(tmp_path / "train").Tensors("protocol")
    assert (event.step, event.tensor_proto.string_val[0]) == (2, b"k = **5**")


def test_all_writers_of_a_process_share_a_file(tmp_path):
    first, second = EventWriter(tmp_path), EventWriter(tmp_path)
    for step, writer in enumerate((first, second, first)):
        writer.add_scalars("train", {"loss": step}, step)
    assert len(list((tmp_path / "train").iterdir())) == 1
    assert [e.value for e in read(tmp_path / "train").Scalars("loss")] == [0, 1, 2]


def test_another_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`run` must be one of"):
        EventWriter(tmp_path).add_scalars("test", {"loss": 1.0}, 0)


@pytest.mark.parametrize("value", ["high", None, [1.0, 2.0]])
def test_scalars_that_are_no_numbers_are_refused(value, tmp_path):
    with pytest.raises(ValueError, match="`values` must be numbers. Received: loss="):
        EventWriter(tmp_path).add_scalars("train", {"loss": value}, 0)


def test_data_that_are_no_images_are_refused(tmp_path):
    writer = EventWriter(tmp_path)
    with pytest.raises(ValueError, match="`images` must have shape"):
        writer.add_images("train", "points", np.zeros((4, 2)), 0)
    with pytest.raises(ValueError, match="`picture` must be a uint8 array"):
        writer.add_image("train", "picture", np.zeros((8, 8)), 0)
