"""What Keras' callbacks remember of a run, taken from them and put back."""

import os

import keras

_ATTRIBUTES = {
    keras.callbacks.EarlyStopping: (
        "wait",
        "stopped_epoch",
        "best",
        "best_epoch",
        "best_weights",
    ),
    keras.callbacks.ModelCheckpoint: ("best",),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
}


def _with_state(callbacks) -> dict:
    """Returns callbacks and names of their attributes, by class, number and monitor."""
    found: dict = {}
    for kind, attributes in _ATTRIBUTES.items():
        members = [callback for callback in callbacks if isinstance(callback, kind)]
        for i, callback in enumerate(members):
            found[f"{kind.__name__}/{i}/{callback.monitor}"] = callback, attributes
    return found


def check_order(callbacks, backup) -> None:
    """Raises a `ValueError` if a callback with a state comes after the backup.

    Such a one would be kept as it was before the epoch's end, and would forget at the
    start of `fit` what was put back.
    """
    late = callbacks[callbacks.index(backup) :] if backup in callbacks else ()
    names = [name.split("/")[0] for name in _with_state(late)]
    if names:
        raise ValueError(
            "`callbacks` must hold `Backup` after those whose state it keeps. "
            f"Received after it: {', '.join(names)}"
        )


def states_of(callbacks) -> dict:
    """Returns the states of callbacks, of plain values and arrays."""
    return {
        name: {
            attribute: getattr(callback, attribute, None) for attribute in attributes
        }
        for name, (callback, attributes) in _with_state(callbacks).items()
    }


def put_back(callbacks, states: dict) -> None:
    """Puts back the states of those callbacks that are there, and monitor the same."""
    for name, (callback, attributes) in _with_state(callbacks).items():
        for attribute in attributes:
            if attribute in states.get(name, {}):
                setattr(callback, attribute, states[name][attribute])


def was_stopped(callbacks) -> bool:
    """Whether an `EarlyStopping` has ended the run, by the patience it has now."""
    return any(
        callback.stopped_epoch > 0 and callback.wait >= callback.patience
        for callback in callbacks
        if isinstance(callback, keras.callbacks.EarlyStopping)
    )


def drop_rows(callbacks, epoch: int) -> None:
    """Drops rows from `epoch` on from the tables of each `CSVLogger(append=True)`.

    A run that was killed after the row of an epoch and before its backup writes that
    row once more. A run without a backup leaves a table of several rows alone: that is
    of a run before.
    """
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.CSVLogger) and callback.append:
            if os.path.exists(callback.filename):
                _drop_rows(callback.filename, callback.sep.encode(), epoch)


def _drop_rows(path: str, separator: bytes, epoch: int) -> None:
    with open(path, "r+b") as file:
        header, *rows = file.readlines() or [b""]
        if epoch == 0 and len(rows) > 1:
            return
        while rows and not _is_before(rows[-1], separator, epoch):
            rows.pop()
        file.truncate(len(header) + sum(map(len, rows)))


def _is_before(row: bytes, separator: bytes, epoch: int) -> bool:
    number = row.split(separator)[0]
    # A row without an end was cut by the kill.
    return row.endswith(b"\n") and (not number.isdigit() or int(number) < epoch)
