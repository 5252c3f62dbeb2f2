"""Where in a user's code something happens on PyTorch."""

import sys
import types

import keras

_OURS = ("torch", "keras", "keras_genmod", "contextlib")
_PARTS = (keras.optimizers.Optimizer, keras.optimizers.schedules.LearningRateSchedule)


def where() -> str:
    """Names the line, and the layer or part of Keras, that are being run."""
    line, owner = "", ""
    frame: types.FrameType | None = sys._getframe()
    while frame is not None and not (line and owner):
        module = frame.f_globals.get("__name__", "")
        one = frame.f_locals.get("self")
        if not owner and isinstance(one, keras.Layer):
            owner = f" of layer {one.name!r}"
        elif not owner and isinstance(one, _PARTS):
            owner = f" of keras' {type(one).__name__}"
        if not line and module.split(".")[0] not in _OURS:
            line = f", in {frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return f"{line}{owner}"
