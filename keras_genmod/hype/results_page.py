"""The page of results: scores with intervals, plots, and the protocol behind them."""

import dataclasses
from collections.abc import Iterable
from html import escape

from keras_genmod.hype import plan
from keras_genmod.hype.human_realism import HumanRealism, rank, separation
from keras_genmod.hype.plots import score_plot, staircase_plot
from keras_genmod.hype.scores import Trial
from keras_genmod.hype.study import Study

_LARGEST_WALKS = 30  # evaluators whose staircases are drawn
_MEANING = {
    "infinity": (
        "The share of images judged wrongly, without a limit of time. At 50% nobody "
        "can tell generated images from real ones; beyond it they look more real."
    ),
    "pairwise": (
        "The share of pairs in which the generated image was taken for the real one. "
        "At 50% nobody can tell them apart."
    ),
    "time": (
        "How long an image has to be seen, in milliseconds, to be told apart as often "
        "as the rule asks for: longer is more real."
    ),
}


def results_page(study: Study, csv_path: str) -> str:
    """Returns a page of a study's results.

    Args:
        study: A `Study`.
        csv_path: String, where the trials are as CSV.

    Returns:
        String, HTML.
    """
    trials, scores = study.trials(), rank(study.scores().values())
    title = escape(study.title)
    body = [f"<h1>{title}</h1>", f"<p>{_MEANING[study.protocol.variant]}</p>"]
    if scores:
        body += [score_plot(scores), _table(scores), _tests(scores)]
    else:
        body.append("<p><strong>Nobody has finished yet.</strong></p>")
    if study.protocol.is_timed:
        body.append(_walks(trials))
    people = len({trial.evaluator for trial in trials})
    body.append(
        f'<p>{people} people, {len(trials)} trials. <a href="{csv_path}" download='
        '"trials.csv">All trials as CSV</a></p>'
    )
    body.append(_protocol(study))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Results: {title}</title>"
        '<link rel="icon" href="data:,">'
        '<link rel="stylesheet" href="/study.css"></head>'
        f'<body class="results"><main>{"".join(body)}</main></body></html>'
    )


def _table(scores: list[HumanRealism]) -> str:
    rows = [_row(score) for score in scores]
    heads = ["model", "score", "standard deviation", "95% interval", "evaluators"]
    heads += ["mean of last halves", "repeated trials"] * scores[0].protocol.is_timed
    heads += ["errors on real", "errors on generated"]
    return _as_table(heads, rows)


def _row(score: HumanRealism) -> list[str]:
    words = score.in_words
    spread = ["", ""]
    if score.interval is not None and score.standard_deviation is not None:
        low, high = map(words, score.interval)
        spread = [words(score.standard_deviation), f"{low} to {high}"]
    row = [score.model, words(score.value), *spread, str(score.num_evaluators)]
    if score.last_half_ms is not None:
        row += [words(score.last_half_ms), str(score.num_discarded)]
    errors = (score.error_on_real, score.error_on_fake)
    return row + ["" if error is None else f"{error:.1%}" for error in errors]


def _tests(scores: list[HumanRealism]) -> str:
    """Returns how sure the differences are."""
    enough = [score for score in scores if score.num_evaluators > 1]
    if len(enough) < 2:
        return "<p>Whether models differ takes two evaluators of two models.</p>"
    found = separation(enough)
    pairs = [[f"{a} and {b}", _p(p)] for (a, b), p in found.pairs.items()]
    overall = f"p = {_p(found.p_value)}."
    if found.p_value is None:
        overall = "undefined, for the evaluators of each model agree."
    return f"<p>Do the models differ? {found.test}: {overall}</p>" + _as_table(
        ["pair", "p"], pairs
    )


def _p(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3g}"


def _walks(trials: list[Trial]) -> str:
    walks: dict[tuple[int, str], dict[int, list[float]]] = {}
    for trial in trials:
        if trial.stage == plan.JUDGEMENT and trial.shown_ms is not None:
            if trial.discarded is None:
                key = (trial.evaluator, str(trial.model))
                blocks = walks.setdefault(key, {})
                blocks.setdefault(trial.block, []).append(trial.shown_ms)
    figures = []
    for (evaluator, model), blocks in list(walks.items())[:_LARGEST_WALKS]:
        name = f"Evaluator {evaluator}, {model}"
        plot = staircase_plot(name, list(blocks.values()))
        figures.append(
            f"<figure><figcaption>{escape(name)}</figcaption>{plot}</figure>"
        )
    if not figures:
        return ""
    return f'<h2>Exposures as shown</h2><div class="walks">{"".join(figures)}</div>'


def _protocol(study: Study) -> str:
    items = dataclasses.asdict(study.protocol).items()
    rows = [[name, str(value)] for name, value in items if value is not None]
    return f"<h2>Protocol</h2>{_as_table(['what', 'value'], rows)}"


def _as_table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
