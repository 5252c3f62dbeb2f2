"""Imports Keras on a backend that the package runs on, or says how to choose one.

Keras alone says "Unable to import backend" or "No module named 'tensorflow'".
"""

import os

BACKENDS = ("jax", "tensorflow", "torch")
_WAY_OUT = (
    f"Set the environment variable KERAS_BACKEND to one of {', '.join(BACKENDS)} that "
    "is installed, before Keras is first imported, as in `KERAS_BACKEND=jax python "
    "train.py`. Unset, Keras takes the backend of ~/.keras/keras.json, or tensorflow."
)


def _received() -> str:
    return f"Received: KERAS_BACKEND={os.environ.get('KERAS_BACKEND')!r}"


try:
    import keras
except (ImportError, ValueError) as error:
    raise ImportError(
        f"Keras could not start: {error}. {_WAY_OUT} {_received()}"
    ) from error

NAME = keras.backend.backend()
if NAME not in BACKENDS:
    raise ImportError(
        f"keras_genmod does not run on the backend {NAME!r}. {_WAY_OUT} {_received()}"
    )
