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
    "callbacks": ("Callbacks", "keras_genmod.callbacks"),
    "latents": ("Latents", "keras_genmod.latents"),
    "metrics": ("Metrics", "keras_genmod.metrics"),
    "evaluation": ("Evaluation", "keras_genmod.evaluation"),
    "hype": ("People as judges", "keras_genmod.hype"),
    "engine": ("Engine", "keras_genmod.engine"),
}


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
        kind = inspect.isclass(getattr(room, name)) and "class"
        if kind or inspect.isroutine(getattr(room, name)):
            parts.append(f"{name}\n{'-' * len(name)}\n")
            parts.append(f".. auto{kind or 'function'}:: {module}.{name}\n")
    return "\n".join(parts)


def results_page(root, name):
    """Returns a page of benchmarks/, with links that hold in the documentation."""
    text = (root / "benchmarks" / f"{name.upper()}.md").read_text()
    text = re.sub(r"<!-- (begin|end) .*? -->\n?", "", text)
    text = re.sub(r"\((QUALITY|RESULTS)\.md\)", lambda m: f"({m[1].lower()}.md)", text)
    return re.sub(r"\[([^\]]+)\]\((?!http|quality|results\.md)[^)]*\)", r"\1", text)
