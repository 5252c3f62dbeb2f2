"""Pages that are made from other files: the API's, and the results."""

import importlib
import inspect
import re

ROOMS = {
    "models": ("Models", "keras_genmod"),
    "networks": ("Networks", "keras_genmod.networks"),
    "layers": ("Layers", "keras_genmod.layers"),
    "bijectors": ("Bijectors", "keras_genmod.bijectors"),
    "distributions": ("Distributions", "keras_genmod.distributions"),
    "losses": ("Losses", "keras_genmod.losses"),
    "data": ("Data", "keras_genmod.data"),
    "colors": ("Colours", "keras_genmod.colors"),
    "callbacks": ("Callbacks", "keras_genmod.callbacks"),
    "latents": ("Latents", "keras_genmod.latents"),
    "metrics": ("Metrics", "keras_genmod.metrics"),
    "evaluation": ("Evaluation", "keras_genmod.evaluation"),
    "hype": ("People as judges", "keras_genmod.hype"),
    "engine": ("Engine", "keras_genmod.engine"),
    "presets": ("Presets", "keras_genmod.presets"),
    "exporting": ("Export", "keras_genmod.exporting"),
}
# Sections that docstrings have of what others call, and not only this package.
SECTION = re.compile(r"^ *(Args|Returns):$|`keras\.\w", re.MULTILINE)


def write_pages(folder):
    """Writes `api/*.rst` and the pages of results below the documentation's folder."""
    (folder / "api").mkdir(exist_ok=True)
    for name, (title, module) in ROOMS.items():
        write(folder / "api" / f"{name}.rst", api_page(title, module))
    for name in ("quality", "results"):
        write(folder / f"{name}.md", results_page(folder.parent, name))


def write(path, text):
    """Writes a file whose text has changed, so that Sphinx reads few anew."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def api_page(title, module):
    """Returns a page of the public names of a module."""
    room = importlib.import_module(module)
    parts = [f"{title}\n{'=' * len(title)}\n", f".. currentmodule:: {module}\n"]
    for name in sorted(room.__all__, key=str.lower):
        value = getattr(room, name)
        if inspect.isclass(value):
            parts.append(f"{name}\n{'-' * len(name)}\n")
            parts.append(class_entry(f"{module}.{name}", value, public_classes(room)))
        elif inspect.isroutine(value):
            parts.append(f"{name}\n{'-' * len(name)}\n")
            parts.append(f".. autofunction:: {module}.{name}\n")
    return "\n".join(parts)


def public_classes(room):
    """Returns the classes of a page, and their full names."""
    return {
        getattr(room, name): f"{room.__name__}.{name}"
        for name in room.__all__
        if inspect.isclass(getattr(room, name))
    }


def class_entry(full_name, cls, public):
    """Returns the directive of a class, with links to what its page does not repeat.

    Members of bases that are on no page are shown with the class. Those of a base that
    has a section of its own are shown there, and named here; Keras' are left out.
    """
    bases = [base for base in cls.__mro__[1:] if base in public]
    elsewhere = {b for base in bases for b in base.__mro__}
    elsewhere |= {b for b in cls.__mro__[1:] if not is_own(b)}
    names = ", ".join(sorted({b.__name__ for b in elsewhere}))
    lines = [f".. autoclass:: {full_name}", f"   :inherited-members: {names}", ""]
    named = set()
    for base in bases:
        new = [
            name
            for name in called(base)
            if name not in named and shows(base, name, public)
        ]
        named |= set(new)
        links = ", ".join(
            f":meth:`~{public[base]}.{name}`"
            for name in new
            if not shows(cls, name, public)
        )
        if links:
            lines.append(f"   Further, of :class:`~{public[base]}`: {links}.\n")
    return "\n".join(lines)


def is_own(cls):
    """Whether a class is of this package."""
    return cls.__module__.startswith("keras_genmod")


def home(cls, name):
    """Returns the class that a class has a member from."""
    return next(base for base in cls.__mro__ if name in vars(base))


def called(cls):
    """Returns the names of the documented methods that users of a class call."""
    return [
        name
        for name in dir(cls)
        if not name.startswith(("_", "check_"))
        and inspect.isroutine(getattr(cls, name))
        and SECTION.search(getattr(cls, name).__doc__ or "")
    ]


def shows(cls, name, public):
    """Whether the entry of a class shows a member, and no entry of a base does."""
    place = home(cls, name)
    elsewhere = any(place in base.__mro__ for base in cls.__mro__[1:] if base in public)
    return is_own(place) and not elsewhere and bool(getattr(cls, name).__doc__)


def results_page(root, name):
    """Returns a page of benchmarks/, with links that hold in the documentation."""
    text = (root / "benchmarks" / f"{name.upper()}.md").read_text()
    text = re.sub(r"<!-- (begin|end) .*? -->\n?", "", text)
    text = re.sub(r"\((QUALITY|RESULTS)\.md\)", lambda m: f"({m[1].lower()}.md)", text)
    return re.sub(r"\[([^\]]+)\]\((?!http|quality|results\.md)[^)]*\)", r"\1", text)
