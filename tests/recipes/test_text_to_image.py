"""Who judges the images of captions is said beside the figures."""

import types

import numpy as np
import pytest

from keras_genmod import data
from recipes import text_to_image

pytestmark = pytest.mark.any_backend
OWN = "the models' own encoder"


@pytest.mark.parametrize(
    "judge,encoder,name",
    [
        (None, None, OWN),
        (None, "a/model.keras", OWN),
        ("a/model.keras", "./a/model.keras", OWN),
        ("runs/captions/model.keras", None, OWN),
        ("b/model.keras", "a/model.keras", "b/model.keras"),
        ("b/model.keras", None, "b/model.keras"),
    ],
)
def test_the_judge_has_a_name(judge, encoder, name):
    assert text_to_image.judge_of(judge, encoder, "runs") == name


def test_the_figures_name_the_judge():
    scenes = data.shape_scenes(12, 16, max_objects=1)
    rows = np.random.default_rng(0).random((12, 4))
    judge = types.SimpleNamespace(
        encode_images=lambda images: rows, encode_captions=lambda captions: rows
    )
    score = text_to_image.precision(judge, scenes.images, scenes, OWN)
    assert score.protocol.features == OWN
    words = text_to_image.judged(scenes.images, scenes, judge, OWN, None)
    assert f"captions (judge: {OWN}), shapes" in words
