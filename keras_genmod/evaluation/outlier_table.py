"""How well several scores tell several sets of outliers from the data."""

import json
import os

from keras_genmod import checks, whole_files
from keras_genmod.evaluation.anomaly_score import AnomalyScores
from keras_genmod.metrics import OutlierScores, outlier_auroc


class OutlierTable:
    """AUROC, average precision and false positives at 95% true ones, a row a score.

    `str(table)` is its Markdown.

    Args:
        inside: String, the name of the data that are no outliers.

    Example:
        ```python
        table = OutlierTable("digits")
        sets = {"digits": x_test, "noise": noise}
        table.add("VAE", {name: anomaly_score(vae, x) for name, x in sets.items()})
        print(table)
        ```
    """

    def __init__(self, inside: str):
        self.inside = checks.text("inside", inside)
        self._rows: dict[tuple[str, str], dict[str, OutlierScores]] = {}

    def add(self, model: str, scores: dict[str, AnomalyScores]) -> None:
        """Adds a row: one model's one kind of score.

        Args:
            model: String, the model's name.
            scores: Dict from the name of a set to its `AnomalyScores`, `inside` among
                them.

        Raises:
            ValueError: If `inside` or all others are missing, the sets are not those
                of the rows before, the scores were not all made in one way, or are in
                the table already.
        """
        outside = [name for name in scores if name != self.inside]
        before = list(next(iter(self._rows.values()), outside))
        if self.inside not in scores or not outside or outside != before:
            raise ValueError(
                f"`scores` must hold {self.inside!r} and the sets of outliers "
                f"{before or 'at least one'}. Received: {list(scores)}"
            )
        kinds = sorted({found.name for found in scores.values()})
        if len(kinds) > 1 or (model, kinds[0]) in self._rows:
            raise ValueError(
                "`scores` must all be made in one way, which is new for `model`. "
                f"Received: model={model!r}, scores by {kinds}"
            )
        self._rows[model, kinds[0]] = {
            name: outlier_auroc(scores[self.inside].scores, scores[name].scores)
            for name in outside
        }

    def records(self) -> list[dict]:
        """Returns a dict for each score and set of outliers, in order."""
        return [
            {
                "model": model,
                "score": score,
                "inside": self.inside,
                "outliers": name,
                "num_inside": result.protocol.num_real,
                "num_outliers": result.protocol.num_fake,
                "auroc": result.auroc,
                "average_precision": result.average_precision,
                "fpr_at_95_tpr": result.fpr_at_95_tpr,
            }
            for (model, score), row in self._rows.items()
            for name, result in row.items()
        ]

    def to_markdown(self) -> str:
        """Returns a Markdown table, its cells AUROC / average precision / FPR."""
        sets = list(next(iter(self._rows.values()), {}))
        lines = [
            f"{self.inside} against each set: AUROC / average precision / FPR at 95% "
            "TPR",
            "",
            f"| model | score | {' | '.join(sets)} |",
            "| --- | --- |" + " --- |" * len(sets),
        ]
        for (model, score), row in self._rows.items():
            cells = [
                f"{r.auroc:.3f} / {r.average_precision:.3f} / {r.fpr_at_95_tpr:.3f}"
                for r in row.values()
            ]
            lines.append(f"| {model} | {score} | {' | '.join(cells)} |")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.to_markdown()

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Returns `records()` as JSON, and writes them if there is a path.

        Args:
            path: String or path of a file, replaced whole; or `None`.
        """
        text = json.dumps(self.records(), indent=2) + "\n"
        if path is not None:
            with whole_files.writing(path) as file:
                file.write(text)
        return text
