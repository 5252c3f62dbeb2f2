"""What an event file holds: values under their names, as TensorBoard's plugins read."""

import time

import numpy as np
from keras import ops
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram.metadata import create_summary_metadata
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_tensor_proto

from keras_genmod.callbacks.image_grid import check_picture, encode_png

_NUM_BUCKETS = 30  # TensorBoard's own choice


def scalar(name, value):
    """Returns a `Summary.Value` with a number.

    Raises:
        ValueError: If `value` is not a number.
    """
    try:
        return Summary.Value(tag=name, simple_value=float(value))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`values` must be numbers. Received: {name}={value!r}"
        ) from error


def image(name, picture):
    """Returns a `Summary.Value` with a picture.

    Raises:
        ValueError: If `picture` is not uint8 of shape `(height, width)` or
            `(height, width, 3)`.
    """
    check_picture("picture", picture)
    shape = picture.shape
    proto = Summary.Image(
        height=shape[0],
        width=shape[1],
        colorspace=1 if len(shape) == 2 else 3,
        encoded_image_string=encode_png(picture),
    )
    return Summary.Value(tag=name, image=proto)


def text(name, markdown):
    """Returns a `Summary.Value` with text.

    Raises:
        ValueError: If `markdown` is not a string.
    """
    if not isinstance(markdown, str):
        raise ValueError(f"`text` must be a string. Received: text={markdown!r}")
    return text_pb(name, markdown).value[0]


def histogram(name, values):
    """Returns a `Summary.Value` with how many values lie in each of 30 buckets.

    Args:
        name: String.
        values: Array or tensor of any shape. NaN and infinity are left out.
    """
    values = np.ravel(ops.convert_to_numpy(values)).astype("float64")
    counts, edges = np.histogram(values[np.isfinite(values)], _NUM_BUCKETS)
    buckets = np.stack([edges[:-1], edges[1:], counts], axis=1)
    metadata = create_summary_metadata(display_name=None, description=None)
    return Summary.Value(tag=name, metadata=metadata, tensor=make_tensor_proto(buckets))


def event(values, step):
    """Returns an `Event` of now.

    Args:
        values: List of `Summary.Value`.
        step: Int.
    """
    return Event(wall_time=time.time(), step=step, summary={"value": values})


def write(file, events):
    """Appends events to a file, which begins with one that names the format.

    Args:
        file: Open binary file, at its end.
        events: List of `Event`.
    """
    writer = RecordWriter(file)
    if not file.tell():
        first = Event(wall_time=time.time(), file_version="brain.Event:2")
        writer.write(first.SerializeToString())
    for each in events:
        writer.write(each.SerializeToString())
