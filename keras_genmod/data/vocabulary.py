"""Captions as numbers: the words, or characters, that a model knows."""

import re
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_genmod import checks

UNITS = ("words", "characters")

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_SHOWN = 5  # unknown words in a message


@keras.saving.register_keras_serializable("keras_genmod")
class Vocabulary:
    """Captions to padded rows of integers and back, by a fixed list of tokens.

    Token i of the list is the number i + 1; 0 stands behind the last one, up to
    `length`. Captions are read in lower case. Words are runs of letters and digits,
    also with an apostrophe inside; what stands between them is not read. Characters are
    all there are, spaces and commas too.

    Models keep it in their files, so that `sample` takes strings.

    Args:
        tokens: Sequence of distinct words in lower case, or of single characters.
        length: Positive int, the most tokens that a caption may have.
        unit: "words" or "characters".

    Raises:
        ValueError: If a token is there twice, or is not one.

    Example:
        ```python
        scenes = keras_genmod.data.shape_scenes(1000)
        vocabulary = keras_genmod.data.Vocabulary.from_captions(scenes.captions)
        vocabulary.encode(["a small red circle"]).shape  # (1, vocabulary.length)
        ```
    """

    def __init__(self, tokens: Sequence[str], length: int, unit: str = "words"):
        self.unit = checks.choice("unit", unit, UNITS)
        self.length = checks.positive_int("length", length)
        if isinstance(tokens, str) or not isinstance(tokens, Sequence) or not tokens:
            raise ValueError(
                "`tokens` must be a non-empty list of strings; "
                "`Vocabulary.from_captions` finds those of captions. "
                f"Received: tokens={tokens!r}"
            )
        for token in tokens:
            if not isinstance(token, str) or self._split(token) != [token]:
                raise ValueError(
                    f"`tokens` must be single {self.unit} in lower case. "
                    f"Received: {token!r} among them"
                )
        self.tokens = tuple(tokens)
        self._numbers = {token: i + 1 for i, token in enumerate(self.tokens)}
        if len(self._numbers) < len(self.tokens):
            twice = sorted(t for t in self._numbers if self.tokens.count(t) > 1)
            raise ValueError(f"`tokens` must be distinct. Received twice: {twice}")

    @classmethod
    def from_captions(
        cls, captions: Any, unit: str = "words", length: int | None = None
    ) -> "Vocabulary":
        """Makes the vocabulary of all that stands in captions, in sorted order.

        Args:
            captions: Strings, or a nest of lists of strings such as the several
                captions of each scene.
            unit: "words" or "characters".
            length: Positive int, the most tokens of a caption; `None` takes those of
                the longest one here.

        Raises:
            ValueError: If there are no captions, or an argument is out of range.
        """
        checks.choice("unit", unit, UNITS)
        texts = _texts(captions).ravel().tolist()
        rows = [_split(text, unit) for text in texts]
        longest = max((len(row) for row in rows), default=0)
        if not longest:
            raise ValueError(
                f"`captions` must hold some {unit}. Received: {len(rows)} captions "
                "without any"
            )
        tokens = sorted({token for row in rows for token in row})
        return cls(tokens, longest if length is None else length, unit)

    @property
    def num_tokens(self) -> int:
        """How many numbers there are: the tokens, and 0."""
        return len(self.tokens) + 1

    def encode(self, captions: Any) -> np.ndarray:
        """Returns the numbers of captions, int32 `(*shape, length)`, padded by 0.

        Args:
            captions: One string, or strings in lists or arrays of a `shape`, such as
                `(num, captions of each)`.

        Raises:
            ValueError: If a caption has an unknown word, which is named, more tokens
                than `length`, or none.
        """
        texts = _texts(captions)
        rows = np.zeros((texts.size, self.length), "int32")
        for row, text in zip(rows, texts.ravel().tolist(), strict=True):
            tokens = self._split(text)
            self._check(tokens, text)
            row[: len(tokens)] = [self._numbers[token] for token in tokens]
        return rows.reshape(*texts.shape, self.length)

    def decode(self, rows: Any) -> list[str]:
        """Returns the captions of rows `(num, length)`; between words stand spaces.

        Raises:
            ValueError: If a number is that of no token.
        """
        rows = checks.numeric("rows", rows)
        checks.static_shape("rows", rows, (self.length,))
        whole = rows.astype("int64")
        known = (whole == rows) & (whole >= 0) & (whole < self.num_tokens)
        if not known.all():
            raise ValueError(
                f"`rows` must hold whole numbers from 0 to {self.num_tokens - 1}. "
                f"Received: {rows[~known].ravel()[0]!r}"
            )
        between = " " if self.unit == "words" else ""
        return [between.join(self.tokens[i - 1] for i in row if i) for row in whole]

    def _split(self, text: str) -> list[str]:
        return _split(text, self.unit)

    def _check(self, tokens: list[str], text: str) -> None:
        unknown = [token for token in tokens if token not in self._numbers]
        if unknown:
            named = ", ".join(map(repr, unknown[:_SHOWN]))
            raise ValueError(
                f"`captions` must be made of the {len(self.tokens)} {self.unit} that "
                f"the vocabulary holds (its `tokens`). Unknown: {named}. "
                f"Received: {text!r}"
            )
        if not 0 < len(tokens) <= self.length:
            raise ValueError(
                f"`captions` must have 1 to {self.length} {self.unit} each. "
                f"Received: {text!r}, of {len(tokens)}"
            )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`, for Keras' files."""
        return {"tokens": list(self.tokens), "length": self.length, "unit": self.unit}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Vocabulary":
        """Makes a vocabulary of what `get_config` returned."""
        return cls(**config)


def _split(text: str, unit: str) -> list[str]:
    text = text.lower()
    return _WORD.findall(text) if unit == "words" else list(text)


def _texts(captions: Any) -> np.ndarray:
    """Returns strings as an array; raises a `ValueError` for all else."""
    try:
        texts = np.asarray(captions)
    except ValueError:  # lists of several lengths
        texts = np.empty(0, object)
    if texts.dtype.kind == "O" and all(isinstance(t, str) for t in texts.ravel()):
        texts = texts.astype(str) if texts.size else texts
    if texts.dtype.kind != "U":
        raise ValueError(
            "`captions` must be strings, as many of each example where there are "
            f"several. Received: {type(captions).__name__} {captions!r:.80}"
        )
    return texts
