"""Adapters of low rank (LoRA), which train a model on with few weights.

Hu et al., LoRA: low-rank adaptation of large language models, 2021, arXiv:2106.09685.
The adapters are those of Keras' layers. What Keras leaves out is here: its files hold
the sum of kernel and adapter, and adapters of zeros, which no gradient moves.
"""

import hashlib
import os
import types
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import place_to_write, whole_state
from keras_genmod.engine.keras_internals import own_weights, sublayers
from keras_genmod.models import adapter_files

_A, _B = "lora_a", "lora_b"  # in files


class LowRank(keras.Model):
    """A model whose layers can be given adapters: put it before the model's base."""

    #: What `enable_lora` was told, with the positions of the layers; `None` before.
    _lora: dict[str, Any] | None = None

    def enable_lora(
        self,
        rank: int,
        target_layer_names: Sequence[str] | None = None,
        lora_alpha: float | None = None,
    ) -> None:
        """Gives layers adapters, which alone are trained from now on.

        A layer of kernel W then computes with W + (lora_alpha / rank) A B, where A has
        `rank` columns and B starts at zero: at first nothing changes. All other
        weights are frozen, biases too. `compile` the model again afterwards.

        Files hold kernels and adapters apart: training goes on from them as it was,
        and a loaded model has its adapters. `save_adapters` writes them without the
        model, `merge_lora` makes a model without any.

        Args:
            rank: Positive int.
            target_layer_names: Strings; layers whose path (`layer.path`) has one of
                them in it get adapters. `None` is every layer with a kernel.
            lora_alpha: Positive number, see above; `None` is `rank`.

        Raises:
            ValueError: If an argument is out of range, a name fits no layer, a layer
                cannot have adapters, or the model has some already.

        Note:
            Tables that the model itself holds, such as the embeddings of
            `CausalTransformer`, have none, and are frozen. Setting `trainable` of the
            model or of a layer thaws what is in it.

        References:
            - Hu et al., LoRA: low-rank adaptation of large language models, 2021,
              arXiv:2106.09685.

        Example:
        ```python
        model = CausalTransformer((8, 8, 1), num_levels=2)
        model.enable_lora(4)
        model.compile("adam")
        model.fit(binary_images, epochs=10)
        merged = model.merge_lora()
        ```
        """
        rank = checks.positive_int("rank", rank)
        if lora_alpha is not None:
            lora_alpha = checks.positive("lora_alpha", lora_alpha)
        if self._lora is not None:
            raise ValueError(
                "`enable_lora` must be called once: this model has adapters of rank "
                f"{self._lora['rank']}. `merge_lora` makes a model without them."
            )
        layers = sublayers(self)
        chosen = _chosen(layers, target_layer_names)
        positions = [i for i, layer in enumerate(layers) if layer in chosen]
        self._adapt(rank, float(rank if lora_alpha is None else lora_alpha), positions)

    def _adapt(self, rank, lora_alpha, positions):
        chosen = _at(self, positions)
        for layer in chosen:
            if not layer.lora_enabled:  # Keras makes those of functional models
                layer.enable_lora(rank, lora_alpha=lora_alpha)
            layer.lora_alpha = lora_alpha  # which Keras' `Dense` forgets
            layer.save_own_variables = types.MethodType(_save, layer)
            layer.load_own_variables = types.MethodType(_load, layer)
        trained = {id(v) for layer in chosen for v in _adapter(layer)}
        for weight in self.weights:
            if id(weight) not in trained:
                weight.trainable = False
        # Past Keras' attribute tracking, which would make lists its own.
        self.__dict__["_lora"] = {
            "rank": rank,
            "lora_alpha": lora_alpha,
            "positions": positions,
        }
        # An optimizer has slots of the weights that it was made for.
        self.compiled, self.optimizer = False, None

    def save_adapters(self, filepath: str | os.PathLike[str]) -> None:
        """Writes the adapters without the model: all that a task has added to it.

        Args:
            filepath: String or path that ends in ".npz".

        Raises:
            OSError: If the file cannot be written.
            ValueError: If the model has no adapters, or the path ends in another way.
        """
        if self._lora is None:
            raise ValueError(
                "`save_adapters` must follow `enable_lora`: this model has no adapters."
            )
        layers = _at(self, self._lora["positions"])
        variables = [v for layer in layers for v in _adapter(layer)]
        with whole_state(self), place_to_write(os.fspath(filepath)) as place:
            adapters = adapter_files.Adapters(
                lora=self._lora, base=_fingerprint(layers), matrices=_arrays(variables)
            )
            adapter_files.save(adapters, place)

    def load_adapters(self, filepath: str | os.PathLike[str]) -> None:
        """Reads adapters of `save_adapters` into the model they were trained in.

        A model without adapters gets them as by `enable_lora`: `compile` it again to
        train on. One that has some of the same layers, rank and `lora_alpha` takes
        over their values.

        Args:
            filepath: String or path.

        Raises:
            OSError: If the file cannot be opened.
            ValueError: If it is no file of adapters, or these are of another model, of
                this one with other kernels, or other ones than the model has.
        """
        path = os.fspath(filepath)
        found = adapter_files.load(path)
        if self._lora is not None and self._lora != found.lora:
            raise ValueError(
                "`filepath` must hold adapters as this model has, or the model none. "
                f"Received: filepath={path!r} with {found.lora}, beside {self._lora}"
            )
        rank, positions = found.lora["rank"], found.lora["positions"]
        layers = _at(self, positions)
        shapes = [shape for layer in layers for shape in _shapes(layer, rank)]
        if shapes != [matrix.shape for matrix in found.matrices]:
            raise ValueError(
                "`filepath` must hold adapters of this model. Received: "
                f"filepath={path!r} with layers of other places or shapes"
            )
        if _fingerprint(layers) != found.base:
            raise ValueError(
                "`filepath` must hold adapters that were trained beside this model's "
                f"kernels. Received: filepath={path!r}, and the kernels are others"
            )
        if self._lora is None:
            self._adapt(**found.lora)
        variables = [v for layer in layers for v in _adapter(layer)]
        for variable, matrix in zip(variables, found.matrices, strict=True):
            variable.assign(matrix)

    def merge_lora(self) -> Any:
        """Returns a copy without adapters, whose kernels are the sums.

        It computes what this model does, all its weights can be trained, and it is not
        compiled. This model stays as it is.

        Raises:
            ValueError: If the model has no adapters.
        """
        if self._lora is None:
            raise ValueError(
                "`merge_lora` must follow `enable_lora`: this model has no adapters."
            )
        merged = type(self).from_config(_without_adapters(self.get_config()))
        values, left_out = {}, set()
        for layer in _at(self, self._lora["positions"]):
            values[id(_frozen(layer))] = _merged(layer)
            left_out |= {id(v) for v in _adapter(layer)}
        own = [v for v in self.variables if id(v) not in left_out]
        for variable, other in zip(merged.variables, own, strict=True):
            # A copy: on torch an array would share the variable's memory.
            value = np.array(ops.convert_to_numpy(values.get(id(other), other)))
            variable.assign(value.astype(variable.dtype))
        for layer in _at(merged, self._lora["positions"]):
            _frozen(layer).assign(getattr(layer, _name(layer)))  # with its mask, if any
        return merged

    def get_config(self):
        config = super().get_config()
        return config if self._lora is None else {**config, "lora": dict(self._lora)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        lora = config.pop("lora", None)
        model = super().from_config(config, custom_objects)
        if lora is not None:
            model._adapt(**lora)
        return model


def _chosen(layers, names) -> list:
    """Returns the layers that get adapters; raises a `ValueError` if one cannot."""
    # Of wrappers: their kernel is computed by another layer at each call.
    wrapped = [each.layer for each in layers if isinstance(each, keras.layers.Wrapper)]
    layers = [
        layer
        for layer in layers[1:]  # the first is the model itself
        if any(v.trainable and len(v.shape) > 1 for v in own_weights(layer))
    ]
    if names is not None:
        names = [names] if isinstance(names, str) else list(names)
        for name in names:
            if not any(str(name) in layer.path for layer in layers):
                raise ValueError(
                    "`target_layer_names` must be parts of paths of layers with a "
                    f"kernel: {[layer.path for layer in layers]}. Received: {name!r}"
                )
        layers = [each for each in layers if any(str(n) in each.path for n in names)]
    cannot = [
        f"{layer.path} ({type(layer).__name__})"
        for layer in layers
        if not hasattr(layer, "enable_lora") or any(layer is each for each in wrapped)
    ]
    if cannot or not layers:
        raise ValueError(
            "`target_layer_names` must be of layers that can have adapters: Dense, "
            "EinsumDense, convolutions and Embedding, in no wrapper. Received: "
            f"target_layer_names={names}, and these cannot: {cannot}"
        )
    return layers


def _at(model, positions) -> list:
    """Returns the layers of these positions, which may be of any file."""
    layers = sublayers(model)
    chosen = [layers[i] for i in positions if i < len(layers)]
    return [layer for layer in chosen if hasattr(layer, "enable_lora")]


def _shapes(layer, rank) -> list[tuple[int, ...]]:
    *rest, last = _frozen(layer).shape
    return [(*rest, rank), (rank, last)]


def _arrays(variables) -> list[np.ndarray]:
    # Copies: on torch an array would share the variable's memory.
    return [np.array(ops.convert_to_numpy(v), "float32") for v in variables]


def _fingerprint(layers) -> str:
    """Returns a hash of the kernels without adapters."""
    kernels = _arrays(map(_frozen, layers))
    return hashlib.sha256(b"".join(map(np.ndarray.tobytes, kernels))).hexdigest()


def _name(layer) -> str:
    is_table = isinstance(layer, keras.layers.Embedding)
    return "embeddings" if is_table else "kernel"


def _frozen(layer):
    return getattr(layer, f"_{_name(layer)}")


def _adapter(layer) -> list:
    return [getattr(layer, f"lora_{_name(layer)}_{part}") for part in "ab"]


def _merged(layer) -> np.ndarray:
    """Returns kernel and adapter in float32: a layer's `kernel` has its policy's."""
    kernel, a, b = map(ops.convert_to_numpy, (_frozen(layer), *_adapter(layer)))
    return kernel + layer.lora_alpha / layer.lora_rank * (a @ b)


def _save(layer, store):
    # As Keras numbers them, but the kernel without its adapter.
    store["0"] = _frozen(layer)
    if getattr(layer, "bias", None) is not None:
        store["1"] = layer.bias
    store[_A], store[_B] = _adapter(layer)


def _load(layer, store):
    _frozen(layer).assign(store["0"])
    if getattr(layer, "bias", None) is not None:
        layer.bias.assign(store["1"])
    a, b = _adapter(layer)
    if _A in store.keys():
        a.assign(store[_A])
        b.assign(store[_B])
    else:  # a file of the model before: adapters begin anew
        b.assign(ops.zeros(b.shape, "float32"))


def _without_adapters(config: Any) -> Any:
    if isinstance(config, dict):
        return {
            key: _without_adapters(value)
            for key, value in config.items()
            if key not in ("lora", "lora_rank", "lora_alpha")
        }
    if isinstance(config, (list, tuple)):
        return type(config)(map(_without_adapters, config))
    return config
