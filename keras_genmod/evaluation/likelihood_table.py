"""A ledger of likelihoods that never mixes what does not compare."""

import json
import math
import os
from collections.abc import Iterable, Iterator

from keras_genmod import checks, whole_files
from keras_genmod.distributions import LogPartition
from keras_genmod.evaluation.likelihood import KINDS, Likelihood, LikelihoodProtocol
from keras_genmod.evaluation.likelihood_section import section_to_markdown

_SCHEMA = "keras_genmod.LikelihoodTable/1"


class LikelihoodTable:
    """Collects likelihoods of models, in sections of one protocol and kind each.

    Rows are sorted inside a section, the highest log-likelihood first, and nowhere
    else. `str(table)` is its Markdown. An estimate that rests on fewer than 20
    effective chains of annealed importance sampling is marked there, and is never
    `best`: its log Z is mostly too low, so that it stands too high.

    Args:
        rows: Pairs `(name, likelihood)` to start with.

    Example:
        ```python
        table = LikelihoodTable()
        table.add("VAE", evaluate_likelihood(vae, x, dataset="digits", split="test"))
        table.add("RBM", evaluate_likelihood(rbm, x, dataset="digits", split="test"))
        print(table)  # two sections: a lower bound and an exact number
        table.where(kind="exact").best()  # ("RBM", Likelihood(...))
        # table.best() refuses: kind: 'lower_bound' and 'exact'
        ```
    """

    def __init__(self, rows: Iterable[tuple[str, Likelihood]] = ()):
        # A dict keeps the order, and finds a row at once.
        self._rows: dict[tuple[str, LikelihoodProtocol], Likelihood] = {}
        for row in checks.items("rows", rows):
            is_pair = isinstance(row, (tuple, list)) and len(row) == 2
            if not is_pair or not isinstance(row[1], Likelihood):
                raise ValueError(
                    f"`rows` must be pairs (name, likelihood). Received: {row!r}"
                )
            self.add(*row)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[tuple[str, Likelihood]]:
        return ((name, row) for (name, _), row in self._rows.items())

    def add(self, name: str, likelihood: Likelihood) -> None:
        """Adds a row.

        Args:
            name: String, the model's name.
            likelihood: A `Likelihood`, as `evaluate_likelihood` returns it.

        Raises:
            ValueError: If it is none, its numbers are NaN or infinite, or the name has
                a row under its protocol.
        """
        if not isinstance(name, str) or not name:
            raise ValueError(f"`name` must be a name. Received: name={name!r}")
        if not isinstance(likelihood, Likelihood):
            raise ValueError(
                "`likelihood` must be a Likelihood, which knows its kind and protocol. "
                f"Received: likelihood={likelihood!r}"
            )
        numbers = (likelihood.mean, likelihood.standard_error or 0.0)
        if not all(map(math.isfinite, numbers)):
            raise ValueError(
                "`likelihood` must have finite numbers, or it cannot be ranked. "
                f"Received: mean {numbers[0]}, standard error {numbers[1]}"
            )
        if (name, likelihood.protocol) in self._rows:
            raise ValueError(
                f"`name` must be new under its protocol. Received: name={name!r}, "
                f"protocol {likelihood.protocol}"
            )
        self._rows[name, likelihood.protocol] = likelihood

    def where(self, **fields: object) -> "LikelihoodTable":
        """Returns the table of the rows whose protocols have these values.

        Args:
            **fields: Fields of `LikelihoodProtocol`, or options that models report,
                such as `kind="exact"`, `split="test"`, `importance_samples=500`.
        """
        return LikelihoodTable(
            (name, row)
            for name, row in self
            if all(row.protocol.flat().get(k) == v for k, v in fields.items())
        )

    def sections(self) -> list[list[tuple[str, Likelihood]]]:
        """Returns the rows of each protocol, sorted, in order of first appearance."""
        grouped: dict[LikelihoodProtocol, list[tuple[str, Likelihood]]] = {}
        for name, row in self:
            grouped.setdefault(row.protocol, []).append((name, row))
        return [sorted(rows, key=lambda r: -r[1].mean) for rows in grouped.values()]

    def ranking(self) -> list[tuple[str, Likelihood]]:
        """Returns all rows, the highest log-likelihood first.

        Raises:
            ValueError: If the table is empty, or its rows differ in protocol or kind.
                The message names the difference.
        """
        sections = self.sections()
        if not sections:
            raise ValueError("The table must have a row to be ranked. It has none.")
        if len(sections) > 1:
            (_, first), (name, other) = sections[0][0], sections[1][0]
            differences = first.protocol.differences(other.protocol)
            raise ValueError(
                "Rows must have the same protocol and kind to be ranked; choose a "
                f"section with `where`. Received: {'; '.join(differences)}, first in "
                f"row {name!r}"
            )
        return sections[0]

    def best(self) -> tuple[str, Likelihood]:
        """Returns the row of the highest log-likelihood that can be trusted.

        Estimates from fewer than 20 effective chains are passed over.

        Raises:
            ValueError: As `ranking`, or if no row is left.
        """
        ranking = self.ranking()
        for name, row in ranking:
            if row.is_trusted:
                return name, row
        raise ValueError(
            "A row must rest on at least 20 effective chains to be best; anneal with "
            "more temperatures or chains. Received: none of "
            f"{[name for name, _ in ranking]}"
        )

    def compare(self, first: str, second: str) -> float:
        """Returns one row's mean minus another's, in nats.

        Args:
            first: String, a name that one row has.
            second: String, another.

        Raises:
            ValueError: If a name has no row or several, or the rows differ in protocol
                or kind.
        """
        return self._row("first", first).compare_to(self._row("second", second))

    def _row(self, argument: str, name: str) -> Likelihood:
        rows = [row for n, row in self if n == name]
        if len(rows) != 1:
            raise ValueError(
                f"`{argument}` must be the name of one row; choose among several with "
                f"`where`. Received: {argument}={name!r}, {len(rows)} rows"
            )
        return rows[0]

    def to_markdown(self) -> str:
        """Returns one Markdown table a section, under a line with its protocol."""
        return "\n\n".join(map(section_to_markdown, self.sections()))

    def __str__(self) -> str:
        return self.to_markdown()

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Returns the table as JSON, and writes it if there is a path.

        Args:
            path: String or path of a file, replaced whole; or `None`.
        """
        rows = [
            {
                "name": name,
                "mean": row.mean,
                "standard_error": row.standard_error,
                "unit": row.unit,
                "bits_per_dim": row.bits_per_dim,
                "protocol": row.protocol.to_dict(),
                "log_partition": row.log_partition and row.log_partition.to_dict(),
            }
            for name, row in self
        ]
        text = json.dumps({"schema": _SCHEMA, "rows": rows}, indent=2) + "\n"
        if path is not None:
            with whole_files.writing(path) as file:
                file.write(text)
        return text

    @classmethod
    def from_json(cls, text: str) -> "LikelihoodTable":
        """Returns the table that `to_json` made a string of.

        Raises:
            ValueError: If the string is something else, or a number is NaN or infinite.
        """
        try:
            content = json.loads(text)
            if content["schema"] != _SCHEMA:
                raise ValueError(f"schema {content['schema']!r}")
            return cls(_read_row(row) for row in content["rows"])
        except (
            AttributeError,
            KeyError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            raise ValueError(
                f"`text` must be what `to_json` returns, schema {_SCHEMA!r}. "
                f"Received something else: {error}"
            ) from error


def _read_row(row: dict) -> tuple[str, Likelihood]:
    fields = dict(row["protocol"])
    options = tuple((k, _tuples(v)) for k, v in fields.pop("options").items())
    protocol = LikelihoodProtocol(**fields, options=options)
    error = row["standard_error"]
    numbers = [row["mean"], *([] if error is None else [error])]
    if protocol.kind not in KINDS or not all(isinstance(n, float) for n in numbers):
        raise ValueError(f"row {row['name']!r} has no kind or no numbers")
    found = row.get("log_partition")
    return row["name"], Likelihood(
        mean=row["mean"],
        standard_error=error,
        protocol=protocol,
        log_partition=found and LogPartition.from_dict(found),
    )


def _tuples(value: object) -> object:
    """Returns JSON's lists as the tuples they were."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
