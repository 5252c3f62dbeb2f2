"""Plots of results as SVG, which browsers draw and no one else has to."""

import math
from collections.abc import Sequence
from html import escape

from keras_genmod.hype.human_realism import HumanRealism

_WIDTH, _LEFT, _RIGHT, _ROW = 720, 150, 30, 56
_TICKS = 6


def score_plot(scores: Sequence[HumanRealism]) -> str:
    """Returns a row a model: each evaluator a dot, the mean, its 95% interval.

    Args:
        scores: `HumanRealism`s of one protocol, at least one.

    Returns:
        String, an `<svg>` element.
    """
    top, chance = _axis(scores)
    height = 44 + _ROW * len(scores)
    x = _scale(0.0, top, _LEFT, _WIDTH - _RIGHT)
    parts = [_ticks(scores[0], top, x, height - 34)]
    if chance is not None:
        parts.append(_line(x(chance), 8, x(chance), height - 34, "chance"))
        parts.append(_text(x(chance) + 5, 16, "chance", "note"))
    for number, score in enumerate(scores):
        y = 30 + _ROW * number + _ROW / 4
        parts.append(_text(_LEFT - 14, y + 5, score.model, "label end"))
        for value in score.evaluator_values:
            parts.append(f'<circle class="one" cx="{x(value):.1f}" cy="{y}" r="4"/>')
        if score.interval is not None:
            low, high = score.interval
            parts.append(_line(x(low), y, x(high), y, "interval"))
        parts.append(f'<circle class="mean" cx="{x(score.value):.1f}" cy="{y}" r="6"/>')
    return _svg(_WIDTH, height, f"Scores of {len(scores)} models", parts)


def staircase_plot(name: str, exposures: Sequence[Sequence[float]]) -> str:
    """Returns the exposures of an evaluator's blocks, trial by trial.

    Args:
        name: String, whose they are.
        exposures: Lists of milliseconds as shown, one a block.

    Returns:
        String, an `<svg>` element.
    """
    width, height, left = 360, 180, 56
    longest = max(len(block) for block in exposures)
    top = 1.05 * max(max(block) for block in exposures)
    x = _scale(1, max(2, longest), left, width - 8)
    y = _scale(0, top, height - 24, 8)
    parts = []
    for value in _round_values(top, 4):
        parts.append(_line(left, y(value), width - 8, y(value), "grid"))
        parts.append(_text(left - 8, y(value) + 4, f"{value:.0f} ms", "tick end"))
    parts.append(_text(left, height - 6, "trial 1", "tick"))
    parts.append(_text(width - 8, height - 6, f"{longest}", "tick end"))
    for number, block in enumerate(exposures):
        points = " ".join(f"{x(i):.1f},{y(ms):.1f}" for i, ms in enumerate(block, 1))
        parts.append(f'<polyline class="walk w{number % 3}" points="{points}"/>')
    return _svg(width, height, f"Exposures of {name}", parts)


def _axis(scores: Sequence[HumanRealism]) -> tuple[float, float | None]:
    """Returns where the axis ends, and where chance lies."""
    largest = max(max(score.evaluator_values) for score in scores)
    if scores[0].protocol.is_timed:
        return 1.1 * largest, None
    return min(1.0, max(0.6, 1.1 * largest)), 0.5


def _scale(low, high, start, end):
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _ticks(score: HumanRealism, top: float, x, y: float) -> str:
    parts = []
    for value in _round_values(top, _TICKS):
        text = f"{value:.0f} ms" if score.protocol.is_timed else f"{value:.0%}"
        parts.append(_line(x(value), 8, x(value), y, "grid"))
        parts.append(_text(x(value), y + 20, text, "tick middle"))
    return "".join(parts)


def _round_values(top: float, most: int) -> list[float]:
    """Returns at most so many values from 0 to `top`, of few digits."""
    unit = 10.0 ** math.floor(math.log10(top))
    steps = [unit / 10, unit / 5, unit / 2, unit, 2 * unit, 5 * unit]
    step = next(step for step in steps if top / step < most)
    return [step * i for i in range(int(top / step) + 1)]


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return (
        f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" '
        f'x2="{x2:.1f}" y2="{y2:.1f}"/>'
    )


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title, quote=True)}">{"".join(parts)}</svg>'
    )
