"""Which units of a Boltzmann machine are coupled, and who may move at once."""

import numpy as np
from keras import ops


class CouplingGraph:
    """A graph of units, its edges the couplings that a machine has.

    Units of one colour have no couplings among them: given the others they are
    independent, so they may be drawn at once or summed out in closed form.

    Args:
        num_units: Positive int.
        mask: Array `(num_units, num_units)`, symmetric, its diagonal 0, of 1 where two
            units may be coupled; `None` couples all.

    Raises:
        ValueError: If the mask is another.
    """

    def __init__(self, num_units, mask=None):
        if mask is None:
            mask = 1 - np.eye(num_units, dtype=int)
        try:
            mask = np.asarray(mask)
        except ValueError:  # rows of several lengths
            mask = np.asarray(mask, dtype=object)
        is_binary = mask.shape == (num_units, num_units) and np.isin(mask, (0, 1)).all()
        is_good = is_binary and (mask == mask.T).all() and not mask.diagonal().any()
        if not is_good or not mask.any():
            raise ValueError(
                f"`couplings_mask` must be symmetric, ({num_units}, {num_units}), of 0 "
                "and 1, with 0 on the diagonal, and couple some units. Received: an "
                f"array of shape {mask.shape}"
            )
        self.num_units = num_units
        self.mask = mask.astype(bool)
        first, second = np.nonzero(np.triu(self.mask))
        self.num_couplings = len(first)
        # Place of each pair among the couplings; pairs that have none share the last.
        self._places = np.full((num_units, num_units), self.num_couplings, "int32")
        self._places[first, second] = np.arange(self.num_couplings)
        self._places[second, first] = np.arange(self.num_couplings)
        self._colours = self._coloured()

    def matrix(self, couplings):
        """Returns W, symmetric `(num_units, num_units)`, of each pair's coupling.

        Args:
            couplings: Tensor `(num_couplings,)`.
        """
        padded = ops.pad(couplings, [[0, 1]])  # the place of pairs that have none
        return ops.take(padded, self._places, axis=0)

    def _coloured(self):
        """Returns a colour of each unit: greedily, those with many neighbours first."""
        colours = np.full(self.num_units, -1)
        for unit in np.argsort(-self.mask.sum(axis=1), kind="stable"):
            taken = set(colours[self.mask[unit]])
            colours[unit] = next(c for c in range(len(taken) + 1) if c not in taken)
        return colours

    def blocks(self, units):
        """Returns which of some units are drawn at once.

        Args:
            units: Int array of units.

        Returns:
            Float32 array `(num_blocks, num_units)` of 1 where a unit is in a block.
        """
        colours = np.unique(self._colours[units])
        moving = np.isin(np.arange(self.num_units), units)
        return ((self._colours == colours[:, None]) & moving).astype("float32")

    def independent(self, units):
        """Returns the largest block of some units, as places among them."""
        blocks = self.blocks(units)
        if not len(blocks):
            return np.arange(0)
        largest = blocks[np.argmax(blocks.sum(axis=1))]
        return np.flatnonzero(largest[units])

    def num_enumerated(self, units) -> int:
        """Returns how many of some units a sum over their states goes through."""
        return len(units) - len(self.independent(units))
