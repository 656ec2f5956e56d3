"""Small drawings for reports, as SVG written by hand: areas over time, lanes, shares. No script, no other package.

Every drawing carries a title and a description for screen readers, takes its ink from the page, and prints as it
looks. Takes plain numbers, names and colours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

__all__ = ["Span", "areas", "clock", "lanes", "legend", "line", "shares"]

Colours = Mapping[str, str]
"""Label -> "#rrggbb"."""

_WIDTH = 1000
_LEFT = 96  # room for names and numbers
_LETTER = 7.2  # mean width of a letter at 12 px, rounded up; a longer name is squeezed into the room
_RIGHT = 24  # room for half of the last time
_AXIS = 22
_MOST_TICKS = 9


class Span:
    """The time that a drawing shows: seconds on the left edge, on the right edge, and per step of its curves."""

    def __init__(self, start_s: float, end_s: float, step_s: float) -> None:
        self.start_s = start_s
        self.end_s = max(end_s, start_s + 1e-3)
        self.step_s = step_s

    def x(self, time_s: float) -> float:
        """Place of a time in the drawing, in its units."""
        share = (time_s - self.start_s) / (self.end_s - self.start_s)
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(max(share, 0.0), 1.0)

    def edges(self, step: int) -> tuple[float, float]:
        """Left and right edge of a step of a curve."""
        begin_s = self.start_s + step * self.step_s
        return self.x(begin_s), self.x(begin_s + self.step_s)


def clock(time_s: float) -> str:
    """A time as people write it: 7.5 s, 1:05, 1:02:05."""
    if time_s < 60:
        return f"{time_s:.1f} s".replace(".0 s", " s")
    whole = round(time_s)
    hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def legend(labels: Sequence[str], colours: Colours) -> str:
    """What the colours mean, as a line of HTML."""
    cells = (
        f'<span style="white-space:nowrap;margin-right:1.1em"><svg width="12" height="12" aria-hidden="true">'
        f'<rect width="12" height="12" rx="2" fill="{colours[label]}"/></svg> {escape(label)}</span>'
        for label in labels
    )
    return f'<p style="margin:.2rem 0 .8rem;break-after:avoid">{"".join(cells)}</p>'


def areas(
    means: Mapping[int, NDArray[np.float64]], labels: Sequence[str], colours: Colours, span: Span, title: str
) -> str:
    """Probabilities over time, one above the other; they fill the height where a face is seen.

    Args:
        means: step -> probabilities (K) of the labels.
        labels: K names, drawn from the bottom up.
        colours: of the labels.
        span: the time shown.
        title: what is drawn, for screen readers.

    """
    height = 150
    parts = [_grid(height, ((0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")))]
    for run in _runs(sorted(means)):
        stack = np.cumsum([means[step] for step in run], axis=1)  # (steps, K)
        below = np.zeros(len(run))
        for k, label in enumerate(labels):
            parts.append(_ribbon(run, below, stack[:, k], span, height, colours[label]))
            below = stack[:, k]
    strongest = _strongest(means, labels)
    return _drawing(height, span, parts, title, f"Stacked areas over time; on the whole {strongest}.")


def line(values: Mapping[int, float], span: Span, title: str) -> str:
    """A number over time, such as how many faces are seen."""
    height = 80
    top = max(1, math.ceil(max(values.values(), default=1)))
    parts = [_grid(height, ((0.0, "0"), (1.0, str(top))))]
    for run in _runs(sorted(values)):
        levels = np.array([values[step] / top for step in run])
        parts.append(_ribbon(run, np.zeros(len(run)), levels, span, height, "#7f98a6"))
    return _drawing(height, span, parts, title, f"Between {min(values.values(), default=0):.1f} and {top}.")


def lanes(rows: Sequence[tuple[str, Mapping[int, str]]], colours: Colours, span: Span, title: str) -> str:
    """One lane per person with the expression that held, step by step.

    Args:
        rows: (name, step -> label).
        colours: of the labels.
        span: the time shown.
        title: what is drawn, for screen readers.

    """
    pitch, thick = 24, 16
    height = pitch * len(rows)
    parts = []
    for i, (name, steps) in enumerate(rows):
        top = i * pitch + (pitch - thick) / 2
        middle = i * pitch + pitch / 2
        parts.append(
            f"{_name(middle, name)}"
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{middle:.0f}" y2="{middle:.0f}" stroke="currentColor" '
            'stroke-opacity=".15"/>'
        )
        for label, first, last in _stretches(steps):
            left, right = span.edges(first)[0], span.edges(last)[1]
            parts.append(
                f'<rect x="{left:.1f}" y="{top:.0f}" width="{max(right - left, 1):.1f}" height="{thick}" '
                f'fill="{colours[label]}"><title>{escape(name)}: {escape(label)}</title></rect>'
            )
    return _drawing(height, span, parts, title, f"{len(rows)} lanes, one per person.")


def shares(rows: Sequence[tuple[str, Mapping[str, float]]], colours: Colours, title: str) -> str:
    """One bar per name, divided as the numbers are.

    Args:
        rows: (name, label -> number); the numbers of a row need not sum to 1.
        colours: of the labels.
        title: what is drawn, for screen readers.

    """
    pitch, thick = 30, 22
    room = _WIDTH - _LEFT - _RIGHT
    parts = []
    for i, (name, numbers) in enumerate(rows):
        total = sum(numbers.values()) or 1.0
        top = i * pitch + (pitch - thick) / 2
        middle = i * pitch + pitch / 2
        parts.append(_name(middle, name))
        left = float(_LEFT)
        for label, number in numbers.items():
            wide = room * number / total
            if wide <= 0:
                continue
            share = f"{number / total:.0%}"
            parts.append(
                f'<rect x="{left:.1f}" y="{top:.0f}" width="{wide:.1f}" height="{thick}" fill="{colours[label]}">'
                f"<title>{escape(name)}: {escape(label)} {share}</title></rect>"
            )
            text = f"{label} {share}" if wide > 12 + 7.5 * len(f"{label} {share}") else share if wide > 40 else ""
            if text:
                parts.append(_text(left + wide / 2, middle, text, "middle", ' fill="#14191c"'))
            left += wide
    return _svg(pitch * len(rows), parts, title, f"{len(rows)} bars, each divided into shares of 100 %.")


def _runs(steps: Sequence[int]) -> list[list[int]]:
    """Steps in stretches without a gap; a single absent step does not break a stretch."""
    runs: list[list[int]] = []
    for step in steps:
        if runs and step - runs[-1][-1] <= 2:
            runs[-1].append(step)
        else:
            runs.append([step])
    return runs


def _stretches(steps: Mapping[int, str]) -> list[tuple[str, int, int]]:
    """(label, first step, last step) of neighbouring steps with the same label."""
    out: list[tuple[str, int, int]] = []
    for step in sorted(steps):
        if out and out[-1][0] == steps[step] and step - out[-1][2] <= 2:
            out[-1] = (out[-1][0], out[-1][1], step)
        else:
            out.append((steps[step], step, step))
    return out


def _ribbon(
    run: Sequence[int],
    below: NDArray[np.float64],
    above: NDArray[np.float64],
    span: Span,
    height: int,
    colour: str,
) -> str:
    """Area between two curves, from the left edge of the first step to the right edge of the last."""
    xs = [span.edges(run[0])[0], *((span.edges(s)[0] + span.edges(s)[1]) / 2 for s in run), span.edges(run[-1])[1]]
    high = height * (1 - np.concatenate([above[:1], above, above[-1:]]))
    low = height * (1 - np.concatenate([below[:1], below, below[-1:]]))
    there = [f"{x:.1f},{y:.1f}" for x, y in zip(xs, high, strict=True)]
    back = [f"{x:.1f},{y:.1f}" for x, y in zip(reversed(xs), low[::-1], strict=True)]
    return f'<polygon points="{" ".join(there + back)}" fill="{colour}"/>'


def _strongest(means: Mapping[int, NDArray[np.float64]], labels: Sequence[str]) -> str:
    if not means:
        return "no face was seen"
    mean = np.mean(list(means.values()), axis=0)
    order = np.argsort(-mean)[:2]
    return ", then ".join(f"{labels[k]} {mean[k]:.0%}" for k in order)


def _grid(height: int, marks: Sequence[tuple[float, str]]) -> str:
    parts = []
    for level, text in marks:
        y = height * (1 - level)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" '
            f'stroke-opacity=".25"/>{_text(_LEFT - 8, y, text, "end")}'
        )
    return "".join(parts)


def _drawing(height: int, span: Span, parts: Sequence[str], title: str, text: str) -> str:
    """A drawing with the time below it."""
    pieces = [*parts]
    for time_s in _ticks(span):
        x = span.x(time_s)
        pieces.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{height}" y2="{height + 4}" stroke="currentColor"/>'
            f"{_text(x, height + 12, clock(time_s), 'middle')}"
        )
    return _svg(height + _AXIS, pieces, title, f"From {clock(span.start_s)} to {clock(span.end_s)}. {text}")


def _ticks(span: Span) -> list[float]:
    length_s = span.end_s - span.start_s
    nice = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
    step_s = next((s for s in nice if length_s / s <= _MOST_TICKS), length_s)
    first = math.ceil(span.start_s / step_s - 1e-9)
    last = math.floor(span.end_s / step_s + 1e-9)
    return [i * step_s for i in range(first, last + 1)]


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    """A line of text whose middle lies at a height."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" dominant-baseline="central"'
    return f"<text {place}{more}>{escape(text)}</text>"


def _name(y: float, name: str) -> str:
    """A name before the drawing, squeezed where it would leave the page at its left edge."""
    room = _LEFT - 12
    squeezed = f' textLength="{room}" lengthAdjust="spacingAndGlyphs"' if len(name) * _LETTER > room else ""
    return _text(_LEFT - 8, y, name, "end", squeezed)


def _svg(height: int, parts: Sequence[str], title: str, text: str) -> str:
    return (
        f'<svg viewBox="0 -8 {_WIDTH} {height + 16}" width="{_WIDTH}" role="img" '
        f'aria-label="{escape(f"{title}. {text}", quote=True)}" font-size="12" fill="currentColor" '
        f'font-family="inherit"><title>{escape(title)}</title><desc>{escape(text)}</desc>{"".join(parts)}</svg>'
    )
