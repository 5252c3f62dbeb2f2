"""The same batches train the same, whatever they come in."""

import keras
import numpy as np
import pytest

from tests.contracts import (
    BATCH_SIZE,
    EAGER_IS_FASTER,
    NUM_EXAMPLES,
    assert_same_state,
    state_of,
    torch_param,
)
from tests.models import test_contracts as cases

CASES = (cases.TestVAE, cases.TestConditionalGAN, cases.TestCycleGAN)


class Batches(keras.utils.PyDataset):
    """Batches of a nest of arrays, in order."""

    def __init__(self, arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return -(-NUM_EXAMPLES // BATCH_SIZE)

    def __getitem__(self, index):
        chosen = slice(index * BATCH_SIZE, (index + 1) * BATCH_SIZE)
        return keras.tree.map_structure(lambda x: x[chosen], self.arrays)


def as_dataset(data):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(data).batch(BATCH_SIZE)


def as_loader(data):
    import torch

    if isinstance(data[0], tuple):
        (data,) = data  # a pair of domains as x and y
    arrays = keras.tree.map_structure(torch.from_numpy, data)
    examples = [
        keras.tree.map_structure(lambda x, i=i: x[i], arrays)
        for i in range(NUM_EXAMPLES)
    ]
    return torch.utils.data.DataLoader(examples, batch_size=BATCH_SIZE)


def as_generator(data):
    batches = Batches(data)
    return (batches[i] for i in range(len(batches)))


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.__name__)
def case(request):
    return request.param


def compiled(case):
    """Returns a new model that trains eagerly where that is less."""
    return case.compiled(run_eagerly=EAGER_IS_FASTER)


@pytest.fixture(scope="module")
def expected(case):
    """The state after an epoch of NumPy arrays."""
    keras.utils.set_random_seed(1)
    model = compiled(case)
    case.fit(model)
    return state_of(model)


SOURCES = {
    "PyDataset": Batches,
    "tf.data": as_dataset,
    "DataLoader": as_loader,
    "generator": as_generator,
}


def pairs():
    """Yields each case with each source: on the compiled backends half of the pairs."""
    for i, case in enumerate(CASES):
        for j, (name, source) in enumerate(SOURCES.items()):
            param = pytest.param if (i + j) % 2 == 0 else torch_param
            yield param(case, source, id=f"{case.__name__}-{name}")


@pytest.mark.parametrize("case,source", list(pairs()), indirect=["case"])
def test_trains_as_arrays_do(case, expected, source):
    model = compiled(case)
    steps = (
        {"steps_per_epoch": len(Batches(case.data))} if source is as_generator else {}
    )
    model.fit(source(case.data), shuffle=False, verbose=0, **steps)
    assert_same_state(state_of(model), expected, atol=1e-6)


def test_labels_may_come_with_the_data(expected, case):
    if len(case.data) == 2:
        model = compiled(case)
        case.fit(model, data=(case.data,))
        assert_same_state(state_of(model), expected)


def test_domains_may_come_apart():
    models = []
    for data in (cases.TestCycleGAN.data, cases.TestCycleGAN.data[0]):
        keras.utils.set_random_seed(1)
        models.append(compiled(cases.TestCycleGAN))
        cases.TestCycleGAN.fit(models[-1], data=data)
    assert_same_state(*map(state_of, models))


def test_unconditional_models_ignore_labels(expected, case):
    if case is cases.TestVAE:
        model = compiled(case)
        case.fit(model, data=(*case.data, cases.LABELS))
        assert_same_state(state_of(model), expected)


def test_examples_of_no_weight_train_nothing():
    halves = np.arange(NUM_EXAMPLES) % 2
    x = cases.GREY.copy()
    models = []
    for fill in (0.25, 0.75):
        x[halves == 0] = fill
        keras.utils.set_random_seed(1)
        models.append(cases.TestAutoencoder.compiled())
        weight = halves.astype("float32")
        cases.TestAutoencoder.fit(models[-1], data=(x,), sample_weight=weight)
    assert_same_state(*map(state_of, models), atol=1e-6)


def test_games_take_no_example_weights():
    model = cases.TestGAN.compiled()
    with pytest.raises(ValueError, match="takes no `sample_weight`"):
        cases.TestGAN.fit(model, sample_weight=np.ones(NUM_EXAMPLES))


def test_first_batch_of_a_dataset_is_checked():
    model = cases.TestVAE.compiled()
    with pytest.raises(ValueError, match=r"`x` must lie in \[0, 1\]"):
        model.fit(Batches((cases.BINARY * 255,)), verbose=0)
