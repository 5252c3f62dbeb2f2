"""What pyproject.toml cannot say: the recipes travel inside the package."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["keras_genmod*"]), "keras_genmod.recipes"],
    package_dir={"keras_genmod.recipes": "recipes"},
)
