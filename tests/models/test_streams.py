"""A stream's later batches come unseen: data in another range have no finite loss."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_genmod import ScoreModel
from keras_genmod.models import AdversarialModel
from tests.contracts import array_of, slow_on_jax, torch_param
from tests.models import test_contracts as cases
from tests.models.small_networks import small_time_network


class ScoreModelOfImages:
    """The contract's own is of points, which may lie anywhere."""

    data = (cases.GREY,)

    @staticmethod
    def make():
        return ScoreModel(small_time_network(cases.IMAGE), cases.IMAGE)


CASES = (
    cases.TestVAE,
    cases.TestConditionalVAE,
    cases.TestPixelCNN,
    cases.TestPixelCNNPlusPlus,
    cases.TestGatedPixelCNN,
    cases.TestRowPixelRNN,
    cases.TestCausalTransformer,
    cases.TestGlow,
    cases.TestConditionalFlow,
    cases.TestRBM,
    cases.TestCategoricalRBM,
    cases.TestDBN,
    cases.TestDBM,
    cases.TestBoltzmannMachine,
    cases.TestEnergyModel,
    cases.TestGAN,
    cases.TestWGANGP,
    cases.TestCycleGAN,
    cases.TestPix2Pix,
    cases.TestProgressiveGAN,
    cases.TestStyleGAN2,
    torch_param(cases.TestTextGAN),
    torch_param(cases.TestVQVAE2),
    torch_param(cases.TestVQGAN),
    torch_param(cases.TestKLAutoencoder),
    torch_param(cases.TestLadderVAE),
    torch_param(cases.TestColorization),
    torch_param(cases.TestFlowMatching),
    torch_param(ScoreModelOfImages),
    torch_param(cases.TestConsistencyModelAlone),
)
WRONG = {
    "[-1, 1]": lambda x: 2 * x - 1,
    "0 to 255": lambda x: 255 * x,
    "{-1, 1}": lambda x: np.where(x > 0.5, 1.0, -1.0).astype("float32"),
}


def losses_of(model, batch):
    """Returns all losses of a batch that no check has looked at."""
    if isinstance(model, AdversarialModel):
        model.compile(run_eagerly=True)
        logs = keras.Model.test_on_batch(model, *batch, return_dict=True)
        return [value for name, value in logs.items() if name.endswith("loss")]
    batch = keras.tree.map_structure(ops.convert_to_tensor, batch)
    inputs, y, _ = model.fold_condition(batch)
    return array_of(model.compute_loss(x=inputs, y=y, y_pred=model.call(inputs)))


@slow_on_jax  # which compiles each operation; the formulas are the same
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_data_in_another_range_have_no_loss(case):
    model = case.make()
    x, *labels = keras.tree.map_structure(lambda array: array[:2], case.data)
    assert np.all(np.isfinite(losses_of(model, (x, *labels))))
    for name, wrong in WRONG.items():
        bad = keras.tree.map_structure(wrong, x)
        assert np.all(np.isnan(losses_of(model, (bad, *labels)))), name
