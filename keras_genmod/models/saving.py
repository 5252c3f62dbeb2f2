"""What Keras leaves out of files: random states; and what it reads of them unseen."""

import contextlib
import os
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import num_processes, place_to_write, whole_state
from keras_genmod.engine.backend import load_random_state, random_state
from keras_genmod.models import processes, state_tree, stored_arrays
from keras_genmod.presets.writing import write_preset


class Saving(keras.Model):
    """The part of `GenerativeModel` that writes and reads files."""

    #: The callbacks of the running `fit`; `None` outside of it.
    callbacks_in_fit: tuple | None = None

    def fit(self, *, callbacks: Any = None, **kwargs: Any) -> Any:
        """Trains the model, as `keras.Model.fit`; its callbacks are known meanwhile."""
        each = getattr(callbacks, "callbacks", callbacks)  # of a `CallbackList`
        given = tuple(keras.tree.flatten(each or ()))
        if num_processes() > 1:
            given = processes.writing_once(given)
            callbacks = [*given, processes.JoinProcesses()]
        self.callbacks_in_fit = given
        try:
            return super().fit(callbacks=callbacks, **kwargs)
        finally:
            self.callbacks_in_fit = None

    def save(
        self, filepath: str | os.PathLike[str], overwrite: bool = True, **kwargs: Any
    ) -> None:
        """Saves the model, as `keras.Model.save`; the file is whole or not there.

        Args:
            filepath: String or path that ends in ".keras".
            overwrite: Whether a file that is there is replaced; else Keras asks.
            **kwargs: As in Keras.

        Raises:
            ValueError: For a ".h5" file: Keras writes such a one, and cannot read it.
        """
        with self._place_to_write(filepath) as place:
            self._save(place, overwrite, **kwargs)

    @contextlib.contextmanager
    def _place_to_write(self, path):
        """Gives the place that weights are written to, whole on every process."""
        with whole_state(self), place_to_write(os.fspath(path)) as place:
            yield place

    def _save(self, filepath, overwrite, **kwargs):
        if filepath.endswith((".h5", ".hdf5")):
            raise ValueError(
                "`filepath` must end in '.keras': a model comes back from no HDF5 "
                "file; `save_weights` makes '.weights.h5'. "
                f"Received: filepath={filepath!r}"
            )
        if not filepath.endswith(".keras") or (
            os.path.exists(filepath) and not overwrite
        ):
            return super().save(filepath, overwrite=overwrite, **kwargs)
        scratch = f"{filepath}.part.keras"
        try:
            super().save(scratch, **kwargs)
            os.replace(scratch, filepath)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.remove(scratch)

    def save_weights(
        self, filepath: str | os.PathLike[str], *args: Any, **kwargs: Any
    ) -> None:
        """Saves the weights, as `keras.Model.save_weights`.

        Args:
            filepath: String or path that ends in ".weights.h5" or ".weights.json".
            *args: As in Keras, by position.
            **kwargs: As in Keras.
        """
        with self._place_to_write(filepath) as place:
            super().save_weights(place, *args, **kwargs)

    def save_to_preset(
        self,
        folder: str | os.PathLike[str],
        description: str = "",
        metadata: Mapping[str, Any] | None = None,
        figures: Mapping[str, Any] | None = None,
        samples: Any = None,
        max_shard_size: float | None = None,
        weights_format: str = "h5",
    ) -> None:
        """Writes the trained model as a folder for `keras_genmod.from_preset`.

        It holds `config.json`, `model.weights.h5` without an optimizer, `metadata.json`
        with versions and figures, and the card `README.md`, with `samples.png`. The
        folder is written beside and renamed: it is whole or not there.

        Args:
            folder: String or path, of a folder that is empty or not there.
            description: String for the card: what the model is, of which data, how it
                was trained.
            metadata: Dict of numbers, texts, and nests of them, such as the data set,
                its split, how it was preprocessed, and the protocol of training.
            figures: Dict of results by their names, such as what
                `evaluation.evaluate_likelihood` returns, which holds its protocol.
            samples: Images for the card, as `callbacks.image_grid` takes them.
            max_shard_size: Gigabytes of a file of weights, at most; `None` writes one.
            weights_format: "h5", Keras' own, or "safetensors", one file that needs the
                package of this name (the extra `safetensors`) and that other programs
                read: `model.safetensors` in place of `model.weights.h5`.

        Raises:
            ImportError: If safetensors is asked for and missing.
            OSError: If the folder cannot be written.
            ValueError: If the folder is a file or not empty, the model holds code, such
                as a `Lambda`, or `metadata` names what every preset says of itself.

        Example:
        ```python
        model.save_to_preset("my_vae", samples=model.sample(16, seed=0))
        ```
        """
        with self._place_to_write(folder) as place:
            write_preset(
                self,
                place,
                description,
                metadata,
                figures,
                samples,
                max_shard_size,
                weights_format,
            )

    def export(
        self,
        filepath: str | os.PathLike[str],
        format: str = "tf_saved_model",
        **kwargs: Any,
    ) -> None:
        """Exports what `call` computes, as `keras.Model.export`.

        Args:
            filepath: String or path.
            format: As in Keras; "torch" where torch runs, "tf_saved_model" elsewhere.
            **kwargs: As in Keras.

        Raises:
            RuntimeError: On torch, where `torch.export` follows neither the draws of
                Keras nor loops that end by a tolerance: models whose `call` has them
                (VAEs, dequantized flows, inverses of planar flows, Boltzmann machines
                and energy models) are exported on the other backends.
        """
        try:
            with place_to_write(os.fspath(filepath)) as place:
                super().export(place, format=format, **kwargs)
        except RuntimeError as error:
            if format != "torch":
                raise
            raise RuntimeError(
                f"{type(self).__name__} cannot be exported by torch, which follows "
                "neither draws nor loops that end by a tolerance. Save the model, load "
                "it with KERAS_BACKEND=tensorflow, and export it there; or export its "
                "networks, which are Keras models of their own."
            ) from error

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """Returns all variables by name, as `keras.callbacks.OrbaxCheckpoint` saves.

        Names do not depend on what else was made before, and the optimizer of each
        objective has its own, so that seeds and several optimizers come back.

        Args:
            value_format: "backend_tensor" or "numpy_array".

        Returns:
            Dict of the trainable, non-trainable, optimizer and metrics variables, each
            a nest of dicts.

        Raises:
            ValueError: If `value_format` is another one.
        """
        checks.choice("value_format", value_format, ("backend_tensor", "numpy_array"))
        is_tensor = value_format == "backend_tensor"
        return {
            kind: state_tree.nested(
                {k: v.value if is_tensor else v.numpy() for k, v in variables.items()}
            )
            for kind, variables in state_tree.groups_of(self).items()
        }

    def set_state_tree(self, tree: Mapping[str, Any]) -> None:
        """Assigns all variables of the kinds that are in a tree.

        Args:
            tree: Dict as `get_state_tree` returns it, or some of its entries.

        Raises:
            ValueError: If it is that of another model.
        """
        groups = state_tree.groups_of(self)
        for kind, values in tree.items():
            found, variables = state_tree.flat(values), groups.get(kind, {})
            missing = sorted(variables.keys() - found.keys())
            unknown = sorted(found.keys() - variables.keys())
            if missing or unknown:
                raise ValueError(
                    f"`tree` must hold the state of a {type(self).__name__} of these "
                    f"settings. Missing of its {kind}: {missing}, unknown: {unknown}."
                )
            for name, variable in variables.items():
                variable.assign(found[name])

    def save_own_variables(self, store):
        super().save_own_variables(store)
        for name, variable in self._seed_states().items():
            # Torch keeps the 32 bits of a seed in a signed integer.
            state = ops.convert_to_numpy(variable).astype("int64") % 2**32
            store[name] = state.astype("uint32")
        for name, state in random_state().items():
            store[name] = state

    def load_own_variables(self, store):
        own: dict = {}
        super().save_own_variables(own)
        seeds = self._seed_states()
        optimizer = getattr(self, "optimizer", None)
        slots = [] if optimizer is None else optimizer.variables
        stored_arrays.check_sizes(store, [*self.variables, *slots])
        stored_arrays.check_names(store, [*own, *seeds])
        super().load_own_variables({name: store[name] for name in own})
        for name, variable in seeds.items():
            state = stored_arrays.random_seed(name, store[name])
            variable.assign(state.astype(variable.dtype))
        stored_arrays.warn_of_not_finite(store)
        # A model that is loaded leaves alone what others draw; a callback of `fit`
        # loads one to go on where it was.
        if self.callbacks_in_fit is not None:
            found = {k: store[k] for k in random_state() if k in store.keys()}
            for name, state in found.items():
                stored_arrays.check_like(name, state, random_state()[name])
            load_random_state(found)

    def _seed_states(self):
        """Returns all states of random generators in the model, by name in a file."""
        states = [
            v for v in self.non_trainable_variables if v.name == "seed_generator_state"
        ]
        return {f"seed_state_{i}": state for i, state in enumerate(states)}
