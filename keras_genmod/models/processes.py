"""What `fit` needs besides in one of several processes."""

from collections.abc import Iterable
from typing import Any

import keras
from keras import tree

from keras_genmod import checks
from keras_genmod.data import ImageFolder
from keras_genmod.engine import all_agree, backend, is_writer, num_processes

# Keras' callbacks that write the same files everywhere, and what stands for them here.
# None can be left out on some processes: all take part in what these save.
_WRITING_EVERYWHERE = {
    keras.callbacks.BackupAndRestore: "Backup",
    keras.callbacks.TensorBoard: "TensorBoard",
}


class JoinProcesses(keras.callbacks.Callback):
    """Lets processes start alike; the last callback, after one that loads weights."""

    # Keras need not wait for each batch's losses: nobody looks at them here.
    async_safe = True

    def on_train_begin(self, logs=None):
        backend.join(self.model)


def writing_once(callbacks: Iterable[Any]) -> tuple:
    """Returns callbacks without those of Keras that would write the same file twice.

    Those of this package write on process 0 by themselves, and models do what Keras'
    `ModelCheckpoint` asks for.

    Raises:
        ValueError: If one is `BackupAndRestore` or `TensorBoard` of Keras.
    """
    callbacks = tuple(callbacks)
    for kind, name in _WRITING_EVERYWHERE.items():
        if any(isinstance(callback, kind) for callback in callbacks):
            raise ValueError(
                f"`callbacks` must have `keras_genmod.callbacks.{name}` in place of "
                f"Keras' {kind.__name__}, with which each process would write the same "
                f"files. Received: {kind.__name__} in one of {num_processes()} "
                "processes"
            )
    if is_writer():
        return callbacks
    return tuple(c for c in callbacks if not isinstance(c, keras.callbacks.CSVLogger))


def check_parts(given: dict[str, Any]) -> None:
    """Raises unless all processes have as many batches, since they wait for another.

    Args:
        given: Dict of the arguments of `fit` or `evaluate`.

    Raises:
        ValueError: If examples of arrays, batches of streams whose length is known, or
            the sizes of batches differ, or each reads the whole of a folder.
    """
    numbers = [given.get("batch_size") or 0, given.get("steps_per_epoch") or 0]
    for data in (given["x"], given.get("validation_data")):
        first: Any = next(iter(tree.flatten(data)), None)
        _check_folder(first)
        is_known = checks.is_array(first) or hasattr(first, "__len__")
        numbers.append(len(first) if is_known else 0)
    if not all_agree(*numbers):
        raise ValueError(
            "Each process must get as many examples and batches as the others: give "
            "process i of n `x[i::n]`, and leave out what is too much. Received in "
            f"this one: {numbers[2]} examples or batches, of {numbers[3]} in "
            f"validation, batch_size={given.get('batch_size')}, "
            f"steps_per_epoch={given.get('steps_per_epoch')}"
        )


def _check_folder(data: Any) -> None:
    """Raises where several processes would read the same images of a folder."""
    if isinstance(data, ImageFolder) and data.part is None and num_processes() > 1:
        raise ValueError(
            "Each process would read all images of the folder: give `image_folder` "
            "`part=(process_id(), num_processes())` of `keras_genmod.engine`, or "
            "`part=(0, 1)` where processes share each example. "
            f"Received: part=None in one of {num_processes()} processes"
        )
