"""Captions become rows of numbers and come back; what is unknown is named."""

import keras
import numpy as np
import pytest

from keras_genmod import data
from keras_genmod.data import Vocabulary

pytestmark = pytest.mark.any_backend

CAPTIONS = ["A small red circle", "a Big circle, above a red box"]
WORDS = ["a", "above", "big", "box", "circle", "red", "small"]


def test_words_and_their_numbers():
    vocabulary = Vocabulary.from_captions(CAPTIONS)
    assert list(vocabulary.tokens) == WORDS and vocabulary.length == 7
    assert vocabulary.num_tokens == 8  # with 0, which is no word
    rows = vocabulary.encode(CAPTIONS)
    assert rows.dtype == np.int32
    expected = [[1, 7, 6, 5, 0, 0, 0], [1, 3, 5, 2, 1, 6, 4]]
    np.testing.assert_array_equal(rows, expected)
    assert vocabulary.decode(rows) == [
        "a small red circle",
        "a big circle above a red box",
    ]


def test_characters_are_all_there_are():
    vocabulary = Vocabulary.from_captions(CAPTIONS, "characters")
    assert vocabulary.length == len(CAPTIONS[1])
    assert set(vocabulary.tokens) == set("".join(CAPTIONS).lower())
    rows = vocabulary.encode(CAPTIONS)
    assert vocabulary.decode(rows) == [text.lower() for text in CAPTIONS]


def test_several_captions_of_each_scene_keep_their_shape():
    scenes = data.shape_scenes(5, 16)
    vocabulary = Vocabulary.from_captions(scenes.captions)
    rows = vocabulary.encode(scenes.captions)
    assert rows.shape == (5, 4, vocabulary.length)
    assert np.count_nonzero(rows, axis=-1).max() == vocabulary.length
    np.testing.assert_array_equal(
        rows[3, 2:3], vocabulary.encode([scenes.captions[3][2]])
    )
    assert vocabulary.encode(scenes.captions[3][2]).shape == (vocabulary.length,)


def test_a_file_keeps_it():
    vocabulary = Vocabulary.from_captions(CAPTIONS, length=9)
    config = keras.saving.serialize_keras_object(vocabulary)
    loaded = keras.saving.deserialize_keras_object(config)
    assert loaded.get_config() == vocabulary.get_config()
    np.testing.assert_array_equal(loaded.encode(CAPTIONS), vocabulary.encode(CAPTIONS))


@pytest.mark.parametrize(
    "captions,message",
    [
        (
            ["a purple circle on a hill"],
            "Unknown: 'purple', 'on', 'hill'. Rec",
        ),
        (["a " * 8], "`captions` must have 1 to 7 words each. Received: .*, of 8"),
        (["a circle", " , "], "`captions` must have 1 to 7 words each"),
        ([1, 2], "`captions` must be strings"),
        ([["a", "a red box"], ["a"]], "`captions` must be strings, as many of each"),
        (None, "`captions` must be strings"),
    ],
)
def test_what_is_no_caption_is_named(captions, message):
    with pytest.raises(ValueError, match=message):
        Vocabulary.from_captions(CAPTIONS).encode(captions)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"tokens": "red"}, "`tokens` must be a non-empty list"),
        ({"tokens": []}, "`tokens` must be a non-empty list"),
        ({"tokens": ["red", 1]}, "`tokens` must be single words.*Received: 1"),
        ({"tokens": ["red box"]}, "`tokens` must be single words.*Received: 'red box'"),
        ({"tokens": ["Red"]}, "`tokens` must be single words in lower case"),
        ({"tokens": ["ab"], "unit": "characters"}, "must be single characters"),
        ({"tokens": ["a", "b", "a"]}, r"`tokens` must be distinct.*\['a'\]"),
        ({"length": 0}, "`length` must be a positive int"),
        ({"unit": "bytes"}, "`unit` must be one of"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Vocabulary(**{"tokens": ["a"], "length": 3, **arguments})


@pytest.mark.parametrize("rows", [[[1, 9, 0]], [[0.5, 0, 0]], [[-1, 0, 0]]])
def test_numbers_of_no_token_are_refused(rows):
    with pytest.raises(ValueError, match="`rows` must hold whole numbers from 0 to 2"):
        Vocabulary(["a", "b"], 3).decode(rows)


def test_nothing_makes_no_vocabulary():
    with pytest.raises(ValueError, match="`captions` must hold some words"):
        Vocabulary.from_captions(["...", ""])
