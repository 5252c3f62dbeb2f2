"""Keras' own `export` takes models that were never called."""

import pytest

from tests.contracts import ON_TORCH
from tests.models.write_models import CASES

FORMAT, NAME = ("torch", "model.pt2") if ON_TORCH else ("tf_saved_model", "model")
# Of each kind of `call` one: torch takes those that draw nothing.
DETERMINISTIC = ["TestAutoencoder", "TestConditionalGAN", "TestColourPixelCNN"]
DRAWING = ["TestVAE", "TestNormalizingFlow", "TestRBM", "TestDBN"]


def exported(name, folder):
    CASES[name].make().export(folder / NAME, format=FORMAT, verbose=False)
    return folder / NAME


@pytest.mark.filterwarnings("ignore")  # Keras' exporters warn of their own code
@pytest.mark.parametrize("name", DETERMINISTIC + ([] if ON_TORCH else DRAWING))
def test_a_new_model_is_exported(name, tmp_path):
    assert exported(name, tmp_path).exists()


@pytest.mark.skipif(not ON_TORCH, reason="the others export them")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", DRAWING)
def test_what_torch_cannot_export_says_so(name, tmp_path):
    with pytest.raises(RuntimeError, match="be exported by torch.*KERAS_BACKEND=tens"):
        exported(name, tmp_path)
    assert not (tmp_path / NAME).exists()


@pytest.mark.filterwarnings("ignore")
def test_a_failure_of_another_format_is_its_own(tmp_path):
    with pytest.raises(ValueError, match="(?i)format"):
        CASES["TestAutoencoder"].make().export(tmp_path / NAME, format="none")
