"""A study's file: what was shown, asked and answered, in tables that only grow."""

import os
import pathlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keras_genmod import checks

FORMAT = 0x48595045  # "HYPE", in the header of the file
_TABLES = """
CREATE TABLE study (
    protocol TEXT NOT NULL, seed INTEGER NOT NULL, salt TEXT NOT NULL,
    title TEXT NOT NULL,
    models TEXT NOT NULL, created REAL NOT NULL
);
CREATE TABLE image (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, model TEXT, number INTEGER NOT NULL,
    sha256 TEXT NOT NULL, png BLOB NOT NULL
);
CREATE TABLE evaluator (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, consented REAL NOT NULL
);
CREATE TABLE block (
    id INTEGER PRIMARY KEY, evaluator INTEGER NOT NULL REFERENCES evaluator,
    number INTEGER NOT NULL, stage TEXT NOT NULL, model TEXT, created REAL NOT NULL,
    UNIQUE (evaluator, number)
);
CREATE TABLE trial (
    id INTEGER PRIMARY KEY, block INTEGER NOT NULL REFERENCES block,
    position INTEGER NOT NULL, attempt INTEGER NOT NULL,
    image TEXT NOT NULL REFERENCES image, other_image TEXT REFERENCES image,
    asked_ms REAL, shown_ms REAL, frame_ms REAL, dropped INTEGER, discarded TEXT,
    answer TEXT, correct INTEGER, reaction_ms REAL, created REAL NOT NULL,
    UNIQUE (block, position, attempt)
);
"""
# What SQLite keeps beside a file.
BESIDE = ("-wal", "-shm", "-journal")
# Tables, and when a row that stands is the one to be added.
_SAME = {
    "study": "TRUE",
    "image": "id = NEW.id",
    "evaluator": "code = NEW.code",
    "block": "evaluator = NEW.evaluator AND number = NEW.number",
    "trial": "block = NEW.block AND position = NEW.position AND attempt = NEW.attempt",
}


def _trigger(name: str, verb: str, when: str = "") -> str:
    return (
        f"CREATE TRIGGER {name}_no_{verb} BEFORE {verb} ON {name} {when} BEGIN "
        "SELECT RAISE(ABORT, 'a study keeps every row'); END;\n"
    )


_APPEND_ONLY = "".join(
    _trigger(name, "UPDATE")
    + _trigger(name, "DELETE")
    # INSERT OR REPLACE deletes a row without the trigger of that.
    + _trigger(
        name,
        "INSERT",
        f"WHEN EXISTS (SELECT 1 FROM {name} WHERE rowid = NEW.rowid OR ({same}))",
    )
    for name, same in _SAME.items()
)


def check_new(path: str | os.PathLike[str]) -> None:
    """Raises an `OSError` where a file stands already."""
    if os.path.exists(path):
        raise FileExistsError(
            "`path` must be a new file: a study keeps what people have answered. "
            f"Received: path={os.fspath(path)!r}"
        )


def check_folder(path: str | os.PathLike[str]) -> None:
    """Raises an `OSError` where a file's folder does not exist."""
    if not os.path.isdir(os.path.dirname(os.path.abspath(path))):
        raise FileNotFoundError(
            "`path` must lie in a folder that exists: make it first. "
            f"Received: path={os.fspath(path)!r}"
        )


class Database:
    """The tables of one study, in one file of SQLite.

    Rows are added and never changed, which the file itself refuses. Each transaction
    is on the disk when it ends: what was answered survives a killed process.

    Args:
        path: String or path of the file.
        create: Whether to make it; it must not exist then, and must otherwise.

    Raises:
        OSError: If it exists, or does not; or its folder does not.
        ValueError: If the file is no study.
    """

    def __init__(self, path: str | os.PathLike[str], create: bool = False):
        self.path = pathlib.Path(checks.path("path", path))
        if create:
            check_new(self.path)
            check_folder(self.path)
        elif not self.path.is_file():
            raise FileNotFoundError(
                "`path` must be a study's file (`create_study` makes one). "
                f"Received: path={os.fspath(path)!r}"
            )
        self._own = os.path.realpath(self.path)  # also in another folder, later
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            self.path, timeout=30, isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        try:
            self._begin(create)
        except (sqlite3.DatabaseError, ValueError) as error:
            self._connection.close()
            raise ValueError(
                "`path` must be a study's file. Received: "
                f"path={os.fspath(path)!r} ({error})"
            ) from error

    def _begin(self, create: bool) -> None:
        if create:
            self._connection.executescript(
                f"BEGIN; {_TABLES} {_APPEND_ONLY} "
                f"PRAGMA application_id = {FORMAT}; COMMIT;"
            )
        (found,) = self._connection.execute("PRAGMA application_id").fetchone()
        if found != FORMAT:
            raise ValueError("not made by `create_study`")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA foreign_keys = ON")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is read and added inside happens at once, or not at all."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def add(self, table: str, **values: Any) -> int:
        """Adds a row; returns its number."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        with self._lock:
            cursor = self._connection.execute(
                f"INSERT INTO {table} ({names}) VALUES ({marks})",
                tuple(values.values()),
            )
        return int(cursor.lastrowid or 0)

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Returns the rows of a query."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def dump(self) -> str:
        """Returns the whole file as text."""
        with self._lock:
            return "\n".join(self._connection.iterdump())

    def is_touched_by(self, path: str | os.PathLike[str]) -> bool:
        """Whether who writes to a path writes to this file, or to one beside it."""
        target = os.path.realpath(path)
        return any(_is_same(target, self._own + ending) for ending in ("", *BESIDE))

    def close(self) -> None:
        """Closes the file; what the journal holds is written into it."""
        with self._lock:
            self._connection.close()


def _is_same(path: str, other: str) -> bool:
    exist = os.path.exists(path) and os.path.exists(other)
    return path == other or (exist and os.path.samefile(path, other))
