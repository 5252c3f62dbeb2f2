"""The list of deliberate faults fits the code as it stands."""

import pathlib

import pytest

import keras_genmod
from tests.mutants.__main__ import rooms

pytestmark = pytest.mark.any_backend
PACKAGE = pathlib.Path(keras_genmod.__file__).parent


@pytest.mark.parametrize("room", rooms())
def test_each_fault_has_its_place_and_its_tests(room):
    for number, mutant in enumerate(rooms()[room]):
        text = (PACKAGE / mutant.file).read_text("utf-8")
        assert text.count(mutant.old) == 1, f"{room}[{number}]"
        path = mutant.tests.split()[0].split("::")[0]
        assert (PACKAGE.parent / path).exists(), f"{room}[{number}]"
