"""Hyper-parameters: those of a model, and how TensorBoard's HParams plugin reads them.

A session is a run of its own, with its hyper-parameters, its final figures as scalars
and a start and an end. No session describes the experiment as a whole: TensorBoard
takes such a description from one session alone and then shows no column that other
sessions have, while without it the columns of all are shown.
"""

import time

import keras

from keras_genmod.engine import OptimizerGroup

_PLAIN = (bool, int, float, str)
_LEFT_OUT = {"name", "trainable", "dtype"}  # they say nothing of the model


def session(hparams, metrics):
    """Returns the values that make a session; it has ended if there are metrics.

    Args:
        hparams: Dict of names to bools, ints, floats and strings.
        metrics: Dict of names to floats.

    Raises:
        ValueError: If a value is something else.
    """
    # TensorBoard's package is slow to import.
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.api_pb2 import STATUS_SUCCESS
    from tensorboard.plugins.hparams.plugin_data_pb2 import (
        HParamsPluginData,
        SessionEndInfo,
    )
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    from keras_genmod.callbacks.tensorboard import summaries

    for name, value in hparams.items():
        if not isinstance(value, _PLAIN):
            raise ValueError(
                "`hparams` must be bools, ints, floats and strings. "
                f"Received: {name}={value!r}"
            )
    values = [hparams_pb(hparams, trial_id="").value[0]]
    values += [summaries.scalar(name, value) for name, value in metrics.items()]
    if metrics:
        end = SessionEndInfo(status=STATUS_SUCCESS, end_time_secs=time.time())
        values.append(
            summaries.Summary.Value(
                tag=metadata.SESSION_END_INFO_TAG,
                metadata=metadata.create_summary_metadata(
                    HParamsPluginData(session_end_info=end)
                ),
                tensor=metadata.NULL_TENSOR,
            )
        )
    return values


def of_model(model):
    """Returns the hyper-parameters of a compiled model.

    Args:
        model: Keras model.

    Returns:
        Dict: the class, the plain values of `get_config`, sequences of them as
        strings, and class and learning rate of each optimizer.
    """
    try:
        config = model.get_config()
    except NotImplementedError:  # a user's model that cannot be saved
        config = {}
    hparams: dict[str, bool | int | float | str] = {"model": type(model).__name__}
    for name, value in config.items():
        if name in _LEFT_OUT:
            continue
        if isinstance(value, _PLAIN):
            hparams[name] = value
        elif isinstance(value, (tuple, list)) and all(
            isinstance(item, _PLAIN) for item in value
        ):
            hparams[name] = str(tuple(value))
    for suffix, member in _optimizers(model).items():
        member = getattr(member, "inner_optimizer", member)  # of a loss scale
        hparams[f"optimizer{suffix}"] = type(member).__name__
    return {**hparams, **learning_rates(model)}


def learning_rates(model):
    """Returns the learning rates that are in force, one for each optimizer.

    Args:
        model: Keras model.

    Returns:
        Dict from `"learning_rate"`, or `"learning_rate_<objective>"` where there are
        several optimizers, to float; empty if the model is not compiled.
    """
    return {
        # Of float32: 0.001, not 0.0010000000474974513.
        f"learning_rate{suffix}": float(
            f"{keras.ops.convert_to_numpy(member.learning_rate):.7g}"
        )
        for suffix, member in _optimizers(model).items()
    }


def _optimizers(model):
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return {}
    if isinstance(optimizer, OptimizerGroup):
        return {f"_{name}": member for name, member in optimizer.members.items()}
    return {"": optimizer}
