"""Images that a study takes, and those that it refuses with the way out."""

import io

import numpy as np
import pytest
from PIL import Image

from keras_genmod.hype import StudyProtocol, create_study, load_images
from tests.hype.small_studies import images, small_study

pytestmark = pytest.mark.any_backend
SMALL = StudyProtocol.of("infinity", num_trials=4, qualification_trials=0)


def write(folder, name, size=(5, 6), mode="L", colour=7):
    folder.mkdir(exist_ok=True)
    Image.new(mode, size, colour).save(folder / name)


def test_a_folder_becomes_an_array_in_the_order_of_names(tmp_path):
    write(tmp_path, "b.png", colour=255)
    write(tmp_path, "a.png", colour=0)
    (tmp_path / "notes.txt").write_text("")
    loaded = load_images(tmp_path)
    assert loaded.shape == (2, 6, 5, 1) and loaded.dtype == np.float32
    assert (loaded[0] == 0).all() and (loaded[1] == 1).all()
    write(tmp_path, "c.jpg", mode="RGB", colour=(255, 0, 0))
    assert load_images(str(tmp_path)).shape == (3, 6, 5, 3)


def test_a_folder_of_mixed_sizes_is_an_error(tmp_path):
    write(tmp_path, "a.png")
    write(tmp_path, "b.png", size=(9, 6))
    with pytest.raises(ValueError, match=r"a.png, of 5 x 6 .* Received: .*b.png of 9"):
        load_images(tmp_path)


def test_other_folders_are_errors(tmp_path):
    with pytest.raises(OSError, match="`folder` must hold images"):
        load_images(tmp_path)
    (tmp_path / "file").write_text("")
    for name in ("none", "file"):
        with pytest.raises(OSError, match="`folder` must be a folder that exists"):
            load_images(tmp_path / name)
    with pytest.raises(ValueError, match="`folder` must be a path"):
        load_images(3)
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(ValueError, match="`folder` must hold images that can be read"):
        load_images(tmp_path)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"real": images(4)[..., 0]}, "`real` must have shape"),
        ({"real": images(4) * 255}, r"`real` must lie in \[0, 1\]"),
        ({"real": (images(4) * 255).astype("uint8")}, "`real` must be an array of flo"),
        ({"real": [[0.5]]}, "`real` must be a NumPy array or a tensor"),
        ({"real": images(1)}, "`real` must hold at least 2 images.*Received: 1"),
        ({"fakes": {"a": images(1, 1)}}, "`fakes` must hold at least 2 .*1 of 'a'"),
        ({"fakes": {}}, "`fakes` must be a dict"),
        ({"fakes": {"": images(4, 1)}}, "`fakes` must have names"),
        ({"fakes": {"a": images(4, 1, (6, 6, 1))}}, "`fakes` must have images of the"),
        ({"fakes": {"a": images(4)}}, "`fakes` must not be real images"),
        ({"protocol": "time"}, "`protocol` must be a StudyProtocol"),
        ({"title": 3}, "`title` must be a string"),
        ({"seed": -1}, "`seed` must be"),
        ({"salt": 3}, "`salt` must be a string"),
        ({"salt": "0" * 31}, "`salt` must be 32 digits"),
    ],
)
def test_a_study_says_what_it_lacks(change, message, tmp_path):
    good = {"real": images(4), "fakes": {"a": images(4, 1)}, "protocol": SMALL}
    path = tmp_path / "x.study"
    with pytest.raises(ValueError, match=message):
        create_study(path, **{**good, **change})
    assert not path.exists()
    create_study(path, **good).close()


def test_equal_images_count_once_and_nobody_sees_one_twice(tmp_path):
    twice = np.concatenate([images(4), images(4)])
    fakes = {"a": np.concatenate([images(3, 1), images(3, 1), images(1, 2)])}
    with create_study(tmp_path / "x", twice, fakes, SMALL) as study:
        assert (study.protocol.num_real, study.protocol.num_fake) == (4, 4)
        rows = study.database.rows("SELECT DISTINCT sha256 FROM image")
        assert len(rows) == 8
    same = np.repeat(images(1), 9, axis=0)
    message = "all different.*Received: 1 different ones of 9"
    with pytest.raises(ValueError, match=f"`real`.*{message}"):
        create_study(tmp_path / "y", same, fakes, SMALL)


def test_a_model_that_repeats_itself_stays_with_a_warning(tmp_path):
    fakes = {"a": np.repeat(images(1, 1), 9, axis=0)}
    message = "at least 2 different.*Received: 1 different ones of 9 of 'a'"
    with pytest.warns(UserWarning, match=message):
        create_study(tmp_path / "x", images(4), fakes, SMALL).close()
    with create_study(tmp_path / "y", images(4), {"a": images(2, 1)}, SMALL) as study:
        assert study.protocol.num_fake == 2


def test_samples_that_are_real_images_are_counted_in_a_warning(tmp_path):
    real, learnt = images(4), {"a": np.concatenate([images(2), images(3, 1)])}
    with pytest.warns(UserWarning, match="Received: 2 of 5 of 'a'"):
        create_study(tmp_path / "x", real, learnt, SMALL).close()


@pytest.mark.parametrize(
    "variant, real, fake",
    [("infinity", 14, 12), ("time", 24, 22), ("pairwise", 24, 22)],
)
def test_one_image_less_than_needed_is_too_few(variant, real, fake, tmp_path):
    changes = {"num_trials": 20, "qualification_trials": 8}
    if variant == "time":
        changes["num_blocks"] = 2
    protocol = StudyProtocol.of(variant, **changes)
    fakes = {name: images(fake, i) for i, name in enumerate("ab", 1)}
    with pytest.raises(ValueError, match=f"`real` must hold at least {real}"):
        create_study(tmp_path / "x", images(real - 1), fakes, protocol)
    with pytest.raises(ValueError, match=f"`fakes` must hold at least {fake}"):
        create_study(
            tmp_path / "x", images(real), {**fakes, "b": images(fake - 1, 2)}, protocol
        )
    create_study(tmp_path / "x", images(real), fakes, protocol).close()


def test_the_file_keeps_the_pixels_and_nothing_else(tmp_path):
    with small_study(tmp_path / "x.study", models=("a",), num=20) as study:
        rows = study.database.rows("SELECT * FROM image ORDER BY kind DESC, number")
        real = [row for row in rows if row["kind"] == "real"]
        for row, expected in zip(real, images(20), strict=True):
            with Image.open(io.BytesIO(study.png(row["id"]))) as image:
                assert not image.info
                np.testing.assert_allclose(
                    np.asarray(image) / 255, expected[..., 0], atol=0.5 / 255 + 1e-6
                )
        assert study.png("0" * 32) is None
        names = "".join(row["id"] for row in rows)
        assert "real" not in names and "fake" not in names
