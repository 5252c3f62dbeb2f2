"""What pyproject.toml cannot say: the recipes travel inside the package."""

from setuptools import find_namespace_packages, setup

# Folders of data alone are packages to setuptools, too.
packages = find_namespace_packages(include=["keras_genmod*"], exclude=["*.__pycache__"])
setup(
    packages=[*packages, "keras_genmod.recipes"],
    package_dir={"keras_genmod.recipes": "recipes"},
)
