"""Errors in the words of the command line, where Python has others."""

import contextlib
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

# What errors say to those who write Python, and what a shell takes.
_PHRASES = {
    r"keras_genmod\.data\.binarize": "--binarization static",
    r"Options of (\S+) must": r"`--option` of \1 must",
    "pass `data_dir`, or set TFDS_DATA_DIR, to": "set TFDS_DATA_DIR to",
    '`weights="imagenet"` must': "The weights of `--features inception` must",
    '`weights` must be "imagenet" or': "`weights` must be",
    r'inception_v3\(weights="(.*?)"\)': r"--features inception:\1",
    r"by `protocol`, StudyProtocol\.of\(.*?\)": (
        "by --num-trials, --num-blocks, --qualification-trials"
    ),
    "must be None where no time limits": "must be left out where no time limits",
}


@contextlib.contextmanager
def said_as(**words: str) -> Iterator[None]:
    """Lets errors of the user's say what the command line calls an argument.

    Args:
        **words: For names of Python's arguments, the words: `out="--out"`.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        text = str(error)
        for phrase, other in _PHRASES.items():
            text = re.sub(phrase, other, text)
        for name, word in words.items():
            text = text.replace(f"`{name}`", f"`{word}`")
            text = re.sub(rf"\bReceived: {name}=", "Received: ", text)
        if text == str(error):
            raise
        raise ValueError(text) from error


def check_options(model: Any, given: Mapping[str, Any]) -> None:
    """Raises unless a model's `sample` takes the options.

    Raises:
        ValueError: If not; the message names those that it takes.
    """
    parameters = inspect.signature(model.sample).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return  # what takes them in the end says so
    taken = [n for n in parameters if n not in ("num_samples", "condition", "seed")]
    unknown = [name for name in given if name not in taken]
    if unknown:
        rule = f"be one of {', '.join(taken)}" if taken else "be left out"
        raise ValueError(
            f"`--option` must {rule}: `sample` of this {type(model).__name__} takes "
            f"{'these' if taken else 'none'}. Received: {', '.join(unknown)}"
        )
