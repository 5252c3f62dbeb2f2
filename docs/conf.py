"""Sphinx: pages in Markdown, the API from docstrings, a gallery run by the build."""

import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")  # starts fastest
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from pages import write_pages  # noqa: E402

from keras_genmod.version import VERSION  # noqa: E402

project = "keras_genmod"
author = "The keras_genmod authors"
copyright = author  # noqa: A001
version = release = VERSION
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
    "docstrings",
]
exclude_patterns = ["_build", "gallery", "gallery_sources", "**/GALLERY_HEADER.rst"]
html_theme = "furo"
html_title = f"keras_genmod {VERSION}"
default_role = "code"
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["config.cache"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"
# pages.py says of each class which inherited members it shows.
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Call arguments", "params_style")]

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": r"\.py",
    "abort_on_example_error": True,
    "run_stale_examples": False,  # by the content of the script
    "capture_repr": (),  # what a script prints, and no last value
    "remove_config_comments": True,
    "show_memory": False,
    "download_all_examples": False,
    "reset_modules": ("matplotlib", "docstrings.seed_all"),
    "within_subsection_order": "FileNameSortKey",
}

write_pages(HERE)
