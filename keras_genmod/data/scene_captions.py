"""Sentences about scenes of shapes, in several words for the same things."""

import numpy as np

SHAPES = ("circle", "square", "triangle")
COLOURS = ("red", "green", "blue", "yellow", "purple", "cyan")
SIZES = ("small", "large")
PREDICATES = ("left of", "right of", "above", "below", "inside", "around")
SYNONYMS = {
    "circle": ("circle", "disc"),
    "square": ("square", "box"),
    "triangle": ("triangle", "wedge"),
    "red": ("red", "crimson"),
    "green": ("green", "emerald"),
    "blue": ("blue", "navy"),
    "yellow": ("yellow", "golden"),
    "purple": ("purple", "violet"),
    "cyan": ("cyan", "turquoise"),
    "small": ("small", "little", "tiny"),
    "large": ("large", "big", "huge"),
    "left of": ("left of", "to the left of"),
    "right of": ("right of", "to the right of"),
    "above": ("above", "over"),
    "below": ("below", "under", "beneath"),
    "inside": ("inside", "within"),
    "around": ("around", "surrounding"),
}
_NUMBERS = ("one", "two", "three", "four", "five", "six")


def captions_of(
    attributes: np.ndarray, relations: np.ndarray, rng: np.random.RandomState
) -> tuple[str, ...]:
    """Returns four sentences that are true of a scene.

    Args:
        attributes: Ints `(objects, 3)`: shape, colour, size.
        relations: Ints `(relations, 3)`: subject, predicate, object.
        rng: Of the words; the first sentence has the plain ones of `SHAPES`,
            `COLOURS`, `SIZES` and `PREDICATES`.

    Returns:
        Tuple of strings: all objects; all objects in other words; a relation; how many
        there are, and one of them. Of a single object the third one names it as well.
    """
    plain = _enumerated([_noun(row, None) for row in attributes])
    varied = [_noun(row, rng) for row in rng.permutation(attributes)]
    opening = ("there is ", "an image of ", "this shows ")[rng.randint(3)]
    one = _noun(attributes[rng.randint(len(attributes))], rng)
    count = _NUMBERS[len(attributes) - 1]
    noun = "object" if len(attributes) == 1 else "objects"
    if len(relations):
        first, predicate, second = relations[rng.randint(len(relations))]
        link = _word(PREDICATES[predicate], rng)
        third = (
            f"{_noun(attributes[first], rng)} {link} {_noun(attributes[second], rng)}"
        )
    else:
        third = f"only {one}"
    return (
        plain,
        opening + _enumerated(varied),
        third,
        f"{count} {noun}, among them {one}" if count != "one" else f"one object: {one}",
    )


def _noun(row: np.ndarray, rng: np.random.RandomState | None) -> str:
    shape, colour, size = row
    words = [_word(w, rng) for w in (SIZES[size], COLOURS[colour], SHAPES[shape])]
    return f"a {' '.join(words)}"


def _word(plain: str, rng: np.random.RandomState | None) -> str:
    words = SYNONYMS[plain]
    return words[0] if rng is None else words[rng.randint(len(words))]


def _enumerated(nouns: list[str]) -> str:
    if len(nouns) == 1:
        return nouns[0]
    return f"{', '.join(nouns[:-1])} and {nouns[-1]}"
