"""Invert swaps directions, shapes, domains and errors."""

import numpy as np
import pytest

from keras_genmod.bijectors import Bijector, Chain, Invert, Planar, Sigmoid, Squeeze
from tests.bijectors.cases import arrays

POINTS = np.random.default_rng(0).uniform(0.1, 0.9, size=(6, 2)).astype("float32")


def test_directions_shapes_and_domains_change_places():
    bijector = Chain([Planar(2, seed=0), Sigmoid((2,), 0.05)])
    inverted = Invert(bijector)
    assert inverted.latent_domain == bijector.domain
    assert inverted.domain == bijector.latent_domain
    for direction, other in (("forward", "inverse"), ("inverse", "forward")):
        found = getattr(inverted, f"{direction}_and_log_det")(POINTS)
        expected = getattr(bijector, f"{other}_and_log_det")(POINTS)
        for values, others in zip(arrays(found), arrays(expected), strict=True):
            np.testing.assert_array_equal(values, others)
    squeeze = Invert(Squeeze((4, 4, 1)))
    assert squeeze.event_shape == (2, 2, 4) and squeeze.latent_shape == (4, 4, 1)
    assert squeeze.only_moves_values


def test_a_missing_inverse_is_a_missing_forward():
    inverted = Invert(Bijector((2,)))
    with pytest.raises(NotImplementedError, match="Bijector has no inverse"):
        inverted.forward(POINTS)


@pytest.mark.parametrize("bijector", [None, 2, [Planar(2)]])
def test_other_things_are_an_error(bijector):
    with pytest.raises(ValueError, match="`bijector` must be a bijector. Received"):
        Invert(bijector)
