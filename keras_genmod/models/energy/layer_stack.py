"""What machines of several layers share: pretraining two layers at a time, features."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.data import DynamicBinarization
from keras_genmod.models.energy.regularizer import regularizer
from keras_genmod.models.generative_model import GenerativeModel

_CODED = 1000  # examples coded at a time: bounds the memory on the device


class LayerStack(GenerativeModel):
    """Base of machines of binary units in layers, v = h_0 and h_1 to h_L.

    A subclass overrides `_pairs`, `_take_weights` and `_encode`.

    Args:
        layer_dims: Positive ints, the number of visible units and those of each hidden
            layer, at least two of them.
        coupling_regularizer: `keras.regularizers.Regularizer` of the couplings, or
            `None`.
        **kwargs: As in the base that follows, `GenerativeModel` at the end.
    """

    num_levels = 2

    def __init__(
        self,
        layer_dims: Sequence[int],
        coupling_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        layer_dims = standardize_layer_dims(layer_dims)
        found = regularizer("coupling_regularizer", coupling_regularizer)
        super().__init__(data_shape=layer_dims[:1], **kwargs)
        self.layer_dims = layer_dims
        self.coupling_regularizer = found

    @property
    def num_hidden_layers(self) -> int:
        """The number L of hidden layers."""
        return len(self.layer_dims) - 1

    def _seed_of(self, i):
        """Returns a seed for the couplings of the layers i and i + 1, or `None`."""
        return None if self.seed is None else (self.seed + i) % 2**32

    # Pretraining.

    def _pairs(self, persistent):
        """Returns new models of each two layers, of the arguments of the stack.

        Args:
            persistent: Whether their chains persist.
        """
        raise NotImplementedError

    def _take_weights(self, pairs, data):
        """Takes what the models of each two layers have learnt.

        Args:
            pairs: List of the models.
            data: The visible units that the lowest one learnt, an array.
        """
        raise NotImplementedError

    def pretrain(
        self,
        x: Any,
        epochs: int = 10,
        batch_size: int = 100,
        optimizer: str | keras.optimizers.Optimizer | Sequence[Any] = "adam",
        verbose: Any = "auto",
        persistent: bool = False,
        draws: bool = False,
        callbacks: Callable[[int], list[keras.callbacks.Callback]] | None = None,
    ) -> Any:
        """Trains a machine of each two layers in turn, and takes its weights.

        Each learns the means that the one below it gives its upper layer, or draws.

        Args:
            x: Visible units, array `(n, layer_dims[0])` in [0, 1].
            epochs: Positive int, passes over the data for each two layers.
            batch_size: Positive int.
            optimizer: String or `keras.optimizers.Optimizer`, of which each machine has
                its own copy; or a list of one for each two layers from the lowest.
            verbose: As in `keras.Model.fit`.
            persistent: Whether their chains go on from batch to batch (PCD).
            draws: Whether units are drawn anew in each epoch, the visible ones from
                grey values (dynamic binarization) and the hidden ones from the means
                that the layer below gives; else the machines learn these values.
            callbacks: Function of i, from 0 for the lowest two layers, that returns new
                callbacks of their `fit`; or `None`. With a
                `keras_genmod.callbacks.Backup` in a folder for each i, a call that was
                stopped goes on in that epoch, if it gets the same arguments.

        Returns:
            List of `keras.callbacks.History`, one a machine from the lowest.

        Raises:
            ValueError: If an argument is out of range, or `x` is not one array.
        """
        epochs = checks.positive_int("epochs", epochs)
        batch_size = checks.positive_int("batch_size", batch_size)
        if not checks.is_array(x):
            raise ValueError(
                "`x` must be one array, which the layers go through in turn. "
                f"Received: {type(x).__name__}"
            )
        optimizers = self._pair_optimizers(optimizer)
        pairs, histories, data = self._pairs(persistent), [], x
        for i, (pair, optimizer) in enumerate(zip(pairs, optimizers, strict=True)):
            pair.compile(optimizer)
            options = {
                "epochs": epochs,
                "verbose": verbose,
                "callbacks": callbacks(i) if callbacks else [],
            }
            if draws:
                histories.append(_fit_draws(pair, x, batch_size, i, options))
            else:
                histories.append(pair.fit(x, batch_size=batch_size, **options))
            if pair is not pairs[-1]:
                x = _codes(pair, x)
        self._take_weights(pairs, data)
        return histories

    def _pair_optimizers(self, optimizer):
        """Returns a new optimizer for each two layers."""
        number = self.num_hidden_layers
        if not isinstance(optimizer, (list, tuple)):
            optimizer = [optimizer] * number
        if len(optimizer) != number:
            raise ValueError(
                f"`optimizer` must be one, or a list of {number}, one for each two "
                f"layers. Received: {len(optimizer)}"
            )
        found = [keras.optimizers.get(one) for one in optimizer]
        return [type(one).from_config(one.get_config()) for one in found]

    # Features.

    def encode(self, x: Any, layer: int = -1) -> Any:
        """Returns the means of a hidden layer given the data: features.

        Args:
            x: Visible units, `(batch, layer_dims[0])`.
            layer: Int, from 1 for the lowest hidden layer, or from -1 for the highest
                down.

        Returns:
            Float32 tensor `(batch, layer_dims[layer])`.

        Raises:
            ValueError: If there is no such hidden layer.
        """
        self.check_examples(x)
        last = self.num_hidden_layers
        is_int = isinstance(layer, (int, np.integer)) and not isinstance(layer, bool)
        if not is_int or not 1 <= abs(layer) <= last:
            raise ValueError(
                f"`layer` must be a hidden layer, 1 to {last} from the lowest or -1 to "
                f"{-last} from the highest. Received: layer={layer!r}"
            )
        return self._encode(x, layer=int(layer) if layer > 0 else int(layer) + last + 1)

    def _encode(self, x, *, layer):
        """Returns the means of hidden layer 1, 2, ... in a compiled call."""
        raise NotImplementedError

    def check_examples(self, x: Any) -> None:
        super().check_examples(x)
        checks.unit_range("x", x)

    def get_config(self):
        config = super().get_config()
        config.pop("num_classes", None)
        return {
            **config,
            "layer_dims": self.layer_dims,
            "coupling_regularizer": keras.regularizers.serialize(
                self.coupling_regularizer
            ),
        }


def standardize_layer_dims(layer_dims) -> tuple[int, ...]:
    """Returns the sizes of visible and hidden layers as a tuple.

    Raises:
        ValueError: Unless they are positive ints, of two hidden layers at least.
    """
    if not isinstance(layer_dims, (list, tuple)) or len(layer_dims) < 3:
        raise ValueError(
            "`layer_dims` must be the number of visible units and those of each of at "
            "least two hidden layers; of one hidden layer it is an RBM. "
            f"Received: layer_dims={layer_dims!r}"
        )
    return tuple(
        checks.positive_int(f"layer_dims[{i}]", size)
        for i, size in enumerate(layer_dims)
    )


def _fit_draws(pair, x, batch_size, seed, options):
    """Trains a machine of two layers on units drawn anew in each epoch."""
    units = DynamicBinarization(x, batch_size=batch_size, seed=seed)

    def begin(epoch, logs):
        units.epoch = epoch

    follow = keras.callbacks.LambdaCallback(on_epoch_begin=begin)
    options = {**options, "callbacks": [*options["callbacks"], follow]}
    return pair.fit(units, shuffle=False, **options)


def _codes(pair, x):
    starts = range(0, len(x), _CODED)
    codes = [pair.encode(x[start : start + _CODED]) for start in starts]
    return np.concatenate([ops.convert_to_numpy(code) for code in codes])
