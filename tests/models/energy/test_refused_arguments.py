"""Constructors refuse what they cannot use, and name it."""

import numpy as np
import pytest

from keras_genmod import DBM, DBN, RBM, BoltzmannMachine, EnergyModel
from tests.models.small_networks import small_network

pytestmark = pytest.mark.any_backend

SIZE = (None, "4", [], (), np.ones(2), -1, 10**12, 1.5, 2.0, True, np.nan, 1j)
COUNT = (0, *SIZE)
NUMBER = (None, "1", [], np.ones(2), -1.0, np.inf, np.nan, 1j, True)
FLAG = (None, "yes", 2, 0.0, np.ones(2), [])
SEED = ("0", -1, 2**32, 1.5, np.ones(2), [], True)
CHOICE = (None, "other", 3, ["persistent"], {}, np.ones(2))

ARGUMENTS = {
    RBM: (
        {"visible_dim": 4, "hidden_dim": 3, "persistent": True},
        {
            "visible_dim": COUNT,
            "hidden_dim": COUNT,
            "visible": CHOICE,
            "num_gibbs_steps": COUNT,
            "num_chains": COUNT,
            "num_temperatures": COUNT,
            "persistent": FLAG,
            "hidden_regularizer": ("l7", 3, np.ones(2), 0.1),
            "num_categories": (0, 3, "3", np.ones(2)),
            "seed": SEED,
        },
    ),
    BoltzmannMachine: (
        {"visible_dim": 4},
        {
            "visible_dim": COUNT,
            "hidden_dim": SIZE,
            "temperature": NUMBER,
            "couplings_mask": (3, "a", [[0, 1], [1]], np.ones((4, 4)), np.eye(4) * 1j),
            "statistics": CHOICE,
            "num_gibbs_steps": COUNT,
            "num_chains": COUNT,
            "seed": SEED,
        },
    ),
    DBM: (
        {"layer_dims": [4, 3, 2]},
        {
            "layer_dims": (None, 4, "432", [4, 3], [4, 0, 2], [4, None, 2], [4, 3, 1e3])
            + (np.ones(3), [[4], [3], [2]], [4, 10**12, 2]),
            "num_mean_field_steps": COUNT,
            "num_gibbs_steps": COUNT,
            "num_chains": COUNT,
            "seed": SEED,
        },
    ),
    DBN: (
        {"layer_dims": [4, 3, 2]},
        {
            "layer_dims": (None, 4, "432", [4, 3], [4, 0, 2], [4, None, 2]),
            "num_gibbs_steps": COUNT,
            "seed": SEED,
        },
    ),
    EnergyModel: (
        {"network": small_network((4,), (1,)), "buffer_size": 4},
        {
            "network": (None, "mlp", small_network((4,), (2,))),
            "num_langevin_steps": COUNT,
            "step_size": NUMBER,
            "noise": NUMBER[1:],
            "buffer_size": COUNT,
            "reinitialize": NUMBER,
            "regularization": NUMBER,
            "data_range": (
                3,
                "ab",
                [0],
                (1, 0),
                (0, np.nan),
                np.ones((2, 2)),
                (None, 1),
            ),
            "seed": SEED,
        },
    ),
}


@pytest.mark.parametrize("model", ARGUMENTS)
def test_every_bad_argument_is_refused_by_name(model):
    good, bad = ARGUMENTS[model]
    for name, values in bad.items():
        for value in values:
            with pytest.raises((ValueError, TypeError), match=f"`{name}"):
                model(**{**good, name: value})


def test_numpy_numbers_are_taken_and_kept_as_python_ones():
    model = RBM(np.int64(4), np.int32(3), num_gibbs_steps=np.int8(2))
    config = model.get_config()
    for name in ("visible_dim", "hidden_dim", "num_gibbs_steps"):
        assert type(config[name]) is int
