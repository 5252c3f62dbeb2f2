"""The engine of the running Keras backend, under one set of names."""

import keras

if keras.backend.backend() == "jax":
    from keras_genmod.engine.jax_engine import (
        compile_call,
        input_gradient,
        load_random_state,
        per_replica,
        random_state,
        test_step,
        train_step,
    )
elif keras.backend.backend() == "tensorflow":
    from keras_genmod.engine.tensorflow_engine import (
        compile_call,
        input_gradient,
        load_random_state,
        per_replica,
        random_state,
        test_step,
        train_step,
    )
elif keras.backend.backend() == "torch":
    from keras_genmod.engine.torch_engine import (
        compile_call,
        input_gradient,
        load_random_state,
        per_replica,
        random_state,
        test_step,
        train_step,
    )
else:
    raise ImportError(
        "keras_genmod runs on the Keras backends `jax`, `tensorflow` and `torch`. "
        f"Received: KERAS_BACKEND={keras.backend.backend()!r}"
    )

__all__ = [
    "compile_call",
    "input_gradient",
    "load_random_state",
    "per_replica",
    "random_state",
    "test_step",
    "train_step",
]
