"""Files that are whole or not there."""

import os

import pytest

from keras_genmod import whole_files

pytestmark = pytest.mark.any_backend


def test_the_file_takes_the_place_of_the_other_at_the_end(tmp_path):
    path = tmp_path / "numbers.txt"
    path.write_text("before")
    with whole_files.writing(path) as file:
        file.write("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "numbers.txt"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt), whole_files.writing(path, "wb") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed_and_what_is_no_file_is_written_to(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "numbers.txt")
    with whole_files.writing(tmp_path / "link") as file:
        file.write("after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "numbers.txt").read_text() == "after"
    with whole_files.writing(os.devnull) as file:
        file.write("nothing")
    assert not os.path.isfile(os.devnull)
