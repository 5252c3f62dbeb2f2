"""Docstrings of Markdown habits (fenced code, `names`, lists) for Sphinx."""

import inspect
import re
import textwrap

from sphinx.util import inspect as sphinx_inspect

FENCE = re.compile(
    r"^( *)(Example:\n)?( *)```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL
)
MARKUP = re.compile(r"([*|\\]|(?<=\w)_(?!\w))")
CODE = re.compile(r"(`+[^`]+`+)")


def seed_all(gallery_conf, fname):
    """Starts each example of the gallery from the same random numbers."""
    import keras

    keras.utils.set_random_seed(0)


def fenced(match):
    """Returns the block of reStructuredText that a fence of Markdown means."""
    outer, heading, inner, language, code = match.groups()
    indent = outer + "    " if heading else inner or outer
    body = textwrap.indent(textwrap.dedent(code), indent + "   ")
    start = f"{outer}{heading}" if heading else "\n"
    return f"{start}{indent}.. code-block:: {language}\n\n{body}\n"


def escaped(text):
    """Escapes outside of `code` what reStructuredText would take for markup."""
    parts = CODE.split(text)
    parts[::2] = [MARKUP.sub(r"\\\1", part) for part in parts[::2]]
    # A letter right behind code, as in a plural, ends no code there.
    parts[2::2] = [re.sub(r"^(?=\w)", r"\\ ", part) for part in parts[2::2]]
    return "".join(parts)


def prepare(app, what, name, obj, options, lines):
    """Rewrites a docstring before napoleon reads its sections."""
    text = "\n".join(lines)
    blocks, words, end = [], [], 0
    for match in FENCE.finditer(text):
        words.append(text[end : match.start()])
        blocks.append(fenced(match))
        end = match.end()
    words.append(text[end:])
    words = [escaped(word) for word in words]
    text = words[0]
    for block, rest in zip(blocks, words[1:], strict=True):
        text += block + rest
    # Of an attribute napoleon takes words before a colon in line one for its type, so
    # that line is a comment.
    first = ["..", ""] if what in ("attribute", "property") else []
    lines[:] = first + text.split("\n")


def own_words(app, what, name, obj, skip, options):
    """Leaves out members whose docstrings are Keras', or that have none."""
    doc = getattr(obj, "__doc__", None)
    if not doc or name.startswith("_"):
        return True
    module = getattr(inspect.unwrap(obj), "__module__", "") if callable(obj) else ""
    return skip or (bool(module) and not module.startswith("keras_genmod"))


def signature_of_init(app, what, name, obj, options, signature, returns):
    """Gives classes the signature of `__init__`; Keras' `__new__` takes anything."""
    if what == "class" and inspect.isfunction(obj.__init__):
        found = sphinx_inspect.signature(obj.__init__, bound_method=True)
        return sphinx_inspect.stringify_signature(found, show_annotation=False), None
    return None


def setup(app):
    """Connects them to autodoc."""
    app.connect("autodoc-process-docstring", prepare, priority=100)
    app.connect("autodoc-process-signature", signature_of_init)
    app.connect("autodoc-skip-member", own_words)
    return {"parallel_read_safe": True, "version": "1"}
