"""R-precision in closed form."""

import numpy as np
import pytest

from keras_genmod.metrics import Protocol, r_precision

pytestmark = pytest.mark.any_backend

CAPTIONS = np.random.default_rng(1).normal(size=(400, 8))


def test_perfect_embeddings_score_one_at_any_length(rng):
    score = r_precision(CAPTIONS * rng.random((400, 1)) * 9, CAPTIONS)
    assert score.value == 1 and score.standard_error == 0


@pytest.mark.parametrize("num_candidates", [2, 10])
def test_embeddings_that_say_nothing_score_one_candidate(num_candidates, rng):
    images = rng.normal(size=(400, 8))
    score = r_precision(images, CAPTIONS, num_candidates=num_candidates)
    expected = 1 / num_candidates
    assert abs(score.value - expected) < 4 * score.standard_error
    error = (expected * (1 - expected) / 400) ** 0.5
    assert abs(score.standard_error - error) < 0.2 * error


def test_a_tie_counts_what_guessing_finds():
    ones = np.ones((20, 3))
    score = r_precision(ones, ones, [f"caption {i}" for i in range(20)], 5)
    np.testing.assert_allclose(score.value, 1 / 5)


def test_the_worst_of_two_dimensions_scores_nothing():
    assert r_precision(-CAPTIONS, CAPTIONS, num_candidates=50).value == 0


@pytest.mark.parametrize("texts", [None, "texts"])
def test_equal_captions_are_no_candidates_beside_each_other(texts):
    # Each caption twice, under another image: it would tie with its double.
    twice = np.concatenate([CAPTIONS[:6]] * 2)
    texts = None if texts is None else [f"caption {i % 6}" for i in range(12)]
    assert r_precision(twice, twice, texts, num_candidates=6).value == 1
    with pytest.raises(ValueError, match="`num_candidates` must be at most .* 6 for"):
        r_precision(twice, twice, texts, num_candidates=7)


def test_the_protocol_holds_the_draws():
    protocol = Protocol(features="a joint embedding", split="held out")
    score = r_precision(CAPTIONS, CAPTIONS, None, 7, 3, protocol)
    found = score.protocol
    assert (found.metric, found.num_fake, found.seed) == ("r_precision", 400, 3)
    assert found.num_candidates == 7 and found.split == "held out"
    with pytest.raises(ValueError, match="num_candidates: 7 and 9"):
        score.compare_to(r_precision(CAPTIONS, CAPTIONS, None, 9, 3, protocol))


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"images": CAPTIONS[:7]}, "`captions` must be as many as `images`"),
        ({"images": CAPTIONS[:, :3]}, "`captions` must have 3 features"),
        ({"images": 0 * CAPTIONS}, "`images` must have a direction.*row 0"),
        ({"texts": ["a"]}, "`texts` must be 400 strings"),
        ({"num_candidates": 1}, "`num_candidates` must be an int of at least 2"),
        ({"seed": -1}, "`seed` must"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        r_precision(**{"images": CAPTIONS, "captions": CAPTIONS, **arguments})
