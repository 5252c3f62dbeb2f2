"""What Keras leaves out of files: random states; and half a file never stays."""

import os

import numpy as np
from keras import ops

from keras_genmod.engine.backend import load_random_state, random_state


class Saving:
    """The part of `GenerativeModel` that writes and reads files."""

    def save(self, filepath, overwrite=True, **kwargs):
        """Saves the model, as `keras.Model.save`; the file is whole or not there.

        Args:
            filepath: String or path that ends in ".keras".
            overwrite: Whether a file that is there is replaced; else Keras asks.
            **kwargs: As in Keras.
        """
        filepath = os.fspath(filepath)
        if not filepath.endswith(".keras") or (
            os.path.exists(filepath) and not overwrite
        ):
            return super().save(filepath, overwrite=overwrite, **kwargs)
        scratch = f"{filepath}.part.keras"
        super().save(scratch, **kwargs)
        os.replace(scratch, filepath)

    def save_own_variables(self, store):
        super().save_own_variables(store)
        for i, variable in enumerate(self._seed_states()):
            store[f"seed_state_{i}"] = ops.convert_to_numpy(variable)
        for name, state in random_state().items():
            store[name] = state

    def load_own_variables(self, store):
        super().load_own_variables({k: store[k] for k in store.keys() if k.isdigit()})
        for i, variable in enumerate(self._seed_states()):
            if f"seed_state_{i}" in store.keys():
                state = np.asarray(store[f"seed_state_{i}"]).astype("int64")
                variable.assign(state.astype(variable.dtype))
        load_random_state({k: store[k] for k in store.keys() if not k.isdigit()})

    def _seed_states(self):
        return [
            v for v in self.non_trainable_variables if v.name == "seed_generator_state"
        ]
